"""Cases of Tests/ProtocolCases in which this server is the client: upstreams that say what a table has them say."""

import re
import socket
import struct
import threading
import time
from live import Program, Server, dig, eventually, framed, free_port, receive_framed, work
from peers import FORWARDER, unbound
from protocol_messages import code_and_answer, message_octets, said
from protocol_servers import COREDNS

PLAIN = {"first": "qr rd ra q(=) an(= A 60 192.0.2.{})", "second": "qr rd ra q(=) an(= A 60 192.0.2.2)"}
# What the block of a server has beside `errors`, by the name that a case gives behind `on`.
BLOCKS = {
    "base": "cache\n    forward . 127.0.0.1:FIRST {\n        TIME\n        max_fails 0\n    }",
    "two": "cache\n    forward . 127.0.0.1:FIRST 127.0.0.1:SECOND {\n        TIME\n        max_fails 0\n        policy sequential\n    }",
    "failover": "cache\n    forward . 127.0.0.1:FIRST 127.0.0.1:SECOND {\n        TIME\n        max_fails 0\n"
        "        policy sequential\n        failover SERVFAIL REFUSED NOTIMP\n    }",
    "tcp": "cache\n    forward . 127.0.0.1:FIRST {\n        TIME\n        max_fails 0\n        force_tcp\n    }",
}
TRY = "read_timeout 500ms"  # Of one try; a question takes five seconds at most.


class Upstream:
    """A port over UDP and TCP, and what it says to each query there; without lines, plain answers."""

    def __init__(self, name):
        self.name, self.port, self.lines, self.asked = name, free_port(), [], {"udp": 0, "tcp": 0}
        self.lock = threading.Lock()
        self.datagrams = socket.socket(type=socket.SOCK_DGRAM)
        self.datagrams.bind(("127.0.0.1", self.port))
        self.elsewhere = socket.socket(type=socket.SOCK_DGRAM)
        self.listener = socket.create_server(("127.0.0.1", self.port), backlog=64)
        threading.Thread(target=self.serve_datagrams, daemon=True).start()
        threading.Thread(target=self.accept, daemon=True).start()

    def set(self, lines):
        with self.lock:
            self.lines, self.asked = lines, {"udp": 0, "tcp": 0}

    def replies(self, transport, query):
        """Octets to send and how: those for the number of this query, or those for all."""
        with self.lock:
            self.asked[transport] += 1
            number = self.asked[transport]
            of_transport = [(place, text) for server, way, place, text in self.lines if (server, way) == (self.name, transport)]
        mine = [text for place, text in of_transport if place == number] or [text for place, text in of_transport if place is None]
        if not mine:
            mine = [PLAIN[self.name].format(1 if transport == "udp" else 7)]
        for text in mine:
            found = re.fullmatch(r"(?:after=(\S+) )?(?:(elsewhere) )?(?:frame=(\d+) )?(.*)", text)
            after, elsewhere, length, text = found.groups()
            time.sleep(float(after or 0))
            if text in ("silence", "close"):
                yield text, None, None
            else:
                yield message_octets(text, query), elsewhere, length

    def serve_datagrams(self):
        while True:
            query, client = self.datagrams.recvfrom(65535)
            threading.Thread(target=self.answer, args=(query, client), daemon=True).start()

    def answer(self, query, client):
        for message, elsewhere, _ in self.replies("udp", query):
            if isinstance(message, bytes):
                (self.elsewhere if elsewhere else self.datagrams).sendto(message, client)

    def accept(self):
        while True:
            stream, _ = self.listener.accept()
            threading.Thread(target=self.serve, args=(stream,), daemon=True).start()

    def serve(self, stream):
        with stream:
            try:
                while query := receive_framed(stream):
                    for message, _, length in self.replies("tcp", query):
                        if message == "close":
                            return
                        if message != "silence":
                            stream.sendall(struct.pack("!H", int(length)) + message if length else framed(message))
            except OSError:
                pass


class Upstreams:
    def __init__(self):
        self.first, self.second, self.coredns = Upstream("first"), Upstream("second"), {}

    def filled(self, name, time_line):
        return (BLOCKS[name].replace("FIRST", str(self.first.port)).replace("SECOND", str(self.second.port))
            .replace("        TIME\n", f"        {time_line}\n" if time_line else ""))

    def script(self, texts):
        lines = []
        for text in texts:
            found = re.match(r"((?:first|second|udp|tcp|\d+)(?: (?:first|second|udp|tcp|\d+))*): ", text)
            words = found.group(1).split() if found else []
            text = text[found.end():] if found else text
            number = next((int(word) for word in words if word.isdigit()), None)
            lines.append(("second" if "second" in words else "first", "tcp" if "tcp" in words else "udp", number, text))
        self.first.set(lines)
        self.second.set(lines)

    def counts(self):
        parts = [f"{label} {upstream.asked[way]}" for upstream, prefix in ((self.first, ""), (self.second, "second "))
            for way in ("udp", "tcp") if upstream.asked[way] for label in [prefix + way]]
        return "asked " + (", ".join(parts) or "nobody")

    def ours(self, case, group, texts):
        """What a new server of ours answers, and what once more."""
        self.first.set([])
        self.second.set([])
        server = Server(f".:@PORT@ {{\n    bind 127.0.0.1\n    errors\n    {self.filled(group.on, TRY)}\n}}\n")
        server.wait_for("ready.test")
        self.script(texts)
        results = {}
        for label in ["all", *[name for name in group.wants if name == "again"]]:
            before = self.counts() if label == "again" else None
            heard = ask(server.port, group.ask or default_ask(case))
            results[label] = f"{heard}, {self.counts()}" if not before else f"{heard}, " + (
                "asked nobody" if self.counts() == before else self.counts())
        is_alive = server.is_alive
        self.first.set([])
        self.second.set([])
        is_good = dig(server.port, "good.test").rcode == "NOERROR"
        server.kill()
        return results, is_alive and is_good

    def peer(self, peer, case, group, texts):
        """The code, and the answer's records, of another server."""
        port = self.unbound(group.on) if peer == "unbound" else self.coredns_port(group.on)
        self.script(texts)
        text = ask(port, group.ask or default_ask(case))
        return code_and_answer(text)

    def unbound(self, name):
        second = f"\n    forward-addr: 127.0.0.1@{self.second.port}" if name in ("two", "failover") else ""
        port = free_port()
        self.first.set([])
        self.second.set([])
        self.program = unbound(f"unbound-{port}", f"""
    interface: 127.0.0.1
    port: {port}
{FORWARDER}
    tcp-upstream: {"yes" if name == "tcp" else "no"}
""", f"""
forward-zone:
    name: "."
    forward-addr: 127.0.0.1@{self.first.port}{second}
""")
        eventually(lambda: dig(port, "ready.test", "A", "+time=1").rcode == "NOERROR")
        return port

    def coredns_port(self, name):
        if name not in self.coredns:
            port, file = free_port(), work / f"Corefile.up.{name}"
            self.first.set([])
            self.second.set([])
            # One program for all cases: what it kept would answer the next.
            uncached = self.filled(name, "").replace("cache\n", "")
            file.write_text(f".:{port} {{\n    bind 127.0.0.1\n    {uncached}\n}}\n")
            Program(f"coredns-up-{name}", [COREDNS, "-conf", file])
            eventually(lambda: dig(port, "ready.test", "A", "+time=1").rcode == "NOERROR")
            self.coredns[name] = port
        return self.coredns[name]


def default_ask(case):
    return f"rd q({case.id.lower()}.test A) opt()"


def ask(port, line):
    """One datagram, and what is said to it within the time that a question takes; its TTL where it has an answer."""
    sent = message_octets(line)
    with socket.socket(type=socket.SOCK_DGRAM) as client:
        client.settimeout(15)
        client.connect(("127.0.0.1", port))
        client.send(sent)
        try:
            return said(client.recv(65535), sent)
        except TimeoutError:
            return "nothing"
