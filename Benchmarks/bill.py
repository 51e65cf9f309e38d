#!/usr/bin/env python3
"""What cluster DNS costs clusters of 100 to 15,000 nodes, computed from what was measured: Benchmarks/bill.py

Reads docs/benchmarks.json, which `DOCUMENT=1 table.py` writes, and writes the tables of docs/cluster-bill.md.
    PODS=30 QUESTIONS=1 EXTERNAL=0.2 CORES=8    pods of a node, questions a second of a pod, the part of them that is asked
                                                upstream, cores of a node
"""

import json
import math
import os
import pathlib

docs = pathlib.Path(__file__).resolve().parents[1] / "docs"
PODS, QUESTIONS = float(os.environ.get("PODS", 30)), float(os.environ.get("QUESTIONS", 1))
EXTERNAL, CORES = float(os.environ.get("EXTERNAL", 0.2)), float(os.environ.get("CORES", 8))
NODES = (100, 500, 1000, 2000, 5000, 10_000, 15_000)
# Of the cluster whose memory was measured: Services and endpoints of a node.
SERVICES_OF_NODE = 8200 / 5000
# A replica is not filled over this part of one core: a peak, and a replica that is gone, have to fit.
FILL = 0.5


def proportional(nodes):
    """Replicas by the rule that clusters ship for CoreDNS: one for 256 cores or 16 nodes, at least two."""
    return max(2, math.ceil(nodes * CORES / 256), math.ceil(nodes / 16))


def cost(measured, server, rate):
    """µs of CPU for a question of the mix, with `rate` questions a second at one replica: waking costs more, the less there is."""
    def between(slow, slow_rate, fast):
        # One wake for many: what is over the cost at saturation falls with the rate.
        return fast + (slow - fast) * min(1, slow_rate / max(rate, 1))
    cluster = between(measured["kubeadm-20000"][server], 20_000, measured["kubeadm"][server])
    external = between(measured["udp-5000"][server], 5_000, measured["udp"][server])
    return (1 - EXTERNAL) * cluster + EXTERNAL * external


def memory(measured, server, nodes):
    """MiB of a replica: a line through the two clusters that were measured."""
    sizes = [measured["memory"][f"{title}|{server}"][1] for title in ("an empty cluster", "8,200 Services, 150,000 endpoints")]
    return sizes[0] + (sizes[1] - sizes[0]) * nodes / 5000


def published(nodes):
    """MB of a replica as CoreDNS' guide to scaling has it: (pods + Services) / 1000 + 54."""
    return (nodes * PODS + nodes * SERVICES_OF_NODE) / 1000 + 54


def needed(measured, server, questions):
    """The fewest replicas, at least two, of which none is filled over its part of a core."""
    replicas = 2
    while questions / replicas * cost(measured, server, questions / replicas) / 1e6 > FILL:
        replicas += 1
    return replicas


def line(measured, server, nodes, replicas):
    questions = nodes * PODS * QUESTIONS
    cpu = questions * cost(measured, server, questions / replicas) / 1e6
    return f"{replicas:,} | {cpu:.1f} | {replicas * memory(measured, server, nodes) / 1024:.2f}"


def main():
    measured = json.loads((docs / "benchmarks.json").read_text())
    out = [f"{PODS:g} pods a node, {QUESTIONS:g} question a second of each, {EXTERNAL:.0%} of them asked upstream, "
           f"nodes of {CORES:g} cores.", "",
           "| nodes | questions a second | CoreDNS: replicas | cores | GiB | cluster-dns, as many: replicas | cores | GiB "
           "| cluster-dns, as many as are needed: replicas | cores | GiB |", "|---:|" + "---:|" * 10]
    for nodes in NODES:
        rule, questions = proportional(nodes), nodes * PODS * QUESTIONS
        out.append(f"| {nodes:,} | {questions:,.0f} | {line(measured, 'CoreDNS', nodes, rule)} | "
                   f"{line(measured, 'cluster-dns', nodes, rule)} | "
                   f"{line(measured, 'cluster-dns', nodes, needed(measured, 'cluster-dns', questions))} |")
    out += ["", "| nodes | a replica of CoreDNS, as published | as measured | of cluster-dns |", "|---:|---:|---:|---:|"]
    for nodes in NODES:
        out.append(f"| {nodes:,} | {published(nodes):.0f} MB | {memory(measured, 'CoreDNS', nodes):.0f} MiB | "
                   f"{memory(measured, 'cluster-dns', nodes):.0f} MiB |")
    page = docs / "cluster-bill.md"
    head, _, rest = page.read_text().partition("<!-- computed -->\n")
    page.write_text(head + "<!-- computed -->\n" + "\n".join(out) + "\n<!-- end -->" + rest.partition("<!-- end -->")[2])
    print("\n".join(out))


main()
