#!/usr/bin/env python3
"""DNS over TLS, HTTPS and gRPC: the same answers as over UDP, certificates, and clients that misbehave."""

import os
import signal
import ssl
import subprocess
import encrypted_hostile
import encrypted_lifecycle
from live import (
    EXAMPLES, Lab, Reply, ScriptedUpstream, Server, Suite, encoded_name, eventually, exchange, framed, free_port,
    header, opt, query, question, receive_framed, work)
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
                   or self.server.log.count("reload failed") > failed)

    def descriptors(self):
        return len(os.listdir(f"/proc/{self.server.pid}/fd"))

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
                    same = isinstance(got, bytes) and Reply(got).without_serials == wanted.without_serials
                    suite.check(f"{name} {kind} over {label} is as over UDP", same, (got, wanted.message))
    suite.check("an answer of many segments is not cut",
        len(wanted.message) > 16 * ENDPOINTS and not wanted.flags & 0x200, (len(wanted.message), hex(wanted.flags)))
    for code, message in (("NOTIMP", header(flags=5 << 11)), ("FORMERR", header() + b"\xc0\x0c\0\1\0\1")):
        wanted = exchange(place.port, message)
        for label, ask in place.ways().items():
            got = ask(message)
            suite.check(f"{code} over {label}", got == wanted.message, (got, wanted.message))


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
        strange = kdig(port, way, wrong, f"+tls-hostname={HOST}")
        suite.check(f"kdig {way}: another authority", "10.96.0.10" not in strange, strange)
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
        statuses = {response.status for response in done.values()}
        suite.equal("HTTP/2: all are answered", (len(done), statuses), (51, {200}))
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
    refused = http1(place.https, place.trust, "POST", PATH, header(flags=0) + question("cluster.local", 252))
    suite.equal("over HTTPS it is refused", (refused.status, Reply(refused.body).rcode), (200, 5))


def web(suite, place):
    """Status codes and header fields (RFC 8484)."""
    message = query(SERVICE)
    response = http1(place.https, place.trust, "GET", f"{PATH}?dns={encoded(message)}")
    suite.equal("GET: header fields",
        (response.status, response.headers.get("content-type"), response.headers.get("cache-control"),
         response.headers.get("content-length")),
        (200, "application/dns-message", "max-age=30", str(len(response.body))))
    for number in (0, 0xBEEF):
        echoed = http1(place.https, place.trust, "POST", PATH, query(SERVICE, id=number))
        suite.equal(f"the id {number} is echoed", Reply(echoed.body).id, number)
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
        ("HEAD", 405, "HEAD", get, None, None),
        ("compressed", 415, "POST", PATH, message, {"Content-Encoding": "gzip"}),
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
    with connect(place.plain_https) as stream:
        stream.sendall(b"POST /dns-query HTTP/1.1\r\nHost: x\r\nContent-Length: 2000000\r\n\r\n" + bytes(2_000_000))
        said = stream.recv(65536)
        suite.check("HTTP/1.1: a client that sends all of too much reads why", b" 413 " in said, said)
        suite.check("and the connection ends", is_closed(stream, 30))
    with connect(place.plain_https) as stream:
        lines = []
        for _ in range(3):
            stream.sendall(b"POST /none HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nabcd")
            lines.append(stream.recv(65536)[:12])
        suite.equal("HTTP/1.1: the connection outlives refused requests", lines, [b"HTTP/1.1 404"] * 3)
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
    responses = 'coredns_dns_https_responses_total{server="https://127.0.0.1:%d",status="%d"} %d'
    for line in (responses % (place.https, 404, 4), responses % (place.plain_https, 413, 1),
                 f'server="tls://127.0.0.1:{place.tls}"', f'server="grpc://127.0.0.1:{place.grpc}"'):
        suite.check(f"metrics: {line}", line in metric, [l for l in metric.splitlines() if "https_resp" in l])
    for line in (f"serving tls://.:{place.tls}", f"serving https://.:{place.https}", f"serving grpc://.:{place.grpc}",
                 f"[WARNING] tls://127.0.0.1:{place.plain_tls}: no tls line"):
        suite.check(f"log: {line}", line in place.server.log, place.server.log_end())


def body(suite):
    place = Place()
    answers(suite, place)
    tools(suite, place)
    streams(suite, place)
    web(suite, place)
    for part in (encrypted_hostile.hostile, encrypted_hostile.resets, encrypted_hostile.limits,
                 encrypted_hostile.chosen_limits, encrypted_lifecycle.certificates, encrypted_lifecycle.reloads, encrypted_lifecycle.without,
                 encrypted_lifecycle.end):
        part(suite, place)


if __name__ == "__main__":
    run_with("encrypted", "h2")
    Suite("encrypted").run(body)
