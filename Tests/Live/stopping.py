#!/usr/bin/env python3
"""SIGTERM answers everything that was received before it, then ends with exit code 0."""

import signal
import socket
import time
from live import EXAMPLES, Lab, Reply, ScriptedUpstream, Server, Suite, connect, dig, eventually, framed, query, receive_framed

SERVICE = "kube-dns.kube-system.svc.cluster.local"
CLIENTS, BURST = 8, 25
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

LAMEDUCK = """
.:@PORT@ {
    bind 127.0.0.1
    health 127.0.0.1:@HEALTH@ {
        lameduck 10s
    }
    ready 127.0.0.1:@READY@
    kubernetes cluster.local {
        kubeconfig @KUBECONFIG@
    }
}
"""


def answers(client, wanted):
    """Ids of the answers that come within half a minute of each other, at most `wanted`."""
    client.settimeout(30)
    got = set()
    try:
        while len(got) < wanted:
            got.add(Reply(client.recv(65535)).id)
    except (TimeoutError, ConnectionError):
        pass
    return got


def body(suite):
    upstream = ScriptedUpstream(delay=1.0)
    lab = Lab(manifests=EXAMPLES)
    for attempt in range(5):
        server = Server(COREFILE % upstream.port, lab.kubeconfig).wait_for(SERVICE)
        clients = [socket.socket(type=socket.SOCK_DGRAM) for _ in range(CLIENTS)]
        for client in clients:
            client.connect(("127.0.0.1", server.port))
        stream = connect(server.port)
        stream.sendall(framed(query(SERVICE, id=1)))
        suite.check(f"{attempt}: the connection works", receive_framed(stream))
        # Loopback hands datagrams over before `send` returns: all of this is received when the signal comes.
        waiting = upstream.asked
        clients[0].send(query(f"slow-{attempt}.slow.test", id=9999))
        stream.sendall(framed(query(f"other-{attempt}.slow.test", id=2)))
        eventually(lambda: upstream.asked >= waiting + 2)
        for number in range(BURST):
            for client in clients:
                client.send(query(SERVICE, id=number))
        stream.sendall(framed(query(SERVICE, id=3)))
        server.signal(signal.SIGTERM)
        wanted = BURST * CLIENTS
        got = [answers(client, BURST + (client is clients[0])) for client in clients]
        suite.equal(f"{attempt}: burst answered", sum(len(ids - {9999}) for ids in got), wanted)
        suite.check(f"{attempt}: the query that waits for its upstream is answered", 9999 in got[0])
        replies = [receive_framed(stream), receive_framed(stream)]
        suite.equal(f"{attempt}: queries over TCP answered", {Reply(r).id for r in replies if r}, {2, 3})
        suite.equal(f"{attempt}: exit code", server.exit_code(), 0)
        for client in clients:
            client.close()
        stream.close()
    lameduck(suite, lab)


def lameduck(suite, lab):
    """Readiness goes at once; names are answered until the lameduck time is over."""
    server = Server(LAMEDUCK, lab.kubeconfig).wait_for(SERVICE)
    suite.equal("lameduck: ready before", server.page(server.ready_port, "/ready")[0], 200)
    begin = time.monotonic()
    server.signal(signal.SIGTERM)
    suite.check("lameduck: readiness is withdrawn at once",
        eventually(lambda: server.page(server.ready_port, "/ready")[0] == 503, 9))
    suite.equal("lameduck: health stays", server.page(server.health_port, "/health")[0], 200)
    suite.equal("lameduck: names are still answered", dig(server.port, SERVICE).rcode, "NOERROR")
    suite.equal("lameduck: exit code", server.exit_code(), 0)
    suite.check("lameduck: the time was kept", time.monotonic() - begin >= 10)


if __name__ == "__main__":
    Suite("stopping").run(body)
