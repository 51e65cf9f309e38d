#!/usr/bin/env python3
"""dnstap: a collector of this suite's own reads frame streams and protobuf by their specifications, over Unix sockets and TCP."""

import contextlib
import shutil
import signal
import socket
import ssl
import struct
import threading
import time

import live
from live import ScriptedUpstream, Server, Suite, dig, eventually, work
from secure_clients import Authority

CONTENT = b"protobuf:dnstap.Dnstap"
READY, ACCEPT, START, STOP, FINISH = 4, 1, 2, 3, 5


class Collector:
    """Takes one connection after the other; keeps the messages it is sent."""

    def __init__(self, listener):
        self.listener, self.messages, self.controls, self.connections = listener, [], [], []
        self.may_accept = threading.Event()
        self.may_accept.set()
        listener.listen(8)
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            self.connections.append(connection)
            threading.Thread(target=self.serve, args=[connection], daemon=True).start()

    @staticmethod
    def control(kind, content=False):
        body = struct.pack("!I", kind) + (struct.pack("!II", 1, len(CONTENT)) + CONTENT if content else b"")
        return struct.pack("!II", 0, len(body)) + body

    def serve(self, connection):
        with contextlib.suppress(ConnectionError):
            self.read(connection, connection.makefile("rb"))

    def read(self, connection, stream):
        while head := stream.read(4):
            length, = struct.unpack("!I", head)
            if length:
                self.messages.append(Message(stream.read(length)))
                continue
            size, = struct.unpack("!I", stream.read(4))
            body = stream.read(size)
            kind, = struct.unpack("!I", body[:4])
            self.controls.append((kind, body[4:]))
            if kind == READY:
                self.may_accept.wait(30)
                connection.sendall(self.control(ACCEPT, content=True))
            if kind == STOP:
                connection.sendall(self.control(FINISH))

    def of_kind(self, kind):
        return [message for message in self.messages if message.kind == kind]


def fields(octets):
    """The fields of a protobuf message, by number; the last of each."""
    found, place = {}, 0

    def varint():
        nonlocal place
        value = shift = 0
        while True:
            octet = octets[place]
            place += 1
            value |= (octet & 0x7F) << shift
            shift += 7
            if not octet & 0x80:
                return value

    while place < len(octets):
        key = varint()
        number, wire = key >> 3, key & 7
        if wire == 0:
            found[number] = varint()
        elif wire == 2:
            length = varint()
            found[number] = octets[place:place + length]
            place += length
        elif wire == 5:
            found[number] = int.from_bytes(octets[place:place + 4], "little")
            place += 4
        else:
            raise ValueError(f"wire type {wire}")
    return found


class Message:
    """dnstap.proto: Dnstap, and the Message inside of it."""

    def __init__(self, octets):
        outer = fields(octets)
        self.identity, self.version, self.extra = outer.get(1), outer.get(2), outer.get(3)
        self.type = outer[15]
        self.inner = fields(outer[14])
        self.kind = {5: "CLIENT_QUERY", 6: "CLIENT_RESPONSE", 7: "FORWARDER_QUERY", 8: "FORWARDER_RESPONSE"}[self.inner[1]]


def encrypted(suite):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*map(str, Authority("collectors").issue("collector")))
    port = live.free_port()
    listener = context.wrap_socket(socket.create_server(("127.0.0.1", port)), server_side=True)
    line = f"dnstap tls://127.0.0.1:{port} full"
    for options in ["", " {\nskipverify\n}"]:
        # One that was refused takes no more connections.
        collector = Collector(listener)
        server = Server(f".:@PORT@ {{\nbind 127.0.0.1\n{line}{options}\nhosts {{\n192.0.2.7 printer.example\n}}\n}}\n")
        server.wait_for("printer.example.")
        if options:
            suite.check("with skipverify, any collector is told through TLS", eventually(lambda: dig(
                server.port, "printer.example.") and collector.of_kind("CLIENT_RESPONSE")), server.log_end())
        else:
            suite.check("a collector of no trusted authority is not told", eventually(
                lambda: f"tls://127.0.0.1:{port}: tls: certificate is not of a trusted authority" in server.log), server.log_end())
            suite.equal("nothing was sent there", collector.controls, [])
        server.stop()
    suite.equal("an encrypted stream ends with STOP", eventually(
        lambda: [kind for kind, _ in collector.controls]) and [kind for kind, _ in collector.controls][-1], STOP)


def stopped_early(suite):
    """A server that is stopped while its collector has not accepted the stream yet."""
    path = work / "late.sock"
    unix = socket.socket(socket.AF_UNIX)
    unix.bind(str(path))
    collector = Collector(unix)
    collector.may_accept.clear()
    server = Server(f".:@PORT@ {{\nbind 127.0.0.1\ndnstap {path}\nhosts {{\n192.0.2.7 printer.example\n}}\n}}\n")
    server.wait_for("printer.example.")
    suite.check("stopped early: the collector is greeted", eventually(lambda: collector.controls), server.log_end())
    server.signal(signal.SIGTERM)
    eventually(lambda: dig(server.port, "printer.example.", "A", "+time=1", "+tries=1").rcode == "NONE", pause=0)
    collector.may_accept.set()
    suite.equal("stopped early: the process ends", server.exit_code(), 0)
    suite.check("stopped early: what waited is sent all the same", eventually(lambda: collector.of_kind("CLIENT_QUERY")), server.log_end())


def body(suite):
    upstream = ScriptedUpstream(delay=0.05)
    path = work / "tap.sock"
    unix = socket.socket(socket.AF_UNIX)
    unix.bind(str(path))
    collector = Collector(unix)
    tcp_port = live.free_port()
    server = Server(f"""
.:@PORT@ {{
    bind 127.0.0.1
    prometheus 127.0.0.1:@METRICS@
    dnstap {path} full {{
        identity me
        version v7
        extra "{{name}}"
    }}
    dnstap tcp://127.0.0.1:{tcp_port}
    hosts {{
        192.0.2.7 printer.example
        fallthrough
    }}
    forward . 127.0.0.1:{upstream.port}
}}
""").wait_for("printer.example.")

    def told(name, kind):
        wire = live.encoded_name(name.rstrip("."))
        return [m for m in collector.of_kind(kind) if wire in m.inner.get(10, m.inner.get(14, b"")).lower()]

    before = time.time()
    dig(server.port, "one.far.example.", "A", "+tcp")
    eventually(lambda: told("one.far.example.", "CLIENT_RESPONSE"))
    suite.equal("handshake", [kind for kind, _ in collector.controls][:2], [READY, START])
    suite.check("content type", all(CONTENT in content for _, content in collector.controls[:2]), collector.controls)
    for kind, protocol in [("CLIENT_QUERY", 2), ("CLIENT_RESPONSE", 2), ("FORWARDER_QUERY", 1), ("FORWARDER_RESPONSE", 1)]:
        found = told("one.far.example.", kind)
        if not suite.check(f"{kind}: told once", len(found) == 1, len(found)):
            continue
        message = found[0]
        suite.equal(f"{kind}: who tells", (message.identity, message.version, message.type), (b"me", b"v7", 1))
        suite.equal(f"{kind}: IPv4 over the transport that was used", (message.inner[2], message.inner[3]), (1, protocol))
        address, port = (4, 6) if kind.startswith("CLIENT") else (5, 7)
        suite.equal(f"{kind}: address", message.inner[address], bytes([127, 0, 0, 1]))
        suite.check(f"{kind}: port", message.inner[port] == upstream.port if port == 7 else message.inner[port] > 1023)
        asked = message.inner[8] + message.inner[9] / 1e9
        suite.check(f"{kind}: time of the query", before - 1 < asked < time.time() + 1, asked)
        if kind.endswith("RESPONSE"):
            answered = message.inner[12] + message.inner[13] / 1e9
            suite.check(f"{kind}: time of the response, not before the query", 0 <= answered - asked < 30, answered - asked)
            suite.check(f"{kind}: the response, not the query", 14 in message.inner and 10 not in message.inner)
        else:
            suite.check(f"{kind}: the query, not a response", 10 in message.inner and 14 not in message.inner)
        if kind.startswith("CLIENT"):
            suite.equal(f"{kind}: extra text", message.extra, b"one.far.example.")

    # The second collector was not there; it is found when it is.
    listener = socket.create_server(("127.0.0.1", tcp_port))
    late = Collector(listener)
    suite.check("a collector that comes later is told", eventually(lambda: dig(server.port, "printer.example.") and late.messages))
    suite.check("without full, messages have no octets", late.messages and all(
        10 not in message.inner and 14 not in message.inner for message in late.messages))
    suite.check("without an identity, the host is named", late.messages and late.messages[0].identity == socket.gethostname().encode())

    # A collector that goes away and comes back.
    count = len(collector.connections)
    for connection in collector.connections:
        connection.shutdown(socket.SHUT_RDWR)
    suite.check("a lost connection is made again", eventually(
        lambda: dig(server.port, "printer.example.") and len(collector.connections) > count))
    answered = sum(dig(server.port, "printer.example.").rcode == "NOERROR" for _ in range(20))
    suite.equal("answers do not wait for collectors", answered, 20)

    suite.equal("the process ends", server.stop(), 0)
    suite.check("streams end with STOP", eventually(lambda: STOP in [kind for kind, _ in collector.controls]), collector.controls)

    encrypted(suite)
    stopped_early(suite)
    if shutil.which("fstrm_capture"):
        captured, socket_path = work / "captured", work / "fstrm.sock"
        program = live.Program("fstrm_capture", ["fstrm_capture", "-t", CONTENT.decode(), "-u", socket_path, "-w", captured])
        eventually(socket_path.exists)
        server = Server(f".:@PORT@ {{\nbind 127.0.0.1\ndnstap {socket_path} full\nhosts {{\n192.0.2.7 printer.example\n}}\n}}\n")
        server.wait_for("printer.example.")
        server.stop()
        program.stop()
        suite.check("fstrm_capture reads the stream", live.encoded_name("printer.example") in captured.read_bytes())
    else:
        print("  dnstap: not run: fstrm_capture (Debian: fstrm-bin) is not installed")


Suite("dnstap").run(body)
