#!/usr/bin/env python3
"""Every Corefile of Corefile-examples/ serves: each is started as it is but for its addresses, and asked."""

import re
from live import EXAMPLES, ROOT, Lab, Reply, ScriptedUpstream, Server, Suite, dig, eventually, free_port, query
from secure_clients import http1

CLUSTER = ("kube-dns.kube-system.svc.cluster.local.", "A", "a 10.96.0.10")
UPSTREAM = ("example.com.", "A", "a 192.0.2.1")
# What is asked of each, and a record that must be in the response.
QUESTIONS = {
    "company-names": [
        CLUSTER, UPSTREAM, ("dns.corp.example.", "A", "a 10.96.0.10"),
    ],
    "helm-chart": [CLUSTER, UPSTREAM],
    "hosts": [
        ("printer.lan.", "A", "a 192.168.1.10"), ("nas.lan.", "AAAA", "aaaa fd00:1::11"), UPSTREAM,
        ("whoami.lan.", "A", "a 127.0.0.1"),
    ],
    "https-behind-a-proxy": [CLUSTER, UPSTREAM],
    "kubeadm": [CLUSTER, UPSTREAM],
    "kubernetes-addon": [CLUSTER, UPSTREAM],
    "local": [CLUSTER, UPSTREAM],
    "stub-domains": [CLUSTER, UPSTREAM, ("www.corp.example.", "A", "a 192.0.2.1")],
    "views": [
        ("shop.example.", "A", "a 203.0.113.20"), ("ip-10-0-0-7.nodes.example.", "A", "a 10.0.0.7"), UPSTREAM,
    ],
}


def on_free_ports(text, resolvers, company, web):
    """The Corefile with this machine's addresses in place of those it was written for."""
    for pattern, replacement in (
        (r"^(\S.*):(?:53|1053) \{$", r"\1:@PORT@ {\n    bind 127.0.0.1"),
        (r"^https://\.:8053 \{$", rf"https://.:{web} {{\n    bind 127.0.0.1"),
        (r"^( +)health\b[^{\n]*", r"\1health 127.0.0.1:@HEALTH@ "),
        (r"^( +)ready\b.*$", r"\1ready 127.0.0.1:@READY@"),
        (r"^( +)prometheus\b.*$", r"\1prometheus 127.0.0.1:@METRICS@"),
        (r"^ +kubeconfig .*\n", ""),
        (r"^( +)(kubernetes .*)\{$", r"\1\2{\n\1\1kubeconfig @KUBECONFIG@"),
        (r"^( +)(kubernetes [^{\n]*)$", r"\1\2 {\n\1\1kubeconfig @KUBECONFIG@\n\1}"),
        (r"(forward \S+) /etc/resolv\.conf", rf"\1 127.0.0.1:{resolvers}"),
        (r"(forward \S+) 10\.0\.0\.10\b", rf"\1 127.0.0.1:{company}"),
    ):
        text = re.sub(pattern, replacement, text, flags=re.MULTILINE)
    return text


def body(suite):
    files = sorted((ROOT / "Corefile-examples").glob("*.Corefile"))
    suite.equal("every example is asked", [file.stem for file in files], sorted(QUESTIONS))
    lab = Lab(manifests=EXAMPLES)
    for file in files:
        resolvers, company = ScriptedUpstream(0), ScriptedUpstream(0)
        web = free_port()
        text = on_free_ports(file.read_text(), resolvers.port, company.port, web)
        questions = QUESTIONS.get(file.stem, [])
        server = Server(text, lab.kubeconfig).wait_for(questions[0][0] if questions else ".")
        for name, kind, wanted in questions:
            answer = dig(server.port, name, kind)
            found = [(owner, f"{kind} {data}") for owner, _, kind, data in answer.answer + answer.additional]
            suite.equal(f"{file.stem}: {name} {kind}", (answer.rcode, (name, wanted) in found), ("NOERROR", True))
        if f"https://.:{web}" in text:
            for name, _, _ in questions:
                response = http1(web, None, "POST", "/dns-query", query(name))
                suite.equal(f"{file.stem}: {name} over HTTP",
                    (response.status, response.status == 200 and Reply(response.body).answers), (200, 1))
        if "@READY@" in text:
            suite.check(f"{file.stem}: ready", eventually(lambda: server.page(server.ready_port, "/ready") == (200, "OK")))
        if "@HEALTH@" in text:
            suite.equal(f"{file.stem}: healthy", server.page(server.health_port, "/health"), (200, "OK"))
        if "@METRICS@" in text:
            suite.check(f"{file.stem}: counts", (server.metric("coredns_dns_requests_total") or 0) >= len(questions))
        suite.check(f"{file.stem}: upstreams are asked", resolvers.asked > 0)
        suite.equal(f"{file.stem}: the company's server is asked for its own zone alone",
            company.asked > 0, file.stem == "stub-domains")
        # Killed, because stopping would take its lameduck time.
        server.kill()


if __name__ == "__main__":
    Suite("examples").run(body)
