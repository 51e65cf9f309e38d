"""Resident memory of cluster-dns and CoreDNS with clusters of two sizes, and how soon each has its first right answer."""

import contextlib
import os
import time

from cluster import write as write_cluster
from live import Lab, Server, dig, eventually, work
from servers import COREDNS, OURS, coredns
from turns import serving, pinned

CLUSTERS = {"an empty cluster": "nodes=1,services=1,endpoints=1,seed=1",
            "8,200 Services, 150,000 endpoints": "nodes=5000,services=8200,endpoints=150000,seed=1"}


def resident(pid):
    """MiB: now, and at the peak."""
    fields = dict(line.split(":", 1) for line in open(f"/proc/{pid}/status").read().splitlines())
    return tuple(int(fields[name].split()[0]) / 1024 for name in ("VmRSS", "VmHWM"))


def measure(corefile):
    """For each cluster and server: seconds to the first right answer, resident MiB ten seconds later, and at the peak."""
    found = {}
    for title, size in CLUSTERS.items():
        lab = Lab("--generate", size)
        with contextlib.redirect_stdout(None):
            write_cluster(lab.kubeconfig, work / "queries.memory", work / "zone.memory")
        name, *_, address = (work / "zone.memory").read_text().splitlines()[-1].split()
        for label in [OURS] + (["CoreDNS"] if COREDNS else []):
            begun = time.monotonic()
            if label == OURS:
                server = pinned(serving, lambda: Server(corefile, lab.kubeconfig))
                port, pid = server.port, server.pid
            else:
                port, pid = coredns(corefile, lab.kubeconfig)
            if not eventually(lambda: dig(port, name, "A", "+time=1", "+tries=1").data == [f"a {address}"], 120):
                raise SystemExit(f"{label} does not answer {name}")
            taken = time.monotonic() - begun
            time.sleep(10)
            found[f"{title}|{label}"] = (taken, *resident(pid))
            print(f"  {title:36} {label:12} {taken:6.2f} s  {found[f'{title}|{label}'][1]:7.1f} MiB resident  "
                  f"{found[f'{title}|{label}'][2]:7.1f} at its peak", flush=True)
            os.kill(pid, 9)
        lab.kill()
    return found


def table(found):
    lines = ["| | first right answer | resident | at its peak |", "|---|---:|---:|---:|"]
    for key, (taken, now, peak) in found.items():
        title, label = key.split("|")
        lines.append(f"| {title}: {label} | {taken:.1f} s | {now:.1f} MiB | {peak:.1f} MiB |")
    return lines
