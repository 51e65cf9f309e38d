#!/usr/bin/env python3
"""deploy/monitoring: alerts fire when they should, each has its runbook, and every metric they and the dashboard name exists."""

import json
import re
import shutil
import subprocess
import urllib.request
from packages import run_with

if __name__ == "__main__":
    run_with("alerts", "PyYAML==6.*")

from live import BINARY, EXAMPLES, ROOT, Lab, Program, ScriptedUpstream, Server, Suite, dig, eventually, free_port, work
import manifests
from manifests import Manifests

FIXTURES = ROOT / "Tests/Fixtures/alerts"
METRIC = re.compile(r"\b(?:coredns|process|cluster_dns)_[a-z0-9_]+")
# Of other programs, or only there when something happens that cannot be made to happen here.
ELSEWHERE = {}
COREFILE = """
.:@PORT@ {
    bind 127.0.0.1
    errors
    log . {
        class denial
    }
    health 127.0.0.1:@HEALTH@
    ready 127.0.0.1:@READY@
    kubernetes cluster.local in-addr.arpa {
        kubeconfig @KUBECONFIG@
        pods verified
        fallthrough in-addr.arpa
    }
    hosts {
        192.0.2.7 printer.example
        fallthrough
    }
    prometheus 127.0.0.1:@METRICS@
    forward broken.example 127.0.0.1:%d {
        health_check 0.5s
    }
    forward . 127.0.0.1:%d {
        max_concurrent 100
    }
    cache 30
    loop
    reload
    loadbalance
}
"""


def promtool(*arguments):
    done = subprocess.run(["promtool", *map(str, arguments)], capture_output=True, text=True, cwd=work)
    return done.returncode, done.stdout + done.stderr


def rules_are_right(suite, rules):
    import yaml
    (work / "rules.yaml").write_text(yaml.safe_dump(rules))
    code, output = promtool("check", "rules", "rules.yaml")
    suite.check("the rules are sound", code == 0, output)
    alerts = [rule["alert"] for group in rules["groups"] for rule in group["rules"]]
    suite.equal("no alert stands twice", len(alerts), len(set(alerts)))
    fires, rests = set(), set()
    for file in sorted(FIXTURES.glob("*.yaml")):
        shutil.copy(file, work / file.name)
        for case in yaml.safe_load(file.read_text())["tests"]:
            for one in case["alert_rule_test"]:
                (fires if one["exp_alerts"] else rests).add(one["alertname"])
            single = work / "one-case.yaml"
            single.write_text(yaml.safe_dump(
                {"rule_files": ["rules.yaml"], "evaluation_interval": "1m", "tests": [case]}))
            code, output = promtool("test", "rules", single.name)
            suite.check(case["name"], code == 0, output)
    suite.equal("each alert has a case in which it fires", sorted(set(alerts) - fires), [])
    suite.equal("each alert has a case in which it does not", sorted(set(alerts) - rests), [])
    suite.equal("no case is about an alert that is not there", sorted((fires | rests) - set(alerts)), [])
    return [rule for group in rules["groups"] for rule in group["rules"]]


def runbooks_are_complete(suite, alerts):
    pages = {}
    for alert in alerts:
        page, _, anchor = alert["annotations"]["runbook"].partition("#")
        pages.setdefault(page, set()).add(alert["alert"])
        suite.equal(f"{alert['alert']}: the runbook's anchor is its name", anchor, alert["alert"].lower())
        suite.check(f"{alert['alert']}: critical or a warning", alert["labels"]["severity"] in ("critical", "warning"))
    for page, wanted in pages.items():
        parts = re.split(r"^## (.+)$", (ROOT / page).read_text(), flags=re.MULTILINE)
        sections = dict(zip(parts[1::2], parts[2::2]))
        suite.equal(f"{page}: one section for each alert", sorted(sections), sorted(wanted))
        for title, text in sections.items():
            suite.check(f"{page}: {title} says what it means, what to check, what to do",
                all(f"**{word}.** " in text for word in ("Meaning", "Check", "Do")))
            for anchor in re.findall(r"\]\(#([^)]+)\)", text):
                suite.check(f"{page}: {title}: #{anchor} is there", anchor in [one.lower() for one in sections])


def expressions_of(dashboard):
    return [target["expr"] for panel in dashboard["panels"] for target in panel.get("targets", [])]


def dashboard_is_sound(suite, dashboard):
    import yaml
    panels = [panel for panel in dashboard["panels"] if panel["type"] != "row"]
    suite.check("the dashboard has panels, each with its question",
        len(panels) > 10 and all(panel["targets"] for panel in panels))
    ids = [panel["id"] for panel in dashboard["panels"]]
    suite.equal("panels have numbers of their own", len(ids), len(set(ids)))
    def given(expression):
        return expression.replace("$__rate_interval", "5m").replace("$__range", "1h")
    (work / "panels.yaml").write_text(yaml.safe_dump({"groups": [{"name": "panels", "rules": [
        {"record": f"panel:{number}", "expr": given(expression)}
        for number, expression in enumerate(expressions_of(dashboard))]}]}))
    code, output = promtool("check", "rules", "panels.yaml")
    suite.check("the dashboard's expressions are sound", code == 0, output)


def served_metrics(suite):
    """Names that the program serves under a Corefile with all that counts, after some questions."""
    lab = Lab(manifests=EXAMPLES)
    upstream, nobody = ScriptedUpstream(0), free_port()
    server = Server(COREFILE % (nobody, upstream.port), lab.kubeconfig).wait_for("frontend.shop.svc.cluster.local.")
    def names():
        text = server.page(server.metrics_port, "/metrics")[1]
        families = set(re.findall(r"^# TYPE (\S+) ", text, re.MULTILINE))
        series = set(re.findall(r"^([a-z][a-z0-9_]*)[ {]", text, re.MULTILINE))
        suite.check("every family of metrics has series", all(
            any(one == family or one.startswith(family + "_") for one in series) for family in families))
        return series
    for name in ("example.com.", "www.broken.example.", "printer.example."):
        for transport in ("+notcp", "+tcp"):
            dig(server.port, name, "A", transport)
    eventually(lambda: "coredns_proxy_healthcheck_failures_total" in
        server.page(server.metrics_port, "/metrics")[1])
    found = names()
    server.kill()
    return found


def autoscaler_metrics():
    """Names that the autoscaler serves when it has scaled something."""
    lab = Lab(manifests=EXAMPLES)
    port = free_port()
    autoscaler = Program("autoscaler", [
        BINARY, "autoscale", f"--kubeconfig={lab.kubeconfig}", "--namespace=shop", "--target=deployment/back-end",
        "--configmap=scaling", '--default-params={"linear":{"nodesPerReplica":1,"min":3}}', "--leader-elect",
        f"--http-address=127.0.0.1:{port}"])
    def names():
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=30) as response:
                return set(re.findall(r"^([a-z][a-z0-9_]*)[ {]", response.read().decode(), re.MULTILINE))
        except OSError:
            return set()
    eventually(lambda: "cluster_dns_autoscaler_scale_changes_total" in names())
    found = names()
    autoscaler.stop()
    return found


def body(suite):
    if reason := manifests.reason_not_to_run():
        print(f"  alerts: everything: not run: {reason}", flush=True)
        return
    found = Manifests.of("deploy/monitoring")
    alerts = rules_are_right(suite, found.one("PrometheusRule", "cluster-dns")["spec"])
    runbooks_are_complete(suite, alerts)
    held = found.one("ConfigMap", "cluster-dns-dashboard")
    dashboard = json.loads(held["data"]["cluster-dns.json"])
    dashboard_is_sound(suite, dashboard)
    pod_monitor = found.one("PodMonitor", "cluster-dns")["spec"]
    template = Manifests.of("deploy").pod("coredns")
    ports = {port["name"] for container in template["spec"]["containers"] for port in container["ports"]}
    suite.check("the PodMonitor names ports of the DNS pods",
        {one["port"] for one in pod_monitor["podMetricsEndpoints"]} <= ports, ports)

    served = served_metrics(suite) | autoscaler_metrics()
    for source, texts in {
        "alerts": [alert["expr"] for alert in alerts], "the dashboard": expressions_of(dashboard),
    }.items():
        for metric in sorted({name for text in texts for name in METRIC.findall(text)}):
            suite.check(f"{source}: {metric} is served", metric in served or metric in ELSEWHERE, sorted(served))
    suite.equal("every metric on the list of others is named somewhere", [name for name in ELSEWHERE if not any(
        name in text for text in [alert["expr"] for alert in alerts] + expressions_of(dashboard))], [])


if __name__ == "__main__":
    Suite("alerts").run(body)
