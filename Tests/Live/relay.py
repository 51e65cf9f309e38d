"""Networks and upstreams on bad days: a relay that loses, repeats, delays and reorders, and an upstream that answers by number.

Both are processes, so that what they do does not wait for the suite; both count what they did, so that a suite can tell
that it was done.
"""

import array
import heapq
import itertools
import random
import re
import selectors
import socket
import struct
import time
from live import framed, free_port, question_end
from traffic import address_of, fork


class Later:
    """Datagram sockets that are waited for, and what is to be done at a time."""

    def __init__(self):
        self.ready, self.due, self.order = selectors.DefaultSelector(), [], itertools.count()

    def at(self, delay, action):
        heapq.heappush(self.due, (time.monotonic() + delay, next(self.order), action))

    def listen(self, sock, take):
        sock.setblocking(False)
        self.ready.register(sock, selectors.EVENT_READ, take)

    def run(self):
        while True:
            wait = max(0.0, self.due[0][0] - time.monotonic()) if self.due else None
            for key, _ in self.ready.select(wait):
                key.data(key.fileobj)
            while self.due and self.due[0][0] <= time.monotonic():
                try:
                    heapq.heappop(self.due)[2]()
                except OSError:
                    pass  # As with a datagram that is lost.


def datagrams(sock, most=64):
    """What waits in a socket, some of it: others have their turn, too."""
    for _ in range(most):
        try:
            yield sock.recvfrom(65535)
        except OSError:
            return


def server_socket(port, kind=socket.SOCK_DGRAM, host="127.0.0.1"):
    sock = socket.socket(type=kind)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if kind == socket.SOCK_DGRAM:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
    sock.bind((host, port))
    return sock


class Counted:
    """A process with numbers that it and the suite share, by name."""

    def __init__(self, *names):
        self.places = {name: place for place, name in enumerate(names)}
        self.numbers = fork.Array("d", len(names), lock=False)

    def __getitem__(self, name):
        return self.numbers[self.places[name]]

    def __setitem__(self, name, value):
        self.numbers[self.places[name]] = value

    def add(self, name):
        self.numbers[self.places[name]] += 1

    def start(self, body):
        self.process = fork.Process(target=body, daemon=True)
        self.process.start()

    def stop(self):
        self.process.terminate()
        self.process.join()


class Relay(Counted):
    """Carries datagrams to a port and back; each is, by chance, lost, repeated, held back, or arrives with wrong octets.

    `loss`, `twice`, `late` and `broken` are shares of the datagrams of each direction; `delay` and `jitter` are seconds;
    one that is late comes 30 ms behind those that were sent after it. A broken one has the checksum of the octets that it
    had before. The seed makes the same choices in each run.
    """

    SETTINGS = ("loss", "twice", "late", "broken", "delay", "jitter")
    COUNTS = ("carried", "lost", "repeated", "reordered", "corrupted")

    def __init__(self, target, seed=1, **settings):
        super().__init__(*self.SETTINGS, *self.COUNTS)
        self.port, self.target, self.chance = free_port(), target, random.Random(seed)
        self.set(**settings)
        self.start(self.relay)

    def set(self, **settings):
        """These impairments from now on, and no others; counts begin anew."""
        for name in self.places:
            self[name] = settings.get(name, 0)

    def relay(self):
        self.later, self.front, self.ways = Later(), server_socket(self.port), {}
        try:
            self.raw = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
        except PermissionError:
            self.raw = None
        self.later.listen(self.front, self.forth)
        self.later.run()

    def forth(self, front):
        for message, client in datagrams(front):
            if client not in self.ways:
                way = socket.socket(type=socket.SOCK_DGRAM)
                way.connect(("127.0.0.1", self.target))
                self.ways[client] = way
                self.later.listen(way, lambda way, client=client: self.back(way, client))
            self.carry(message, self.ways[client], None)

    def back(self, way, client):
        for message, _ in datagrams(way):
            self.carry(message, self.front, client)

    def carry(self, message, sock, client):
        if self.chance.random() < self["loss"]:
            return self.add("lost")
        delay = self["delay"] + self["jitter"] * self.chance.random()
        if self.chance.random() < self["late"]:
            self.add("reordered")
            delay += 0.03
        for repeated in range(2 if self.chance.random() < self["twice"] else 1):
            self.add("repeated" if repeated else "carried")
            if self.raw and self.chance.random() < self["broken"]:
                self.add("corrupted")
                self.later.at(delay, lambda: self.corrupt(message, sock, client))
            elif client:
                self.later.at(delay, lambda: sock.sendto(message, client))
            else:
                self.later.at(delay, lambda: sock.send(message))

    def corrupt(self, message, sock, client):
        """Sends it with one bit changed on the way: the checksum is that of the octets before."""
        source, target = sock.getsockname(), client or sock.getpeername()
        length = 8 + len(message)
        ends = socket.inet_aton(source[0]) + socket.inet_aton(target[0])
        ports = struct.pack("!HHH", source[1], target[1], length)
        checksum = ones_sum(ends + struct.pack("!HH", 17, length) + ports + b"\0\0" + message)
        changed = bytearray(message)
        changed[self.chance.randrange(len(changed))] ^= 1 << self.chance.randrange(8)
        ip = struct.pack("!BBHHHBBH", 0x45, 0, 20 + length, 0, 0, 64, 17, 0) + ends
        self.raw.sendto(ip + ports + struct.pack("!H", checksum or 0xFFFF) + changed, (target[0], 0))


def ones_sum(octets):
    """The Internet checksum (RFC 1071)."""
    words = array.array("H", octets + b"\0" * (len(octets) % 2))
    words.byteswap()
    total = sum(words)
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


class NumberedUpstream(Counted):
    """Answers `n7.anything` with 10.0.0.7, over UDP and TCP, in a way that `manner` and the name itself ask for.

    A name below `afterNNN` is answered so many milliseconds later; `manner` is what it does with all: `well`, `silent`,
    `cut` (TC over UDP), `large` (silent where there is EDNS), `wrong` (another id), `half` (another id every second time),
    `failing` (SERVFAIL). `tcp_manner` is `well`, `silent` or `closed`.
    """

    MANNERS = ("well", "silent", "cut", "large", "wrong", "half", "failing")

    def __init__(self, manner="well", tcp_manner="well", host="127.0.0.1", port=None):
        super().__init__("manner", "tcp_manner", "udp", "tcp", "connections", "plain")
        self.port = port or free_port()
        self.be(manner, tcp_manner)
        self.listener = server_socket(self.port, socket.SOCK_STREAM, host)
        self.front = server_socket(self.port, host=host)
        self.listener.listen(512)
        self.start(self.serve)

    def be(self, manner, tcp_manner="well"):
        self["manner"], self["tcp_manner"] = self.MANNERS.index(manner), ("well", "silent", "closed").index(tcp_manner)

    def forget(self):
        for name in ("udp", "tcp", "connections", "plain"):
            self[name] = 0

    @property
    def asked(self):
        return self["udp"] + self["tcp"]

    def serve(self):
        self.later = Later()
        self.later.listen(self.front, self.take)
        self.later.listen(self.listener, self.accept)
        self.later.run()

    def take(self, front):
        for query, client in datagrams(front):
            self.add("udp")
            has_edns, manner = query[10:12] != b"\0\0", self.MANNERS[int(self["manner"])]
            if not has_edns:
                self.add("plain")
            if manner == "silent" or (manner == "large" and has_edns):
                continue
            reply = cut(query) if manner == "cut" else answer(query, 2 if manner == "failing" else 0)
            if manner == "wrong" or (manner == "half" and self["udp"] % 2):
                reply = bytes([reply[0] ^ 0x55]) + reply[1:]
            self.later.at(delay_of(query), lambda reply=reply, client=client: front.sendto(reply, client))

    def accept(self, listener):
        stream, _ = listener.accept()
        self.add("connections")
        if self["tcp_manner"] == 2:
            return stream.close()
        stream.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        room = bytearray()
        self.later.listen(stream, lambda stream: self.read(stream, room))

    def read(self, stream, room):
        try:
            octets = stream.recv(65535)
        except OSError:
            octets = b""
        if not octets or self["tcp_manner"] == 2:
            self.later.ready.unregister(stream)
            return stream.close()
        room += octets
        while len(room) >= 2 and len(room) >= 2 + (length := room[0] << 8 | room[1]):
            query = bytes(room[2:2 + length])
            del room[:2 + length]
            self.add("tcp")
            if self["tcp_manner"] == 0:
                self.later.at(delay_of(query), lambda query=query: stream.send(framed(answer(query))))


def delay_of(query):
    found = re.search(rb"after(\d+)", query[12:question_end(query)])
    return int(found.group(1)) / 1000 if found else 0


def cut(query):
    return query[:2] + struct.pack("!HHHHH", 0x8380, 1, 0, 0, 0) + query[12:question_end(query)]


def answer(query, code=0):
    """The address that the name's number says; for other types, and names without a number, there is no data."""
    end = question_end(query)
    found = re.match(rb"[\1-\x3f]n(\d+)", query[12:end].lower())
    has_data = found and not code and query[end - 4:end] == b"\0\1\0\1"
    head = query[:2] + struct.pack("!HHHHH", 0x8180 | code, 1, 1 if has_data else 0, 0, 0) + query[12:end]
    if not has_data:
        return head
    return head + b"\xc0\x0c\0\1\0\1" + struct.pack("!IH", 60, 4) + address_of(int(found.group(1)))
