#!/usr/bin/env python3
"""Reloads under 10,000 queries a second over UDP, TCP, TLS and HTTPS lose none of them: good Corefiles, broken ones, and
such as open and close another port."""

import contextlib
import os
import pathlib
import re
import signal
from live import EXAMPLES, Lab, Program, Server, Suite, dig, eventually, extent, free_port, work
from secure_clients import HOST, Authority

RELOADS = extent(20, 100)
# Queries a second, 10,000 in all.
RATES = {"udp": 6000, "tcp": 3000, "dot": 700, "doh": 300}
NAME = "kube-dns.kube-system.svc.cluster.local."
COREFILE = """
.:@PORT@, tls://.:TLS, https://.:HTTPS {
    bind 127.0.0.1
    errors
    tls CERTIFICATE KEY
    ready 127.0.0.1:@READY@
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
ANOTHER = """
.:@PORT2@ {
    bind 127.0.0.1
    whoami
}
"""


def datagrams_thrown_away(program):
    """How many the kernel dropped because a socket of this process was full."""
    sockets = set()
    for entry in pathlib.Path(f"/proc/{program.pid}/fd").iterdir():
        with contextlib.suppress(OSError):
            sockets.add(os.readlink(entry))
    rows = [line.split() for line in pathlib.Path("/proc/net/udp").read_text().splitlines()[1:]]
    return sum(int(row[12]) for row in rows if f"socket:[{row[9]}]" in sockets)


class Load:
    """dnsperf over one transport: it asks nothing twice."""

    def __init__(self, transport, port, questions):
        self.transport, self.rate = transport, RATES[transport]
        uri = ["-O", f"doh-uri=https://{HOST}/dns-query"] if transport == "doh" else []
        self.program = Program(f"dnsperf-{transport}", [
            "dnsperf", "-m", transport, "-s", "127.0.0.1", "-p", port, "-d", questions, "-Q", self.rate, "-q", 2000,
            "-c", 8 if transport == "udp" else 2, "-T", 1, "-t", 5, "-S", 1, "-l", 3600, "-b", 4096, *uri])

    def has_begun(self):
        return re.search(r"^\d+\.\d+: [1-9]", self.program.log, re.MULTILINE)

    def figure(self, label):
        found = re.search(rf"{label}: +([\d.]+)", self.program.log)
        return float(found.group(1)) if found else None

    def stop(self, suite):
        """Queries sent and lost."""
        suite.check(f"the load over {self.transport} still runs", self.program.is_alive, self.program.log_end())
        # What came, and was thrown away because dnsperf had not been running for a while, the server did not lose.
        thrown_away = datagrams_thrown_away(self.program)
        self.program.signal(signal.SIGINT)
        self.program.exit_code()
        sent, lost, rate = map(self.figure, ("Queries sent", "Queries lost", "Queries per second"))
        lost -= min(lost, thrown_away)
        print(f"  reload-loss: {self.transport}: {sent:.0f} queries, {lost:.0f} lost and {thrown_away} answers thrown away by "
              f"the client's own sockets, {rate:.0f} a second", flush=True)
        suite.equal(f"queries lost over {self.transport}", lost, 0)
        suite.check(f"there were queries over {self.transport} at every reload", sent > RELOADS * self.rate / 10, sent)
        suite.check(f"every answer over {self.transport} was a right one",
            re.search(r"Response codes: +NOERROR \d+ \(100\.00%\)", self.program.log), self.program.log_end())
        return sent, lost


class Reloads:
    def __init__(self, suite, server, text):
        self.suite, self.server, self.text, self.unready = suite, server, text, []

    def ttl(self):
        records = dig(self.server.port, NAME).answer
        return records[0][1] if records else None

    def failures(self):
        return self.server.metric("coredns_reload_failed_total") or 0

    def reload(self, text, is_done):
        self.server.write(text)
        self.server.signal(signal.SIGUSR1)
        done = eventually(is_done)
        status = self.server.page(self.server.ready_port, "/ready")
        if status[0] != 200:
            self.unready.append(status)
        return done

    def good(self, number):
        """The answer's TTL shows that this reload has happened; every other one opens a port, or closes it."""
        wanted = 101 + number
        text = self.text.replace("TTL", str(wanted)) + (ANOTHER if number % 4 < 2 else "")
        return self.reload(text, lambda: self.ttl() == wanted)

    def broken(self, number):
        """Counted, and what was there serves on."""
        before, ttl = self.failures(), self.ttl()
        text = self.text.replace("TTL", "many") if number % 2 else self.text.replace("TTL", "1").rstrip("}\n")
        return self.reload(text, lambda: self.failures() == before + 1) and self.ttl() == ttl


def body(suite):
    lab = Lab(manifests=EXAMPLES)
    files = Authority("reload").issue("server", HOST)
    ports = {"dot": free_port(), "doh": free_port()}
    text = COREFILE
    for mark, value in {"TLS": ports["dot"], "HTTPS": ports["doh"], "CERTIFICATE": files[0], "KEY": files[1]}.items():
        text = text.replace(mark, str(value))
    server = Server(text.replace("TTL", "100"), lab.kubeconfig).wait_for(NAME)
    questions = work / "questions"
    questions.write_text("".join(f"{name}.svc.cluster.local. A\n" for name in (
        "kube-dns.kube-system", "frontend.shop", "back-end.shop", "store-be.shop", "db.shop", "search.shop")))
    loads = [Load(transport, ports.get(transport, server.port), questions) for transport in RATES]
    for load in loads:
        suite.check(f"the load over {load.transport} runs", eventually(load.has_begun), load.program.log_end())

    reloads = Reloads(suite, server, text)
    taken = refused = 0
    for number in range(RELOADS):
        taken += bool(reloads.good(number))
        if number % 5 == 4:
            refused += bool(reloads.broken(number))
    suite.equal("reloads that are taken", taken, RELOADS)
    suite.equal("broken Corefiles that are refused, the one before them serving on", refused, RELOADS // 5)
    suite.equal("failed reloads", reloads.failures(), RELOADS // 5)
    suite.equal("/ready stays 200", reloads.unready, [])
    print(f"  reload-loss: {datagrams_thrown_away(server)} queries thrown away by the server's sockets", flush=True)
    results = [load.stop(suite) for load in loads]
    sent, lost = (int(sum(values)) for values in zip(*results))
    suite.gate("G9", "queries lost in reloads, none asked twice", lost, 0, lost == 0,
        f"{RELOADS} reloads and {RELOADS // 5} broken Corefiles, {sent} queries at {sum(RATES.values())} a second over UDP, "
        "TCP, TLS, HTTPS")


if __name__ == "__main__":
    Suite("reload-loss").run(body)
