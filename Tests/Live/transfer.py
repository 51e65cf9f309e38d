#!/usr/bin/env python3
"""Zones copied by dig, kdig and NSD: complete, told of changes, at 8,200 Services, and clients that misbehave."""

import collections
import os
import re
import subprocess
import time
from live import (
    EXAMPLES, Lab, Reply, Server, Suite, connect, dig, encoded_name, eventually, exchange, framed, free_port,
    header, receive_framed, while_still, work)
from peers import nsd_secondary

COREFILE = """
.:@PORT@ {
    bind 127.0.0.1
    errors
    transfer {
        to %s
    }
    kubernetes cluster.local in-addr.arpa {
        kubeconfig @KUBECONFIG@
        pods verified
        ttl 30
    }
}
"""
SERVICE = "kube-dns.kube-system.svc.cluster.local"
AXFR = header(flags=0) + encoded_name("cluster.local") + b"\0\xfc\0\1"


def transfer(tool, port, zone="cluster.local", kind="AXFR"):
    """The records that a tool prints: (owner, type, data), each as often as it came."""
    output = subprocess.run(
        [tool, "@127.0.0.1", "-p", str(port), "-q", zone, "-t", kind, "+timeout=20" if tool == "kdig" else "+time=20"],
        capture_output=True, text=True, timeout=120).stdout
    rows = [line.split(None, 4) for line in output.splitlines() if line and line[0] != ";"]
    return [(row[0].lower(), row[3], " ".join(row[4].split())) for row in rows if len(row) == 5 and row[2] == "IN"]


def counts(records):
    return collections.Counter(kind for _, kind, _ in records)


def serial(server):
    return int(dig(server.port, "cluster.local", "SOA").answer[0][3].split()[2])


def compared(server, zone):
    """The zone as dig copies it, and what kdig sees otherwise."""
    copied = transfer("dig", server.port, zone)
    return copied, set(transfer("kdig", server.port, zone)) ^ set(copied)


def inner_records(copied):
    return [record for record in copied[1:-1] if record[1] in ("A", "AAAA", "SRV", "CNAME", "TXT", "PTR")]


def asked_one_by_one(server, zone):
    """The number of sets in the zone, and those that questions get otherwise."""
    sets, differing = collections.defaultdict(set), []
    for owner, kind, data in inner_records(transfer("dig", server.port, zone)):
        sets[owner, kind].add(f"{kind} {data}".lower())
    for (owner, kind), wanted in sets.items():
        got = dig(server.port, owner, kind, "+tcp")
        found = {record for record in got.data if record.startswith(f"{kind.lower()} ")}
        if found != wanted:
            differing.append((owner, kind, found, wanted))
    return len(sets), differing


def check_examples(suite):
    manifests = work / "manifests"
    subprocess.run(["cp", "-r", EXAMPLES, manifests], check=True)
    lab = Lab(manifests=manifests)
    nsd = free_port()
    server = Server(COREFILE % f"127.0.0.1:{nsd} *", lab.kubeconfig).wait_for(SERVICE)

    for zone in ["cluster.local", "in-addr.arpa"]:
        copied, differing = while_still(lambda: serial(server), lambda: compared(server, zone))
        suite.check(f"{zone}: SOA first and last", len(copied) > 2 and copied[0][1] == copied[-1][1] == "SOA")
        suite.equal(f"{zone}: kdig reads the same as dig", sorted(differing)[:3], [])
        inner = inner_records(copied)
        suite.equal(f"{zone}: each record once", len(set(inner)), len(inner))
        count, differing = while_still(lambda: serial(server), lambda: asked_one_by_one(server, zone))
        suite.check(f"{zone}: all {count} sets are what questions get", count and not differing, differing[:3])

    datagram = exchange(server.port, AXFR)
    suite.equal("over UDP", datagram and datagram.rcode, 5)
    suite.equal("IXFR from the current serial is one SOA", while_still(lambda: serial(server), lambda:
        [kind for _, kind, _ in transfer("dig", server.port, kind=f"IXFR={serial(server)}")]), ["SOA"])
    suite.check("IXFR from an old serial is all of it", len(transfer("dig", server.port, kind="IXFR=1")) > 20)

    nsd_secondary("secondary", nsd, "cluster.local", server.port, request="AXFR")
    suite.equal("NSD as a secondary has the zone",
        eventually(lambda: dig(nsd, SERVICE, "A", "+time=1").data), dig(server.port, SERVICE).data)
    path = next(path for path in manifests.iterdir() if "externalName: example.com" in path.read_text())
    path.write_text(path.read_text().replace("externalName: example.com", "externalName: example.net"))
    partner = "partner.shop.svc.cluster.local"
    changed = eventually(lambda: "cname example.net." in dig(nsd, partner, "CNAME", "+time=1").data)
    suite.check("NOTIFY brings it a change long before its refresh of two hours", changed)
    server.stop()


def check_access(suite):
    lab = Lab(manifests=EXAMPLES)
    server = Server(COREFILE % "192.0.2.1", lab.kubeconfig).wait_for(SERVICE)
    suite.equal("another client", dig(server.port, "cluster.local", "AXFR", "+tcp").text.count("Transfer failed"), 1)


def check_large(suite):
    lab = Lab("--generate", "nodes=500,services=8200,endpoints=50000,seed=7")
    server = Server(COREFILE % "*", lab.kubeconfig)
    server.wait_for("cluster.local", "SOA")
    suite.check("the cluster is known", eventually(lambda: len(transfer("dig", server.port)) > 50000))
    started = time.monotonic()
    copied = transfer("dig", server.port)
    seconds = time.monotonic() - started
    kinds = counts(copied)
    print(f"  transfer: {len(copied)} records of 8,200 Services by dig in {seconds:.1f} s: {dict(kinds)}", flush=True)
    suite.check("whole", len(copied) > 2 and copied[0][1] == copied[-1][1] == "SOA")
    services = {owner for owner, kind, _ in copied
        if kind in ("A", "AAAA", "CNAME") and re.fullmatch(r"[^.]+\.[^.]+\.svc\.cluster\.local\.", owner)}
    listed = lab.get("/api/v1/services?limit=20000")["items"]
    named = {f"{item['metadata']['name']}.{item['metadata']['namespace']}.svc.cluster.local." for item in listed
        if item["spec"].get("clusterIP") not in ("None", None)}
    missing = len(named - services)
    suite.check("every Service with an address is in it", named and not missing, f"{missing} missing")
    suite.equal("kdig counts the same", counts(transfer("kdig", server.port)), kinds)
    with connect(server.port) as stream:
        stream.sendall(framed(AXFR))
        sizes = []
        while message := receive_framed(stream):
            sizes.append(len(message))
            if sum(sizes) > 100_000:
                break
        suite.check("messages are bounded", max(sizes) <= 16383, max(sizes))
    check_hostile(suite, server)


def check_hostile(suite, server):
    """Clients that hold on to a transfer, and the answers of others meanwhile."""
    stuck = [connect(server.port, 120) for _ in range(40)]
    for stream in stuck:
        stream.sendall(framed(AXFR))
    slowest = 0.0
    for _ in range(50):
        started = time.monotonic()
        answer = dig(server.port, "cluster.local", "SOA", "+time=5")
        slowest = max(slowest, time.monotonic() - started) if answer.rcode == "NOERROR" else 99
    suite.check("40 clients that do not read keep nobody waiting", slowest < 5, f"{slowest:.2f} s")
    first = [receive_framed(stream) for stream in stuck]
    refused = sum(1 for message in first if message and Reply(message).rcode == 5)
    suite.check("those beyond the limit are refused", refused >= 40 - 8 * (os.cpu_count() or 1), refused)
    for stream in stuck[::2]:
        stream.close()
    suite.check("after some have gone away there is room again",
        eventually(lambda: len(transfer("dig", server.port)) > 50000, pause=0.5))
    suite.check("the others are disconnected in time", eventually(lambda: len(descriptors(server)) < 40, pause=0.5))
    for stream in stuck:
        stream.close()
    for _ in range(30):
        with connect(server.port) as stream:
            stream.sendall(framed(AXFR))
            stream.recv(1000)
    suite.check("30 that go away in the middle harm nobody", len(transfer("dig", server.port)) > 50000)
    suite.check("the server lives", server.is_alive)


def descriptors(server):
    return os.listdir(f"/proc/{server.pid}/fd")


def body(suite):
    check_examples(suite)
    check_access(suite)
    check_large(suite)


if __name__ == "__main__":
    Suite("transfer").run(body)
