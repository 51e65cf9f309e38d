#!/usr/bin/env python3
"""Hours in minutes: a cluster that changes, reloads, upstreams that fail, attacks, and beside all that a good client.

    soak.py [MINUTES]      1 by default, 30 for `make gates`

The good client asks 10,000 questions a second over UDP and TCP, each a second time when no answer comes: none may be lost and
no answer wrong. What the process holds is looked at once a second; of the second half of the run, the median of the last quarter
may be 5 % above that of the first. A line every ten seconds says where it is.
"""

import atexit
import json
import multiprocessing
import os
import pathlib
import random
import re
import signal
import statistics
import sys
import time
import attacks
from asking import Client, Question
from live import EXAMPLES, Lab, ScriptedUpstream, Server, Suite, dig, eventually, extent, free_port
from roll_overs import cluster_questions
from secure_clients import HOST, Authority

MINUTES = float(sys.argv[1]) if sys.argv[1:] else extent(1, 30)
# What the first minutes fill (a cache, a heap) is no drift.
SHORTEST_DRIFT = 8
RATE, OVER_TCP = 10_000, 0.1
LINE_EVERY, CHANGES = 10, 10
COREFILE = """
.:@PORT@, tls://.:TLS, https://.:HTTPS {
    bind 127.0.0.1
    errors
    tls CERTIFICATE KEY
    health 127.0.0.1:@HEALTH@
    ready 127.0.0.1:@READY@
    kubernetes cluster.local {
        kubeconfig @KUBECONFIG@
        ttl TTL
    }
    prometheus 127.0.0.1:@METRICS@
    cache 30
    forward . 127.0.0.1:FIRST 127.0.0.1:SECOND
    loadbalance
}
"""


class Upstream:
    """A name server in a process of its own, which can be stopped, killed and started again."""

    def __init__(self):
        self.port, self.process = free_port(), None
        # One that is stopped would not end by itself.
        atexit.register(self.kill)
        self.start()

    def start(self):
        self.process = multiprocessing.get_context("fork").Process(target=self.body, daemon=True)
        self.process.start()

    def body(self):
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        upstream, parent = ScriptedUpstream(0, self.port), os.getppid()
        while os.getppid() == parent:
            time.sleep(1)

    def kill(self):
        self.process.kill()
        self.process.join()

    def signal(self, number):
        os.kill(self.process.pid, number)


class Churn:
    """Services that come and go, and a headless one whose endpoints change."""

    services = {f"churn-{number}": f"10.96.77.{number + 1}" for number in range(20)}
    endpoints = [f"10.77.0.{number}" for number in range(1, 30)]
    slices = "/apis/discovery.k8s.io/v1/namespaces/shop/endpointslices"

    def __init__(self, lab):
        self.lab, self.there, self.random = lab, set(), random.Random(3)
        self.send("POST", "/api/v1/namespaces/shop/services", {
            "apiVersion": "v1", "kind": "Service", "metadata": {"name": "pool"},
            "spec": {"clusterIP": "None", "ports": [{"port": 80}]}})
        self.send("POST", self.slices, self.slice())

    def send(self, method, path, body=None):
        self.lab.ask(method, path, json.dumps(body).encode() if body else None).close()

    def slice(self):
        chosen = self.random.sample(self.endpoints, self.random.randrange(1, 20))
        return {"apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "addressType": "IPv4",
                "metadata": {"name": "pool-1", "labels": {"kubernetes.io/service-name": "pool"}},
                "ports": [{"port": 80}],
                "endpoints": [{"addresses": [address], "conditions": {"ready": True}} for address in chosen]}

    def change(self):
        if self.random.random() < 0.5:
            return self.send("PUT", f"{self.slices}/pool-1", self.slice())
        name = self.random.choice(list(self.services))
        if name in self.there:
            self.send("DELETE", f"/api/v1/namespaces/shop/services/{name}")
        else:
            self.send("POST", "/api/v1/namespaces/shop/services", {
                "apiVersion": "v1", "kind": "Service", "metadata": {"name": name},
                "spec": {"clusterIP": self.services[name], "ports": [{"port": 80}]}})
        self.there ^= {name}

    def questions(self):
        names = [Question(f"{name}.shop.svc.cluster.local", [address], may_be_gone=True) for name, address in self.services.items()]
        return names + [Question("pool.shop.svc.cluster.local", self.endpoints, may_be_gone=True)]


class Held:
    """What the process holds: resident memory in MiB, descriptors, threads."""

    def __init__(self, program):
        status = pathlib.Path(f"/proc/{program.pid}/status").read_text()
        self.memory = int(re.search(r"VmRSS:\s+(\d+)", status).group(1)) / 1024
        self.threads = int(re.search(r"Threads:\s+(\d+)", status).group(1))
        self.descriptors = len(os.listdir(f"/proc/{program.pid}/fd"))

    def __str__(self):
        return f"{self.memory:.1f} MiB, {self.descriptors} descriptors, {self.threads} threads"


def drift(values):
    """Of the second half, how much higher the median of the last quarter is than that of the first, in per cent."""
    half = values[len(values) // 2:]
    quarter = len(half) // 4
    first, last = statistics.median(half[:quarter]), statistics.median(half[-quarter:])
    return 100 * (last / first - 1)


class Soak:
    """What happens beside the good client, each thing at its time."""

    def __init__(self, server, text, churn, upstreams):
        self.server, self.text, self.churn, self.upstreams = server, text, churn, upstreams
        self.reloads = self.broken = self.faults = self.changes = 0
        self.due = {self.change: 0.0, self.reload: 5.0, self.fault: 3.0}
        self.mending = None

    def turn(self, elapsed):
        for act, time_due in self.due.items():
            if elapsed >= time_due:
                self.due[act] = elapsed + act()

    def change(self):
        self.churn.change()
        self.changes += 1
        return 1 / CHANGES

    def reload(self):
        """A good Corefile, and every third time a broken one."""
        is_broken = (self.reloads + self.broken) % 3 == 2
        self.reloads, self.broken = self.reloads + (not is_broken), self.broken + is_broken
        self.server.write(self.text.replace("TTL", "many" if is_broken else str(10 + self.reloads % 20)))
        self.server.signal(signal.SIGUSR1)
        return 6

    def fault(self):
        """One upstream at a time is stopped or killed for some seconds; the other answers meanwhile."""
        if self.mending:
            self.mending()
            self.mending = None
            return 4
        self.faults += 1
        upstream = self.upstreams[self.faults % 2]
        if self.faults % 4 < 2:
            upstream.signal(signal.SIGSTOP)
            self.mending = lambda: upstream.signal(signal.SIGCONT)
        else:
            upstream.kill()
            self.mending = upstream.start
        return 6


def body(suite):
    lab = Lab("--generate", "nodes=20,services=200,endpoints=2000,seed=1", manifests=EXAMPLES)
    files = Authority("soak").issue("server", HOST)
    upstreams = [Upstream(), Upstream()]
    ports, text = {"TLS": free_port(), "HTTPS": free_port()}, COREFILE
    for mark, value in {**ports, "CERTIFICATE": files[0], "KEY": files[1], "FIRST": upstreams[0].port,
                        "SECOND": upstreams[1].port}.items():
        text = text.replace(mark, str(value))
    server = Server(text.replace("TTL", "30"), lab.kubeconfig).wait_for("kube-dns.kube-system.svc.cluster.local")
    churn = Churn(lab)
    eventually(lambda: dig(server.port, "pool.shop.svc.cluster.local").data)
    at_rest = Held(server)
    print(f"  soak: {MINUTES:g} minutes; at rest: {at_rest}", flush=True)

    stable, changing = cluster_questions(lab), churn.questions()
    asked_upstream = [Question("kept.up.test", ["192.0.2.1"]), Question("*.up.test", ["192.0.2.1"])]
    questions = random.Random(4).sample(stable * 40 + changing * 2 + asked_upstream * 5, len(stable) * 40 + len(changing) * 2 + 10)
    client = Client([server.port], questions, RATE, OVER_TCP)
    targets = attacks.Ports(server.port, ports["TLS"], ports["HTTPS"])
    attackers = [attacks.begin(attack, targets) for attack in attacks.ALL]
    soak, held, begun = Soak(server, text, churn, upstreams), [], time.monotonic()
    next_line = LINE_EVERY
    while server.is_alive and (elapsed := time.monotonic() - begun) < MINUTES * 60:
        soak.turn(elapsed)
        if elapsed >= len(held):
            held.append(Held(server))
        if elapsed >= next_line:
            next_line += LINE_EVERY
            figures = client.figures()
            print(f"  soak: {elapsed:4.0f} s: {held[-1]}; {figures['asked']} asked, {figures['again']} twice, "
                  f"{figures['lost']} lost, {figures['wrong']} wrong", flush=True)
        time.sleep(0.05)
    suite.check("the process lives", server.is_alive, server.log_end())
    suite.check("so do all attackers", all(attacker.is_alive() for attacker in attackers), [a.name for a in attackers if not a.is_alive()])
    figures = client.stop()
    for attacker in attackers:
        attacker.kill()
    if soak.mending:
        soak.mending()

    extents = (f"{MINUTES:g} minutes, {figures['asked']} questions, {figures['again']} asked twice, {soak.changes} changes, "
               f"{soak.reloads} reloads, {soak.faults} faults of upstreams")
    suite.check("questions were asked at the rate", figures["rate"] > 0.9 * RATE, figures["rate"])
    suite.check("much happened beside them", min(soak.changes, soak.reloads, soak.broken, soak.faults) > 0, extents)
    suite.gate("soak", "questions lost, of a client that asks twice", figures["lost"], 0, figures["lost"] == 0, extents)
    suite.gate("soak", "wrong answers", figures["wrong"], 0, figures["wrong"] == 0, extents)
    suite.equal("nothing is said to be wrong", figures["examples"], [])
    suite.equal("broken Corefiles are counted", server.metric("coredns_reload_failed_total"), soak.broken)
    lasting(suite, held)
    rests(suite, server, at_rest)
    suite.equal("and it ends well", server.stop(), 0)


def lasting(suite, held):
    """What grows as long as the process runs."""
    extents = f"{MINUTES:g} minutes"
    for what, values in {
        "resident memory": [one.memory for one in held], "descriptors": [one.descriptors for one in held],
        "threads": [one.threads for one in held],
    }.items():
        grown = drift(values)
        if MINUTES < SHORTEST_DRIFT:
            print(f"  soak: {what} grew by {grown:.1f} % in the second half")
        else:
            suite.gate("soak", f"{what}: growth in the second half", f"{grown:.1f} %", "5 %", grown <= 5, extents)
    if MINUTES < SHORTEST_DRIFT:
        print(f"  soak: what grows: not run: that takes {SHORTEST_DRIFT} minutes, make soak MINUTES={SHORTEST_DRIFT}")


def rests(suite, server, before):
    """Once nobody asks, descriptors and threads are as many as before anybody did."""
    now = eventually(lambda: (held := Held(server)).descriptors <= before.descriptors and held.threads <= before.threads and held)
    now = now or Held(server)
    print(f"  soak: at rest again: {now}", flush=True)
    suite.gate("soak", "descriptors left open", now.descriptors - before.descriptors, 0, now.descriptors <= before.descriptors,
        f"{MINUTES:g} minutes")
    suite.gate("soak", "threads left", now.threads - before.threads, 0, now.threads <= before.threads, f"{MINUTES:g} minutes")


if __name__ == "__main__":
    Suite("soak").run(body)
