"""Traffic of which every question is known: asked at a steady rate, or by the tens of thousands, and what it costs.

A name like `n300.zone.test` has the address 10.0.1.44: its number says which answer is its own, so one that is lost, or
crossed with another, is known to be.
"""

import collections
import concurrent.futures
import ctypes
import multiprocessing
import os
import re
import selectors
import socket
import struct
import threading
import time
from live import header, question, question_end

fork = multiprocessing.get_context("fork")
FLOODING = "127.0.0.9"


def numbered(zone):
    """For a number the name that has it, and its address."""
    return lambda number: (f"n{number}.{zone}", address_of(number))


def address_of(number):
    return b"\x0a" + struct.pack("!I", number)[1:]


# One client at a steady rate


class Heard:
    """What became of each question of a client."""

    def __init__(self):
        self.sent, self.codes = 0, collections.Counter()
        self.took = []  # Of each answer when it was asked for, in seconds from the beginning, and how long it took.
        self.unanswered, self.wrong, self.repeated, self.gap = [], [], 0, 0.0

    @property
    def answered(self):
        return len(self.took)

    @property
    def longest(self):
        return max((took for _, took in self.took), default=float("inf"))

    @property
    def share(self):
        """Of all questions, how many were answered with NOERROR."""
        return self.codes[0] / max(1, self.sent)

    def percentile(self, percent):
        """Milliseconds within which this part of the answers came."""
        ordered = sorted(took for _, took in self.took)
        return 1000 * ordered[min(len(ordered) - 1, int(len(ordered) * percent / 100))] if ordered else float("inf")

    def last_over(self, limit):
        """When the last question was asked whose answer took longer; 0 when none did."""
        return max((asked for asked, took in self.took if took > limit), default=0.0)

    def __str__(self):
        codes = ", ".join(f"code {code}: {count}" for code, count in sorted(self.codes.items()))
        return (f"{self.sent} asked, {codes or 'nothing heard'}, {len(self.unanswered)} unanswered, {len(self.wrong)} wrong, "
                f"p50 {self.percentile(50):.1f} ms, p99 {self.percentile(99):.1f} ms, longest gap {self.gap:.2f} s")


def ask_steadily(port, rate, seconds, names, host="127.0.0.1", kind=1, tail=b"", patience=6.0, source=None):
    """Asks `rate` questions a second, each once, and waits `patience` seconds for the last of their answers.

    `names` gives for a number the name and the address that is its answer, or None when any will do; `tail` is an OPT
    record, `source` the address to ask from.
    """
    heard, waiting, begun = Heard(), {}, time.monotonic()
    clients, ready = [], selectors.DefaultSelector()
    for place in range(16):
        client = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_DGRAM)
        client.setblocking(False)
        if source:
            client.bind((source, 0))
        client.connect((host, port))
        clients.append(client)
        ready.register(client, selectors.EVENT_READ, place)
    last_answer, count = begun, int(rate * seconds)
    while True:
        now = time.monotonic()
        while heard.sent < count and begun + heard.sent / rate <= now:
            number = heard.sent
            name, wanted = names(number)
            message = header(number & 0xFFFF, additionals=1 if tail else 0) + question(name, kind) + tail
            waiting[number % 16, number & 0xFFFF] = (time.monotonic(), message, wanted, number)
            heard.sent += 1
            try:
                clients[number % 16].send(message)
            except OSError:
                pass  # What cannot be sent is not answered, and counts so.
        if heard.sent == count and (not waiting or now > begun + seconds + patience):
            break
        due = begun + heard.sent / rate if heard.sent < count else begun + seconds + patience
        for key, _ in ready.select(max(0.0, min(0.05, due - now))):
            while True:
                try:
                    reply = key.fileobj.recv(65535)
                except OSError:
                    break
                now = time.monotonic()
                found = waiting.pop((key.data, struct.unpack("!H", reply[:2])[0]), None)
                if not found:
                    heard.repeated += 1
                    continue
                sent_at, message, wanted, number = found
                code, end = reply[3] & 15, question_end(message)
                heard.codes[code] += 1
                heard.took.append((sent_at - begun, now - sent_at))
                heard.gap, last_answer = max(heard.gap, now - last_answer), now
                is_own = reply[12:end] == message[12:end]
                if not is_own or (code == 0 and wanted is not None and not has_data(reply, wanted)):
                    heard.wrong.append(number)
    heard.unanswered = [number for *_, number in waiting.values()]
    heard.gap = max(heard.gap, begun + seconds - last_answer)
    for client in clients:
        client.close()
    return heard


def has_data(reply, wanted):
    """True when a record of the reply is four octets of this data."""
    return b"\0\x04" + wanted in reply[question_end(reply):]


def meanwhile(body, *arguments, **named):
    """Begins `body` in a thread; calling what is returned gives its result, or raises what it raised."""
    future = concurrent.futures.Future()

    def run():
        try:
            future.set_result(body(*arguments, **named))
        except Exception as error:
            future.set_exception(error)
    threading.Thread(target=run, daemon=True).start()
    return future.result


# Floods: what is sent does not wait for what comes back


class Vector(ctypes.Structure):
    _fields_ = [("base", ctypes.c_void_p), ("length", ctypes.c_size_t)]


class MessageHeader(ctypes.Structure):
    _fields_ = [("name", ctypes.c_void_p), ("name_length", ctypes.c_uint32), ("vectors", ctypes.c_void_p),
                ("vector_count", ctypes.c_size_t), ("control", ctypes.c_void_p), ("control_length", ctypes.c_size_t),
                ("flags", ctypes.c_int)]


class Message(ctypes.Structure):
    """`struct mmsghdr` of sendmmsg(2)."""
    _fields_ = [("header", MessageHeader), ("sent", ctypes.c_uint)]


class Flood:
    """A process that sends `messages` in turn, `rate` a second, from eight ports, and reads nothing.

    On this machine it has an address of its own, FLOODING: it is another client than those that ask beside it.
    Where `mark` is given, each message is another: the eight octets `mark` in it become a number.
    """

    BATCH = 64

    def __init__(self, port, messages, rate, mark=None, seconds=None, most=None, host="127.0.0.1"):
        self.count, self.begun = fork.Value("Q", 0, lock=False), time.monotonic()
        self.process = fork.Process(
            target=self.send, args=(host, port, list(messages), rate, mark, seconds, most), daemon=True)
        self.process.start()

    def send(self, host, port, messages, rate, mark, seconds, most):
        sendmmsg = ctypes.CDLL(None, use_errno=True).sendmmsg
        clients = []
        for _ in range(8):
            client = socket.socket(type=socket.SOCK_DGRAM)
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            if host == "127.0.0.1":
                client.bind((FLOODING, 0))
            client.connect((host, port))
            clients.append(client)
        batches = []
        for first in range(0, max(len(messages), self.BATCH), self.BATCH):
            octets = [bytearray(messages[(first + place) % len(messages)]) for place in range(self.BATCH)]
            headers, vectors = (Message * self.BATCH)(), (Vector * self.BATCH)()
            for place, message in enumerate(octets):
                vectors[place] = Vector(ctypes.addressof((ctypes.c_char * len(message)).from_buffer(message)), len(message))
                headers[place].header.vectors, headers[place].header.vector_count = ctypes.addressof(vectors[place]), 1
            marks = [(message, message.index(mark)) for message in octets] if mark else []
            batches.append((headers, vectors, octets, marks))
        number, turn, begun = 0, 0, time.monotonic()
        while (seconds is None or time.monotonic() < begun + seconds) and (most is None or self.count.value < most):
            headers, _, _, marks = batches[turn % len(batches)]
            for message, at in marks:
                message[at:at + 8] = b"%08x" % number
                number += 1
            self.count.value += max(0, sendmmsg(clients[turn % 8].fileno(), headers, self.BATCH, 0))
            turn += 1
            early = begun + turn * self.BATCH / rate - time.monotonic()
            if early > 0.001:
                time.sleep(early)

    @property
    def rate(self):
        """Messages a second so far."""
        return self.count.value / (time.monotonic() - self.begun)

    def wait(self):
        self.process.join()
        return self.count.value

    def stop(self):
        """Ends it; gives how many messages a second it came to."""
        rate = self.rate
        self.process.terminate()
        self.process.join()
        return rate


# What a process uses


def end(suite, place, *others):
    suite.equal("SIGTERM ends it", place.stop(), 0)
    for other in others:
        other.stop()


def processor_time(program):
    """Seconds of CPU that it has used, those of threads that are gone too: the process' own clock (clock_getcpuclockid(3))."""
    return time.clock_gettime(~program.pid << 3 | 2)


def resident(program, field="VmRSS"):
    """MiB in memory; with `VmHWM` the most there were since `forget_peak`."""
    with open(f"/proc/{program.pid}/status") as status:
        return int(re.search(rf"{field}:\s+(\d+)", status.read()).group(1)) / 1024


def forget_peak(program):
    with open(f"/proc/{program.pid}/clear_refs", "w") as file:
        file.write("5")


def descriptors(program):
    return len(os.listdir(f"/proc/{program.pid}/fd"))


def counter(protocol, name):
    """A counter of this network, as the kernel keeps it (`/proc/net/snmp`, RFC 1213)."""
    with open("/proc/thread-self/net/snmp") as file:
        names, values = [line.split() for line in file if line.startswith(f"{protocol}: ")]
    return int(values[names.index(name)])
