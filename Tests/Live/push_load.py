#!/usr/bin/env python3
"""Many clients that are told of changes: what a subscription costs, and how long it takes until all have heard."""

import os
import select
import socket
import statistics
import struct
import time
from live import Lab, Server, Suite, eventually, extent, framed
from push import Cluster
from push_client import KEEPALIVE, SUBSCRIBE, message, value, wanted

COREFILE = """cluster.local:@PORT@ {
    bind 127.0.0.1
    kubernetes cluster.local {
        kubeconfig @KUBECONFIG@
    }
    prometheus 127.0.0.1:@METRICS@
}
"""
# A response without records, with its length.
RESPONSE = 14


def resident(server):
    """Octets of memory that are this process' own."""
    with open(f"/proc/{server.pid}/smaps_rollup") as file:
        return next(int(line.split()[1]) * 1024 for line in file if line.startswith("Pss_Anon"))


def cpu(server):
    """Seconds."""
    total = 0
    for task in os.listdir(f"/proc/{server.pid}/task"):
        try:
            with open(f"/proc/{server.pid}/task/{task}/schedstat") as file:
                total += int(file.read().split()[0])
        except FileNotFoundError:
            pass
    return total / 1e9


def drained(stream, count):
    """True once so many octets have come."""
    while count > 0:
        piece = stream.recv(min(count, 1 << 16))
        if not piece:
            return False
        count -= len(piece)
    return True


def body(suite):
    clients, names = extent((100, 200), (500, 2000))
    lab = Lab()
    cluster = Cluster(lab)
    cluster.namespace("shop")
    cluster.service("there", "10.96.7.1")
    server = Server(COREFILE, lab.kubeconfig).wait_for("there.shop.svc.cluster.local")
    silent = framed(message(65_000, value(KEEPALIVE, struct.pack("!II", 3_600_000, 3_600_000))))
    streams = []
    for number in range(clients):
        # As many addresses as nodes: connections are limited by address.
        stream = socket.create_connection(("127.0.0.1", server.port), 30, (f"127.0.1.{number % 250 + 1}", 0))
        stream.sendall(silent)
        drained(stream, RESPONSE + 12)
        streams.append(stream)
    before = resident(server)
    requests = b"".join(
        framed(message(n + 1, value(SUBSCRIBE, wanted(f"name-{n}.shop.svc.cluster.local")))) for n in range(names))
    for number, stream in enumerate(streams):
        stream.sendall(requests)
        if not drained(stream, RESPONSE * names):
            return suite.check("every subscription is answered", False, f"client {number}")
        if number % 100 == 99:
            print(f"  push-load: {(number + 1) * names} subscriptions", flush=True)
    count = clients * names
    suite.equal("all are held", server.metric("coredns_push_subscriptions"), count)
    taken = resident(server) - before
    print(f"  push-load: {count} subscriptions in {taken / 1e6:.1f} MB, {taken / count:.0f} octets each", flush=True)
    if extent(False, True):
        suite.gate("node", "memory of a subscription on the server", f"{taken / count:.0f} octets", "48 octets",
                   taken / count <= 48, f"{count} of {clients} connections")
        suite.gate("node", "memory of all of them", f"{taken / 1e6:.1f} MB", "60 MB", taken <= 60e6, f"{count}")
    times, work = [], []
    poll = select.epoll()
    for stream in streams:
        stream.setblocking(False)
        poll.register(stream.fileno(), select.EPOLLIN)
    by_number = {stream.fileno(): stream for stream in streams}
    for turn in range(extent(5, 40)):
        begun = cpu(server)
        # It appears and goes: each is told to everybody.
        if turn % 2 == 0:
            cluster.service("name-7", "10.96.7.99")
        else:
            cluster.delete_service("name-7")
        start, waiting = None, set(by_number)
        limit = time.monotonic() + 20
        while waiting and time.monotonic() < limit:
            for number, _ in poll.poll(1):
                start = start or time.monotonic()
                waiting.discard(number)
                while True:
                    try:
                        if not by_number[number].recv(1 << 16):
                            return suite.check("no connection ends", False)
                    except BlockingIOError:
                        break
        if waiting:
            return suite.check("all are told", False, f"{len(waiting)} of {clients} are not")
        times.append((time.monotonic() - start) * 1000)
        work.append((cpu(server) - begun) / clients * 1e6)
    first, each = statistics.median(times), statistics.median(work)
    print(f"  push-load: {clients} clients are told within {first:.1f} ms, {each:.1f} µs of CPU each", flush=True)
    suite.check("all are told each time", len(times) == extent(5, 40))
    if extent(False, True):
        suite.gate("node", f"one Service that {clients} clients follow changes: from the first who is told to the last",
                   f"{first:.1f} ms", "20 ms", first <= 20, f"median of {len(times)} changes")
        suite.gate("node", "CPU for each who is told", f"{each:.1f} µs", "10 µs", each <= 10, "with all of the process")
    for stream in streams:
        stream.close()
    suite.check("all of it is given back", eventually(lambda: server.metric("coredns_push_subscriptions") == 0))
    suite.check("and the table is empty", server.metric("coredns_push_names") == 0)


if __name__ == "__main__":
    Suite("push-load").run(body)
