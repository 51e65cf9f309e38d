#!/usr/bin/env python3
"""Clocks that jump, and processes that stand still for a while: what is kept stays, and nobody is asked in a burst."""

import os
import pathlib
import shutil
import signal
import socket
import struct
import subprocess
import threading
import time
from api_faults import create_service
from crowds import busy
from faulty_proxy import RequestProxy, TunnelProxy, Upstream
from live import (
    BINARY, EXAMPLES, ROOT, Lab, Server, Suite, dig, eventually, exchange, extent, query, work)
from steady_load import PromptUpstream, SteadyLoad

KNOWN, DATA = "kube-dns.kube-system.svc.cluster.local.", ["a 10.96.0.10"]
HOUR, YEAR = 3600, 365 * 86400
COREFILE = """
.:@PORT@ {
    bind 127.0.0.1
    errors
    health 127.0.0.1:@HEALTH@
    ready 127.0.0.1:@READY@
    prometheus 127.0.0.1:@METRICS@
    kubernetes cluster.local {
        %s
    }
    cache 300
    forward . 127.0.0.1:%d
    reload 2s 0s
}
"""
SIGNED = """
signed.test:@PORT@ {
    bind 127.0.0.1
    dnssec {
        key file %s
    }
    template IN A {
        answer "{{ .Name }} 60 IN A 192.0.2.7"
    }
}
"""


def shifting_library():
    """What shifts a program's wall clock, compiled; None where there is no compiler."""
    compiler = shutil.which("clang") or shutil.which("cc")
    if not compiler:
        return None
    library = work / "wall-clock.so"
    subprocess.run([compiler, "-shared", "-fPIC", "-O2", "-o", library, ROOT / "Tests/Tools/wall-clock.c"], check=True)
    return library


class WallClock:
    """The wall clock of programs begun by `command`, shifted by so many seconds."""

    def __init__(self, library, seconds=0):
        self.file = work / f"clock.{id(self)}"
        self.file.write_bytes(struct.pack("q", seconds))
        self.command = ("env", f"LD_PRELOAD={library}", f"WALL_CLOCK={self.file}", BINARY, "serve")

    def shift(self, seconds):
        with open(self.file, "rb+") as file:
            file.write(struct.pack("q", seconds))


def begin(command, corefile, *arguments):
    return type("Timed", (Server,), {"command": command})(corefile, *arguments)


def key_pair():
    """A key for `dnssec`, made by ldns."""
    made = subprocess.run(["ldns-keygen", "-a", "ECDSAP256SHA256", "-k", "signed.test"], cwd=work, capture_output=True, text=True)
    return work / made.stdout.strip()


def validity(server):
    """From when to when the signature of an answer holds, in Unix seconds modulo 2^32."""
    answer = dig(server.port, "a.signed.test.", "A", "+dnssec")
    for _, _, kind, data in answer.answer:
        if kind == "rrsig":
            end, begin = data.split()[4:6]
            return tuple(int(time.mktime(time.strptime(text, "%Y%m%d%H%M%S")) - time.timezone) for text in (begin, end))
    return None


def jumps(suite, library, key, upstream):
    """The wall clock jumps under a load: answers, TTLs, caches and watches do not notice; signatures do."""
    clock, resolver, proxy = WallClock(library), PromptUpstream(), RequestProxy(upstream)
    corefile = COREFILE % (f"endpoint {proxy.url}", resolver.port) + SIGNED % key
    server = begin(clock.command, corefile).wait_for(KNOWN)
    elsewhere = [f"n{number}.elsewhere.test." for number in range(100)]
    for name in elsewhere:
        dig(server.port, name)
    load = SteadyLoad(server.port, [f"{KNOWN} A", "a.signed.test. A", *(f"{name} A" for name in elsewhere)], 2000)
    usual = busy(server)
    asked, begun = resolver.asked, time.monotonic()
    suite.check("before: a signature holds now", (lambda held: held and held[0] < time.time() < held[1])(validity(server)))
    for label, seconds in (("an hour ahead", HOUR), ("an hour back", -HOUR), ("ten years ahead", 10 * YEAR),
                           ("ten years back", -10 * YEAR), ("as it was", 0)):
        requests = len(proxy.requests())
        clock.shift(seconds)
        holds = lambda: (lambda held: held and held[0] <= time.time() + seconds <= held[1])(validity(server))
        suite.check(f"{label}: a signature holds at that time", eventually(holds, 10), validity(server))
        ttl = dig(server.port, KNOWN).answer[0][1]
        suite.equal(f"{label}: the TTL is as configured", ttl, 5)
        kept = dig(server.port, elsewhere[0]).answer[0][1]
        suite.check(f"{label}: what is kept ages as before", 0 < kept <= 60, kept)
        name, data = create_service(upstream)
        suite.check(f"{label}: a change arrives", eventually(lambda: dig(server.port, name).data == data, 10), server.log_end())
        suite.check(f"{label}: the API server is not asked in a burst", len(proxy.requests()) <= requests + 6, len(proxy.requests()) - requests)
        age = server.metric("coredns_kubernetes_data_age_seconds")
        suite.check(f"{label}: the data's age is counted by the other clock", age is not None and 0 <= age < 120, age)
        used = busy(server)
        suite.check(f"{label}: no more work than before", used < usual * 1.2 + 0.1, (usual, used))
        reloads = server.log.count("Reloading complete")
        server.write(corefile + f"x{seconds}.test:@PORT@ {{\n    bind 127.0.0.1\n    whoami\n}}\n")
        suite.check(f"{label}: a changed Corefile is found", eventually(lambda: server.log.count("Reloading complete") > reloads), server.log_end())
    # Each name again once its 60 seconds are over.
    allowed = len(elsewhere) * (1 + (time.monotonic() - begun) // 60)
    suite.check("nothing kept was lost", resolver.asked - asked <= allowed, (resolver.asked - asked, allowed))
    load.end()
    suite.equal("the clock jumps: no query is lost", load.lost, 0)
    suite.equal("the clock jumps: every answer is right", set(load.codes), {"NOERROR"})
    print(f"  {suite.name}: five jumps under 2,000 queries a second: {load.lost} of {load.sent} lost, the slowest answer took "
          f"{1000 * load.slowest:.0f} ms, {resolver.asked - asked} questions upstream", flush=True)
    suite.equal("SIGTERM ends it", server.stop(), 0)


def certificates(suite, library, key, upstream):
    """The API server's certificate is judged by the wall clock; names stay while it is wrong."""
    clock, proxy, resolver = WallClock(library), TunnelProxy(upstream, "clock"), PromptUpstream()
    server = begin(clock.command, COREFILE % ("kubeconfig @KUBECONFIG@", resolver.port), proxy.kubeconfig).wait_for(KNOWN)
    for label, seconds in (("ten years ahead", 10 * YEAR), ("ten years back", -10 * YEAR)):
        clock.shift(seconds)
        proxy.cut()
        accepted = proxy.accepted
        suite.check(f"{label}: new connections are tried", eventually(lambda: proxy.accepted > accepted), server.log_end())
        suite.equal(f"{label}: certificates do not hold, nothing is followed", len(proxy.links), 0)
        suite.equal(f"{label}: known names stay", dig(server.port, KNOWN).data, DATA)
        suite.equal(f"{label}: ready", server.page(server.ready_port, "/ready")[0], 200)
    clock.shift(0)
    name, data = create_service(upstream)
    suite.check("the clock is right again: changes arrive", eventually(lambda: dig(server.port, name).data == data), server.log_end())
    server.stop()


def ends_of_clocks(suite, library, key, upstream):
    """The seconds at which 31 and 32 bits end: it starts before them, and goes over them."""
    resolver, proxy = PromptUpstream(), RequestProxy(upstream)
    for label, second in (("2038", 2 ** 31), ("2106", 2 ** 32)):
        clock = WallClock(library, second - 10 - int(time.time()))
        server = begin(clock.command, COREFILE % (f"endpoint {proxy.url}", resolver.port) + SIGNED % key).wait_for(KNOWN)
        until = time.monotonic() + 12
        wrong = []
        while time.monotonic() < until:
            answers = [dig(server.port, KNOWN).data, dig(server.port, "a.signed.test.").data, dig(server.port, "n.elsewhere.test.").data]
            if answers != [DATA, ["a 192.0.2.7"], ["a 192.0.2.1"]]:
                wrong.append(answers)
            time.sleep(0.1)
        suite.equal(f"{label}: every answer is right", wrong[:2], [])
        serial = lambda: int(dig(server.port, "cluster.local.", "SOA").answer[0][3].split()[2])
        before = serial()
        name, data = create_service(upstream)
        suite.check(f"{label}: a change arrives behind it", eventually(lambda: dig(server.port, name).data == data), server.log_end())
        suite.check(f"{label}: the serial goes on (RFC 1982)", 0 < (serial() - before) % 2 ** 32 < 2 ** 31, (before, serial()))
        suite.equal(f"{label}: SIGTERM ends it", server.stop(), 0)


def other_boot(suite, upstream):
    """A machine that has been up for thirty years, and one whose clock of deadlines has just begun."""
    if os.geteuid() != 0 or subprocess.run(["unshare", "--time", "--monotonic", "1000", "true"], capture_output=True).returncode:
        print(f"  {suite.name}: time namespaces: not run: none can be made", flush=True)
        return
    resolver, proxy = PromptUpstream(), RequestProxy(upstream)
    up = int(float(pathlib.Path("/proc/uptime").read_text().split()[0]))
    for label, offset in (("up for thirty years", 30 * YEAR), ("up for a second", 1 - up)):
        command = ("unshare", "--time", "--monotonic", str(offset), "--boottime", str(offset), BINARY, "serve")
        server = begin(command, COREFILE % (f"endpoint {proxy.url}", resolver.port)).wait_for(KNOWN)
        suite.equal(f"{label}: asked upstream", dig(server.port, "n.elsewhere.test.").data, ["a 192.0.2.1"])
        aged = eventually(lambda: (ttl := dig(server.port, "n.elsewhere.test.").answer[0][1]) < 60 and ttl, 10)
        suite.check(f"{label}: what is kept ages", 45 < aged < 60, aged)
        name, data = create_service(upstream)
        suite.check(f"{label}: a change arrives", eventually(lambda: dig(server.port, name).data == data), server.log_end())
        suite.equal(f"{label}: health", server.page(server.health_port, "/health")[0], 200)
        server.kill()


def frozen(suite, upstream):
    """The process stands still as on a machine that is paused, and its connections to the API server die meanwhile."""
    resolver, proxy = PromptUpstream(), TunnelProxy(upstream, "frozen")
    server = Server(COREFILE % ("kubeconfig @KUBECONFIG@", resolver.port), proxy.kubeconfig).wait_for(KNOWN)
    is_over = threading.Event()

    def ask_misses():
        """Five hundred questions a second that have to be asked upstream, whether they are answered or not."""
        client, number = socket.socket(type=socket.SOCK_DGRAM), 0
        while not is_over.is_set():
            number += 1
            client.sendto(query(f"n{number}.elsewhere.test", id=number % 65536), ("127.0.0.1", server.port))
            time.sleep(0.002)
    asker = threading.Thread(target=ask_misses)
    asker.start()
    suite.check("frozen: questions are asked upstream before", eventually(lambda: resolver.asked > 500), resolver.asked)
    server.signal(signal.SIGSTOP)
    time.sleep(0.5)
    asked = resolver.asked
    proxy.stall()
    name, data = create_service(upstream)
    length = extent(10, 120)
    time.sleep(length)
    suite.equal("frozen: nothing is asked meanwhile", resolver.asked, asked)
    server.signal(signal.SIGCONT)
    begun = time.monotonic()
    time.sleep(0.5)
    burst = resolver.asked - asked
    # What waited in the socket, and what came in the seconds around it; the upstream replies at once, so places are free.
    suite.check("frozen: nothing is asked upstream twice", burst <= 500 * (length + 2), burst)
    eventually(lambda: exchange(server.port, query(KNOWN), 0.1))
    took = time.monotonic() - begun
    # On a machine that is busy with other things, later.
    suite.check("frozen: answered within a tenth of a second soon", took < extent(10, 2), took)
    suite.equal("frozen: misses too", dig(server.port, "after.elsewhere.test.").data, ["a 192.0.2.1"])
    arrived = eventually(lambda: dig(server.port, name).data == data, 75, 0.2)
    noticed = time.monotonic() - begun
    suite.gate("G10", "a watch that died while the process stood still: noticed", f"{noticed:.1f} s", "60 s",
        arrived and noticed <= 60, f"{length} s")
    is_over.set()
    asker.join()
    suite.equal("frozen: ready", server.page(server.ready_port, "/ready")[0], 200)
    print(f"  {suite.name}: stood still for {length} s under 500 misses a second: {burst} questions upstream in the first half "
          f"second, usual times after {took:.1f} s", flush=True)
    suite.equal("SIGTERM ends it", server.stop(), 0)


def body(suite):
    upstream = Upstream(Lab(manifests=EXAMPLES).kubeconfig)
    still = threading.Thread(target=lambda: guarded(suite, frozen, upstream))
    still.start()
    guarded(suite, other_boot, upstream)
    if library := shifting_library():
        key = key_pair()
        for part in (jumps, certificates, ends_of_clocks):
            guarded(suite, part, library, key, upstream)
    else:
        print(f"  {suite.name}: wall clocks that jump: not run: there is no C compiler", flush=True)
    still.join()


def guarded(suite, part, *arguments):
    try:
        part(suite, *arguments)
    except Exception as error:
        suite.check(f"{part.__name__} broke off", False, repr(error))


if __name__ == "__main__":
    Suite("fault-time").run(body)
