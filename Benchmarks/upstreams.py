#!/usr/bin/env python3
"""CPU per uncached answer, by how the upstream is asked: Benchmarks/upstreams.py [BINARY]

PAIRS=5 SECONDS_EACH=10 OUTSTANDING=100 RATE= (questions a second; as fast as they are answered); COREDNS names a stock
CoreDNS, which is measured beside. Over UDP a second Unbound that forwards is measured, too.
An Unbound answers every name from memory; it and dnsperf have one core, the server that is measured the other.
"""

import os
import subprocess
import sys

from turns import BINARY, COREDNS, OUTSTANDING, PAIRS, SECONDS, asking, dig, eventually, free_port, rounds, serving, start, work
from peers import unbound
from secure_clients import HOST, Authority

NAMES = 100_000


def pin(pid, core):
    """Every thread of a process, of which a server may have more than one from its start."""
    subprocess.run(["taskset", "-acp", str(core), str(pid)], check=True, capture_output=True)


def start_unbound(files, plain, tls, https):
    upstream = unbound("unbound", f"""
    interface: 127.0.0.1@{plain}
    interface: 127.0.0.1@{tls}
    interface: 127.0.0.1@{https}
    tls-port: {tls}
    https-port: {https}
    tls-service-key: "{files[1]}"
    tls-service-pem: "{files[0]}"
    num-threads: 1
    incoming-num-tcp: 1000
    local-zone: "test." redirect
    local-data: "test. 60 IN A 192.0.2.1"
""")
    pin(upstream.pid, asking)
    if not eventually(lambda: dig(plain, "a.test", "A", "+time=1").rcode == "NOERROR", 30):
        sys.exit(f"Unbound does not answer:\n{upstream.log_end()}")


def start_forwarder(upstream):
    """An Unbound that keeps nothing, so that it asks for every name, on the core of those that are measured."""
    port = free_port()
    forwarder = unbound("forwarder", f"""
    interface: 127.0.0.1@{port}
    num-threads: 1
    do-not-query-localhost: no
    module-config: "iterator"
    cache-max-ttl: 0
    outgoing-range: 8000
    num-queries-per-thread: 4000
    local-zone: "test." transparent
""", f"""
forward-zone:
    name: "."
    forward-addr: 127.0.0.1@{upstream}
""")
    pin(forwarder.pid, serving)
    return port, forwarder.pid


def main():
    authority = Authority("bench")
    files = authority.issue("server", HOST)
    plain, tls, https = (free_port() for _ in range(3))
    start_unbound(files, plain, tls, https)
    (work / "queries").write_text("".join(f"n{number}.test. A\n" for number in range(NAMES)))
    security = f"tls {authority.certificate}\ntls_servername {HOST}"
    ways = {
        "UDP": f"forward . 127.0.0.1:{plain}",
        "TCP": f"forward . 127.0.0.1:{plain} {{\nforce_tcp\n}}",
        "TLS": f"forward . tls://127.0.0.1:{tls} {{\n{security}\n}}",
        "HTTPS": f"forward . https://127.0.0.1:{https} {{\n{security}\n}}",
    }
    servers = {}
    for way, line in ways.items():
        text = f".:@PORT@ {{\nbind 127.0.0.1\nerrors\n{line}\n}}\n"
        ours, *theirs = start(text, with_coredns=COREDNS and way != "HTTPS")
        servers[f"cluster-dns {way}"] = ours
        if theirs:
            servers[f"CoreDNS {way}"] = theirs[0]
    servers["Unbound UDP"] = start_forwarder(plain)
    print(f"{BINARY}: server on core {serving}, Unbound and dnsperf on core {asking}; {PAIRS} rounds of {SECONDS} s, "
          f"{OUTSTANDING} outstanding", flush=True)
    rate = os.environ.get("RATE")
    medians = rounds(servers, "a.test", ("-Q", rate) if rate else ())
    print(f"ratio   UDP, beside Unbound's: {medians['cluster-dns UDP'] / medians['Unbound UDP']:.2f}")
    print(f"ratio   TLS / TCP: {medians['cluster-dns TLS'] / medians['cluster-dns TCP']:.2f}")
    if COREDNS:
        print(f"ratio   UDP, beside CoreDNS': {medians['cluster-dns UDP'] / medians['CoreDNS UDP']:.2f}")
        print(f"ratio   TLS, beside CoreDNS': {medians['cluster-dns TLS'] / medians['CoreDNS TLS']:.2f}")


main()
