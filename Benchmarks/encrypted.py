#!/usr/bin/env python3
"""CPU per answer over TLS and HTTPS on kept connections: Benchmarks/encrypted.py [BINARY]

PAIRS=5 SECONDS_EACH=10 OUTSTANDING=100; COREDNS names a stock CoreDNS, which is measured beside.
The server has one core to itself, dnsperf the other; answers come from a hosts file of 1,000 names.
"""

from turns import BINARY, COREDNS, OUTSTANDING, PAIRS, SECONDS, asking, rounds, serving, start, work
from secure_clients import HOST, Authority

NAMES = 1000


def main():
    certificate, key = Authority("bench").issue("server", HOST)[:2]
    (work / "queries").write_text("".join(f"n{number}.test A\n" for number in range(NAMES)))
    (work / "hosts").write_text("".join(f"10.0.{number >> 8}.{number & 255} n{number}.test\n" for number in range(NAMES)))
    print(f"{BINARY}: server on core {serving}, dnsperf on core {asking}; {PAIRS} rounds of {SECONDS} s, "
          f"{OUTSTANDING} outstanding", flush=True)
    for way, scheme, options, asked in (
            ("TLS", "tls", ("-m", "dot"), ("+tls",)),
            ("HTTPS", "https", ("-m", "doh", "-O", "doh-method=POST"), ("+https",))):
        text = (f"{scheme}://.:@PORT@ {{\nbind 127.0.0.1\ntls {certificate} {key}\nhosts {work}/hosts\n}}\n")
        ours, *theirs = start(text, with_coredns=COREDNS)
        servers = {f"cluster-dns {way}": ours}
        if theirs:
            servers[f"CoreDNS {way}"] = theirs[0]
        medians = rounds(servers, "n0.test", options, asked)
        if theirs:
            print(f"ratio   {way}, beside CoreDNS': {medians[f'cluster-dns {way}'] / medians[f'CoreDNS {way}']:.2f}")


main()
