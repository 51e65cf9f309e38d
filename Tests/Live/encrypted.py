#!/usr/bin/env python3
"""DNS over TLS, HTTPS and gRPC: the same answers as over UDP, certificates, and clients that misbehave."""

import os
import signal
import socket
import ssl
import struct
import subprocess
import time
import warnings
from live import (
    BINARY, EXAMPLES, Lab, Program, Reply, ScriptedUpstream, Server, Suite, dig, encoded_name, eventually, exchange,
    framed, free_port, header, opt, query, question, receive_framed, work)
from packages import run_with
from secure_clients import (
    CALL, CALL_HEADERS, HOST, HTTP2, Authority, connect, encoded, http1, is_closed, over_grpc, over_tls, packet)

SERVICE = "kube-dns.kube-system.svc.cluster.local"
MISSING = "ghost.kube-system.svc.cluster.local"
MANY = "many.default.svc.cluster.local"
ENDPOINTS = 1500
PATH = "/dns-query"
NAMES = """
    bind 127.0.0.1
    errors
    transfer {
        to *
    }
    kubernetes cluster.local {
        kubeconfig @KUBECONFIG@
        ttl 30
    }
    forward . 127.0.0.1:UPSTREAM
    prometheus 127.0.0.1:@METRICS@
"""


def many_endpoints():
    """A headless Service whose answer takes more than one segment and whose zone takes more than one message."""
    file = work / "many.yaml"
    parts = ["apiVersion: v1\nkind: Service\nmetadata: {name: many, namespace: default}\nspec: {clusterIP: None}\n"]
    for number in range(0, ENDPOINTS, 100):
        addresses = "".join(
            f"- {{addresses: [10.200.{index // 250}.{index % 250 + 1}], conditions: {{ready: true}}}}\n"
            for index in range(number, number + 100))
        parts.append(
            "apiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\nmetadata:\n"
            f"  name: many-{number}\n  namespace: default\n  labels: {{kubernetes.io/service-name: many}}\n"
            f"addressType: IPv4\nports: []\nendpoints:\n{addresses}")
    file.write_text("---\n".join(parts))
    return file


class Place:
    """The running server and its ports."""

    def __init__(self):
        self.authority, self.stranger = Authority("right"), Authority("wrong")
        self.files = self.authority.issue("server", HOST)
        self.client, self.other_client = self.authority.issue("client"), self.stranger.issue("client")
        self.upstream = ScriptedUpstream(delay=1.0)
        self.tls, self.https, self.grpc, self.plain_tls, self.plain_https, self.plain_grpc = (
            free_port() for _ in range(6))
        self.lab = Lab("--manifests", many_endpoints(), manifests=EXAMPLES)
        self.server = Server(self.corefile(), self.lab.kubeconfig).wait_for(SERVICE).wait_for(MANY, "A")
        self.port = self.server.port

    @property
    def trust(self):
        return self.authority.trust()

    @property
    def trust_http2(self):
        return self.authority.trust(protocols=["h2"])

    def corefile(self, extra="", https=True):
        certificate = f"tls {self.files[0]} {self.files[1]}"
        blocks = [
            (".:@PORT@", ""), (f"tls://.:{self.tls}", certificate), (f"grpc://.:{self.grpc}", certificate),
            (f"tls://.:{self.plain_tls}, https://.:{self.plain_https}, grpc://.:{self.plain_grpc}", ""),
        ]
        if https:
            blocks.append((f"https://.:{self.https}", certificate))
        text = "".join(f"{keys} {{\n    {line}\n{NAMES}}}\n" for keys, line in blocks)
        return text.replace("UPSTREAM", str(self.upstream.port)) + extra

    def reload(self, text):
        done = self.server.log.count("Reloading complete")
        failed = self.server.log.count("reload failed")
        self.server.write(text)
        self.server.signal(signal.SIGUSR1)
        eventually(lambda: self.server.log.count("Reloading complete") > done
                   or self.server.log.count("reload failed") > failed, 20)

    def ways(self):
        """Every way to ask, by its name: each takes a message and gives one."""
        def body(response):
            return response.body if response and response.status == 200 else response and response.status

        def http2(port, context, method, target, content=b""):
            with HTTP2(port, context) as client:
                return body(client.request(method, target, content))

        def get(message):
            return f"{PATH}?dns={encoded(message)}"

        return {
            "TLS": lambda message: over_tls(self.tls, self.trust, message),
            "TLS 1.2": lambda message: over_tls(
                self.tls, self.authority.trust(version=ssl.TLSVersion.TLSv1_2), message),
            "tls:// without tls": lambda message: over_tls(self.plain_tls, None, message),
            "GET, HTTP/1.1": lambda message: body(http1(self.https, self.trust, "GET", get(message))),
            "POST, HTTP/1.1": lambda message: body(http1(self.https, self.trust, "POST", PATH, message)),
            "GET, HTTP/2": lambda message: http2(self.https, self.trust_http2, "GET", get(message)),
            "POST, HTTP/2": lambda message: http2(self.https, self.trust_http2, "POST", PATH, message),
            "GET, HTTP without TLS": lambda message: body(http1(self.plain_https, None, "GET", get(message))),
            "gRPC": lambda message: over_grpc(self.grpc, self.trust_http2, message),
            "gRPC without TLS": lambda message: over_grpc(self.plain_grpc, None, message),
        }

    def serves(self, suite, label):
        """Every transport answers a new client."""
        suite.check(f"{label}: the process lives", self.server.is_alive, self.server.log_end())
        for name, ask in self.ways().items():
            reply = ask(query(SERVICE))
            suite.check(f"{label}: {name} is served", isinstance(reply, bytes) and Reply(reply).answers == 1, reply)


# Answers


QUESTIONS = [  # name, types, rcode, answers
    (SERVICE, [1], 0, 1),
    (SERVICE, [28, 65, 15, 16, 255, 257], 0, 0),
    (MISSING, [1, 28, 16, 33, 65, 15, 255, 257], 3, 0),
    ("www.example.com", [1], 0, 1),
    ("late.slow.test", [1], 0, 1),
    (MANY, [1], 0, ENDPOINTS),
]


def answers(suite, place):
    for name, kinds, rcode, count in QUESTIONS:
        for kind in kinds:
            extended = header(additionals=1) + question(name, kind) + opt(4096)
            for message in (query(name, kind), extended)[:1 if "slow" in name else 2]:
                wanted = exchange(place.port, message)
                if name == MANY:
                    suite.check("many: cut over UDP", wanted.flags & 0x200, hex(wanted.flags))
                    stream = connect(place.port)
                    stream.sendall(framed(message))
                    wanted = Reply(receive_framed(stream))
                suite.equal(f"{name} {kind} over UDP", (wanted.rcode, wanted.answers), (rcode, count))
                for label, ask in place.ways().items():
                    got = ask(message)
                    suite.check(f"{name} {kind} over {label} is as over UDP", got == wanted.message, (got, wanted.message))
    suite.check("an answer of several segments is not cut", len(wanted.message) > 100)
    for code, message in (("NOTIMP", header(flags=5 << 11)), ("FORMERR", header() + b"\xc0\x0c\0\1\0\1")):
        wanted = exchange(place.port, message)
        for label, ask in place.ways().items():
            suite.check(f"{code} over {label}", ask(message) == wanted.message, (ask(message), wanted.message))


def tools(suite, place):
    """kdig, a client that was not written beside this server."""
    ca = f"+tls-ca={place.authority.certificate}"
    wrong = f"+tls-ca={place.stranger.certificate}"

    def kdig(port, *options):
        done = subprocess.run(
            ["kdig", "@127.0.0.1", "-p", str(port), "+short", "+retry=0", "+timeout=5", *options, SERVICE, "A"],
            capture_output=True, text=True, timeout=30)
        return done.stdout.strip()

    for port, way in ((place.tls, "+tls"), (place.https, "+https"), (place.https, "+https-get")):
        suite.equal(f"kdig {way}", kdig(port, way, ca, f"+tls-hostname={HOST}"), "10.96.0.10")
        suite.check(f"kdig {way}: another authority", "10.96.0.10" not in kdig(port, way, wrong, f"+tls-hostname={HOST}"))
        suite.check(f"kdig {way}: another name", "10.96.0.10" not in kdig(port, way, ca, "+tls-hostname=other.test"))
    padded = subprocess.run(
        ["kdig", "@127.0.0.1", "-p", str(place.tls), "+tls", "+padding=128", SERVICE, "A"],
        capture_output=True, text=True, timeout=30).stdout
    suite.check("kdig +padding", "10.96.0.10" in padded and "PADDING:" in padded, padded)
    padding = header(additionals=1) + question(SERVICE) + opt(1232, options=b"\0\x0c\0\x20" + bytes(32))
    for label, ask in place.ways().items():
        got, wanted = ask(padding), exchange(place.port, padding).message
        if "without" in label:
            suite.check(f"padding, {label}: not where anyone can read", got == wanted, got)
        else:
            suite.equal(f"padding, {label}: records, and a length of many",
                (Reply(got).answers, len(got)), (Reply(wanted).answers, 468))


def streams(suite, place):
    """Framing over TLS, pipelining, zone transfers."""
    message = framed(query(SERVICE))
    with connect(place.tls, place.trust) as stream:
        for split in range(1, len(message)):
            stream.sendall(message[:split])
            stream.sendall(message[split:])
            reply = receive_framed(stream)
            if not (reply and Reply(reply).answers == 1):
                suite.check(f"TLS: split after octet {split}", False, reply)
                break
        else:
            suite.check("TLS: split at every octet", True)
    for count in (100, 1000):
        with connect(place.tls, place.trust) as stream:
            stream.sendall(b"".join(framed(query(SERVICE, id=number)) for number in range(count)))
            got = [receive_framed(stream) for _ in range(count)]
            suite.equal(f"TLS: {count} queries in one go", sorted(Reply(r).id for r in got if r), list(range(count)))
    with connect(place.tls, place.trust) as stream:
        stream.sendall(framed(query("order.slow.test", id=1)) + framed(query(SERVICE, id=2)))
        order = [Reply(reply).id for reply in (receive_framed(stream), receive_framed(stream)) if reply]
        suite.equal("TLS: what is ready first is sent first", order, [2, 1])
    with connect(place.tls, place.trust) as stream:
        stream.sendall(framed(header(flags=0x8000) + question(SERVICE)) + framed(query(SERVICE, id=7)))
        suite.equal("TLS: what is no query has no answer", Reply(receive_framed(stream)).id, 7)
    with HTTP2(place.https, place.trust_http2) as client:
        slow = client.start("POST", PATH, query("order2.slow.test"))
        fast = [client.start("POST", PATH, query(SERVICE, id=number)) for number in range(50)]
        done = client.responses([slow, *fast])
        suite.equal("HTTP/2: all are answered", (len(done), {response.status for response in done.values()}), (51, {200}))
        suite.equal("HTTP/2: what is ready first is sent first", list(done)[-1], slow)

    def transferred(stream):
        """Messages and records of a transfer."""
        stream.sendall(framed(header(flags=0) + encoded_name("cluster.local") + b"\0\xfc\0\1"))
        messages, records, ends = 0, 0, 0
        while ends < 2:
            reply = receive_framed(stream)
            if reply is None:
                break
            messages += 1
            records += Reply(reply).answers
            ends += reply.count(b"\0\6\0\1\0\0")
        return messages, records, ends
    with connect(place.port) as plain, connect(place.tls, place.trust) as secure:
        wanted = transferred(plain)
        suite.check("a transfer of several messages over TCP", wanted[0] > 1 and wanted[1] > ENDPOINTS, wanted)
        suite.equal("the same over TLS", transferred(secure), wanted)
        secure.sendall(framed(query(SERVICE, id=77)))
        suite.equal("and the connection goes on", Reply(receive_framed(secure)).id, 77)
    refused = http1(place.https, place.trust, "POST", PATH, header(flags=0) + encoded_name("cluster.local") + b"\0\xfc\0\1")
    suite.equal("over HTTPS it is refused", (refused.status, Reply(refused.body).rcode), (200, 5))


def web(suite, place):
    """Status codes and header fields (RFC 8484)."""
    message = query(SERVICE)
    response = http1(place.https, place.trust, "GET", f"{PATH}?dns={encoded(message)}")
    suite.equal("GET: header fields",
        (response.status, response.headers.get("content-type"), response.headers.get("cache-control"),
         response.headers.get("content-length")), (200, "application/dns-message", "max-age=30", str(len(response.body))))
    suite.equal("ids are echoed", [Reply(http1(place.https, place.trust, "POST", PATH, query(SERVICE, id=number)).body).id
        for number in (0, 0xBEEF)], [0, 0xBEEF])
    get = f"{PATH}?dns={encoded(message)}"
    for label, status, method, target, body, headers in (
        ("padded", 400, "GET", get + "==", None, None), ("no parameter", 400, "GET", PATH, None, None),
        ("two parameters", 400, "GET", f"{get}&dns={encoded(message)}", None, None),
        ("another alphabet", 400, "GET", f"{PATH}?dns=AA+/", None, None),
        ("11 octets", 400, "POST", PATH, b"x" * 11, None), ("nothing", 400, "POST", PATH, b"", None),
        ("a response", 400, "POST", PATH, header(flags=0x8000) + question(SERVICE), None),
        ("another path", 404, "GET", f"/?dns={encoded(message)}", None, None),
        ("a path below", 404, "GET", f"{PATH}/?dns={encoded(message)}", None, None),
        ("PUT", 405, "PUT", PATH, message, None), ("DELETE", 405, "DELETE", PATH, None, None),
        ("HEAD", 405, "HEAD", get, None, None), ("compressed", 415, "POST", PATH, message, {"Content-Encoding": "gzip"}),
        ("65,537 octets", 413, "POST", PATH, bytes(65537), None), ("another type", 200, "POST", PATH, message,
            {"Content-Type": "text/html"}),
    ):
        first = http1(place.https, place.trust, method, target, body, headers).status
        suite.equal(f"HTTP/1.1: {label}", first, status)
        with HTTP2(place.https, place.trust_http2) as client:
            fields = [(name.lower(), value) for name, value in (headers or {}).items()]
            second = client.request(method, target, body or b"", fields)
            suite.equal(f"HTTP/2: {label}", second and second.status, status)
    with connect(place.plain_https) as stream:
        one, two = (f"GET {PATH}?dns={encoded(query(name))} HTTP/1.1\r\nHost: x\r\n\r\n".encode()
                    for name in ("pipelined.slow.test", SERVICE))
        stream.sendall(one + two + b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        said = b""
        while piece := stream.recv(65536):
            said += piece
        places = [said.find(octets) for octets in (b"\x09pipelined", b"\x08kube-dns", b"HTTP/1.1 404")]
        suite.check("HTTP/1.1: requests in one go are answered in order", -1 < places[0] < places[1] < places[2], said)
    invalid = http1(place.https, place.trust, "POST", PATH, b"x" * 11)
    suite.equal("what is said of an invalid request", invalid.body, b"invalid request\n")
    failed = http1(place.https, place.trust, "POST", PATH, header() + b"\xc0\x0c\0\1\0\1")
    suite.equal("a failure is not kept for long", failed.headers.get("cache-control"), "max-age=5")

    def calls(label, status, path, body, headers=CALL_HEADERS):
        with HTTP2(place.grpc, place.trust_http2) as client:
            response = client.request("POST", path, body, headers)
            suite.equal(f"gRPC: {label}", response and response.trailers.get("grpc-status"), status)
    calls("a query", "0", CALL, packet(message))
    calls("another method", "12", "/coredns.dns.DnsService/Watch", packet(message))
    calls("compressed", "12", CALL, b"\1" + packet(message)[1:])
    calls("half a message", "13", CALL, packet(message)[:-3])
    calls("no packet", "13", CALL, b"\0\0\0\0\2\x0a\x09")
    calls("no query", "3", CALL, packet(b"hello"))
    calls("too large", "8", CALL, packet(bytes(70_000)))
    metric = place.server.page(place.server.metrics_port, "/metrics")[1]
    for line in (f'coredns_dns_https_responses_total{{server="https://127.0.0.1:{place.https}",status="404"}} 4',
                 f'server="tls://127.0.0.1:{place.tls}"', f'server="grpc://127.0.0.1:{place.grpc}"'):
        suite.check(f"metrics: {line}", line in metric, [l for l in metric.splitlines() if "https_resp" in l])
    for line in (f"serving tls://.:{place.tls}", f"serving https://.:{place.https}", f"serving grpc://.:{place.grpc}",
                 f"[WARNING] tls://127.0.0.1:{place.plain_tls}: no tls line"):
        suite.check(f"log: {line}", line in place.server.log, place.server.log_end())


# Clients that misbehave


def hostile(suite, place):
    garbage = {
        "text instead of TLS": b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", "a query instead of TLS": framed(query(SERVICE)),
        "zeros": bytes(600), "a record of nothing": b"\x16\x03\x01\xff\xff" + bytes(100),
        "half a hello": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(40), "all ones": b"\xff" * 2000,
    }
    for label, octets in garbage.items():
        for port in (place.tls, place.https, place.grpc):
            with connect(port) as stream:
                stream.sendall(octets)
                suite.check(f"{label}: closed, and no answer in clear text", is_closed(stream, 6))
    for port, label in ((place.plain_https, "HTTP"), (place.plain_grpc, "gRPC"), (place.plain_tls, "frames")):
        for octets in (os.urandom(5000), b"\0\0", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\xff" * 200, b"\r\n" * 5000,
                       b"POST /dns-query HTTP/1.1\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
                       b"POST /dns-query HTTP/1.1\r\nHost: x\r\n" + b"A: b\r\n" * 10_000 + b"\r\n",
                       b"GET /dns-query?dns=" + b"A" * 1_000_000 + b" HTTP/1.1\r\n\r\n"):
            with connect(port) as stream:
                try:
                    stream.sendall(octets)
                except OSError:
                    pass
                suite.check(f"{label}: {octets[:20]!r}: closed", is_closed(stream, 6))

    # A handshake that ends at any octet.
    ends = ssl.MemoryBIO()
    hello = place.trust.wrap_bio(ssl.MemoryBIO(), ends, server_hostname=HOST)
    try:
        hello.do_handshake()
    except ssl.SSLWantReadError:
        pass
    octets = ends.read()
    for count in range(0, len(octets), 7):
        for port in (place.tls, place.https):
            with connect(port) as stream:
                stream.sendall(octets[:count])
    with connect(place.plain_tls) as stream:
        stream.sendall(framed(query("half.slow.test", id=6)))
        stream.shutdown(socket.SHUT_WR)
        reply = receive_framed(stream)
        suite.equal("half closed after a query: answered", reply and Reply(reply).id, 6)
        suite.check("then closed", is_closed(stream, 2))

    # Parts of messages that never become whole.
    for label, port, context, octets in (
        ("nothing at all", place.tls, None, b""), ("TLS: half a message", place.tls, place.trust, b"\0\x40abc"),
        ("TLS: a handshake and nothing", place.https, place.trust, b""),
        ("HTTP/1.1: half a head", place.https, place.trust, b"POST /dns-query HTTP/1.1\r\nHost: x\r\n"),
        ("HTTP/1.1: half a body", place.https, place.trust,
            b"POST /dns-query HTTP/1.1\r\nHost: x\r\nContent-Length: 50\r\n\r\nabc"),
    ):
        begin = time.monotonic()
        stream = connect(port, context)
        if octets:
            stream.sendall(octets)
        closed = is_closed(stream, 8)
        took = time.monotonic() - begin
        suite.check(f"{label}: closed within its time", closed and took < 5.5, f"{took:.1f} s")
        stream.close()
    with HTTP2(place.https, place.trust_http2) as client:
        begin = time.monotonic()
        client.start("POST", PATH, b"abc", ends=False)
        suite.check("HTTP/2: half a body: closed within its time", is_closed(client.stream, 8) and
            time.monotonic() - begin < 5.5)
    slow = [connect(place.plain_https, timeout=0.01) for _ in range(50)]
    begin, text, open_streams = time.monotonic(), b"POST /dns-query HTTP/1.1\r\n" + b"X: y\r\n" * 100, list(slow)
    place_served = http1(place.plain_https, None, "POST", PATH, query(SERVICE)).status
    for octet in range(len(text)):
        if not open_streams or time.monotonic() - begin > 8:
            break
        still = []
        for stream in open_streams:
            try:
                stream.sendall(text[octet:octet + 1])
                still.append(stream) if not is_closed(stream, 0.002) else stream.close()
            except OSError:
                stream.close()
        open_streams = still
    suite.equal("slow clients: others are served meanwhile", place_served, 200)
    suite.check("slow clients are closed, whatever they send", not open_streams, len(open_streams))

    before = place.descriptors()
    for _ in range(30):
        stream = connect(place.tls, place.trust)
        stream.sendall(framed(query("gone.slow.test")) * 3)
        stream.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        stream.close()
    suite.check("reset under way: descriptors are freed", eventually(lambda: place.descriptors() <= before + 4, 20),
        (before, place.descriptors()))
    place.serves(suite, "after garbage")


def resets(suite, place):
    """HTTP/2: streams opened and reset, faster than anyone needs it (CVE-2023-44487)."""
    from h2.exceptions import ProtocolError
    with HTTP2(place.https, place.trust_http2) as client:
        ended = False
        try:
            for _ in range(100):
                for _ in range(50):
                    number = client.connection.get_next_available_stream_id()
                    client.connection.send_headers(number, [
                        (":method", "GET"), (":path", f"{PATH}?dns={encoded(query('fast.slow.test'))}"),
                        (":scheme", "https"), (":authority", HOST)], end_stream=True)
                    client.connection.reset_stream(number)
                client.flush()
            ended = is_closed(client.stream, 5)
        except (OSError, ProtocolError):
            ended = True
        suite.check("5,000 requests reset at once: the connection ends", ended)
    with HTTP2(place.https, place.trust_http2) as client:
        try:
            for _ in range(20_000):
                client.connection.ping(b"12345678")
            client.flush()
            ended = is_closed(client.stream, 5)
        except OSError:
            ended = True
        suite.check("20,000 pings: the connection ends", ended)
    with HTTP2(place.grpc, place.trust_http2) as client:
        answered = 0
        for number in range(600):
            client.connection.ping(struct.pack("!Q", number))
            response = client.request("POST", CALL, packet(query(SERVICE)), CALL_HEADERS)
            answered += response is not None and response.trailers.get("grpc-status") == "0"
        suite.equal("gRPC: a client that measures by pings is served", answered, 600)
    with HTTP2(place.https, place.trust_http2) as client:
        answered = sum(client.request("POST", PATH, query(SERVICE)).status == 200 for _ in range(600))
        suite.equal("HTTP/2: many requests, one after another", answered, 600)
    with HTTP2(place.https, place.trust_http2) as client:
        from h2.settings import SettingCodes
        client.connection.update_settings({SettingCodes.INITIAL_WINDOW_SIZE: 0})
        begin = time.monotonic()
        client.start("POST", PATH, query(SERVICE))
        closed = is_closed(client.stream, 9)
        took = time.monotonic() - begin
        suite.check("HTTP/2: a client that opens no window: closed", closed and 4 < took < 8.5, f"{took:.1f} s")
    with HTTP2(place.plain_grpc) as client:
        numbers = [client.start("POST", CALL, packet(query(f"n{n}.slow.test")), CALL_HEADERS) for n in range(100)]
        suite.equal("100 calls at once", len(client.responses(numbers)), 100)
    # A client that takes no octet of its responses.
    with connect(place.tls, place.trust) as stream:
        stream.settimeout(3)
        stopped = False
        try:
            for _ in range(4000):
                stream.sendall(framed(query(MANY)) * 20)
        except OSError:
            stopped = True
        suite.check("a client that never reads is no longer read from", stopped)
    place.serves(suite, "after resets")


def limits(suite, place):
    for label, port, most, ask in (
        ("HTTP", place.plain_https, 200, lambda: http1(place.plain_https, None, "POST", PATH, query(SERVICE)).status == 200),
        ("gRPC", place.plain_grpc, 200, lambda: over_grpc(place.plain_grpc, None, query(SERVICE)) is not None),
        ("TLS", place.tls, 256, lambda: over_tls(place.tls, place.trust, query(SERVICE)) is not None),
    ):
        before = place.server.metric("coredns_dns_shed_connections_total") or 0
        streams = [connect(port) for _ in range(most + 40)]
        suite.check(f"{label}: connections over {most} are closed",
            eventually(lambda: (place.server.metric("coredns_dns_shed_connections_total") or 0) - before >= 40, 2.5),
            (before, place.server.metric("coredns_dns_shed_connections_total")))
        suite.equal(f"{label}: plain DNS is served meanwhile", dig(place.port, SERVICE).data, ["a 10.96.0.10"])
        for stream in streams:
            stream.close()

        def is_served():
            try:
                return ask()
            except OSError:
                return False
        suite.check(f"{label}: served again afterwards", eventually(is_served, 10, 0.1))


# Certificates, reloads, the end


def certificates(suite, place):
    port, context = free_port(), place.authority.trust()

    def auth(mode, authority=True):
        ca = place.authority.certificate if authority else ""
        return (f"tls://.:{port} {{\n    tls {place.files[0]} {place.files[1]} {ca} {{\n"
                f"        client_auth {mode}\n    }}\n    bind 127.0.0.1\n    whoami\n}}\n")

    def is_answered(client):
        try:
            return over_tls(port, place.authority.trust(client=client), query("a.test")) is not None
        except OSError:
            return False
    for mode, wanted in {
        "nocert": (True, True, True), "request": (True, True, True), "require": (False, True, True),
        "verify_if_given": (True, True, False), "require_and_verify": (False, True, False),
    }.items():
        place.reload(place.corefile(auth(mode)))
        got = tuple(is_answered(client) for client in (None, place.client, place.other_client))
        suite.equal(f"client_auth {mode}: without, with ours, with another's", got, wanted)

    def refused(label, line, *named):
        place.reload(place.corefile(f"tls://.:{port} {{\n    bind 127.0.0.1\n    {line}\n    whoami\n}}\n"))
        text = place.server.log[place.server.log.rindex("Reloading"):]
        suite.check(f"refused: {label}", "reload failed" in text and all(str(name) in text for name in named), text)
    certificate, key = place.files
    (work / "text.pem").write_text("no certificate\n")
    refused("a file that is not there", f"tls {work}/none.crt {key}", work / "none.crt", "no such file")
    refused("no certificate", f"tls {work}/text.pem {key}", work / "text.pem", "no certificate")
    refused("no key", f"tls {certificate} {work}/text.pem", work / "text.pem", "no key")
    refused("another's key", f"tls {certificate} {place.client[1]}", place.client[1], "does not fit")
    refused("no authority", f"tls {certificate} {key} {work}/text.pem", work / "text.pem", "no certificate")
    refused("acme", "tls {\n acme dns.test\n}", "acme")
    refused("keylog", f"tls {certificate} {key} {{\n keylog /tmp/k\n}}", "keylog")
    refused("two certificates at one address",
        f"tls {certificate} {key}\n}}\ntls://a.test:{port} {{\n    bind 127.0.0.1\n    tls {place.client[0]} {place.client[1]}",
        "one certificate")
    for keys, named in ((f"quic://.:{port}", "QUIC"), (f"https3://.:{port}", "QUIC"),
                        (f"https://.:{place.tls}", "one port speaks one transport")):
        place.reload(place.corefile(f"{keys} {{\n    bind 127.0.0.1\n    whoami\n}}\n"))
        text = place.server.log[place.server.log.rindex("Reloading"):]
        suite.check(f"refused: {keys}", "reload failed" in text and named in text, text)
    place.serves(suite, "after refused Corefiles")

    # Renewed on disk: new clients see the new one, and what is not sound changes nothing.
    def shown():
        with connect(place.tls, place.trust) as stream:
            return stream.getpeercert()["serialNumber"]
    with connect(place.tls, place.trust) as stream:
        old = shown()
        renewed = place.authority.issue("renewed", HOST)
        place.files[0].write_bytes(renewed[0].read_bytes())
        suite.check("a certificate without its key is said",
            eventually(lambda: "keeps the old certificate" in place.server.log, 15), place.server.log_end())
        suite.equal("and not shown", shown(), old)
        place.files[1].write_bytes(renewed[1].read_bytes())
        suite.check("a renewed certificate is shown", eventually(lambda: shown() != old, 15))
        # Open connections stay; this one has been idle for as long as it may be, so it is asked only if it is there.
        suite.check("on every address", http1(place.https, place.trust, "POST", PATH, query(SERVICE)).status == 200)
    suite.equal("old versions of TLS", [try_version(place, version) for version in (
        ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_1)], [True, False])


def try_version(place, version):
    context = place.authority.trust()
    context.set_ciphers("ALL:@SECLEVEL=0")
    with warnings.catch_warnings(action="ignore"):
        context.minimum_version = context.maximum_version = version
    try:
        return over_tls(place.tls, context, query(SERVICE)) is not None
    except OSError:
        return False


def reloads(suite, place):
    """Blocks come and go; connections and queries at the others do not notice."""
    with connect(place.tls, place.trust) as stream:
        def is_served(number):
            stream.sendall(framed(query(SERVICE, id=number)))
            reply = receive_framed(stream)
            return reply is not None and Reply(reply).id == number

        def https():
            try:
                return http1(place.https, place.trust, "POST", PATH, query(SERVICE)).status
            except OSError:
                return 0
        suite.check("before", is_served(1) and https() == 200)
        stream.sendall(framed(query("waits.slow.test", id=9)))
        place.reload(place.corefile(https=False))
        suite.check("https:// is gone", eventually(lambda: https() == 0, 5))
        waited = receive_framed(stream)
        suite.equal("a query under way at another place is answered", waited and Reply(waited).id, 9)
        suite.check("the connection there stays", is_served(2))
        place.reload(place.corefile())
        suite.check("https:// is back", eventually(lambda: https() == 200, 5))
        suite.check("and the connection still stays", is_served(3))
        place.reload(place.corefile().replace("ttl 30", "ttl many"))
        suite.check("a broken Corefile changes nothing", is_served(4) and https() == 200)
        place.reload(place.corefile().replace("ttl 30", "ttl 7"))
        suite.check("new settings hold for open connections", is_served(5) and eventually(
            lambda: struct.pack("!HHI", 1, 1, 7) in over_tls(place.tls, place.trust, query(SERVICE)), 5))
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        taken = other.getsockname()[1]
        place.reload(place.corefile(f"tls://.:{taken} {{\n    bind 127.0.0.1\n    whoami\n}}\n"))
        suite.check("an address that is taken is named",
            f"listen on tls://127.0.0.1:{taken}" in place.server.log, place.server.log_end())
    # The same port speaks something else.
    place.reload(place.corefile(https=False).replace(f"tls://.:{place.plain_tls}", f"tls://.:{free_port()}").replace(
        f"grpc://.:{place.grpc}", f"https://.:{place.grpc}"))
    suite.equal("another transport on the port of one before",
        http1(place.grpc, place.trust, "POST", PATH, query(SERVICE)).status, 200)
    place.reload(place.corefile())
    place.serves(suite, "after reloads")


def end(suite, place):
    """SIGTERM answers what was received, then closes."""
    streams = [connect(place.tls, place.trust) for _ in range(4)]
    for stream in streams:
        stream.sendall(framed(query(SERVICE, id=1)))
        receive_framed(stream)
    client = HTTP2(place.https, place.trust_http2)
    client.request("POST", PATH, query(SERVICE))
    asked = place.upstream.asked
    for number, stream in enumerate(streams):
        stream.sendall(framed(query(f"last{number}.slow.test", id=2)))
    waiting = client.start("POST", PATH, query("last.slow.test"))
    eventually(lambda: place.upstream.asked >= asked + 5, 5)
    for stream in streams:
        stream.sendall(b"".join(framed(query(SERVICE, id=10 + number)) for number in range(20)))
    place.server.signal(signal.SIGTERM)
    for number, stream in enumerate(streams):
        got = {Reply(reply).id for reply in iter(lambda: receive_framed(stream), None)}
        suite.equal(f"SIGTERM: connection {number}", got, {2, *range(10, 30)})
    frames = client.frames_to_the_end()
    body = b"".join(frame.data for frame in frames if frame.type == 0 and frame.stream_id == waiting)
    suite.equal("SIGTERM: HTTP/2 is answered, and told that this was all",
        (body and Reply(body).answers, [frame.error_code for frame in frames if frame.type == 7]), (1, [0]))
    suite.equal("SIGTERM: exit code", place.server.exit_code(15), 0)


def without(suite, place):
    """A server without encrypted keys starts no thread for them."""
    def threads(text):
        server = Server(text)
        server.wait_for("a.test", "A")
        count = len(os.listdir(f"/proc/{server.pid}/task"))
        names = [open(f"/proc/{server.pid}/task/{task}/comm").read() for task in os.listdir(f"/proc/{server.pid}/task")]
        server.kill()
        return count, names
    plain, names = threads(".:@PORT@ {\n    bind 127.0.0.1\n    whoami\n}\n")
    secure, _ = threads(f".:@PORT@ tls://.:{free_port()} {{\n    bind 127.0.0.1\n    whoami\n}}\n")
    port = free_port()
    everywhere = Server(f".:@PORT@ tls://.:{port} https://.:{port + 1} {{\n    whoami\n}}\n").wait_for("a.test", "A")
    ipv4 = bytes([0, 1, 0, 1, 0, 0, 0, 0, 0, 4, 127, 0, 0, 1])
    suite.check("on all addresses a client over IPv4 is one of IPv4",
        ipv4 in over_tls(port, None, query("a.test")) and ipv4 in http1(port + 1, None, "POST", PATH, query("a.test")).body)
    everywhere.kill()
    suite.check("no threads without encrypted keys", plain < secure and not any("NIO-ELT" in name for name in names),
        (plain, secure, names))


def body(suite):
    place = Place()
    place.descriptors = lambda: len(os.listdir(f"/proc/{place.server.pid}/fd"))
    answers(suite, place)
    tools(suite, place)
    streams(suite, place)
    web(suite, place)
    hostile(suite, place)
    resets(suite, place)
    limits(suite, place)
    certificates(suite, place)
    reloads(suite, place)
    without(suite, place)
    end(suite, place)


if __name__ == "__main__":
    run_with("encrypted", "h2")
    Suite("encrypted").run(body)
