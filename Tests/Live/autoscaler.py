#!/usr/bin/env python3
"""The autoscaler against the embedded cluster: two replicas of it, a Deployment to scale, and kubectl to change things."""

import json
import os
import re
import signal
import subprocess
import time
import urllib.error
import urllib.request

from api_proxy import APIProxy
import live
from live import BINARY, Lab, Program, Suite, free_port, work

DEPLOYMENT = {
    "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "dns", "namespace": "kube-system"},
    "spec": {"replicas": 1, "selector": {"matchLabels": {"app": "dns"}}, "template": {
        "metadata": {"labels": {"app": "dns"}}, "spec": {"containers": [{"name": "dns", "image": "dns"}]}}}}
LEASE = "/apis/coordination.k8s.io/v1/namespaces/kube-system/leases/dns-autoscaler"
# Generous: kubectl alone takes seconds on a machine that is busy. What must be quick is measured and said.
PATIENCE = 60
PUT_SCALE = r"^PUT .*/scale$"


def node(name, cpu="4", **labels):
    return {
        "apiVersion": "v1", "kind": "Node", "metadata": {"name": name, "labels": labels},
        "status": {"capacity": {"cpu": cpu}}}


def eventually(condition, seconds=PATIENCE):
    return live.eventually(condition, seconds)


class Autoscaler(Program):
    """`autoscale` behind a proxy of its own, so that its requests are known."""

    def __init__(self, label, lab, *arguments):
        self.proxy = APIProxy(lab.kubeconfig)
        self.port = free_port()
        super().__init__(label, [
            BINARY, "autoscale", "--namespace=kube-system", "--configmap=dns-autoscaler", "--target=deployment/dns",
            "--poll-period-seconds=1", f"--kubeconfig={self.proxy.kubeconfig}", f"--http-address=127.0.0.1:{self.port}",
            *arguments])

    def page(self, path):
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=30) as response:
                return response.status, response.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()
        except OSError as error:
            return 0, str(error)

    def condition(self, name):
        found = re.search(rf'^cluster_dns_autoscaler_condition{{type="{name}"}} (\d)$', self.page("/metrics")[1], re.M)
        return found and found.group(1) == "1"

    def memory(self):
        """Private and proportional memory in MB."""
        text = open(f"/proc/{self.pid}/smaps_rollup").read()
        def kilobytes(key):
            return int(re.search(rf"^{key}:\s+(\d+) kB", text, re.M).group(1))
        private = kilobytes("Private_Clean") + kilobytes("Private_Dirty")
        return private / 1024, kilobytes("Private_Dirty") / 1024, kilobytes("Anonymous") / 1024, kilobytes("Rss") / 1024

    def cpu_seconds(self):
        fields = open(f"/proc/{self.pid}/stat").read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def body(suite):
    lab = Lab()
    home = work / "home"
    home.mkdir()

    def kubectl(*arguments, given=None):
        done = subprocess.run(
            ["kubectl", "--request-timeout=20s", *map(str, arguments)], capture_output=True, text=True, timeout=180,
            input=None if given is None else json.dumps(given),
            env={**os.environ, "KUBECONFIG": str(lab.kubeconfig), "HOME": str(home)})
        if done.returncode:
            raise RuntimeError(f"kubectl {arguments}: {done.stderr}")
        return done.stdout

    def create(*objects):
        for one in objects:
            kubectl("create", "-f", "-", given=one)

    def write_parameters(**data):
        kubectl("patch", "configmap", "dns-autoscaler", "-n", "kube-system", "--type=json", "-p", json.dumps(
            [{"op": "replace", "path": "/data", "value": data}]))

    def replicas(name="dns", kind="deployments"):
        return lab.get(f"/apis/apps/v1/namespaces/kube-system/{kind}/{name}")["spec"]["replicas"]

    def comes_to(label, wanted, seconds=PATIENCE):
        suite.check(label, eventually(lambda: replicas() == wanted, seconds), f"{replicas()} replicas, wanted {wanted}")

    def holder():
        try:
            return lab.get(LEASE)["spec"].get("holderIdentity", "")
        except urllib.error.HTTPError:
            return ""

    def events(reason):
        items = lab.get("/api/v1/namespaces/kube-system/events")["items"]
        return [event for event in items if event["reason"] == reason]

    # The embedded cluster has a node of its own, so these make four.
    create(DEPLOYMENT, *(node(f"n{number}") for number in (1, 2, 3)))
    defaults = '--default-params={"linear":{"nodesPerReplica":2,"coresPerReplica":1000}}'

    # Two replicas: exactly one acts.
    pair = [Autoscaler(name, lab, "--leader-elect", f"--leader-elect-identity={name}", defaults) for name in ("one", "two")]
    comes_to("4 nodes of 2 a replica", 2)
    def by_name():
        name = holder()
        leader = next(one for one in pair if one.label == name)
        return leader, next(one for one in pair if one.label != name)
    leader, follower = by_name()
    suite.equal("default parameters were made into a ConfigMap", lab.get(
        "/api/v1/namespaces/kube-system/configmaps/dns-autoscaler")["data"],
        {"linear": '{"coresPerReplica":1000,"nodesPerReplica":2}'})
    create(node("n4"), node("n5"))
    comes_to("kubectl adds nodes", 3)
    suite.check("the leader scales", len(leader.proxy.seen(PUT_SCALE)) == 2, leader.proxy.seen(PUT_SCALE))
    suite.equal("the follower writes nothing", follower.proxy.seen(r"^(PUT|POST|PATCH) (?!.*/leases)"), [])
    suite.equal("the follower follows no nodes", follower.proxy.seen("/nodes"), [])
    suite.check("the follower is ready", eventually(lambda: follower.page("/readyz")[0] == 200), follower.page("/readyz"))
    suite.check("the leader is ready", leader.page("/readyz")[0] == 200, leader.page("/readyz"))
    suite.equal("metrics tell who leads", (leader.condition("Leading"), follower.condition("Leading")), (True, False))
    suite.check("nodes in the metrics", 'cluster_dns_autoscaler_nodes{state="total"} 6' in leader.page("/metrics")[1])
    suite.equal("last poll", leader.page("/last-poll"), (200, ""))
    suite.equal("health", (leader.page("/healthz")[0], follower.page("/healthz")[0]), (200, 200))
    suite.check("an Event on the Deployment", eventually(lambda: len(events("Scaled")) == 2), events("Scaled"))
    suite.check(
        "it says why", any("nodes / 2, rounded up: 3 -> 3" in event["message"] for event in events("Scaled")),
        [event["message"] for event in events("Scaled")])
    for label, one in (("leader", leader), ("follower", follower)):
        private, dirty, anonymous, resident = one.memory()
        print(f"  autoscaler: {label}: private {private:.1f} MB, of it dirty {dirty:.1f} MB; anonymous {anonymous:.1f} MB;"
              f" resident with the shared program {resident:.1f} MB; CPU {one.cpu_seconds():.2f} s since its start", flush=True)
        one.cpu_before, one.noted_at = one.cpu_seconds(), time.monotonic()
        suite.check(f"the {label} costs a pod at most 15 MB", dirty <= 15, f"{dirty:.1f} MB")

    # Cordoned nodes do not count; a node that is deleted does not either.
    kubectl("cordon", "n5")
    kubectl("delete", "node", "n4")
    comes_to("one node cordoned, one deleted", 2)
    kubectl("uncordon", "n5")
    comes_to("uncordoned", 3)

    # A broken ConfigMap changes nothing and is reported; recovery needs no restart.
    write_parameters(linear='{"nodesPerReplica":"2"}')
    suite.check("a broken ConfigMap is an Event", eventually(lambda: events("InvalidParameters")), events("InvalidParameters"))
    suite.check("it names place, finding and expectation", any(
        'linear.nodesPerReplica: found the string "2", expected a number' in event["message"]
        and event["involvedObject"]["kind"] == "ConfigMap" for event in events("InvalidParameters")))
    suite.check("and a condition in the metrics", eventually(lambda: leader.condition("ParametersValid") is False))
    suite.equal("it changes nothing", replicas(), 3)
    create(node("n6"), node("n7"))
    comes_to("the last good parameters go on", 4)
    write_parameters(linear='{"nodesPerReplica":7}')
    comes_to("corrected parameters need no restart", 1)
    suite.check("the condition holds again", eventually(lambda: leader.condition("ParametersValid")))
    suite.check("an Event tells it", eventually(lambda: events("ParametersRestored")))
    write_parameters(ladder='{"nodesToReplicas":[[1,1],[5,6]]}')
    comes_to("another mode", 6)
    write_parameters(linear='{"nodesPerReplica":1}')
    comes_to("and back", 7)

    # A person who scales by hand is corrected at the next look; a conflict is nobody's loss.
    kubectl("scale", "deployment", "dns", "-n", "kube-system", "--replicas=1")
    comes_to("scaled by hand", 7)
    conflicts(suite, lab, leader, kubectl, comes_to, replicas)

    # SIGTERM hands over at once; kill -9 after the lease has run out.
    for label, one in (("leader", leader), ("follower", follower)):
        share = 100 * (one.cpu_seconds() - one.cpu_before) / (time.monotonic() - one.noted_at)
        print(f"  autoscaler: {label}: {share:.2f} % of a core in this test", flush=True)
    suite.check("the follower costs no measurable CPU", share < 0.5, f"{share:.2f} %")
    started = time.monotonic()
    leader.signal(signal.SIGTERM)
    suite.equal("SIGTERM ends it", leader.exit_code(), 0)
    moved = eventually(lambda: holder() == follower.label)
    took = time.monotonic() - started
    suite.check("and hands the lease over long before its 15 s are over", moved and took < 10, f"{took:.1f} s")
    print(f"  autoscaler: the lease moved {took:.1f} s after SIGTERM", flush=True)
    leader, third = follower, Autoscaler("three", lab, "--leader-elect", "--leader-elect-identity=three", defaults)
    suite.check("the new one follows", eventually(lambda: third.page("/readyz")[0] == 200))
    time_of_last = time.monotonic()
    leader.process.kill()
    leader.process.wait()
    create(node("n8"))
    moved = eventually(lambda: holder() == "three")
    took = time.monotonic() - time_of_last
    suite.check("kill -9: the lease moves soon after its 15 s are over", moved and took <= 30, f"{took:.1f} s")
    print(f"  autoscaler: the lease moved {took:.1f} s after kill -9", flush=True)
    comes_to("and the new leader scales", 8)

    # Nobody to reach: no lease, no scaling; then again.
    third.proxy.is_down = True
    suite.check("whoever cannot renew leads no longer", eventually(lambda: third.condition("Leading") is False))
    third.proxy.is_down = False
    suite.check("and leads again when it can", eventually(lambda: third.condition("Leading")))
    third.stop()

    rights(suite, lab, comes_to, defaults, kubectl, create)
    others(suite, lab, kubectl, create, replicas)
    load(suite, lab, kubectl, create, replicas)
    dry_run(suite, lab, replicas, defaults)
    give_up(suite, lab)


def conflicts(suite, lab, leader, kubectl, comes_to, replicas):
    """Somebody changes the Deployment between the autoscaler's look and its change."""
    old = leader.proxy.forward
    raced = []

    def race(handler, body):
        if handler.command == "PUT" and handler.path.endswith("/scale") and not raced:
            raced.append(handler.path)
            kubectl("label", "deployment", "dns", "-n", "kube-system", "touched=yes", "--overwrite")
        old(handler, body)

    leader.proxy.forward = race
    kubectl("scale", "deployment", "dns", "-n", "kube-system", "--replicas=2")
    comes_to("a conflict is tried again with what is there now", 7)
    suite.check("it was a conflict", raced and "cluster_dns_autoscaler_conflicts_total 1" in leader.page("/metrics")[1],
                leader.page("/metrics")[1])
    leader.proxy.forward = old


def rights(suite, lab, comes_to, defaults, kubectl, create):
    """What a service account may not do is named; what can be done without it is done."""
    def alone(label, forbids, *arguments):
        one = Autoscaler.__new__(Autoscaler)
        proxies = []

        class Forbidding(APIProxy):
            def __init__(self, kubeconfig):
                super().__init__(kubeconfig)
                self.forbids = forbids
                proxies.append(self)

        global_proxy = globals()["APIProxy"]
        globals()["APIProxy"] = Forbidding
        try:
            one.__init__(label, lab, *arguments)
        finally:
            globals()["APIProxy"] = global_proxy
        return one

    one = alone("no-nodes", lambda request: request.path.startswith("/api/v1/nodes"), defaults)
    wanted = "grant list on nodes to this service account"
    suite.check("missing right to list nodes is named", eventually(lambda: wanted in one.log), one.log_end())
    suite.check("on the page of the last poll", eventually(lambda: wanted in one.page("/last-poll")[1]), one.page("/last-poll"))
    suite.equal("it is not ready", one.page("/readyz")[0], 503)
    suite.equal("SIGTERM ends one without a lease, too", one.stop(), 0)

    kubectl("scale", "deployment", "dns", "-n", "kube-system", "--replicas=1")
    one = alone("no-watch", lambda request: "configmaps?" in request.path, defaults)
    comes_to("a ConfigMap that may only be got is got", 8)
    suite.check("that is said", "grant list on configmaps to this service account" in one.log, one.log_end())
    one.stop()

    kubectl("scale", "deployment", "dns", "-n", "kube-system", "--replicas=1")
    one = alone("no-scale", lambda request: request.verb == "PUT", defaults)
    wanted = "grant update on deployments/scale of group apps to this service account"
    suite.check("missing right to scale is named", eventually(lambda: wanted in one.log), one.log_end())
    one.stop()
    one = alone("no-events", lambda request: request.path.endswith("/events"), defaults)
    comes_to("Events are a courtesy", 8)
    suite.check("their missing right is named", eventually(lambda: "grant create on events" in one.log), one.log_end())
    one.stop()
    one = alone("no-lease", lambda request: "/leases" in request.path, defaults, "--leader-elect")
    wanted = "grant get on leases of group coordination.k8s.io to this service account"
    suite.check("missing right to the lease is named", eventually(lambda: wanted in one.log), one.log_end())
    one.stop()


def others(suite, lab, kubectl, create, replicas):
    """Several targets of several kinds in one process, without an election."""
    for kind in ("StatefulSet", "ReplicaSet"):
        workload = json.loads(json.dumps(DEPLOYMENT))
        workload.update(kind=kind)
        workload["metadata"]["name"] = "other"
        workload["spec"]["selector"]["matchLabels"] = {"app": kind.lower()}
        workload["spec"]["template"]["metadata"]["labels"] = {"app": kind.lower()}
        create(workload)
    one = Autoscaler(
        "many", lab, "--target=deployment/dns, StatefulSet/other,replicasets.v1.apps/other",
        "--at-least-zones", "--scale-down-delay=1h")
    for kind in ("statefulsets", "replicasets"):
        suite.check(f"{kind} are scaled", eventually(lambda: replicas("other", kind) == 8), replicas("other", kind))
    kubectl("delete", "node", "n8", "n7")
    fewer = 'cluster_dns_autoscaler_nodes{state="total"} 6'
    suite.check("fewer nodes are seen", eventually(lambda: fewer in one.page("/metrics")[1]), one.page("/metrics")[1])
    suite.equal("lowering waits for --scale-down-delay", replicas(), 8)
    one.stop()


def load(suite, lab, kubectl, create, replicas):
    """Pods that measure more queries than their number can serve."""
    import http.server
    import threading
    began = time.monotonic()

    class Page(http.server.BaseHTTPRequestHandler):
        def log_message(self, *arguments):
            pass

        def do_GET(self):
            asked = int((time.monotonic() - began) * 5000)
            text = f'coredns_dns_requests_total{{family="1",proto="udp",server="dns://:53"}} {asked}\n'.encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

    pages = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Page)
    threading.Thread(target=pages.serve_forever, daemon=True).start()
    workload = json.loads(json.dumps(DEPLOYMENT))
    workload["metadata"]["name"] = "busy"
    workload["spec"].update(replicas=0, selector={"matchLabels": {"app": "busy"}})
    workload["spec"]["template"]["metadata"]["labels"] = {"app": "busy"}
    # A pod of nobody's, whose address is this machine's.
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "busy", "namespace": "kube-system", "labels": {"app": "busy"}},
           "spec": {"containers": [{"name": "dns", "image": "dns"}]},
           "status": {"phase": "Running", "podIP": "127.0.0.1", "podIPs": [{"ip": "127.0.0.1"}]}}
    create(workload, pod)
    kubectl("patch", "pod", "busy", "-n", "kube-system", "--subresource=status", "-p", json.dumps({"status": pod["status"]}))
    if lab.get("/api/v1/namespaces/kube-system/pods/busy")["status"]["podIP"] != "127.0.0.1":
        print("  load: not run: the embedded cluster gives pods addresses of its own", flush=True)
        return
    one = Autoscaler(
        "load", lab, "--target=deployment/busy", "--load", f"--load-metrics-port={pages.server_address[1]}",
        "--load-queries-per-core=1000", '--configmap=busy', '--default-params={"linear":{"nodesPerReplica":100}}')
    suite.check("load raises the replicas", eventually(lambda: replicas("busy") in (5, 6)), replicas("busy"))
    suite.check("and says why", eventually(lambda: "queries a second, 1000 for each replica" in one.log), one.log_end())
    one.stop()
    kubectl("delete", "deployment", "busy", "-n", "kube-system")


def dry_run(suite, lab, replicas, defaults):
    one = Autoscaler("dry", lab, "--dry-run", "--leader-elect", defaults)
    wanted = "dry run: would scale deployment/dns from 8 to 6 replicas: "
    suite.check("a dry run says what and why", eventually(lambda: wanted in one.log), one.log_end())
    suite.equal("and does nothing", (replicas(), one.proxy.seen("^(PUT|POST|PATCH|DELETE)")), (8, []))
    one.stop()


def give_up(suite, lab):
    one = Autoscaler("failing", lab, "--max-sync-failures=2", "--target=deployment/missing")
    suite.equal("--max-sync-failures ends with 1", one.exit_code(60), 1)
    suite.check("the target is named", "cannot get deployments/scale missing in namespace kube-system" in one.log, one.log_end())
    for arguments, code, words in [
        (["--nonsense"], 2, "expected a flag that --help lists"),
        (["--target=deployments/a"], 1, "--target: found"),
        (["--version"], 0, "cluster-dns-"),
        (["--help"], 0, "--max-sync-failures=N"),
        (["--explain", '--params={"linear":{"nodesPerReplica":16}}', "--nodes=100", "--cores=400"], 0, "replicas: 7"),
    ]:
        done = subprocess.run([BINARY, "autoscale", *arguments], capture_output=True, text=True, timeout=20)
        suite.check(f"autoscale {arguments[0]}", done.returncode == code and words in done.stdout + done.stderr,
                    f"{done.returncode}: {done.stdout}{done.stderr}")


Suite("autoscaler").run(body)
