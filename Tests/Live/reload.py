#!/usr/bin/env python3
"""SIGUSR1 reads the Corefile again: a good one is taken, a broken one is reported while the old one keeps serving."""

import signal
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


if __name__ == "__main__":
    Suite("reload").run(body)
