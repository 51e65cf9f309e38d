"""Part of the suite `encrypted`: clients that send nonsense, too much, too slowly, or never read."""

import itertools
import os
import socket
import ssl
import struct
import time
from live import Reply, Server, dig, eventually, framed, free_port, query, receive_framed
from secure_clients import (
    CALL, CALL_HEADERS, HOST, HTTP2, connect, encoded, http1, is_closed, over_grpc, over_tls, packet)

SERVICE = "kube-dns.kube-system.svc.cluster.local"
MANY = "many.default.svc.cluster.local"
PATH = "/dns-query"
LATEST = 15.0  # The limits are 2 to 5 seconds; the rest is for a machine that is busy.


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
                suite.check(f"{label}: closed, and no answer in clear text", is_closed(stream, 30))
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
                suite.check(f"{label}: {octets[:20]!r}: closed", is_closed(stream, 30))

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
        suite.check("then closed", is_closed(stream, 30))

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
        closed = is_closed(stream, 30)
        took = time.monotonic() - begin
        suite.check(f"{label}: closed within its time", closed and took < LATEST, f"{took:.1f} s")
        stream.close()
    with HTTP2(place.https, place.trust_http2) as client:
        begin = time.monotonic()
        client.start("POST", PATH, b"abc", ends=False)
        suite.check("HTTP/2: half a body: closed within its time", is_closed(client.stream, 30) and
            time.monotonic() - begin < LATEST)
    slow = [connect(place.plain_https, timeout=0.01) for _ in range(50)]
    begin, text, open_streams = time.monotonic(), b"POST /dns-query HTTP/1.1\r\n" + b"X: y\r\n" * 100, list(slow)
    place_served = http1(place.plain_https, None, "POST", PATH, query(SERVICE)).status
    for octet in itertools.count():
        if not open_streams or time.monotonic() - begin > 30:
            break
        still = []
        for stream in open_streams:
            try:
                stream.sendall(text[octet % len(text):][:1])
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
    suite.check("reset under way: descriptors are freed", eventually(lambda: place.descriptors() <= before + 4),
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
            ended = is_closed(client.stream, 30)
        except (OSError, ProtocolError):
            ended = True
        suite.check("5,000 requests reset at once: the connection ends", ended)
    with HTTP2(place.https, place.trust_http2) as client:
        try:
            for _ in range(20_000):
                client.connection.ping(b"12345678")
            client.flush()
            ended = is_closed(client.stream, 30)
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
        closed = is_closed(client.stream, 30)
        took = time.monotonic() - begin
        suite.check("HTTP/2: a client that opens no window: closed", closed and 4 < took < LATEST, f"{took:.1f} s")
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
        ("HTTP", place.plain_https, 200,
            lambda: http1(place.plain_https, None, "POST", PATH, query(SERVICE)).status == 200),
        ("gRPC", place.plain_grpc, 200, lambda: over_grpc(place.plain_grpc, None, query(SERVICE)) is not None),
        ("TLS", place.tls, 256, lambda: over_tls(place.tls, place.trust, query(SERVICE)) is not None),
    ):
        before = place.server.metric("coredns_dns_shed_connections_total") or 0
        streams = [connect(port) for _ in range(most + 40)]
        suite.check(f"{label}: connections over {most} are closed",
            eventually(lambda: (place.server.metric("coredns_dns_shed_connections_total") or 0) - before >= 40),
            (before, place.server.metric("coredns_dns_shed_connections_total")))
        suite.equal(f"{label}: plain DNS is served meanwhile", dig(place.port, SERVICE).data, ["a 10.96.0.10"])
        for stream in streams:
            stream.close()

        def is_served():
            try:
                return ask()
            except OSError:
                return False
        suite.check(f"{label}: served again afterwards", eventually(is_served, pause=0.1))


def chosen_limits(suite, place):
    """Limits that `https` and `grpc_server` set; 0 is none."""
    from h2.settings import SettingCodes
    https, grpc, open_https = (free_port() for _ in range(3))
    server = Server(f"""
https://.:{https} {{
    bind 127.0.0.1
    prometheus 127.0.0.1:@METRICS@
    https {{
        max_connections 3
    }}
    whoami
}}
https://.:{open_https} {{
    bind 127.0.0.1
    https {{
        max_connections 0
    }}
    whoami
}}
grpc://.:{grpc} {{
    bind 127.0.0.1
    grpc_server {{
        max_connections 3
        max_streams 7
    }}
    whoami
}}
""")
    for label, port in (("https", https), ("grpc_server", grpc)):
        eventually(lambda: connects(port))
        eventually(lambda: server.metric("coredns_dns_shed_connections_total") is not None)
        before = server.metric("coredns_dns_shed_connections_total")
        streams = [connect(port) for _ in range(8)]
        suite.check(f"{label}: connections over those that it names are closed", eventually(
            lambda: server.metric("coredns_dns_shed_connections_total") - before >= 5), server.log_end())
        suite.equal(f"{label}: no other is", sum(is_closed(stream, 0.5) for stream in streams), 5)
        for stream in streams:
            stream.close()
    streams = [connect(open_https) for _ in range(230)]
    suite.equal("https: 0 is no limit", sum(is_closed(stream, 0.01) for stream in streams), 0)
    for stream in streams:
        stream.close()

    def streams_offered():
        try:
            with HTTP2(grpc) as client:
                client.receive()
                return client.connection.remote_settings.get(SettingCodes.MAX_CONCURRENT_STREAMS)
        except OSError:
            return None
    suite.equal("grpc_server: streams of a connection", eventually(streams_offered, pause=0.1), 7)
    server.stop()


def connects(port):
    try:
        connect(port).close()
        return True
    except OSError:
        return False
