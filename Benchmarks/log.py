#!/usr/bin/env python3
"""CPU per answer without `log` and with it, to a file: Benchmarks/log.py [BINARY]

PAIRS=5 SECONDS_EACH=10 OUTSTANDING=100; COREDNS names a stock CoreDNS, which is measured beside.
"""

from turns import BINARY, COREDNS, PAIRS, SECONDS, asking, rounds, serving, start, work

COREFILE = """
.:@PORT@ {
    bind 127.0.0.1
    errors
    %s
    hosts %s {
        fallthrough
    }
    whoami
}
"""


def main():
    names = work / "names"
    names.write_text("".join(f"10.{n >> 16}.{n >> 8 & 255}.{n & 255} n{n}.test\n" for n in range(10_000)))
    (work / "queries").write_text("".join(f"n{n}.test. A\n" for n in range(10_000)))
    print(f"{BINARY}: server on core {serving}, dnsperf on core {asking}; {PAIRS} rounds of {SECONDS} s", flush=True)
    servers = {}
    for way, line in [("", ""), (" with log", "log")]:
        ours, *theirs = start(COREFILE % (line, names), with_coredns=COREDNS)
        servers[f"cluster-dns{way}"] = ours
        if theirs:
            servers[f"CoreDNS{way}"] = theirs[0]
    medians = rounds(servers, "n1.test")
    print(f"ratio   with log / without: {medians['cluster-dns with log'] / medians['cluster-dns']:.2f}")
    if COREDNS:
        print(f"ratio   with log, beside CoreDNS': {medians['cluster-dns with log'] / medians['CoreDNS with log']:.2f}")


main()
