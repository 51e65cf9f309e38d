#!/usr/bin/env python3
"""The memory budget: what fills memory stays within it, and names of the cluster are answered all the while.

What fills it: random names that are all new to the cache, and an API server whose objects are thousands with annotations of a
megabyte, or slices of thousands of endpoints. In a test run there are fewer of each, and less memory.
"""

import os
import pathlib
import re
import subprocess
import threading

from live import (
    BINARY, EXAMPLES, Lab, Program, ScriptedUpstream, Server, Suite, connect, dig, eventually, exchange, extent, framed,
    query, serve_zone, work)
from scripted_api import ScriptedAPI, endpoint_slice, namespace, service

MIB = 1 << 20
KNOWN = "kube-dns.kube-system.svc.cluster.local"
# The limit of deploy/base, of which 90 % are the budget.
CONTAINER = 170 * MIB
OTHER = 0  # RFC 8914 §4.1
FLOOD, POPULAR = "flood.example", "popular.flood.example"
COREFILE = """
.:@PORT@ {
    bind 127.0.0.1
    kubernetes cluster.local {
        KUBERNETES
    }
    cache {
        success 10000000
        denial 10000000
    }
    forward . 127.0.0.1:UPSTREAM
    prometheus 127.0.0.1:@METRICS@
}
"""


def start(budget, upstream=1, kubernetes="kubeconfig @KUBECONFIG@", kubeconfig=None, before=()):
    """A server with this budget, none to leave it to the server; `before` is a command that becomes the server."""
    class Budgeted(Server):
        command = (*before, *Server.command, *(("--memory-budget", budget) if budget else ()))

    corefile = COREFILE.replace("UPSTREAM", str(upstream)).replace("KUBERNETES", kubernetes)
    return Budgeted(corefile, *([kubeconfig] if kubeconfig else []))


def memory(server):
    """MiB resident: now, and at the peak."""
    text = pathlib.Path(f"/proc/{server.pid}/status").read_text()
    return tuple(int(re.search(rf"{name}:\s+(\d+)", text).group(1)) / 1024 for name in ("VmRSS", "VmHWM"))


class Asking(threading.Thread):
    """Asks for one name again and again until `stop`: `lost` are answers that were none or not NOERROR, `ttls` all TTLs."""

    def __init__(self, port, name, pause):
        super().__init__(daemon=True)
        self.port, self.name, self.pause = port, name, pause
        self.asked, self.lost, self.ttls, self.stopping = 0, 0, [], threading.Event()
        self.start()

    def run(self):
        while not self.stopping.wait(self.pause):
            reply = exchange(self.port, query(self.name, id=self.asked & 0xFFFF), timeout=10)
            self.asked += 1
            if reply is None or reply.rcode != 0 or reply.answers == 0:
                self.lost += 1
            else:
                self.ttls.append(next(reply.records())[2])

    def stop(self):
        self.stopping.set()
        self.join()
        return self


# What may be said


def said(suite, lab):
    for text, octets in {"170Mi": 170 * MIB, "128M": 128_000_000, "96000000": 96_000_000, "1.5Gi": 1536 * MIB, "none": 0}.items():
        server = start(text, kubeconfig=lab.kubeconfig)
        suite.check(f"{text}: the budget is a metric",
                    eventually(lambda: server.metric("coredns_memory_budget_bytes") == octets), server.log_end())
        server.stop()
    for text in ("much", "-1", "0", "12 Mi", "max"):
        done = subprocess.run([BINARY, "serve", "--memory-budget", text, "-conf", "/dev/null"], capture_output=True, text=True)
        suite.check(f"{text}: refused", done.returncode != 0 and "--memory-budget" in done.stderr, done.stderr)


def group(limit):
    """A control group of memory with this limit, and a command that enters it; raises OSError where none can be made."""
    lines = [line.split(":", 2) for line in pathlib.Path("/proc/self/cgroup").read_text().splitlines()]
    first = next((path for _, controllers, path in lines if "memory" in controllers.split(",")), None)
    root, path, file = (
        ("/sys/fs/cgroup/memory", first, "memory.limit_in_bytes") if first is not None
        else ("/sys/fs/cgroup", next(path for number, _, path in lines if number == "0"), "memory.max"))
    folder = pathlib.Path(root + path.rstrip("/")) / f"cluster-dns-{os.getpid()}"
    inner = folder / "container"
    folder.mkdir()
    # Before the second one is made: only then are its limits part of what is below (cgroups(7)).
    try:
        (folder / file).write_text(str(limit))
        inner.mkdir()
    except OSError:
        folder.rmdir()
        raise
    return inner, ("/bin/sh", "-c", f'echo $$ > "{inner}/cgroup.procs" && exec "$@"', "sh")


def container(suite, lab):
    try:
        inner, enter = group(CONTAINER)
    except (OSError, StopIteration) as error:
        print(f"memory-budget: not run: a budget from the container's limit: no control group can be made: {error}", flush=True)
        return
    try:
        server = start(None, kubeconfig=lab.kubeconfig, before=enter).wait_for(KNOWN)
        suite.check("auto: 90 % of the limit above the container's own group", eventually(
            lambda: abs((server.metric("coredns_memory_budget_bytes") or 0) - CONTAINER * 0.9) < 100), server.log_end())
        server.stop()
    finally:
        eventually(lambda: not (inner / "cgroup.procs").read_text())
        inner.rmdir()
        inner.parent.rmdir()


# More than there is


def short(suite, lab):
    """A budget that is used up before anything is asked: what never is given up is there, and nothing else."""
    upstream = ScriptedUpstream(delay=600)
    server = start("4Mi", upstream.port, kubeconfig=lab.kubeconfig).wait_for(KNOWN)
    suite.check("short: the level is a metric", eventually(lambda: server.metric("coredns_memory_level") == 2), server.log_end())
    suite.check("short: the log says so, and what to do", eventually(lambda: re.search(
        r"^\[WARNING\] memory: \d+ of 4 MiB are in use: .*raise the container's memory limit", server.log, re.MULTILINE)), server.log_end())
    suite.equal("short: whoever asks little is served", dig(server.port, "a.example").rcode, "NOERROR")
    dig(server.port, "a.example")
    suite.equal("short: a reply is kept even so", server.metric("coredns_cache_hits_total"), 1)
    crowd = []

    def refused():
        # Places are free again when their queries are given up, so there are new ones for each attempt.
        for _ in range(8):
            crowd.append(connect(server.port))
            names = (f"n{len(crowd)}-{number}.slow.example" for number in range(60))
            crowd[-1].sendall(b"".join(framed(query(name, id=number)) for number, name in enumerate(names)))
        answer = dig(server.port, f"last-{len(crowd)}.slow.example", "A", "+time=1")
        return answer if answer.extended_errors == [OTHER] else None

    found = eventually(refused)
    suite.check("short: what would wait beside 64 other queries is SERVFAIL with a reason",
                found and found.rcode == "SERVFAIL" and "short of memory" in found.text, found and found.text)
    suite.check("short: it is counted", (server.metric("coredns_memory_shed_total") or 0) > 0)
    suite.equal("short: names of the cluster", dig(server.port, KNOWN).data, ["a 10.96.0.10"])
    suite.equal("short: logged once", len(re.findall(r"memory: \d+ of 4 MiB", server.log)), 1)
    server.kill()


# Random names


def flood(suite, lab):
    names = extent(60_000, 10_000_000)
    zone = work / "flood.zone"
    zone.write_text(
        f"$ORIGIN {FLOOD}.\n$TTL 3600\n@ SOA ns.{FLOOD}. host.{FLOOD}. 1 3600 600 86400 3600\n@ NS ns\nns A 192.0.2.53\n"
        "popular A 192.0.2.1\n")
    upstream = serve_zone(FLOOD, zone)
    plain = start("none", upstream, kubeconfig=lab.kubeconfig).wait_for(KNOWN)
    before = memory(plain)[1]
    plain.stop()
    # Room for a part of the names only, and in a full run what deploy/base has.
    budget = extent(int(before + 24), CONTAINER * 9 // 10 // MIB)
    server = start(f"{budget}Mi", upstream, kubeconfig=lab.kubeconfig).wait_for(KNOWN).wait_for(POPULAR)
    questions = work / "flood.questions"
    with open(questions, "w") as file:
        for number in range(names):
            file.write(f"{number * 2654435761 & 0xFFFFFFFF:08x}{number:x}.{FLOOD} A\n")
    cluster, popular = Asking(server.port, KNOWN, 0.02), Asking(server.port, POPULAR, 0.1)
    load = Program("dnsperf", [
        "dnsperf", "-s", "127.0.0.1", "-p", server.port, "-d", questions, "-n", 1, "-c", 4, "-q", 100, "-t", 10])
    reached = set()

    def ended():
        reached.add(server.metric("coredns_memory_level"))
        return not load.is_alive

    suite.check("flood: all names are asked", eventually(ended, extent(300, 7200), 0.5), load.log_end())
    cluster.stop(), popular.stop()
    now, peak = memory(server)
    over = f"{names:,} names"
    suite.gate("G8", "peak of resident memory in a flood of random names", f"{peak:.0f} MiB", f"{budget} MiB", peak <= budget, over)
    suite.gate("G8", "names of the cluster lost meanwhile", cluster.lost, 0, cluster.lost == 0, f"{cluster.asked:,} of them, {over}")
    suite.check("flood: kept replies were given up, and counted", (server.metric("coredns_memory_evictions_total") or 0) > 0,
                (now, peak, budget, reached))
    suite.check("flood: the log says so", f"of {budget} MiB are in use: kept replies are given up" in server.log, server.log_end())
    suite.check("flood: the cache still keeps what it has room for", (server.metric("coredns_cache_entries") or 0) > 1000,
                server.metric("coredns_cache_entries"))
    renewals = sum(later > earlier for earlier, later in zip(popular.ttls, popular.ttls[1:]))
    # A reply lives an hour; a full run may take longer.
    suite.check("flood: a name that is asked again stays kept", len(popular.ttls) > 10 and popular.lost == 0 and renewals <= extent(0, 3),
                (popular.asked, popular.lost, renewals))
    suite.check("flood: once it is over, memory is ample again", eventually(
        lambda: server.metric("coredns_memory_level") == 0 or memory(server)[0] < budget * 0.85), (memory(server), server.log_end()))
    print(f"  memory-budget: {before:.0f} MiB before, {now:.0f} after, {peak:.0f} at the peak of {budget}; levels {sorted(filter(None, reached))}; "
          f"{server.metric('coredns_memory_evictions_total'):.0f} replies given up", flush=True)
    server.stop()


# What the API server sends


def objects(way, count, slices):
    """Services with annotations of a megabyte, one slice of 5,000 endpoints and others of 1,000."""
    note = {"example.com/note": "x" * MIB}

    def services():
        yield service("huge", "big", None)
        yield service("wide", "big", None)
        for number in range(count):
            yield service(f"service-{number:05}", "big", f"10.100.{number // 250}.{number % 250 + 1}", note)

    def address(number):
        return f"10.{64 + number // 62500}.{number // 250 % 250}.{number % 250 + 1}"

    def endpoints():
        yield endpoint_slice("huge-1", "big", "huge", [address(number) for number in range(5000)], note)
        for index in range(slices):
            yield endpoint_slice(f"wide-{index}", "big", "wide", [address(5000 + index * 1000 + number) for number in range(1000)])

    return ScriptedAPI({"namespaces": lambda: [namespace("big")], "services": services, "endpointslices": endpoints}, way)


def api_server(suite):
    count, slices = extent(10, 5000), extent(10, 100)
    budget = CONTAINER * 9 // 10 // MIB
    for way in ("stream", "pages", "page"):
        api = objects(way, count, slices)
        server = start(f"{budget}Mi", kubernetes=f"endpoint {api.url}")
        last = f"service-{count - 1:05}.big.svc.cluster.local"
        suite.check(f"{way}: every object is known", eventually(
            lambda: dig(server.port, last, "A", "+time=1").rcode == "NOERROR", extent(120, 3600), 0.5), server.log_end())
        for name in ("huge", "wide"):
            suite.equal(f"{way}: {name} is answered", dig(server.port, f"{name}.big.svc.cluster.local", "A", "+ignore").rcode, "NOERROR")
        peak = memory(server)[1]
        suite.gate("G8", f"peak of resident memory while the cluster is listed: {way}", f"{peak:.0f} MiB", f"{budget} MiB", peak <= budget,
                   f"{count:,} Services with 1 MiB of annotations, a slice of 5,000 endpoints, {slices} of 1,000")
        pages = [asked for kind, asked in api.seen if kind == "services" and "watch" not in asked]
        wanted = {"stream": 0, "pages": (count + 2 + 499) // 500, "page": 1}[way]
        suite.check(f"{way}: lists that were asked for", len(pages) == wanted and all(asked["limit"] == "500" for asked in pages), pages)
        server.stop()
        api.close()


def body(suite):
    lab = Lab(manifests=EXAMPLES)
    said(suite, lab)
    container(suite, lab)
    short(suite, lab)
    flood(suite, lab)
    api_server(suite)


if __name__ == "__main__":
    Suite("memory-budget").run(body)
