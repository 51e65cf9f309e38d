#!/usr/bin/env python3
"""`cluster-dns node` with the ConfigMap and the command line of NodeLocal DNSCache, before another `cluster-dns`."""

import json
import random
import re
import signal
import socket
import textwrap
from push import Cluster
from live import BINARY, EXAMPLES, ROOT, Lab, Program, ScriptedUpstream, Server, Suite, dig, eventually, work

MANIFEST = (ROOT / "Tests/Fixtures/node-local-dns.yaml").read_text()
# Addresses of this run alone, so that all can have port 53.
NET = f"127.{random.SystemRandom().randrange(1, 255)}.{random.SystemRandom().randrange(1, 255)}"
LOCAL, SERVICE, CLUSTER = f"{NET}.10", f"{NET}.11", f"{NET}.12"
NAME = "kube-dns.kube-system.svc.cluster.local."
BEHIND = """
.:53 {
    bind %s
    kubernetes cluster.local in-addr.arpa ip6.arpa {
        kubeconfig @KUBECONFIG@
    }
    prometheus 127.0.0.1:@METRICS@
}
""" % CLUSTER


def installed(text):
    """As kube-proxy's iptables mode has it installed."""
    for word, value in (("__PILLAR__DNS__DOMAIN__", "cluster.local"), ("__PILLAR__LOCAL__DNS__", LOCAL),
                        ("__PILLAR__DNS__SERVER__", SERVICE)):
        text = text.replace(word, value)
    return text


def template():
    """The key Corefile of the ConfigMap."""
    return textwrap.dedent(re.search(r"  Corefile: \|\n((?:    .*\n)+)", MANIFEST).group(1))


def arguments():
    """The container's, as they are installed."""
    return json.loads(installed(re.search(r"args: (\[.*\])", MANIFEST).group(1)))


class Mounted:
    """A ConfigMap as the kubelet mounts it: files that lead through `..data`, which is exchanged in one step."""

    def __init__(self, name, keys):
        self.folder, self.version = work / name, 0
        self.folder.mkdir()
        self.write(keys)

    def write(self, keys):
        self.version += 1
        data = self.folder / f"..{self.version}"
        data.mkdir()
        for key, text in keys.items():
            (data / key).write_text(text)
        (self.folder / "..new").symlink_to(data.name)
        (self.folder / "..new").replace(self.folder / "..data")
        for key in keys:
            if not (self.folder / key).is_symlink():
                (self.folder / key).symlink_to(f"..data/{key}")


class Node(Program):
    def __init__(self, base, keys, *more, environment=None):
        self.base, self.keys = base, keys
        self.shown = work / f"shown.{base.name}"
        given = [str(self.shown) if word == "/etc/Corefile" else word for word in arguments()]
        super().__init__(
            "node",
            [BINARY, "node", *given, "-basecorefile", base / "Corefile.base", "-kubednscm", keys, "-setupinterface=false",
             "-setupiptables=false", *more],
            environment={"KUBE_DNS_UPSTREAM_SERVICE_HOST": CLUSTER, **(environment or {})})

    def wait_until_it_answers(self, name=NAME):
        if not eventually(lambda: not self.is_alive or ask(name, at=LOCAL).rcode == "NOERROR") or not self.is_alive:
            raise RuntimeError(f"no answer\n{self.log_end()}")
        return self


def ask(name, kind="A", *options, at=LOCAL):
    return dig(53, name, kind, "+time=2", *options, at=at)


def metric(page, pattern):
    values = re.findall(rf"^{pattern} (\S+)$", page, re.MULTILINE)
    return sum(map(float, values)) if values else None


def metrics(server, port):
    return server.page(port, "/metrics")[1]


def answers(suite, behind):
    for at in (LOCAL, SERVICE):
        suite.equal(f"a cluster name at {at}", ask(NAME, at=at).rcode, "NOERROR")
    address = ask(NAME).first[3]
    suite.equal("its reverse name", ask(f"{'.'.join(reversed(address.split('.')))}.in-addr.arpa.", "PTR").data, [f"ptr {NAME}"])
    suite.equal("over TCP", ask(NAME, "A", "+tcp").rcode, "NOERROR")
    suite.equal("a name that is not there", ask("none.default.svc.cluster.local.").rcode, "NXDOMAIN")
    suite.equal("an external name", ask("www.example.").data, ["a 192.0.2.1"])
    hits = lambda: metric(metrics(behind, 9253), r'coredns_cache_hits_total{[^\n]*zones="\."[^\n]*}') or 0
    # Not by what the upstream was asked: `loop` asks it, too.
    before = hits()
    suite.equal("and again", ask("www.example.").data, ["a 192.0.2.1"])
    suite.equal("is kept", hits(), before + 1)
    before = metric(metrics(behind, behind.metrics_port), r'coredns_dns_requests_total{[^\n]*type="A"[^\n]*}')
    for _ in range(5):
        ask(NAME)
    page = metrics(behind, behind.metrics_port)
    suite.equal("a cluster name is kept", metric(page, r'coredns_dns_requests_total{[^\n]*type="A"[^\n]*}'), before)
    suite.equal("the cluster is asked over TCP alone", metric(page, r'coredns_dns_requests_total{[^\n]*proto="udp"[^\n]*}'), None)


def pages(suite, behind):
    suite.equal("health", behind.page(8080, "/health", LOCAL), (200, "OK"))
    suite.check("metrics of the Corefile", "coredns_cache_hits_total" in metrics(behind, 9253))
    page = metrics(behind, 9353)
    for kind in ("iptables", "iptables_lock", "interface_add", "interface_check", "configmap"):
        suite.equal(f"errors of {kind} begin with none",
                    metric(page, rf'coredns_nodecache_setup_errors_total{{errortype="{kind}"}}'), 0)


def told(suite, lab, behind):
    """The cluster's DNS tells of changes, with nothing in the ConfigMap that asks for it."""
    def figure(name):
        return metric(metrics(behind, 9253), rf"coredns_cache_{name}{{[^\n]*}}") or 0
    name = "later.default.svc.cluster.local."
    suite.equal("a name that is not there yet", ask(name).rcode, "NXDOMAIN")
    before = figure("follow_changes_total")
    suite.check("is followed", eventually(lambda: figure("followed_names") >= 1))
    Cluster(lab).service("later", "10.96.7.7", namespace="default")
    suite.check("and is told when it appears", eventually(lambda: figure("follow_changes_total") > before))
    suite.check("and answered", eventually(lambda: ask(name).data == ["a 10.96.7.7"]))


def changes(suite, node, behind, base, keys, external):
    stub = ScriptedUpstream(0)
    def errors():
        return metric(metrics(behind, 9353), r'coredns_nodecache_setup_errors_total{errortype="configmap"}')
    usual = {"upstreamNameservers": json.dumps([f"127.0.0.1:{external.port}"])}
    keys.write({**usual, "stubDomains": json.dumps({"corp.test": [f"127.0.0.1:{stub.port}"]})})
    suite.check("a stub domain is taken over while serving",
                eventually(lambda: ask("a.corp.test.").rcode == "NOERROR" and stub.asked > 0), node.log_end())
    suite.check("and shown in the file of -conf", "corp.test:53 {" in node.shown.read_text())
    keys.write({**usual, "stubDomains": '{"corp.test": ['})
    suite.check("JSON with a mistake is counted", eventually(lambda: errors() == 1), errors())
    suite.check("and named with its file, what was found and what belongs there", eventually(lambda: re.search(
        rf"{keys.folder}/stubDomains:1: stubDomains: found a text that is not JSON .*, expected JSON", node.log)), node.log_end())
    asked = stub.asked
    suite.check("what was right before serves on", ask("b.corp.test.").rcode == "NOERROR" and stub.asked > asked)
    node.signal(signal.SIGUSR1)
    suite.check("a reload has been asked for", eventually(lambda: node.log.count("Reloading complete") >= 2), node.log_end())
    suite.equal("the same mistake is said once", node.log.count("found a text that is not JSON"), 1)
    base.write({"Corefile.base": installed(template()).replace("cache 30", "cache 7")})
    suite.check("a new template is taken over beside it", eventually(lambda: "cache 7" in node.shown.read_text()), node.log_end())
    suite.equal("its stub domain stays", ask("c.corp.test.").rcode, "NOERROR")
    keys.write(usual)
    suite.check("a stub domain goes", eventually(lambda: "corp.test" not in node.shown.read_text()), node.log_end())
    base.write({"Corefile.base": "cluster.local:53 {"})
    suite.check("a template without its end is refused", eventually(lambda: "reload failed" in node.log), node.log_end())
    suite.equal("the old one serves on", ask(NAME).rcode, "NOERROR")


def refusals(suite, base, keys):
    for label, more, environment, said in (
        ("no Service", [], {"KUBE_DNS_UPSTREAM_SERVICE_HOST": ""},
         "found no address in the environment variable KUBE_DNS_UPSTREAM_SERVICE_HOST"),
        ("no template", ["-basecorefile", work / "none", "-conf", work / "none-either"], {}, "expected a readable template"),
    ):
        node = Node(base, keys, *more, environment=environment)
        suite.equal(f"{label}: the start fails", node.exit_code(), 1)
        suite.check(f"{label}: and says why", said in node.log, node.log_end())
    node = Program("node", [BINARY, "node", "-localip", "dns"])
    suite.equal("a wrong flag", node.exit_code(), 2)


def body(suite):
    try:
        with socket.socket(type=socket.SOCK_DGRAM) as tried:
            tried.bind((CLUSTER, 53))
    except OSError as error:
        print(f"  {suite.name}: not run: port 53 of {CLUSTER}: {error}", flush=True)
        return
    lab = Lab(manifests=EXAMPLES)
    behind = Server(BEHIND, lab.kubeconfig)
    external = ScriptedUpstream(0)
    base = Mounted("base", {"Corefile.base": installed(template())})
    keys = Mounted("keys", {"upstreamNameservers": json.dumps([f"127.0.0.1:{external.port}"])})
    refusals(suite, base.folder, keys.folder)
    eventually(lambda: ask(NAME, "A", "+tcp", at=CLUSTER).rcode == "NOERROR")
    node = Node(base.folder, keys.folder).wait_until_it_answers()
    answers(suite, behind)
    pages(suite, behind)
    told(suite, lab, behind)
    changes(suite, node, behind, base, keys, external)
    suite.equal("SIGTERM ends it", node.stop(), 0)
    base.write({"Corefile.base": installed(template())})
    node = Node(base.folder, keys.folder, "-conf", work / "no-folder/Corefile").wait_until_it_answers()
    suite.check("where -conf cannot be written, it serves all the same", "is not shown in a file" in node.log, node.log_end())
    suite.equal("and ends", node.stop(), 0)


if __name__ == "__main__":
    Suite("node-command").run(body)
