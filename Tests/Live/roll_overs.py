#!/usr/bin/env python3
"""Replicas that are replaced one after the other under 10,000 questions a second: a client that asks twice loses none.

A balancer follows `/ready` as a Service does. Each time a new process joins, and an old one gets SIGTERM: it serves on for its
lameduck time, answers what still waits for an upstream then, and ends with exit code 0.
"""

import signal
import socket
import threading
import time
from asking import Client, Question
from live import EXAMPLES, Lab, Reply, ScriptedUpstream, Server, Suite, connect, eventually, extent, framed, query, receive_framed

ROLL_OVERS = extent(5, 100)
RATE, OVER_TCP = 10_000, 0.2
# An upstream answers only after the lameduck time is over.
LAMEDUCK, DELAY = 1, 1.5
WAITING = 20
COREFILE = """
.:@PORT@ {
    bind 127.0.0.1
    errors
    health 127.0.0.1:@HEALTH@ {
        lameduck %ds
    }
    ready 127.0.0.1:@READY@
    kubernetes cluster.local {
        kubeconfig @KUBECONFIG@
    }
    forward . 127.0.0.1:%d
    loadbalance
}
"""


class Balancer:
    """Says to the client which replicas are ready, soon after that changes."""

    def __init__(self, replicas):
        self.replicas, self.ready, self.client = list(replicas), [replica.port for replica in replicas], None
        self.thread = threading.Thread(target=self.follow, daemon=True)
        self.thread.start()

    def end(self):
        self.replicas = []
        self.thread.join()

    def follow(self):
        while self.replicas:
            ready = [replica.port for replica in list(self.replicas) if replica.page(replica.ready_port, "/ready")[0] == 200]
            # With none left a Service would refuse everybody; that is never meant to happen here.
            if ready and ready != self.ready and self.client:
                self.client.ask(ready)
                self.ready = ready
            time.sleep(0.05)


class Waiting:
    """Questions to one replica that wait for its upstream."""

    def __init__(self, replica, upstream):
        before = upstream.asked
        self.datagrams, self.stream = socket.socket(type=socket.SOCK_DGRAM), connect(replica.port)
        self.datagrams.connect(("127.0.0.1", replica.port))
        self.datagrams.settimeout(30)
        for number in range(WAITING // 2):
            self.datagrams.send(query(f"udp-{number}.slow.test", id=number))
            self.stream.sendall(framed(query(f"tcp-{number}.slow.test", id=number)))
        eventually(lambda: upstream.asked >= before + WAITING)

    def answers(self):
        """How many are answered."""
        got = set()
        try:
            while len(got) < WAITING // 2:
                got.add(Reply(self.datagrams.recv(4096)).id)
        except OSError:
            pass
        while len(got) < WAITING and (message := receive_framed(self.stream)):
            got.add(("stream", Reply(message).id))
        self.datagrams.close()
        self.stream.close()
        return len(got)


def cluster_questions(lab):
    """Services of the examples, each with the address that the API gives it."""
    names = ["kube-dns.kube-system", "frontend.shop", "store-be.shop", "search.shop"]
    addresses = {name: lab.service(*name.split("."))["clusterIP"] for name in names}
    return [Question(f"{name}.svc.cluster.local", [address]) for name, address in addresses.items() if address != "None"]


def body(suite):
    lab, upstream = Lab(manifests=EXAMPLES), ScriptedUpstream(DELAY)
    text = COREFILE % (LAMEDUCK, upstream.port)
    replicas = [Server(text, lab.kubeconfig) for _ in range(2)]
    for replica in replicas:
        replica.wait_for("kube-dns.kube-system.svc.cluster.local")
    questions = cluster_questions(lab)
    suite.check("there are Services to ask for", questions)
    balancer = Balancer(replicas)
    # Each of these is asked upstream.
    balancer.client = client = Client(balancer.ready, questions * 10 + [Question("*.up.test", ["192.0.2.1"])], RATE, OVER_TCP)
    codes, answered, times = [], 0, []
    for number in range(ROLL_OVERS):
        balancer.replicas.append(Server(text, lab.kubeconfig))
        suite.check(f"{number}: a new replica joins", eventually(lambda: balancer.replicas[-1].port in balancer.ready))
        old = balancer.replicas[0]
        waiting = Waiting(old, upstream)
        begun = time.monotonic()
        old.signal(signal.SIGTERM)
        answered += waiting.answers()
        codes.append(old.exit_code())
        times.append(time.monotonic() - begun)
        suite.equal(f"{number}: it ends with exit code 0 ({old.log_end()})", codes[-1], 0)
        suite.check(f"{number}: the balancer sends nobody to it", eventually(lambda: old.port not in balancer.ready))
        balancer.replicas.remove(old)
    balancer.end()
    figures = client.stop()
    print(f"  roll-overs: {figures['rate']:.0f} questions a second, the slowest answered after {figures['slowest']:.1f} s; "
          f"{min(times):.1f} to {max(times):.1f} s from SIGTERM to the end", flush=True)
    extents = f"{ROLL_OVERS} roll-overs, {figures['asked']} questions, {figures['again']} asked twice"
    suite.check(f"{RATE} questions a second were asked", figures["rate"] > 0.9 * RATE, figures["rate"])
    suite.check("the lameduck time was kept", min(times) >= LAMEDUCK, times)
    suite.equal("every question has had its end", figures["answered"] + figures["lost"], figures["asked"])
    suite.gate("G9", "questions lost when replicas are replaced, of a client that asks twice", figures["lost"], 0,
        figures["lost"] == 0, extents)
    # A connection's end may cross a question; a datagram to a replica that is ready is answered.
    suite.gate("G9", "questions over UDP without an answer at the first asking, when replicas are replaced",
        figures["again over UDP"], 0, figures["again over UDP"] == 0, extents)
    suite.gate("G9", "wrong answers when replicas are replaced", figures["wrong"], 0, figures["wrong"] == 0, extents)
    suite.gate("G9", "questions that wait for an upstream when the lameduck time ends, and get no answer",
        ROLL_OVERS * WAITING - answered, 0, answered == ROLL_OVERS * WAITING, f"{ROLL_OVERS * WAITING} over UDP and TCP")
    bad_ends = sum(code != 0 for code in codes)
    suite.gate("G9", "exit codes other than 0 after SIGTERM", bad_ends, 0, bad_ends == 0, f"{ROLL_OVERS} roll-overs")
    suite.equal("and nothing is said to be wrong", figures["examples"], [])


if __name__ == "__main__":
    Suite("roll-overs").run(body)
