#!/usr/bin/env python3
"""What the worst messages cost: CPU and memory for a crafted query or reply, and octets sent for octets received."""

import itertools
import socket
import struct
import threading
from live import (
    EXAMPLES, Lab, Reply, Server, Suite, connect, encoded_name, eventually, exchange, extent, framed, free_port, header, opt, query,
    question, question_end, receive_framed)
from protocol_messages import expanded, message_octets
from protocol_tables import FOLDER, Section
from traffic import forget_peak, processor_time, resident

SERVICE = "kube-dns.kube-system.svc.cluster.local"
HEADERS = 28  # Octets of IPv4 and UDP.
LONGEST = ".".join(["a"] * 118) + ".rewrite.me"
# As much as a question may meet in one block, with patterns that other engines would take long for.
PLUGINS = """
    rewrite name regex (a+.?)*b\\.(.*)\\.rewrite\\.me {1}.{2}.own.test answer auto
    rewrite name regex (.*)\\.(.*)\\.(.*)\\.(.*)\\.rewrite\\.me {1}.{2}.{3}.{4}.own.test answer auto
    template IN ANY own.test {
        match "^(a+\\.?)+([a-z.]*)*c\\.own\\.test\\.$"
        answer "{{ .Name }} 60 IN A 192.0.2.7"
        fallthrough
    }
"""
COREFILE = """
.:@PORT@ {
    bind 127.0.0.1
    errors
    cache
    PLUGINS
    kubernetes cluster.local in-addr.arpa {
        kubeconfig @KUBECONFIG@
        pods verified
    }
    loadbalance
    prometheus 127.0.0.1:@METRICS@
    forward . 127.0.0.1:UPSTREAM
}
"""


class Place:
    def __init__(self):
        self.lab = Lab("--generate", "nodes=100,services=500,endpoints=9000,seed=7", manifests=EXAMPLES)
        self.upstream = Crafting()
        self.server = Server(COREFILE.replace("PLUGINS", PLUGINS).replace("UPSTREAM", str(self.upstream.port)), self.lab.kubeconfig)
        self.server.wait_for(SERVICE)


# Queries


def crafted_queries():
    """Every message of Tests/ProtocolCases, and the largest and most tangled that there are; those that only TCP carries apart."""
    cases = [(f"{case.id} {line[:40]}", message_octets(line)) for file in ("1-header", "2-names", "3-edns")
        for case in Section(FOLDER / f"{file}.txt").cases for group in case.groups
        for verb, text in group.lines if verb == "send" for line in expanded(text)]
    head = header(additionals=1)
    cases += [(f"{label}, {kind}", query(name, kind)) for kind in (1, 12, 28, 33, 255) for label, name in (
        ("127 labels", ".".join(["a"] * 127)), ("rewritten", LONGEST), ("almost rewritten", "a" * 60 + "." + LONGEST[60:]),
        ("a service", SERVICE), ("missing", f"{'a.' * 90}cluster.local"), ("an address", "1.0.96.10.in-addr.arpa"))]
    cases.append(("a thousand empty options", head + question(SERVICE) + opt(options=b"\xff\xff\0\0" * 1000)))
    large = [("16,000 empty options", head + question(SERVICE) + opt(options=b"\xff\xff\0\0" * 16_000)),
             ("64 KB of one option", head + question(SERVICE) + opt(options=b"\0\x0c" + struct.pack("!H", 65_000) + bytes(65_000))),
             ("5,000 records", header(additionals=5000) + question(SERVICE) + (b"\xc0\x0c\0\1\0\1\0\0\0\0\0\0") * 5000),
             ("64 KB of pointers", header(questions=1) + b"\xc0\x0e" * 32_000)]
    return [case for case in cases if len(case[1]) < 4096], cases + large


def query_costs(suite, place):
    datagrams, streams = crafted_queries()
    times = extent(100, 1000)
    plain = cost_of_datagram(place.server, query(SERVICE), times)
    for way, cases, cost_of in (("UDP", datagrams, cost_of_datagram), ("TCP", streams, cost_of_frame)):
        costs = {label: cost_of(place.server, message, times) for label, message in cases}
        # Once more for those that seem dear: another thread of the process may have been at work.
        for label, message in cases:
            if costs[label] > 0.0003:
                costs[label] = min(costs[label], cost_of(place.server, message, times))
        worst = max(costs, key=costs.get)
        suite.gate("G5", f"the worst query over {way}: CPU", f"{costs[worst] * 1e6:.0f} µs", "1000 µs", costs[worst] <= 0.001,
            f"{len(cases)} messages, {times} times each; a plain one takes {plain * 1e6:.0f}; the worst: {worst}")
        most = 1024 * passing_memory(place.server, lambda: [cost_of(place.server, message, 1) for _, message in cases])
        suite.gate("G5", f"all of them once over {way}: memory that comes and goes", f"{most:.0f} KiB", "256 KiB", most <= 256,
            f"{len(cases)} messages")
    suite.check("the server lives", exchange(place.server.port, query(SERVICE)).answers == 1, place.server.log_end())


def passing_memory(server, body):
    """MiB that come and go while `body` runs: the least of three times, since pages of code come at their first use."""
    def once():
        forget_peak(server)
        before = resident(server)
        body()
        return resident(server, "VmHWM") - before
    return min(once() for _ in range(3))


def cost_of_datagram(server, message, times):
    """Seconds of CPU for one of so many; a good one behind each fifty shows that all were read."""
    with socket.socket(type=socket.SOCK_DGRAM) as client:
        client.connect(("127.0.0.1", server.port))
        before = processor_time(server)
        last = query(SERVICE, id=0x7FFE)
        def answered():
            # Asked again where this client's own queue was full of late replies to the others.
            client.settimeout(1)
            client.send(last)
            try:
                while client.recv(65535)[:2] != last[:2]:
                    pass
            except TimeoutError:
                return False
            return True
        for place in range(times):
            client.send(message)
            if (place % 50 == 49 or place == times - 1) and not eventually(answered, 20):
                raise TimeoutError("no answer to a good query behind this message")
        return (processor_time(server) - before) / times


def cost_of_frame(server, message, times):
    """As of a datagram; a connection for each eight, since some end it."""
    before, asked = processor_time(server), 0
    while asked < times:
        with connect(server.port) as stream:
            try:
                for _ in range(min(8, times - asked)):
                    stream.sendall(framed(message))
                stream.shutdown(socket.SHUT_WR)
                while stream.recv(65536):
                    pass
            except OSError:
                pass
        asked += 8
    return (processor_time(server) - before) / asked


# Replies


class Crafting:
    """An upstream that cuts every reply over UDP and says something of 64 KB over TCP: which, the name's first label says."""

    def __init__(self):
        self.port, self.contents = free_port(), crafted_replies()
        self.datagrams = socket.socket(type=socket.SOCK_DGRAM)
        self.datagrams.bind(("127.0.0.1", self.port))
        self.listener = socket.create_server(("127.0.0.1", self.port), backlog=64)
        threading.Thread(target=self.cut, daemon=True).start()
        threading.Thread(target=self.accept, daemon=True).start()

    def cut(self):
        while True:
            asked, client = self.datagrams.recvfrom(65535)
            self.datagrams.sendto(asked[:2] + b"\x83\x80\0\1" + bytes(6) + asked[12:question_end(asked)], client)

    def accept(self):
        while True:
            threading.Thread(target=self.serve, args=(self.listener.accept()[0],), daemon=True).start()

    def serve(self, stream):
        with stream:
            while asked := receive_framed(stream):
                end = question_end(asked)
                label = asked[13:13 + asked[12]].decode(errors="replace")
                count, records = self.contents.get(label, (0, lambda end: b""))
                records = records(end)
                stream.sendall(framed(asked[:2] + b"\x81\x80\0\1" + struct.pack("!HHH", count(end) if callable(count) else count, 0, 0)
                    + asked[12:end] + records))


def record(owner, kind, data):
    return owner + struct.pack("!HHIH", kind, 1, 60, len(data)) + data


def staircase(end, kind, data_of, owner=None):
    """Records each of whose names is one label longer than that before it, by a pointer to it: 64 KB of the longest names.

    Names stand in the place of owners or, where an owner is given, last in the data.
    """
    parts, at, last, depth = [], end, 12, 4
    while at < 64_000:
        name = b"\1a" + struct.pack("!H", 0xC000 | last)
        data = data_of(name)
        parts.append(record(owner or name, kind, data))
        start = at if owner is None else at + len(parts[-1]) - len(name)
        at += len(parts[-1])
        if depth < 120 and start < 0x4000:
            last, depth = start, depth + 1
    return b"".join(parts)


def counted(make):
    """How many records there are, and the records, for a question that ends there."""
    def count(end):
        octets, index, found = make(end), 0, 0
        while index < len(octets):
            while octets[index] and octets[index] < 0xC0:
                index += octets[index] + 1
            index += 2 if octets[index] else 1
            index += 10 + struct.unpack("!H", octets[index + 8:index + 10])[0]
            found += 1
        return found
    return count, make


def crafted_replies():
    own, long_name = b"\xc0\x0c", encoded_name(".".join(["x" * 63] * 3 + ["y" * 59]))
    return {
        "addresses": counted(lambda end: record(own, 1, b"\x0a\0\0\1") * 4000),
        "strangers": counted(lambda end: record(own, 1, b"\x0a\0\0\1") + record(long_name, 1, b"\x0a\0\0\1") * 240),
        "stairs": counted(lambda end: staircase(end, 1, lambda name: b"\x0a\0\0\1")),
        "mail": counted(lambda end: staircase(end, 15, lambda name: b"\0\1" + name, own)),
        "servers": counted(lambda end: staircase(end, 2, lambda name: name, own)),
        "aliases": counted(lambda end: b"".join(
            record(encoded_name(f"l{n}.test"), 5, encoded_name(f"l{n + 1}.test")) for n in reversed(range(1, 1500))) +
            record(own, 5, encoded_name("l1.test"))),
        "options": (1, lambda end: record(b"\0", 41, b"\xff\xff\0\0" * 16_000)),
        "texts": counted(lambda end: record(own, 16, b"\0" * 60_000)),
    }


def reply_costs(suite, place):
    times, costs, serial = extent(20, 200), {}, itertools.count()
    kinds = {"mail": 15, "servers": 2, "texts": 16}

    def ask(label, times):
        # Not the same name twice: no answer is kept.
        used = processor_time(place.server)
        with connect(place.server.port) as stream:
            for _ in range(times):
                stream.sendall(framed(query(f"{label}.n{next(serial)}.test", kinds.get(label, 1))))
                reply = receive_framed(stream)
                suite.check(f"{label}: answered", reply and Reply(reply).rcode in (0, 2), reply and Reply(reply).rcode)
        return (processor_time(place.server) - used) / times

    for label in place.upstream.contents:
        ask(label, 2)
    most = {}
    for label in place.upstream.contents:
        most[label] = passing_memory(place.server, lambda: ask(label, 1))
        costs[label] = ask(label, times)
    worst = max(costs, key=costs.get)
    suite.gate("G5", "the worst reply of an upstream: CPU", f"{costs[worst] * 1000:.2f} ms", "20 ms", costs[worst] <= 0.02,
        ", ".join(f"{label} {cost * 1000:.2f}" for label, cost in costs.items()) + f"; {times} times each, 64 KB over TCP")
    worst = max(most, key=most.get)
    suite.gate("G5", "the worst reply of an upstream: memory that comes and goes", f"{most[worst]:.2f} MiB", "1 MiB", most[worst] <= 1,
        ", ".join(f"{label} {octets:.2f}" for label, octets in most.items()))


# Octets


def amplification(suite, place):
    """Octets sent for octets received, over every name of the cluster and every type, headers of IP and UDP included."""
    names = {SERVICE, "cluster.local", "ghost.shop.svc.cluster.local"}
    for item in place.lab.get("/api/v1/services")["items"]:
        meta, spec = item["metadata"], item["spec"]
        name = f"{meta['name']}.{meta['namespace']}.svc.cluster.local"
        names.add(name)
        names |= {f"_{port['name']}._{port['protocol'].lower()}.{name}" for port in spec.get("ports", []) if "name" in port}
    worst = {}
    with socket.socket(type=socket.SOCK_DGRAM) as client:
        client.settimeout(10)
        client.connect(("127.0.0.1", place.server.port))
        for name, kind, tail in itertools.product(sorted(names), (1, 28, 33, 12, 16, 255, 6, 2, 252), (b"", opt(512), opt(1232), opt(65535))):
            message = header(additionals=1 if tail else 0) + question(name, kind) + tail
            client.send(message)
            octets = len(client.recv(65535))
            factor = (octets + HEADERS) / (len(message) + HEADERS)
            what = "ANY" if kind == 255 else "without EDNS" if not tail else "with EDNS"
            if factor > worst.get(what, (0, ""))[0]:
                worst[what] = factor, f"{name} {kind}: {len(message)} octets of DNS, {octets} back"
    for what, most in (("without EDNS", 10), ("with EDNS", 25), ("ANY", 3)):
        factor, where = worst[what]
        suite.gate("G6", f"octets sent over UDP for one received, headers included, {what}", f"{factor:.1f}", f"{most}",
            factor <= most, f"{len(names)} names, nine types; most for {where}")
    answers = [message for _, message in crafted_queries()[0]]
    with socket.socket(type=socket.SOCK_DGRAM) as client:
        client.connect(("127.0.0.1", place.server.port))
        for message in answers:
            client.send(message[:2] + bytes([message[2] | 0x80]) + message[3:] if len(message) > 2 else message)
        client.send(last := query(SERVICE, id=0x7FFE))
        client.settimeout(10)
        heard = 0
        while client.recv(65535)[:2] != last[:2]:
            heard += 1
    suite.gate("G6", "replies to what says that it is a reply", heard, "0", heard == 0, f"{len(answers)} messages")


def body(suite):
    place = Place()
    for part in (query_costs, reply_costs, amplification):
        part(suite, place)
    suite.equal("SIGTERM ends it", place.server.stop(), 0)


if __name__ == "__main__":
    Suite("worst-cases").run(body)
