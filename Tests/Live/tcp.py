#!/usr/bin/env python3
"""TCP: framing at every border, many queries on one connection, answers as they are ready, and clients that misbehave."""

import os
import socket
import struct
import time
from live import (
    EXAMPLES, Lab, Reply, ScriptedUpstream, Server, Suite, connect, dig, eventually, framed, header, query,
    free_port, receive_framed)
from secure_clients import HOST, Authority, connect as secure_connect

SERVICE = "kube-dns.kube-system.svc.cluster.local"
MESSAGE_LIMIT = 2.0  # seconds from a message's first octet to its last
SLACK = 10.0  # for a machine that is busy
COREFILE = """
.:@PORT@ {
    bind 127.0.0.1
    errors
    kubernetes cluster.local {
        kubeconfig @KUBECONFIG@
    }
    forward . 127.0.0.1:%d
}
"""


def ids(stream, count):
    """The ids of the next `count` answers, fewer when the connection ends."""
    replies = [receive_framed(stream) for _ in range(count)]
    return [Reply(reply).id for reply in replies if reply]


def is_closed(stream):
    """True when the server has closed the connection within the stream's timeout."""
    try:
        return stream.recv(1) == b""
    except TimeoutError:
        return False
    except ConnectionError:
        return True


def limited(suite):
    """`maxtcpqueries`: a connection ends with its last query, over TCP and over TLS."""
    authority = Authority("limited")
    certificate, key = authority.issue("server", HOST)
    tls = free_port()
    server = Server(f".:@PORT@ tls://.:{tls} {{\n    bind 127.0.0.1\n    tls {certificate} {key}\n"
        "    timeouts {\n        maxtcpqueries 3\n    }\n    whoami\n}\n").wait_for("whoami.test.")
    for label, port, context in (("TCP", server.port, None), ("TLS", tls, authority.trust())):
        with secure_connect(port, context) as stream:
            stream.sendall(b"".join(framed(query("a.test", id=number)) for number in range(1, 6)))
            suite.equal(f"{label}: of five queries at once three are answered", sorted(ids(stream, 3)), [1, 2, 3])
            suite.check(f"{label}: and the connection is closed", is_closed(stream))
        with secure_connect(port, context) as stream:
            for number in (1, 2, 3):
                stream.sendall(framed(query("a.test", id=number)))
                suite.equal(f"{label}: query {number}, one after the other", ids(stream, 1), [number])
            suite.check(f"{label}: closed behind the third", is_closed(stream))
    server.kill()


def body(suite):
    upstream = ScriptedUpstream(delay=1.0)
    lab = Lab(manifests=EXAMPLES)
    server = Server(COREFILE % upstream.port, lab.kubeconfig).wait_for(SERVICE)
    descriptors = lambda: len(os.listdir(f"/proc/{server.pid}/fd"))

    with connect(server.port) as stream:
        stream.sendall(b"\0\0")
        suite.check("01 length 0: closed", is_closed(stream))
    with connect(server.port) as stream:
        stream.sendall(b"\0\2AB")
        suite.check("02 a message of two octets: closed", is_closed(stream))

    with connect(server.port) as stream:
        begin = time.monotonic()
        stream.sendall(b"\xff\xff" + bytes(10))
        closed = is_closed(stream)
        took = time.monotonic() - begin
        suite.check("03 a long message that never comes: closed at the deadline",
            closed and took < MESSAGE_LIMIT + SLACK, f"{took:.1f} s")
    with connect(server.port, timeout=0.25) as stream:
        begin, sent, closed = time.monotonic(), 0, False
        message = framed(query())
        while not closed and time.monotonic() - begin < 30:
            try:
                stream.sendall(message[sent:sent + 1])
                sent += 1
                closed = is_closed(stream)
            except ConnectionError:
                closed = True
        took = time.monotonic() - begin
        suite.check("04 one octet at a time: closed at the deadline, whatever comes",
            closed and took < MESSAGE_LIMIT + SLACK, f"{took:.1f} s")

    message = framed(query(SERVICE))
    with connect(server.port) as stream:
        for split in range(1, len(message)):
            stream.sendall(message[:split])
            stream.sendall(message[split:])
            reply = receive_framed(stream)
            if not (reply and Reply(reply).rcode == 0 and Reply(reply).answers == 1):
                suite.check(f"05 split after octet {split}", False)
                break
        else:
            suite.check("05 split at every octet", True)

    for count in (100, 1000):
        with connect(server.port) as stream:
            stream.sendall(b"".join(framed(query(SERVICE, id=number)) for number in range(count)))
            suite.equal(f"06 {count} queries in one go", sorted(ids(stream, count)), list(range(count)))

    with connect(server.port) as stream:
        stream.sendall(framed(query("slow.test", id=1)) + framed(query(SERVICE, id=2)) + framed(query("fast.test", id=3)))
        order = ids(stream, 3)
        suite.check("07 what is ready first is sent first", sorted(order) == [1, 2, 3] and order[-1] == 1, order)

    with connect(server.port) as stream:
        stream.sendall(framed(query("slow.test", id=9)) * 2 + framed(query(SERVICE, id=10)))
        suite.equal("08 the same id twice at once", sorted(ids(stream, 3)), [9, 9, 10])

    for name in (SERVICE, "slow.test"):
        with connect(server.port) as stream:
            stream.sendall(framed(query(name, id=5)))
            stream.shutdown(socket.SHUT_WR)
            suite.equal(f"09 half closed after the query for {name}", ids(stream, 1), [5])
            suite.check(f"09 then closed ({name})", is_closed(stream))

    before = descriptors()
    for name in [SERVICE, "slow.test"] * 20:
        stream = connect(server.port)
        stream.sendall(framed(query(name)))
        stream.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        stream.close()
    suite.check("10 reset after the query: descriptors are freed",
        eventually(lambda: descriptors() <= before + 4), f"{before} before, {descriptors()} after")

    with connect(server.port) as stream:
        stream.sendall(framed(header() + b"\xc0\x0c\0\1\0\1") + framed(query(SERVICE, id=8)))
        first, second = receive_framed(stream), receive_framed(stream)
        suite.equal("15 FORMERR, and the connection is kept", [Reply(r).rcode for r in (first, second) if r], [1, 0])

    with connect(server.port) as stream:
        stream.sendall(b"GET / HTTP/1.1\r\nHost: dns\r\n\r\n")
        suite.check("16 an HTTP request: closed at the deadline", is_closed(stream))

    with connect(server.port, timeout=2) as stream:
        # Tens of thousands of answers that are never read: reading must stop, and then the connection.
        try:
            for _ in range(4000):
                stream.sendall(framed(query(SERVICE)) * 100)
            stopped = False
        except (TimeoutError, ConnectionError):
            stopped = True
        suite.check("13 a client that never reads is no longer read from", stopped)

    limited(suite)
    suite.check("the process lives", server.is_alive)
    suite.equal("and answers over TCP", dig(server.port, SERVICE, "A", "+tcp").data, ["a 10.96.0.10"])
    suite.equal("and over UDP", dig(server.port, SERVICE).data, ["a 10.96.0.10"])


if __name__ == "__main__":
    Suite("tcp").run(body)
