#!/usr/bin/env python3
"""Starts, reloads and ends at bad moments: nothing is lost that need not be, and nothing hangs."""

import collections
import os
import random
import shutil
import signal
import socket
import threading
import time
from live import (
    EXAMPLES, Lab, Server, Suite, dig, eventually, exchange, extent, free_port, query, work)
from steady_load import SteadyLoad

KNOWN, DATA = "kube-dns.kube-system.svc.cluster.local.", ["a 10.96.0.10"]
NAMES = [f"{name}.svc.cluster.local. A" for name in ("kube-dns.kube-system", "frontend.shop", "back-end.shop", "db.shop")]
COREFILE = """
.:@PORT@ {
    bind 127.0.0.1
    errors
    health 127.0.0.1:@HEALTH@ {
        lameduck %s
    }
    ready 127.0.0.1:@READY@
    prometheus 127.0.0.1:@METRICS@
    kubernetes cluster.local {
        kubeconfig @KUBECONFIG@
        ttl TTL
    }
    reload 2s 0s
}
"""
AT_ONCE = COREFILE % "0s"


def ttl(server):
    answer = dig(server.port, KNOWN, "A", "+time=1").answer
    return answer[0][1] if answer else None


def failures(server):
    return server.metric("coredns_reload_failed_total") or 0


# Ends


def killed(suite, lab):
    """`kill -9` under a load, and at once another process at the same address."""
    server = Server(AT_ONCE.replace("TTL", "30"), lab.kubeconfig).wait_for(KNOWN)
    gaps, wrong = [], collections.Counter()
    load = SteadyLoad(server.port, NAMES, 10_000, patience=1)
    for _ in range(extent(3, 20)):
        server.kill()
        begun = time.monotonic()
        server = server.successor()
        while time.monotonic() < begun + 20:
            reply = exchange(server.port, query(KNOWN), 0.05)
            if reply and reply.rcode == 0:
                break
            if reply:
                wrong[reply.rcode] += 1
        gaps.append(time.monotonic() - begun)
        suite.check("killed: the next one has its address", server.is_alive, server.log_end())
    load.end()
    lost, allowed = load.lost, 10_000 * (sum(gaps) + len(gaps))
    print(f"  {suite.name}: killed and begun anew {len(gaps)} times under 10,000 queries a second: first answer after "
          f"{1000 * max(gaps):.0f} ms at most, {lost} of {load.sent} lost", flush=True)
    # On a machine that is busy with other things, later.
    suite.check("killed: answered again soon", max(gaps) < extent(20, 2), gaps)
    # What is not known yet is said to be so, and never to be missing.
    suite.equal("killed: until the cluster is known nothing is said to be missing", [code for code in wrong if code != 2], [])
    suite.equal("killed: no name of the load was said to be missing", load.codes.get("NXDOMAIN", 0), 0)
    suite.check("killed: lost is what was under way and what came meanwhile", lost <= allowed, (lost, allowed))
    server.stop()


def second_signal(suite, lab):
    for first, second in ((signal.SIGTERM, signal.SIGTERM), (signal.SIGINT, signal.SIGTERM), (signal.SIGTERM, signal.SIGINT)):
        server = Server((COREFILE % "30s").replace("TTL", "30"), lab.kubeconfig).wait_for(KNOWN)
        server.signal(first)
        suite.check(f"{first.name}: lameduck", eventually(lambda: "lameduck" in server.log), server.log_end())
        suite.equal(f"{first.name}: names are answered meanwhile", dig(server.port, KNOWN).data, DATA)
        begun = time.monotonic()
        server.signal(second)
        suite.equal(f"{second.name} after {first.name}: exit code", server.exit_code(), 2)
        suite.check(f"{second.name} after {first.name}: within a second", time.monotonic() - begun < 1, time.monotonic() - begun)
    server = Server(AT_ONCE.replace("TTL", "30"), lab.kubeconfig).wait_for(KNOWN)
    server.signal(signal.SIGINT)
    suite.equal("SIGINT alone: exit code", server.exit_code(), 0)


def ends_during_reloads(suite, lab):
    """SIGTERM at every moment of a reload, a reload in the lameduck time, signals in heaps."""
    chance, slowest = random.Random(3), 0
    for attempt in range(extent(12, 60)):
        server = Server((COREFILE % "300ms").replace("TTL", "30"), lab.kubeconfig).wait_for(KNOWN)
        server.write((COREFILE % "300ms").replace("TTL", "31"))
        for _ in range(chance.randrange(1, 4)):
            server.signal(signal.SIGUSR1)
        time.sleep(chance.uniform(0, 0.05))
        begun = time.monotonic()
        server.signal(signal.SIGTERM)
        if chance.random() < 0.5:
            server.signal(signal.SIGUSR1)
        code = server.exit_code(20)
        slowest = max(slowest, time.monotonic() - begun)
        if code != 0:
            suite.equal(f"SIGTERM during a reload, attempt {attempt}: exit code", (code, server.log_end()), (0, ""))
            break
    else:
        suite.check("SIGTERM during a reload: ends with exit code 0", True)
    print(f"  {suite.name}: SIGTERM during a reload: the slowest end took {slowest:.2f} s of 0.3 s lameduck time", flush=True)
    suite.check("SIGTERM during a reload: nothing hangs", slowest < 10, slowest)
    # A reload that waits for another API server, which does not answer.
    silent = socket.create_server(("127.0.0.1", 0))
    server = Server(AT_ONCE.replace("TTL", "30"), lab.kubeconfig).wait_for(KNOWN)
    server.write(AT_ONCE.replace("TTL", "30").replace(
        "kubeconfig @KUBECONFIG@", f"endpoint http://127.0.0.1:{silent.getsockname()[1]}\n        startup_timeout 60s"))
    server.signal(signal.SIGUSR1)
    suite.check("a reload that waits: it has begun", eventually(lambda: "Reloading" in server.log))
    suite.equal("a reload that waits: the old one answers", dig(server.port, KNOWN).data, DATA)
    begun = time.monotonic()
    server.signal(signal.SIGTERM)
    suite.equal("SIGTERM in a reload that waits: exit code", server.exit_code(), 0)
    suite.check("SIGTERM in a reload that waits: at once", time.monotonic() - begun < 7, time.monotonic() - begun)


# Corefiles


def bad_corefiles(suite, lab):
    """Whatever the file becomes, the old one serves on, every page stays, and it is said and counted once."""
    good = AT_ONCE.replace("TTL", "30")
    server = Server(good, lab.kubeconfig).wait_for(KNOWN)
    now = server.corefile.read_bytes()
    taken = socket.create_server(("127.0.0.1", 0))
    port = taken.getsockname()[1]
    key = work / "key.pem"
    key.write_text("no key\n")
    load = SteadyLoad(server.port, NAMES, 2000)
    descriptors = len(os.listdir(f"/proc/{server.pid}/fd"))
    free = free_port()
    for label, octets, named in (
        ("empty", b"", "at least one server block"),
        ("white space and a comment", b"\n  # nothing\n\n", "at least one server block"),
        ("cut in the middle", now[:len(now) // 2], str(server.corefile)),
        ("without its last brace", now.rstrip()[:-1], str(server.corefile)),
        ("an unknown directive", now.replace(b"errors", b"errorz"), "errorz"),
        ("a file that is not there", now.replace(b"errors", b"hosts /none/hosts {\n fallthrough\n }"), None),
        ("an import that is not there", b"import /none/Corefile\n", "/none/Corefile"),
        ("a certificate that is none", now + f"tls://.:{free} {{\n bind 127.0.0.1\n tls {key} {key}\n whoami\n}}\n".encode(), str(key)),
        ("octets of a program", open(os.path.realpath("/proc/self/exe"), "rb").read(200_000), "UTF-8"),
        ("ten megabytes of zeros", bytes(10 << 20), str(server.corefile)),
        ("ten megabytes of directives", now.replace(b"errors\n", b"errors\n" + b"    nonsense here and there\n" * 400_000), "expected at most 1048576 bytes"),
        ("17 megabytes of comments", b"# a comment\n" * 1_500_000 + now, "longer than 16 MiB"),
        ("nesting without end", b".:53 {\n" * 200_000, str(server.corefile)),
        ("a port that is taken", now + f".:{free} {{\n bind 127.0.0.1\n whoami\n}}\n.:{port} {{\n bind 127.0.0.1\n whoami\n}}\n".encode(), str(port)),
        ("a page's port that is taken", now.replace(f":{server.ready_port}".encode(), f":{port}".encode()), str(port)),
    ):
        before, size = failures(server), len(server.log)
        draft = server.corefile.with_name("draft")
        draft.write_bytes(octets)
        draft.replace(server.corefile)
        server.signal(signal.SIGUSR1)
        if label == "a file that is not there":
            # `hosts` waits for its file: that is no mistake.
            suite.check(f"{label}: taken", eventually(lambda: "Reloading complete" in server.log[size:]), server.log_end())
        else:
            suite.check(f"{label}: counted", eventually(lambda: failures(server) == before + 1), (before, failures(server)))
            suite.check(f"{label}: named", eventually(lambda: named in server.log[size:]), server.log[size:][:500])
            suite.check(f"{label}: in few words", len(server.log) - size < 20_000, len(server.log) - size)
        suite.equal(f"{label}: the old one answers", (ttl(server), dig(server.port, KNOWN).data), (30, DATA))
        suite.equal(f"{label}: every page is there", [
            server.page(server.health_port, "/health")[0], server.page(server.ready_port, "/ready")[0],
            server.page(server.metrics_port, "/metrics")[0]], [200] * 3)
        suite.equal(f"{label}: nobody listens at its other address", dig(free, "a.test", "A", "+time=1").rcode, "NONE")
    # The look that `reload` takes every two seconds finds the last of them, too, and says it once.
    before = failures(server)
    eventually(lambda: failures(server) == before + 1, 5)
    time.sleep(5)
    suite.check("the same broken content is said once", failures(server) <= before + 1, (before, failures(server)))
    suite.check("no descriptor is left behind", eventually(lambda: len(os.listdir(f"/proc/{server.pid}/fd")) <= descriptors + 4),
        (descriptors, len(os.listdir(f"/proc/{server.pid}/fd"))))
    server.write(good.replace("ttl 30", "ttl 40"))
    suite.check("a good one is taken", eventually(lambda: ttl(server) == 40), ttl(server))
    load.end()
    suite.equal("bad Corefiles: no query is lost", load.lost, 0)
    suite.equal("bad Corefiles: every answer is right", set(load.codes), {"NOERROR"})
    suite.equal("SIGTERM ends it", server.stop(), 0)


def files_being_written(suite, lab):
    """A thousand times in ten seconds the file is cut and written in two pieces: none of the halves is ever served."""
    text = AT_ONCE + "half.test:@PORT@ {\n    bind 127.0.0.1\n    whoami\n}\n"
    server = Server(text.replace("TTL", "30"), lab.kubeconfig).wait_for(KNOWN)
    whole = server.corefile.read_text()
    half = whole.index("half.test:")
    is_over, halves, others = threading.Event(), [], set()

    def look():
        while not is_over.is_set():
            # REFUSED or a failure would be that of a Corefile without the second block.
            reply = exchange(server.port, query("a.half.test"), 2)
            if reply and reply.rcode == 0:
                others.add(reply.rcode)
            else:
                halves.append(reply and reply.rcode)
            time.sleep(0.005)
    watcher = threading.Thread(target=look)
    watcher.start()
    writes, begun = extent(500, 1000), time.monotonic()
    for number in range(writes):
        # As programs write that do not know of renaming.
        with open(server.corefile, "w") as file:
            file.write(whole[:half].replace("ttl 30", f"ttl {31 + number % 50}"))
            file.flush()
            time.sleep(0.005)
            file.write(whole[half:])
        time.sleep(0.005)
    took = time.monotonic() - begun
    reloads = server.log.count("Reloading complete")
    print(f"  {suite.name}: {writes} writes in two pieces within {took:.1f} s: {reloads} were taken", flush=True)
    suite.check("files being written: no more are taken than looks", reloads <= took / 2 + 1, reloads)
    with open(server.corefile, "w") as file:
        file.write(whole.replace("ttl 30", "ttl 99"))
    suite.check("once the file stays as it is, it is taken", eventually(lambda: ttl(server) == 99), ttl(server))
    is_over.set()
    watcher.join()
    suite.equal("files being written: half of one is never served", halves, [])
    suite.equal("files being written: none is a failed reload", failures(server), 0)
    server.stop()


def config_map(suite, lab):
    """A mounted ConfigMap: the kubelet changes all of its files with one link."""
    folder = work / "config"
    folder.mkdir()
    corefile = AT_ONCE + "import zones\n"
    zones = "n%d.test:@PORT@ {\n    bind 127.0.0.1\n    whoami\n}\n"
    (folder / "zones").write_text("")
    server = Server(corefile.replace("TTL", "10"), lab.kubeconfig, file=folder / "Corefile").wait_for(KNOWN)

    def link(name, target):
        draft = folder / f"{name}_tmp"
        draft.symlink_to(target)
        draft.replace(folder / name)

    def publish(number):
        """As the kubelet's atomic writer does it."""
        data = folder / f"..2026_{number}"
        data.mkdir()
        (data / "Corefile").write_text(server.filled(corefile.replace("TTL", str(number))))
        (data / "zones").write_text(server.filled(zones % number))
        old = (folder / "..data").resolve() if (folder / "..data").is_symlink() else None
        link("..data", data.name)
        for name in ("Corefile", "zones"):
            if not (folder / name).is_symlink():
                link(name, f"..data/{name}")
        if old:
            shutil.rmtree(old)

    for number in range(11, 11 + extent(4, 10)):
        publish(number)
        suite.check(f"ConfigMap {number}: the Corefile and what it imports are taken",
            eventually(lambda: ttl(server) == number and dig(server.port, f"a.n{number}.test").rcode == "NOERROR"), server.log_end())
        suite.equal(f"ConfigMap {number}: what was there before is gone", dig(server.port, f"a.n{number - 1}.test").rcode, "SERVFAIL")
    suite.equal("ConfigMap: none is a failed reload", failures(server), 0)
    # A mount that goes away for a while.
    (folder / "..data").rename(folder / "gone")
    suite.check("the folder is gone: it is counted", eventually(lambda: failures(server) == 1), server.log_end())
    suite.equal("the folder is gone: the last one serves on", ttl(server), number)
    (folder / "gone").rename(folder / "..data")
    publish(number + 1)
    suite.check("the folder is back: it is taken", eventually(lambda: ttl(server) == number + 1), server.log_end())
    server.stop()


# Two replicas


def rolling(suite, lab):
    """Two replicas, one after the other replaced, and a balancer that sends to those that say they are ready."""
    replica = lambda: Server((COREFILE % "1s").replace("TTL", "30"), lab.kubeconfig)
    replicas = [replica().wait_for(KNOWN), replica().wait_for(KNOWN)]
    ready, is_over, lost, asked = set(replicas), threading.Event(), [], 0

    def balance():
        while not is_over.is_set():
            for server in list(replicas):
                (ready.add if server.page(server.ready_port, "/ready")[0] == 200 else ready.discard)(server)
            ready.intersection_update(replicas)
            time.sleep(0.1)

    def ask():
        nonlocal asked
        while not is_over.is_set():
            server = random.choice(list(ready))
            reply = exchange(server.port, query(KNOWN), 5)
            asked += 1
            if not reply or reply.rcode or reply.answers != 1:
                lost.append((server.label, reply and reply.rcode))
    threads = [threading.Thread(target=body, daemon=True) for body in (balance, ask, ask)]
    for thread in threads:
        thread.start()
    codes, rounds = set(), extent(2, 20)
    for number in range(2 * rounds):
        # As a Deployment does it: the new one is ready before the old one is asked to end.
        new = replica()
        replicas.append(new)
        if not eventually(lambda: new in ready):
            suite.check("rolling: a new replica gets ready", False, new.log_end())
        old = replicas.pop(0)
        old.signal(signal.SIGTERM)
        codes.add(old.exit_code())
    is_over.set()
    for thread in threads:
        thread.join()
    print(f"  {suite.name}: {rounds} times both replicas replaced: {len(lost)} of {asked} queries lost", flush=True)
    suite.equal("rolling: exit codes", codes, {0})
    suite.equal("rolling: queries lost", lost[:5], [])
    suite.check("rolling: there were queries", asked > 100 * rounds, asked)
    for server in replicas:
        server.stop()


def body(suite):
    lab = Lab(manifests=EXAMPLES)
    for part in (second_signal, ends_during_reloads, bad_corefiles, files_being_written, config_map, rolling, killed):
        begun = time.monotonic()
        part(suite, lab)
        print(f"  {suite.name}: {part.__name__}: {time.monotonic() - begun:.0f} s", flush=True)


if __name__ == "__main__":
    Suite("fault-lifecycle").run(body)
