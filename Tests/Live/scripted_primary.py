"""A primary of zone.test over TCP that does what a test says, also what no primary should do."""

import socket
import struct
import threading
import time
from live import encoded_name, framed, free_port, question_end, receive_framed


def record(name, kind, data, ttl=60):
    return encoded_name(name) + struct.pack("!HHIH", kind, 1, ttl, len(data)) + data


def soa(serial, refresh=1, retry=1, expire=600):
    names = encoded_name("ns.zone.test") + encoded_name("who.zone.test")
    return record("zone.test", 6, names + struct.pack("!5I", serial, refresh, retry, expire, 60))


def address(name, text):
    return record(name, 1, socket.inet_aton(text))


NS = record("zone.test", 2, encoded_name("ns.zone.test"))


class ScriptedPrimary:
    """`said` is the serial of its SOA, `given` that of its copies, the same where that is None; `numbers` are refresh,
    retry and expire. It answers after `delay` seconds, not at all once `silent`, and once `drips` never ends a copy."""

    def __init__(self, said=1, numbers=(1, 1, 600)):
        self.said, self.given, self.numbers = said, None, numbers
        self.delay, self.silent, self.drips = 0, False, False
        self.port, self.asked = free_port(), []
        self.listener = socket.socket()
        self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.listener.bind(("127.0.0.1", self.port))
        self.listener.listen(128)
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            stream, _ = self.listener.accept()
            threading.Thread(target=self.serve, args=(stream,), daemon=True).start()

    def serve(self, stream):
        try:
            while query := receive_framed(stream):
                self.answer(stream, query)
        except OSError:
            pass

    def answer(self, stream, query):
        end = question_end(query)
        kind = {6: "SOA", 251: "IXFR", 252: "AXFR"}[struct.unpack("!H", query[end - 4:end - 2])[0]]
        self.asked.append(kind)
        time.sleep(self.delay)
        if self.silent:
            return

        def send(*records):
            header = query[:2] + struct.pack("!HHHHH", 0x8400, 1, len(records), 0, 0)
            stream.sendall(framed(header + query[12:end] + b"".join(records)))

        if kind == "SOA":
            return send(soa(self.said, *self.numbers))
        serial = self.said if self.given is None else self.given
        first = soa(serial, *self.numbers)
        if not self.drips:
            return send(first, NS, address("www.zone.test", f"192.0.2.{serial}"), first)
        send(first, NS)
        while self.drips:
            time.sleep(0.2)
            send(address("www.zone.test", "192.0.2.1"))
