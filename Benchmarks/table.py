#!/usr/bin/env python3
"""CPU per answer of cluster-dns and of servers that are known, in turn on one core: Benchmarks/table.py [BINARY] [ROW…]

    PAIRS=5 SECONDS_EACH=5 OUTSTANDING=100      rounds, seconds of each, questions under way
    COREDNS=PROGRAM                             a stock CoreDNS is measured beside
    DOCUMENT=1                                  writes docs/benchmarks.md and its figure with what was measured
Without ROW all are measured; `--list` names them. The server that is measured has one core, dnsperf and upstreams another.
"""

import contextlib
import os
import sys
import time
from dataclasses import dataclass, field
from typing import Callable

from turns import BINARY, PAIRS, SECONDS, asking, by_dnsperf, by_handshakes, root, rounds, serving, work
import memory
import report
from cluster import write as write_cluster
from live import Lab, dig, eventually
from secure_clients import HOST, Authority
from servers import COREDNS, OURS, both, dnsmasq, knot, nsd, ours, unbound, versions

HOSTS = 1000
CLUSTER = os.environ.get("CLUSTER", "nodes=50,services=1000,endpoints=5000,seed=1")


@dataclass
class Row:
    """What is asked of which servers."""

    key: str
    title: str
    servers: Callable[[], dict]
    ask: Callable = by_dnsperf(())
    questions: str = "hosts"
    asked: tuple = ()
    limits: dict = field(default_factory=dict)
    """What it may cost beside a peer's, as this project wants it."""


class Fixtures:
    """Clusters, upstreams, files and certificates that rows share, made when first needed."""

    def __init__(self):
        self.made = {}

    def __getattr__(self, name):
        if name not in self.made:
            self.made[name] = getattr(type(self), f"make_{name}")(self)
        return self.made[name]

    def make_cluster(self):
        lab = Lab("--generate", CLUSTER)
        with contextlib.redirect_stdout(None):
            write_cluster(lab.kubeconfig, work / "queries.cluster", work / "zone")
        return lab.kubeconfig

    def make_hosts(self):
        (work / "hosts").write_text("".join(f"10.0.{n >> 8}.{n & 255} n{n}.test\n" for n in range(HOSTS)))
        (work / "queries.hosts").write_text("".join(f"n{n}.test. A\n" for n in range(HOSTS)))
        return work / "hosts"

    def make_distinct(self):
        (work / "queries.distinct").write_text("".join(f"n{n}.test. A\n" for n in range(100_000)))

    def make_authority(self):
        return Authority("bench")

    def make_files(self):
        return self.authority.issue("server", HOST)[:2]

    def make_upstream(self):
        """An Unbound that answers every name from memory; its ports for UDP and TCP, TLS, and HTTPS."""
        certificate, key = self.files
        ports, _ = unbound(f"""
    tls-port: @2
    https-port: @3
    tls-service-key: "{key}"
    tls-service-pem: "{certificate}"
    incoming-num-tcp: 1000
    local-zone: "test." redirect
    local-data: "test. 3600 IN A 192.0.2.1"
""", core=asking, ports=3)
        if not eventually(lambda: dig(ports[0], "a.test", "A", "+time=1").rcode == "NOERROR", 30):
            sys.exit("Unbound does not answer")
        return ports


have = Fixtures()
KUBERNETES = """kubernetes cluster.local in-addr.arpa ip6.arpa {
        kubeconfig @KUBECONFIG@
        pods insecure
        fallthrough in-addr.arpa ip6.arpa
        ttl 30
    }"""


def block(*lines, scheme=""):
    return f"{scheme}.:@PORT@ {{\n    bind 127.0.0.1\n    errors\n    " + "\n    ".join(lines) + "\n}\n"


def kubeadm():
    """The Corefile that kubeadm installs, its pages on free ports and its upstream on this machine."""
    text = (root / "Corefile-examples/kubeadm.Corefile").read_text()
    for old, new in {".:53 {": ".:@PORT@ {\n    bind 127.0.0.1", "health {": "health 127.0.0.1:@HEALTH@ {",
                     "    ready\n": "    ready 127.0.0.1:@READY@\n", ":9153": "127.0.0.1:@METRICS@",
                     "/etc/resolv.conf": f"127.0.0.1:{have.upstream[0]}",
                     "       pods insecure": "       kubeconfig @KUBECONFIG@\n       pods insecure"}.items():
        assert old in text, old
        text = text.replace(old, new)
    return text


def cluster(text):
    servers = both(text, have.cluster)
    return {**servers, "NSD": nsd("cluster.local", work / "zone"), "Knot DNS": knot("cluster.local", work / "zone")}


def logged():
    have.hosts
    servers = both(block("log", f"hosts {work}/hosts"))
    return {**servers, "cluster-dns, no log": ours(block(f"hosts {work}/hosts"))}


def cached():
    have.hosts
    upstream = have.upstream[0]
    return {
        **both(block(f"forward . 127.0.0.1:{upstream}", "cache 3600")),
        "Unbound": unbound('    do-not-query-localhost: no\n    module-config: "iterator"\n    local-zone: "test." transparent\n',
                           f'forward-zone:\n    name: "."\n    forward-addr: 127.0.0.1@{upstream}\n'),
        "dnsmasq": dnsmasq(f"--server=127.0.0.1#{upstream}", "--cache-size=10000"),
    }


def uncached(how):
    """Every question is asked upstream, `how`: UDP, TCP, TLS or HTTPS."""
    have.distinct
    plain, tls, https = have.upstream
    security = f"tls {have.authority.certificate}\n        tls_servername {HOST}"
    line = {
        "UDP": f"forward . 127.0.0.1:{plain}",
        "TCP": f"forward . 127.0.0.1:{plain} {{\n        force_tcp\n    }}",
        "TLS": f"forward . tls://127.0.0.1:{tls} {{\n        {security}\n    }}",
        "HTTPS": f"forward . https://127.0.0.1:{https} {{\n        {security}\n    }}",
    }[how]
    if how == "HTTPS":
        return {OURS: ours(block(line))}
    settings = """
    do-not-query-localhost: no
    module-config: "iterator"
    cache-max-ttl: 0
    outgoing-range: 8000
    num-queries-per-thread: 4000
    local-zone: "test." transparent
"""
    forward = f"    forward-addr: 127.0.0.1@{plain}\n"
    if how == "TCP":
        forward += "    forward-tcp-upstream: yes\n"
    if how == "TLS":
        settings += f'    tls-cert-bundle: "{have.authority.certificate}"\n'
        forward = f"    forward-addr: 127.0.0.1@{tls}#{HOST}\n    forward-tls-upstream: yes\n"
    servers = {**both(block(line)), "Unbound": unbound(settings, f'forward-zone:\n    name: "."\n{forward}')}
    if how == "UDP":
        servers["dnsmasq"] = dnsmasq(f"--server=127.0.0.1#{plain}", "--cache-size=0", "--dns-forward-max=4000")
    return servers


def listening(scheme, handshakes=False):
    """Answers from memory through an encrypted listener, or plain TCP."""
    certificate, key = have.files
    have.hosts
    lines = [f"hosts {work}/hosts"] + ([f"tls {certificate} {key}"] if scheme else [])
    way = {"tls://": "tls-port: @1", "https://": "https-port: @1", "": ""}[scheme]
    names = "".join(f'    local-data: "n{n}.test. 60 IN A 10.0.{n >> 8}.{n & 255}"\n' for n in range(HOSTS))
    return {**both(block(*lines, scheme=scheme)), "Unbound": unbound(f"""
    {way}
    tls-service-key: "{key}"
    tls-service-pem: "{certificate}"
    incoming-num-tcp: 1000
    local-zone: "test." static
{names}""")}


ROWS = [
    Row("cluster", "cluster names", lambda: cluster(block(KUBERNETES)), questions="cluster", limits={"NSD": 0.85}),
    Row("kubeadm", "cluster names, kubeadm's Corefile", lambda: cluster(kubeadm()), questions="cluster", limits={"NSD": 0.85}),
    Row("cluster-20000", "cluster names, 20,000 a second", lambda: cluster(block(KUBERNETES)),
        by_dnsperf(("-Q", "20000")), "cluster", limits={"NSD": 0.95}),
    Row("kubeadm-20000", "kubeadm's Corefile, 20,000 a second", lambda: cluster(kubeadm()),
        by_dnsperf(("-Q", "20000")), "cluster", limits={"NSD": 0.95}),
    Row("log", "with `log`", logged, limits={"CoreDNS": 0.5, "cluster-dns, no log": 2}),
    Row("cached", "external names, cached", cached, limits={"Unbound": 0.9}),
    Row("udp", "external names, asked over UDP", lambda: uncached("UDP"), questions="distinct",
        limits={"Unbound": 0.6, "CoreDNS": 0.5}),
    Row("udp-5000", "external names over UDP, 5,000 a second", lambda: uncached("UDP"), by_dnsperf(("-Q", "5000")), "distinct",
        limits={"Unbound": 0.6, "CoreDNS": 0.5}),
    Row("tcp-upstream", "external names, asked over TCP", lambda: uncached("TCP"), questions="distinct", limits={"Unbound": 0.6}),
    Row("tls-upstream", "external names, asked over TLS", lambda: uncached("TLS"), questions="distinct", limits={"CoreDNS": 0.5}),
    Row("https-upstream", "external names, asked over HTTPS", lambda: uncached("HTTPS"), questions="distinct"),
    Row("tcp", "answers over TCP, kept connections", lambda: listening(""), by_dnsperf(("-m", "tcp")), asked=("+tcp",)),
    Row("tls", "answers over TLS, kept connections", lambda: listening("tls://"), by_dnsperf(("-m", "dot")), asked=("+tls",),
        limits={"CoreDNS": 0.6}),
    Row("https", "answers over HTTPS, kept connections", lambda: listening("https://"),
        by_dnsperf(("-m", "doh", "-O", "doh-method=POST")), asked=("+https",), limits={"CoreDNS": 0.7}),
    Row("handshake", "a TLS handshake", lambda: listening("tls://"), by_handshakes, asked=("+tls",), limits={"Unbound": 1.1}),
]


def run(row):
    print(f"{row.title}:", flush=True)
    getattr(have, row.questions)
    servers = row.servers()
    questions = work / "queries"
    questions.write_text((work / f"queries.{row.questions}").read_text())
    name = questions.read_text().split()[0]
    medians = rounds(servers, row.ask, name, row.asked)
    for _, pid in servers.values():
        os.kill(pid, 9)
    for label, value in medians.items():
        ratio = "" if label == OURS else f"  cluster-dns / {label}: {medians[OURS] / value:.2f}"
        limit = row.limits.get(label)
        verdict = "" if limit is None else f"  (wanted: at most {limit})"
        print(f"  median  {label:22} {value:8.2f} µs{ratio}{verdict}", flush=True)
    return medians


def main():
    wanted = sys.argv[1:]
    if wanted == ["--list"]:
        print("\n".join(f"{row.key:16} {row.title}" for row in ROWS))
        return print(f"{'memory':16} resident memory of two clusters")
    unknown = set(wanted) - {row.key for row in ROWS} - {"memory"}
    if unknown:
        sys.exit(f"no row is called {', '.join(sorted(unknown))}; --list names them")
    begun = time.monotonic()
    if not COREDNS:
        print("CoreDNS: not run: COREDNS names no program")
    print(f"{BINARY}: server on core {serving}, the others on core {asking}; median of {PAIRS} rounds of {SECONDS} s", flush=True)
    results = [(row, run(row)) for row in ROWS if not wanted or row.key in wanted]
    lines = report.table(results) + ["", report.machine(versions(), PAIRS, SECONDS)]
    sizes = {}
    if not wanted or "memory" in wanted:
        print("memory:", flush=True)
        sizes = memory.measure(block(KUBERNETES))
        lines += ["", *memory.table(sizes)]
    print("\n" + "\n".join(lines))
    print(f"{time.monotonic() - begun:.0f} s in all")
    if os.environ.get("DOCUMENT"):
        report.document(root / "docs", results, sizes, lines)


main()
