#!/usr/bin/env python3
"""A process that has too little of something: disk, threads, ports, descriptors, memory, processor time.

Names are answered all the same, what could not be done is said and counted, and all is well again once there is enough.
"""

import contextlib
import os
import re
import signal
import socket
import threading
import time
from api_faults import create_service
from crowds import busy, hold
from faulty_proxy import Upstream
from live import (
    BINARY, EXAMPLES, NOWHERE, Lab, Reply, Server, Suite, dig, eventually, exchange, extent, query, work)
from log_lines import COREFILE as LOGGING
from scarcity import ControlGroup, SmallDisk, enter_network_with_few_ports, reason_not_to_run, with_own_mounts
from steady_load import PromptUpstream, SteadyLoad

KNOWN, DATA = "kube-dns.kube-system.svc.cluster.local.", ["a 10.96.0.10"]
CLUSTER = """
.:@PORT@ {
    bind 127.0.0.1
    errors
    health 127.0.0.1:@HEALTH@
    prometheus 127.0.0.1:@METRICS@
    kubernetes cluster.local {
        kubeconfig @KUBECONFIG@
        %s
    }
}
"""
FORWARDING = """
.:@PORT@ {
    bind 127.0.0.1
    errors
    health 127.0.0.1:@HEALTH@
    prometheus 127.0.0.1:@METRICS@
    template IN A here.test {
        answer "{{ .Name }} 60 IN A 192.0.2.7"
    }
    forward . 127.0.0.1:%d
}
"""
starting = threading.Lock()


def begin(corefile, *command, kubeconfig=None, output=None):
    """A server that is begun by `command`."""
    kind = type("Limited", (Server,), {"command": command or (BINARY, "serve")})
    with starting:
        return kind(corefile, *([kubeconfig] if kubeconfig else []), output=output)


# Disks


def snapshot_without_disk(suite, lab, label, spoil, mend, reason):
    """The file of the snapshot cannot be written for a while: the old one stays whole, and the next one comes by itself."""
    disk = SmallDisk(f"disk-{label.replace(' ', '-')}", 1024)
    file = disk.path / "cluster.snapshot"
    upstream = Upstream(lab.kubeconfig)
    # A file is used under the kubeconfig of the same name; this one can lead nowhere later.
    kubeconfig = work / f"kubeconfig.{disk.path.name}"
    kubeconfig.write_text(lab.kubeconfig.read_text())
    server = begin(CLUSTER % f"snapshot {file}", kubeconfig=kubeconfig).wait_for(KNOWN)
    suite.check(f"{label}: a file is written before", eventually(file.exists))
    before = file.read_bytes()
    spoil(disk)
    warned = lambda: server.log.count("the snapshot is not saved")
    for attempt in (1, 2):
        name, data = create_service(upstream)
        suite.check(f"{label}: change {attempt} is answered", eventually(lambda: dig(server.port, name).data == data))
        suite.check(f"{label}: after change {attempt} it is said once", eventually(lambda: warned() == 1), server.log_end())
        suite.equal(f"{label}: after change {attempt} the old file is as it was", file.read_bytes() == before, True)
    suite.check(f"{label}: the reason is named", reason in server.log, server.log_end())
    suite.equal(f"{label}: health", server.page(server.health_port, "/health")[0], 200)
    suite.equal(f"{label}: no half file lies about", sorted(set(os.listdir(disk.path)) - {"filler"}), [file.name])
    mend(disk)
    suite.check(f"{label} is over: saved by itself", eventually(lambda: file.read_bytes() != before), server.log_end())
    server.kill()
    # What was saved is what a process without an API server answers from.
    kubeconfig.write_text(NOWHERE.read_text())
    alone = begin(CLUSTER % f"snapshot {file}", kubeconfig=kubeconfig).wait_for(KNOWN)
    suite.equal(f"{label} is over: the file has the last change", dig(alone.port, name).data, data)
    spoil(disk)
    suite.equal(f"{label} again: SIGTERM ends it", alone.stop(), 0)
    again = begin(CLUSTER % f"snapshot {file}", kubeconfig=kubeconfig).wait_for(KNOWN)
    suite.equal(f"{label} again: a start reads the file", dig(again.port, name).data, data)
    again.kill()


def full_disk(suite, lab):
    snapshot_without_disk(suite, lab, "a full disk", SmallDisk.fill, SmallDisk.clear, "No space left on device")


def read_only_disk(suite, lab):
    snapshot_without_disk(
        suite, lab, "a read-only disk", SmallDisk.make_read_only, lambda disk: disk.make_read_only(False),
        "Read-only file system")


def log_on_full_disk(suite, lab):
    """Standard output is a file without room: no answer waits, and lines that found no place are counted."""
    disk = SmallDisk("disk-log", 1024)
    file = disk.path / "log"
    with open(file, "ab") as output:
        server = begin(LOGGING, output=output).wait_for("printer.example.")
    load = SteadyLoad(server.port, ["printer.example. A"], 15_000)
    dropped = lambda: server.metric("coredns_log_dropped_lines_total")
    suite.check("a log on a full disk: lines are dropped and counted", eventually(lambda: dropped() > 0), dropped())
    load.end()
    suite.equal("a log on a full disk: no query is lost", load.lost, 0)
    suite.equal("a log on a full disk: every answer is right", set(load.codes), {"NOERROR"})
    suite.check("a log on a full disk: the process does not spin", busy(server) < 0.1, busy(server))
    # As who rotates logs does it: copied, then cut.
    text = bytearray()

    def is_all_written():
        with open(file, "rb+") as log:
            text.extend(log.read().strip(b"\0"))
            log.truncate(0)
        return b"were dropped" in text

    suite.check("once there is room: the number of dropped lines is said", eventually(is_all_written, pause=0.7), bytes(text[-200:]))
    eventually(lambda: is_all_written() and written(text) + dropped() >= server.metric("coredns_dns_responses_total"), 10, 0.7)
    suite.equal("once there is room: lines written and lines dropped are the answers",
        written(text) + dropped(), server.metric("coredns_dns_responses_total"))
    lines = [line for line in text.splitlines() if line.startswith(b"[INFO] 127.0.0.1:")]
    suite.equal("once there is room: every line is whole", [line for line in lines if not line.endswith(b"s")][:3], [])
    disk.fill()
    suite.equal("a full disk when it ends: SIGTERM ends it", server.stop(), 0)


def written(text):
    return text.count(b"[INFO] 127.0.0.1:")


# Threads


def few_threads(suite, lab):
    """So many threads and none more: a start that cannot be is refused in words, a process that runs lives on."""
    label = "threads"
    if reason := ControlGroup.reason_not_to_run("pids"):
        print(f"  {suite.name}: {label}: not run: {reason}", flush=True)
        return
    corefile = CLUSTER % "" + "tls://.:@PORT2@ {\n    bind 127.0.0.1\n    whoami\n}\n"
    server = begin(corefile, kubeconfig=lab.kubeconfig).wait_for(KNOWN)
    usual = len(os.listdir(f"/proc/{server.pid}/task"))
    server.kill()
    ends = {}
    for most in (*range(2, usual, 3), usual + 2):
        group = ControlGroup("cluster-dns-threads", pids={"pids.max": most})
        server = begin(corefile, *group.command(), kubeconfig=lab.kubeconfig)
        answers = lambda: dig(server.port, KNOWN, "A", "+time=1").data == DATA
        eventually(lambda: not server.is_alive or answers(), 3)
        ends[most] = "answers" if server.is_alive and answers() else server.exit_code(0)
        if ends[most] == 1:
            suite.check(f"{most} threads allowed: the log says what is missing",
                re.search(r"pthread_create|[Tt]hread|Cannot fork", server.log), server.log_end())
        suite.check(f"{most} threads allowed: refused in words, or it serves or waits", ends[most] in (1, None, "answers"),
            (ends[most], server.log_end()))
        server.kill()
        eventually(lambda: not group.read("cgroup.procs").strip())
        group.remove()
    print(f"  {suite.name}: {usual} threads are usual; with as many allowed: {ends}", flush=True)
    suite.equal("as many threads allowed as are usual, and two more", ends[usual + 2], "answers")
    # A process that runs, and may have no thread more: what wants one says so, the rest goes on.
    group = ControlGroup("cluster-dns-no-more-threads", pids={"pids.max": "max"})
    server = begin(CLUSTER % "", *group.command(), kubeconfig=lab.kubeconfig).wait_for(KNOWN)
    upstream = Upstream(lab.kubeconfig)
    (group.folders[0] / "pids.max").write_text(group.read("pids.current"))
    server.write(corefile)
    server.signal(signal.SIGUSR1)
    eventually(lambda: "reload failed" in server.log or "Reloading complete" in server.log, 10)
    name, data = create_service(upstream)
    suite.check("no thread more: a change is answered", eventually(lambda: dig(server.port, name).data == data), server.log_end())
    suite.check("no thread more: the process lives", server.is_alive, server.log_end())
    (group.folders[0] / "pids.max").write_text("max")
    server.signal(signal.SIGUSR1)
    suite.check("once there are more: the reload is taken",
        eventually(lambda: dig(server.second_port, "a.test", "A", "+tls", "+time=1").rcode != "NONE" or "Reloading complete" in server.log), server.log_end())
    suite.equal("once there are more: SIGTERM ends it", server.stop(), 0)


# Ports and descriptors


def few_ports(suite, lab):
    """In a thread of its own, which stays in the network that it enters."""
    failures = []

    def run():
        try:
            without_ports(suite)
        except Exception as error:
            failures.append(error)
    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    for error in failures:
        raise error


def without_ports(suite):
    """Every port from which questions could be asked upstream is taken by others."""
    ports = range(40000, 40032)
    enter_network_with_few_ports(ports)
    upstream = PromptUpstream()
    server = begin(FORWARDING % upstream.port)

    def ask(name):
        """From a port of its own that is none of these: the answer's code."""
        with socket.socket(type=socket.SOCK_DGRAM) as client:
            client.bind(("127.0.0.1", 3000))
            client.settimeout(8)
            with contextlib.suppress(TimeoutError, ConnectionError):
                client.sendto(query(name), ("127.0.0.1", server.port))
                return Reply(client.recv(65535)).rcode
    suite.check("ports: asked upstream before", eventually(lambda: ask("before.elsewhere.test") == 0), server.log_end())
    # Those that the server has at the moment go within three seconds.
    held = {}

    def hold_all():
        for port in ports:
            for kind in (socket.SOCK_DGRAM, socket.SOCK_STREAM):
                if (port, kind) not in held:
                    holder = socket.socket(type=kind)
                    with contextlib.suppress(OSError):
                        holder.bind(("0.0.0.0", port))
                        held[port, kind] = holder
        return len(held) == 2 * len(ports)
    if not suite.check("ports: all are taken", eventually(hold_all, 30), len(held)):
        return
    begun = time.monotonic()
    codes = [ask(f"taken-{number}.elsewhere.test") for number in range(10)]
    suite.equal("no ports: questions for upstreams fail", codes, [2] * 10)
    suite.check("no ports: at once", time.monotonic() - begun < 10, time.monotonic() - begun)
    suite.equal("no ports: other names are answered", [ask("a.here.test") for _ in range(10)], [0] * 10)
    suite.check("no ports: the process does not spin", busy(server) < 0.3, busy(server))
    for holder in held.values():
        holder.close()
    suite.check("ports are back: asked upstream", eventually(lambda: ask("after.elsewhere.test") == 0, 20), server.log_end())
    suite.check("no ports: few lines are logged", server.log.count("\n") < 60, server.log_end())


def few_descriptors(suite, lab):
    """256 descriptors, crowds that hold connections, and a load that is asked upstream: none of it is lost."""
    upstream = PromptUpstream()
    server = begin(FORWARDING % upstream.port, "prlimit", "--nofile=256:256", BINARY, "serve").wait_for("a.here.test.")
    names = [f"n{number}.{'here' if number % 5 else 'elsewhere'}.test. A" for number in range(5000)]
    load = SteadyLoad(server.port, names, 1000)
    crowd = sum((hold(port, 400, b"\0") for port in (server.port, server.health_port, server.metrics_port)), [])
    # Those of the crowd that are still being taken may push a probe out; it asks again.
    suite.check("256 descriptors, 1,200 connections: health is answered",
        eventually(lambda: server.page(server.health_port, "/health")[0] == 200), server.log_end())
    used = busy(server)
    load.end()
    suite.equal("256 descriptors, 1,200 connections: no query is lost", load.lost, 0)
    suite.equal("256 descriptors, 1,200 connections: every answer is right", set(load.codes), {"NOERROR"})
    suite.check("256 descriptors, 1,200 connections: the process does not spin", used < 0.6, used)
    for stream in crowd:
        stream.close()
    suite.check("256 descriptors: they are free once the crowd is gone",
        eventually(lambda: len(os.listdir(f"/proc/{server.pid}/fd")) < 100), len(os.listdir(f"/proc/{server.pid}/fd")))


# Memory and processor


def little_memory(suite, lab):
    """A large cluster and a full cache in the memory that CoreDNS' manifests allow, and in less."""
    if reason := ControlGroup.reason_not_to_run("memory"):
        print(f"  {suite.name}: memory: not run: {reason}", flush=True)
        return
    services, endpoints = extent((2000, 20_000), (10_000, 100_000))
    large = Lab("--generate", f"nodes=500,services={services},endpoints={endpoints},seed=3")
    upstream = PromptUpstream()
    corefile = (CLUSTER % "").replace("errors", f"errors\n    cache 300\n    forward . 127.0.0.1:{upstream.port}")
    for allowed in (170, 128, 64):
        group = ControlGroup("cluster-dns-memory", memory={"memory.limit_in_bytes": f"{allowed}M"})
        server = begin(corefile, *group.command(), kubeconfig=large.kubeconfig)
        suite.check(f"{allowed} MiB: the cluster is known",
            eventually(lambda: not server.is_alive or dig(server.port, "kubernetes.default.svc.cluster.local.").rcode == "NOERROR"))
        names = [f"n{number}.elsewhere.test. A" for number in range(extent(5000, 20_000))]
        names += ["kubernetes.default.svc.cluster.local. A"] * len(names)
        load = SteadyLoad(server.port, names, extent(3000, 10_000))
        eventually(lambda: not server.is_alive or (server.metric("coredns_cache_entries") or 0) >= extent(4900, 9900), 30, 0.5)
        load.end()
        peak = int(group.read("memory.max_usage_in_bytes")) >> 20
        print(f"  {suite.name}: {services} services, {endpoints} endpoints, {server.metric('coredns_cache_entries'):.0f} kept "
              f"answers, {allowed} MiB allowed: {peak} MiB at most", flush=True)
        suite.check(f"{allowed} MiB: it is not killed", server.is_alive, server.log_end())
        suite.equal(f"{allowed} MiB: no query is lost", load.lost, 0)
        suite.equal(f"{allowed} MiB: every answer is right", set(load.codes), {"NOERROR"})
        server.kill()
        group.remove()
    large.kill()


def little_time(suite, lab):
    """A twentieth, a tenth and half of a core, and more questions than they can answer: probes find the process well."""
    if reason := ControlGroup.reason_not_to_run("cpu"):
        print(f"  {suite.name}: processor time: not run: {reason}", flush=True)
        return
    for thousandth in (50, 100, 500):
        label = f"{thousandth} thousandths of a core"
        group = ControlGroup("cluster-dns-time", cpu={"cpu.cfs_quota_us": -1})
        server = begin(CLUSTER % "", *group.command(), kubeconfig=lab.kubeconfig).wait_for(KNOWN)
        (group.folders[0] / "cpu.cfs_quota_us").write_text(str(100 * thousandth))
        load = SteadyLoad(server.port, [f"{KNOWN} A"], 100 * thousandth, patience=2)
        health, until = [], time.monotonic() + 3
        while time.monotonic() < until or len(health) < 5:
            health.append(server.page(server.health_port, "/health")[0])
            time.sleep(0.2)
        load.end()
        print(f"  {suite.name}: {label}, {100 * thousandth} queries a second: {load.sent - load.lost} of {load.sent} answered", flush=True)
        suite.equal(f"{label}: health is answered", set(health), {200})
        suite.check(f"{label}: there was an answer", load.sent > load.lost, load.log_end())
        suite.equal(f"{label}: every answer is right", set(load.codes), {"NOERROR"})
        suite.check(f"{label}: once the load is over, answered at once",
            eventually(lambda: timed(lambda: exchange(server.port, query(KNOWN), 1)) < 0.3, 20))
        server.kill()
        group.remove()


def timed(ask):
    begun = time.monotonic()
    return time.monotonic() - begun if ask() else float("inf")


def body(suite):
    lab = Lab(manifests=EXAMPLES)
    parts = [few_descriptors]
    if reason := reason_not_to_run():
        print(f"  {suite.name}: disks, threads, ports, memory, processor time: not run: {reason}", flush=True)
    else:
        parts = [full_disk, read_only_disk, few_ports, log_on_full_disk, few_threads, little_time, little_memory, few_descriptors]
    # Those that wait for the ten seconds between two snapshots do so beside the others.
    suite.run_together(parts, 4, lab)


if __name__ == "__main__":
    with_own_mounts()
    Suite("fault-resources").run(body)
