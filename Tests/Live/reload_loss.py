#!/usr/bin/env python3
"""Twenty reloads under 10,000 queries a second lose none of them."""

import re
import signal
from live import EXAMPLES, Lab, Program, Server, Suite, dig, eventually, work

RELOADS, RATE = 20, 10_000
NAME = "kube-dns.kube-system.svc.cluster.local."
COREFILE = """
.:@PORT@ {
    bind 127.0.0.1
    errors
    kubernetes cluster.local {
        kubeconfig @KUBECONFIG@
        ttl TTL
    }
    prometheus 127.0.0.1:@METRICS@
    cache 30
    reload
    loadbalance
}
"""


def body(suite):
    lab = Lab(manifests=EXAMPLES)
    server = Server(COREFILE.replace("TTL", "100"), lab.kubeconfig).wait_for(NAME)
    questions = work / "questions"
    questions.write_text("".join(f"{name}.svc.cluster.local. A\n" for name in (
        "kube-dns.kube-system", "frontend.shop", "back-end.shop", "store-be.shop", "db.shop", "search.shop")))
    load = Program("dnsperf", [
        "dnsperf", "-s", "127.0.0.1", "-p", server.port, "-d", questions, "-Q", RATE, "-q", 2000, "-c", 8, "-t", 5,
        "-S", 1, "-l", 300])
    suite.check("the load runs", eventually(lambda: re.search(r"^\d+\.\d+: [1-9]", load.log, re.MULTILINE)), load.log_end())

    def ttl():
        records = dig(server.port, NAME).answer
        return records[0][1] if records else None

    for number in range(RELOADS):
        wanted = 101 + number
        server.write(COREFILE.replace("TTL", str(wanted)))
        server.signal(signal.SIGUSR1)
        # The answer's TTL shows that this reload has happened.
        if not eventually(lambda: ttl() == wanted):
            suite.equal(f"reload {number + 1} is taken", ttl(), wanted)
            break
    else:
        suite.check(f"{RELOADS} reloads are taken", True)
    suite.check("the load still runs", load.is_alive, load.log_end())
    load.signal(signal.SIGINT)
    load.exit_code()

    def figure(label):
        found = re.search(rf"{label}: +([\d.]+)", load.log)
        return float(found.group(1)) if found else None

    sent, lost, rate = figure("Queries sent"), figure("Queries lost"), figure("Queries per second")
    print(f"  reload-loss: {sent:.0f} queries, {lost:.0f} lost, {rate:.0f} a second", flush=True)
    suite.equal("queries lost", lost, 0)
    suite.check("there were queries at every reload", sent and sent > RELOADS * RATE / 10, sent)
    suite.check("every answer was a right one", re.search(r"Response codes: +NOERROR \d+ \(100\.00%\)", load.log), load.log_end())
    suite.equal("failed reloads", server.metric("coredns_reload_failed_total") or 0, 0)


if __name__ == "__main__":
    Suite("reload-loss").run(body)
