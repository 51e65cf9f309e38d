#!/usr/bin/env python3
"""Memory that crowds hold: idle and slow connections, half handshakes, streams reset, heads without end, names without end."""

import contextlib
import resource
import socket
import struct
import threading
import time
from crowds import asks, fetched, hold
from live import Server, Suite, connect, eventually, extent, framed, free_port, query
from secure_clients import HOST, Authority, encoded
from traffic import Flood, ask_steadily, forget_peak, meanwhile, processor_time, resident

OWN = socket.inet_aton("192.0.2.7")
LIMIT = 170  # MiB: what deploy/base gives a replica.
COREFILE = """
.:@PORT@, tls://.:TLS, https://.:WEB {
    bind 127.0.0.1
    errors
    tls CERTIFICATE KEY
    cache
    health 127.0.0.1:@HEALTH@
    prometheus 127.0.0.1:@METRICS@
    template IN A here.test {
        answer "{{ .Name }} 60 IN A 192.0.2.7"
    }
    forward . 127.0.0.1:UPSTREAM
}
https://.:PLAIN {
    bind 127.0.0.1
    template IN A here.test {
        answer "{{ .Name }} 60 IN A 192.0.2.7"
    }
}
"""
ANSWERING = """
.:@PORT@ {
    bind 127.0.0.1
    template ANY ANY . {
        answer "{{ .Name }} 600 IN A 192.0.2.9"
    }
}
"""


class Place:
    def __init__(self):
        self.authority = Authority("crowds-memory")
        certificate, key = self.authority.issue("server", HOST)
        self.tls, self.web, self.plain = (free_port() for _ in range(3))
        self.upstream, text = Server(ANSWERING).wait_for("a.test"), COREFILE
        for mark, value in {"TLS": self.tls, "WEB": self.web, "PLAIN": self.plain, "UPSTREAM": self.upstream.port,
                            "CERTIFICATE": certificate, "KEY": key}.items():
            text = text.replace(mark, str(value))
        self.server = Server(text).wait_for("a.here.test")

    @property
    def trust(self):
        return self.authority.trust()


def own_names(number):
    return f"n{number}.here.test", OWN


def good_questions(suite, label, place, body):
    """What `body` gives, while others ask over UDP and, one after the other, over TLS: they are answered."""
    over = threading.Event()
    times = []

    def ask_over_tls():
        while not over.is_set():
            begun = time.monotonic()
            times.append((asks(place.tls, place.trust, "a.here.test"), time.monotonic() - begun))
            over.wait(0.05)
    encrypted = threading.Thread(target=ask_over_tls, daemon=True)
    encrypted.start()
    plain = meanwhile(ask_steadily, place.server.port, 200, extent(3, 20), own_names)
    result = body()
    heard = plain()
    over.set()
    encrypted.join()
    suite.check(f"{label}: every question over UDP is answered", heard.share == 1 and not heard.wrong, heard)
    suite.check(f"{label}: new clients over TLS are answered", all(is_answered for is_answered, _ in times), times)
    suite.check(f"{label}: within a second", max(took for _, took in times) < extent(3, 1), max(took for _, took in times))
    return result


def said(suite, what, place, before, extent):
    most = resident(place.server, "VmHWM")
    suite.gate("G8", f"memory with {what}", f"{most:.0f} MiB", f"{LIMIT} MiB", most <= LIMIT, f"{before:.0f} MiB before; {extent}")
    return most


def idle(suite, place):
    """Connections that never ask: of ten addresses, so that all of them stay."""
    for count in extent([2000], [2000, 20_000]):
        before = settled(place)
        streams = good_questions(suite, f"{count} idle connections", place, lambda: sum(
            (hold(place.server.port, 200, source=f"127.0.2.{number}") for number in range(1, count // 200 + 1)), []))
        most = said(suite, f"{count} idle TCP connections", place, before, "of 200 each of as many addresses")
        suite.check(f"{count} idle connections: below 16 KiB each", (most - before) * 1024 / count < 16, (before, most))
        close(streams)


def slow(suite, place):
    """Connections whose queries come octet by octet: closed in time, whatever they send."""
    before, count = settled(place), 2000
    octets = framed(query("a.here.test"))

    def body():
        streams = sum((hold(place.server.port, 200, octets[:1], f"127.0.3.{number}") for number in range(1, count // 200 + 1)), [])
        begun = time.monotonic()
        for octet in octets[1:]:
            for stream in streams:
                with contextlib.suppress(OSError):
                    stream.send(bytes([octet]))
            open_streams = [stream for stream in streams if not is_gone(stream)]
            if not open_streams or time.monotonic() > begun + 20:
                break
            time.sleep(0.5)
        return streams, time.monotonic() - begun, len(open_streams)
    streams, took, left = good_questions(suite, f"{count} slow connections", place, body)
    said(suite, f"{count} connections that send octet by octet", place, before, f"gone after {took:.1f} s")
    suite.check(f"{count} slow connections: closed within their time", not left and took < extent(10, 4), (left, took))
    close(streams)


def is_gone(stream):
    stream.setblocking(False)
    try:
        return stream.recv(1) == b""
    except BlockingIOError:
        return False
    except OSError:
        return True


def handshakes(suite, place):
    """Half handshakes, as many a second as there may be."""
    before, seconds = settled(place), extent(3, 10)
    hello = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(40)

    def body():
        streams, used, begun = [], processor_time(place.server), time.monotonic()
        for second in range(seconds):
            for number in range(10):
                streams += hold(place.tls, 50, hello, f"127.0.4.{second * 10 + number + 1}")
                time.sleep(max(0.0, begun + second + (number + 1) / 10 - time.monotonic()))
        took = time.monotonic() - begun
        return streams, (processor_time(place.server) - used) / len(streams), len(streams) / took
    streams, each, rate = good_questions(suite, "half handshakes", place, body)
    suite.check("half handshakes: that many a second", rate > extent(150, 400), rate)
    said(suite, "half handshakes over TLS, 500 a second", place, before, f"{len(streams)} of them, {each * 1e6:.0f} µs of CPU each")
    close(streams)


# HTTP/2 in octets (RFC 9113): what no library sends


def frame(kind, flags, stream, payload=b""):
    return struct.pack("!I", len(payload))[1:] + bytes([kind, flags]) + struct.pack("!I", stream) + payload


OPENING = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + frame(4, 0, 0)
HEADERS, RESET, CONTINUATION, END_STREAM, END_HEADERS = 1, 3, 9, 1, 4


def head():
    """The fields of a GET, none of them indexed (RFC 7541 §6.2.2)."""
    path = f"/dns-query?dns={encoded(query('a.here.test'))}".encode()
    return b"\x82\x87" + b"\x04" + bytes([len(path)]) + path + b"\x01" + bytes([len(HOST)]) + HOST.encode()


def resets(suite, place):
    """Four connections over which requests are made and taken back, thousands a second, each opened anew when it ends."""
    before, seconds = settled(place), extent(3, 10)
    fields, rounds = head(), []

    def flood(begun):
        sent = 0
        while time.monotonic() < begun + seconds:
            with contextlib.suppress(OSError), connect(place.plain, timeout=5) as stream:
                stream.sendall(OPENING)
                for number in range(1, 200_001, 100):
                    stream.sendall(b"".join(
                        frame(HEADERS, END_STREAM | END_HEADERS, number + 2 * turn, fields) +
                        frame(RESET, 0, number + 2 * turn, struct.pack("!I", 8)) for turn in range(50)))
                    sent += 50
                    if time.monotonic() > begun + seconds:
                        break
        rounds.append(sent)

    def body():
        used, begun = processor_time(place.server), time.monotonic()
        threads = [threading.Thread(target=flood, args=(begun,), daemon=True) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return sum(rounds), (processor_time(place.server) - used) / max(1, sum(rounds)), sum(rounds) / (time.monotonic() - begun)
    count, each, rate = good_questions(suite, "requests taken back", place, body)
    suite.check("requests taken back: thousands a second", rate > 5000, rate)
    said(suite, "requests over HTTP/2 that are taken back", place, before,
        f"{rate:.0f} a second over four connections, {each * 1e6:.0f} µs of CPU each")


def endless_heads(suite, place):
    """A request whose head goes on and on, in CONTINUATION frames: the connection ends."""
    before = settled(place)

    def body():
        ended, sent = 0, 0
        for label, part in (("empty", b""), ("of one octet", b"\0"), ("of 16 KB", b"\x40\x04abcd\x7f\xff\x7f" + b"x" * 16_000)):
            for _ in range(8):
                with connect(place.plain, timeout=5) as stream:
                    stream.sendall(OPENING + frame(HEADERS, END_STREAM, 1, b"\x82"))
                    octets = frame(CONTINUATION, 0, 1, part) * (1000 if len(part) < 2 else 10)
                    try:
                        for _ in range(1000):
                            stream.sendall(octets)
                            sent += len(octets)
                    except OSError:
                        ended += 1
        return ended, sent
    ended, sent = good_questions(suite, "heads without an end", place, body)
    suite.equal("heads without an end: each connection ends", ended, 24)
    said(suite, "heads over HTTP/2 that do not end", place, before, f"24 connections, {sent / 1e6:.1f} MB sent")


# Names


def unique_names(suite, place):
    """Misses, each for another name: what is kept has its limit."""
    before, most, rate = settled(place), extent(60_000, 1_000_000), extent(5000, 20_000)
    flood = Flood(place.server.port, [query("m01234567.elsewhere.test")], rate, mark=b"01234567", most=most)
    good_questions(suite, "a name in each question", place, lambda: flood.wait())
    # What was sent and not asked for upstream was refused, or fell on the floor before it was read.
    kept = eventually(lambda: place.server.metric("coredns_cache_evictions_total") or 0)
    asked = place.server.metric("coredns_cache_misses_total")
    suite.check("a name in each question: most of them are asked upstream", asked > most / 2, (asked, most))
    suite.check("a name in each question: what is kept has its limit", kept > 0 and
        place.server.metric("coredns_cache_entries") <= 20_000, (kept, place.server.metric("coredns_cache_entries")))
    said(suite, f"{most} names that are asked once", place, before, f"{asked:.0f} misses, {flood.count.value / most:.0%} sent")


def settled(place):
    """Memory before a crowd, after which the most there is is counted anew."""
    eventually(lambda: asks(place.server.port, None, "a.here.test"))
    forget_peak(place.server)
    return resident(place.server)


def close(streams):
    for stream in streams:
        stream.close()


def body(suite):
    resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
    place = Place()
    for part in (idle, slow, handshakes, resets, endless_heads, unique_names):
        part(suite, place)
        suite.check(f"{part.__name__}: the server lives and answers", place.server.is_alive and
            eventually(lambda: asks(place.tls, place.trust, "a.here.test")), place.server.log_end())
    suite.check("its page is there", fetched(f"http://127.0.0.1:{place.server.health_port}/health"))
    suite.equal("SIGTERM ends it", place.server.stop(), 0)


if __name__ == "__main__":
    Suite("fault-crowds").run(body)
