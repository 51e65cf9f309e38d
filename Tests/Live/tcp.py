#!/usr/bin/env python3
"""`maxtcpqueries`: a connection ends with its last query, over TCP and over TLS. All else about streams: Tests/ProtocolCases."""

from live import Reply, Server, Suite, framed, free_port, query, receive_framed
from secure_clients import HOST, Authority, connect as secure_connect


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


def body(suite):
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


if __name__ == "__main__":
    Suite("tcp").run(body)
