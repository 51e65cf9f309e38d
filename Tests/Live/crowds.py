#!/usr/bin/env python3
"""Crowds of clients that hold connections and ask nothing: others are answered, and probes find the process well."""

import os
import resource
import socket
import time
import urllib.request
from live import BINARY, Reply, ScriptedUpstream, Server, Suite, connect, dig, eventually, free_port, framed, query, receive_framed
from secure_clients import HOST, Authority, connect as secure_connect
from traffic import processor_time

CROWD = 5000
IDLE = 200
DESCRIPTORS = 64
COREFILE = """
.:@PORT@ tls://.:%d {
    bind 127.0.0.1
    errors
    tls %s %s
    health 127.0.0.1:@HEALTH@
    prometheus 127.0.0.1:@METRICS@
    template IN A here.test {
        answer "{{ .Name }} 60 IN A 192.0.2.7"
    }
    forward . 127.0.0.1:%d
}
"""


class FewDescriptors(Server):
    command = ("prlimit", f"--nofile={DESCRIPTORS}:{DESCRIPTORS}", BINARY, "serve")


def hold(port, count, octets=b"", source="127.0.0.1"):
    """Open connections, each with `octets` sent on it; those that the server closes at once are kept all the same."""
    streams = []
    for _ in range(count):
        stream = socket.socket()
        stream.bind((source, 0))
        stream.settimeout(5)
        try:
            stream.connect(("127.0.0.1", port))
            stream.sendall(octets)
        except OSError:
            pass
        streams.append(stream)
    return streams


def answers(stream, name="a.here.test"):
    try:
        stream.sendall(framed(query(name)))
        reply = receive_framed(stream)
        return bool(reply) and Reply(reply).rcode == 0 and Reply(reply).answers == 1
    except OSError:
        return False


def asks(port, context=None, name="a.here.test"):
    """True when a new connection gets its answer."""
    try:
        with secure_connect(port, context) as stream:
            return answers(stream, name)
    except OSError:
        return False


def fetched(url):
    try:
        with urllib.request.urlopen(url, timeout=5) as page:
            return page.status == 200
    except OSError:
        return False


def crowded(suite, server, tls, context):
    """Connections of one address and of many, in all more than a listener holds."""
    # One that works is not shut out by those that come after it.
    with secure_connect(server.port, None) as working:
        suite.check("before the crowd: answered", answers(working))
        crowd = hold(server.port, CROWD, b"\0")
        # The last of them have a moment to ask.
        eventually(lambda: asks(server.port))
        suite.check(f"{CROWD} connections of one address, one octet each: a new one of the same address is answered",
            all(asks(server.port) for _ in range(50)))
        suite.check("one after the other, ten of them held: each of them is answered",
            all([answers(stream) for stream in hold(server.port, 10)]))
        others = [hold(server.port, 300, b"\0", f"127.0.1.{number}") for number in range(1, 25)]
        suite.check("and 7,200 more of 24 addresses: a new one is answered", all(asks(server.port) for _ in range(50)))
        suite.equal("UDP is", dig(server.port, "b.here.test").rcode, "NOERROR")
        # How many depends on how many have gone by themselves: nothing whole came on them within two seconds.
        suite.check("those that gave way are counted", server.metric("coredns_dns_shed_connections_total") > 0)
        for stream in crowd + sum(others, []):
            stream.close()
    handshakes = hold(tls, 600, b"\x16")
    eventually(lambda: asks(tls, context))
    suite.check("600 half handshakes over TLS: a new client of the same address is answered",
        all(asks(tls, context) for _ in range(10)))
    pages = hold(server.health_port, 600, b"G")
    eventually(lambda: all(fetched(f"http://127.0.0.1:{server.health_port}/health") for _ in range(5)))
    suite.check("600 connections to the health page: a probe is answered",
        all(fetched(f"http://127.0.0.1:{server.health_port}/health") for _ in range(20)), server.log_end())
    for stream in handshakes + pages:
        stream.close()
    long_headers(suite, server)
    long_requests(suite, server)


def header(fields):
    """A request for a page without a body, and what the path, names and values of its fields have in octets."""
    path, lines = b"/health", b"".join(b"%b: %b\r\n" % field for field in fields)
    return b"GET %b HTTP/1.1\r\n%b\r\n" % (path, lines), len(path) + sum(len(name) + len(value) for name, value in fields)


def long_headers(suite, server):
    """Path, names and values of a request for a page have at most 80 KiB, and its fields are at most 1,000."""
    def is_answered(fields, wanted):
        request, octets = header(fields)
        with connect(server.health_port, 10) as stream:
            stream.sendall(request)
            status = stream.recv(4096).split(b"\r\n")[0]
        suite.equal(f"a request with {len(fields)} fields and {octets} octets", status, wanted)
    taken, refused = b"HTTP/1.1 200 OK", b"HTTP/1.1 400 Bad Request"
    for octets, wanted in ((81_919, taken), (81_920, taken), (81_921, refused)):
        used = len(b"/health" b"host" b"dns" b"x")
        is_answered([(b"host", b"dns"), (b"x", b"a" * (octets - used))], wanted)
    for count, wanted in ((999, taken), (1_000, taken), (1_001, refused)):
        is_answered([(b"x", b"a")] * count, wanted)


def long_requests(suite, server):
    """Pages take no bodies: between two responses a client sends at most 128 KiB."""
    following = b"GET /health HTTP/1.1\r\nHost: dns\r\n\r\n"
    for octets in (131_071, 131_072, 131_073):
        with connect(server.health_port, 10) as stream:
            body = octets - len(following)
            stream.sendall(b"POST /health HTTP/1.1\r\nHost: dns\r\nContent-Length: %d\r\n\r\n" % body)
            suite.check("a page answers before a body comes", stream.recv(4096).startswith(b"HTTP/1.1 200"))
            try:
                stream.sendall(b"x" * body + following)
                answered = stream.recv(4096).startswith(b"HTTP/1.1 200")
            except OSError:
                answered = False
            suite.equal(f"{octets} octets after it: the next request is answered", answered, octets <= 131_072)


def few_descriptors(suite, server, tls, context, upstream):
    names = (f"{number}.elsewhere.test" for number in range(10 ** 6))
    streams = [hold(port, IDLE, b"\0") for port in (server.port, tls, server.health_port, server.metrics_port)]
    # Those of a crowd that are still being taken may push a page's client out; it asks again.
    pages = [f"http://127.0.0.1:{server.health_port}/health", f"http://127.0.0.1:{server.metrics_port}/metrics"]
    for page in pages:
        eventually(lambda: all(fetched(page) for _ in range(5)))
    label = f"{DESCRIPTORS} descriptors, {IDLE} idle connections to each of four ports"
    suite.check(f"{label}: questions are asked upstream",
        all(dig(server.port, next(names), "A", "+tries=1").rcode == "NOERROR" for _ in range(20)), server.log_end())
    suite.check(f"{label}: over TCP too", all(asks(server.port, None, next(names)) for _ in range(20)), server.log_end())
    suite.check(f"{label}: over TLS too", all(asks(tls, context, next(names)) for _ in range(5)), server.log_end())
    suite.check(f"{label}: health is", all(fetched(pages[0]) for _ in range(20)), server.log_end())
    suite.check(f"{label}: metrics are", all(fetched(pages[1]) for _ in range(5)))
    suite.check(f"{label}: the process does not spin", busy(server) < 0.3, busy(server))
    failures = lambda: server.metric("coredns_health_request_failures_total")
    before = failures()
    time.sleep(3)
    suite.equal(f"{label}: the health plugin finds its page, once all have come", failures() - before, 0)
    for stream in sum(streams, []):
        stream.close()
    suite.check("they go: descriptors are freed", eventually(lambda: len(os.listdir(f"/proc/{server.pid}/fd")) < DESCRIPTORS // 2 + 16))
    suite.check("and it is alive", server.is_alive and asks(server.port))


def busy(server):
    """Seconds of CPU in one second."""
    before = processor_time(server)
    time.sleep(1)
    return processor_time(server) - before


def body(suite):
    resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
    upstream, authority = ScriptedUpstream(delay=0), Authority("crowds")
    certificate, key = authority.issue("server", HOST)
    for kind, part in ((Server, crowded), (FewDescriptors, few_descriptors)):
        tls = free_port()
        server = kind(COREFILE % (tls, certificate, key, upstream.port)).wait_for("a.here.test.")
        more = (upstream,) if part is few_descriptors else ()
        part(suite, server, tls, authority.trust(), *more)
        suite.equal("SIGTERM ends it", server.stop(), 0)


if __name__ == "__main__":
    Suite("crowds").run(body)
