#!/usr/bin/env python3
"""SIGUSR1 reads the Corefile again: a good one is taken, a broken one is reported while the old one keeps serving."""

import re
import signal
import threading
import attacks
from live import EXAMPLES, Lab, Server, Suite, dig, eventually

NAME = "kube-dns.kube-system.svc.cluster.local."
COREFILE = """
.:@PORT@ {
    bind 127.0.0.1
    errors
    health 127.0.0.1:@HEALTH@
    ready 127.0.0.1:@READY@
    kubernetes cluster.local {
        kubeconfig @KUBECONFIG@
        ttl TTL
    }
    prometheus 127.0.0.1:@METRICS@
    reload
}
"""


PAGE = """
.:@PORT@ {
    bind 127.0.0.1
    health 127.0.0.1:%s
    whoami
}
"""
MOVES = 30


def body(suite):
    lab = Lab(manifests=EXAMPLES)
    server = Server(COREFILE.replace("TTL", "30"), lab.kubeconfig).wait_for(NAME)

    def ttl():
        answer = dig(server.port, NAME).answer
        return answer[0][1] if answer else None

    def failures():
        return server.metric("coredns_reload_failed_total") or 0

    def reload(text):
        server.write(text)
        server.signal(signal.SIGUSR1)

    suite.equal("as started", (ttl(), failures()), (30, 0))
    reload(COREFILE.replace("TTL", "7"))
    suite.check("a good Corefile is taken", eventually(lambda: ttl() == 7), ttl())

    reload(COREFILE.replace("TTL", "many"))
    suite.check("a wrong value is counted", eventually(lambda: failures() == 1), failures())
    suite.equal("the old Corefile keeps serving", ttl(), 7)
    line = 1 + COREFILE[:COREFILE.index("ttl TTL")].count("\n")
    suite.check("file and line are logged", f"{server.corefile}:{line}" in server.log, server.log_end())

    reload(COREFILE.replace("TTL", "8").replace("reload\n}", "reload\n"))
    suite.check("a file without its end is counted", eventually(lambda: failures() == 2), failures())
    suite.equal("the old Corefile still serves", ttl(), 7)

    suite.equal("health stays open", server.page(server.health_port, "/health"), (200, "OK"))
    suite.equal("ready stays so", server.page(server.ready_port, "/ready")[0], 200)

    reload(COREFILE.replace("TTL", "9"))
    suite.check("the next good one is taken", eventually(lambda: ttl() == 9), ttl())
    suite.equal("and counts as no failure", failures(), 2)
    suite.check("the process is the same", server.is_alive)
    cluster_out_of_reach(suite, server, failures)
    moving_page(suite)

def cluster_out_of_reach(suite, server, failures):
    """A Corefile whose cluster cannot be reached is waited for, and refused; whoever probes the process hears nothing of it."""
    said, wanted = [], threading.Event()

    def probe():
        while not wanted.is_set():
            said.append(server.page(server.ready_port, "/ready"))

    prober = threading.Thread(target=probe)
    prober.start()
    before = failures()
    dead = COREFILE.replace("kubeconfig @KUBECONFIG@", "endpoint http://127.0.0.1:1\n        startup_timeout 2s")
    server.write(dead.replace("TTL", "3").replace("reload\n}", "reload 2s 0s\n}"))
    server.signal(signal.SIGUSR1)
    suite.check("it is refused", eventually(lambda: failures() == before + 1), failures())
    text = server.page(server.metrics_port, "/metrics")[1]
    suite.equal("the metrics are those of the Corefile that serves", (
        len(re.findall(r"^coredns_reload_version_info\{", text, re.MULTILINE)),
        "coredns_kubernetes_data_age_seconds -1" in text, 'coredns_plugin_enabled{' in text), (1, False, True))
    wanted.set()
    prober.join()
    suite.equal("and all the while it was ready", {status for status, _ in said}, {200})


def moving_page(suite):
    """A page whose address changes, while others open connections to where it was and where it will be."""
    server = Server(PAGE % "@HEALTH@").wait_for("a.test")
    ports = [server.health_port, server.ready_port]
    knocking = [attacks.begin(attacks.knocking, port) for port in ports]
    moves = 0
    for number in range(MOVES):
        port = ports[(number + 1) % 2]
        server.write(PAGE % port)
        server.signal(signal.SIGUSR1)
        moves += bool(eventually(lambda: not server.is_alive or server.page(port, "/health")[0] == 200) and server.is_alive)
        if not server.is_alive:
            break
    for process in knocking:
        process.kill()
    suite.equal("a page moves while it is asked", moves, MOVES)
    suite.check("and the process lives", server.is_alive, server.process.poll())


if __name__ == "__main__":
    Suite("reload").run(body)
