"""RBAC of deploy/: the programs use exactly the rights they have, and with fewer say which is missing."""

import concurrent.futures
import json
import os
import subprocess
import threading
from live import BINARY, EXAMPLES, ROOT, Lab, eventually, work
from authorizing_proxy import AuthorizingProxy
from manifests import Manifests, Rights
from pods import ImageRoot, Pod

# Rights of the server that only `pods verified` uses.
VERIFIED_PODS = {("list", "", "pods", None, None), ("watch", "", "pods", None, None)}
# The right of the autoscaler that it uses only while it has no watch.
WITHOUT_WATCH = {("get", "", "configmaps", "kube-system", "coredns-autoscaler")}
# A Lease that somebody else holds for an hour.
LEADER = {
    "apiVersion": "coordination.k8s.io/v1", "kind": "Lease",
    "metadata": {"name": "coredns-autoscaler", "namespace": "kube-system"},
    "spec": {
        "holderIdentity": "somebody-else", "leaseDurationSeconds": 3600, "renewTime": "2026-01-01T00:00:00.000000Z"}}
# Pods started at once.
AT_ONCE = 2
# Programs are numbered as they start: one after the other.
starting = threading.Lock()


def check(suite, node):
    image = ImageRoot.of(BINARY, ROOT / "deploy/image/root.sh")
    found = Manifests.of("deploy")
    account = found.pod("coredns")["spec"]["serviceAccountName"]
    all_rights = Rights(found, account).facts
    server = Rights.of_role(found.one("ClusterRole", "system:cluster-dns"))
    autoscaler = Rights.of_role(found.one("ClusterRole", "system:cluster-dns-autoscaler"))
    autoscaler.facts |= Rights.of_role(found.one("Role", "cluster-dns-autoscaler"), "kube-system").facts
    suite.equal("rights: two programs share the account", all_rights, server.facts | autoscaler.facts)
    server_uses_all(suite, node, image, found, server)
    autoscaler_uses_all(suite, node, image, found, autoscaler)
    missing = [("coredns", server, fact) for fact in sorted(server.facts, key=str)]
    missing += [("autoscaler", autoscaler, fact) for fact in sorted(autoscaler.facts, key=str)]
    with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
        results = pool.map(lambda one: names_what_is_missing(node, image, found, *one), missing)
        for (program, _, fact), (is_named, log) in zip(missing, results):
            suite.check(f"rights: {program} without {fact[0]} {fact[2]} says so", is_named, log)


class Started:
    """One of the containers with some rights, on a cluster of its own."""

    def __init__(self, node, image, found, program, rights, pods="insecure", leader=None):
        self.lab = Lab(manifests=EXAMPLES)
        if program == "autoscaler":
            self.kubectl("apply", "-f", "-", given=json.dumps(found.one("Deployment", "coredns")))
        if leader:
            self.kubectl("apply", "-f", "-", given=json.dumps(leader))
        self.proxy = AuthorizingProxy(node.address, self.lab, rights)
        self.corefile = found.config_maps["coredns"]["data"]["Corefile"].replace("pods insecure", f"pods {pods}")
        self.node, self.image, self.template = node, image, found.pod("coredns")
        self.description = found.container("coredns", program)
        self.pods = []
        self.container = self.start(f"rights-{program}")

    def start(self, name):
        """The container in a pod of that name."""
        self.pods.append(Pod(
            self.node, self.template["spec"], {"coredns": {"data": {"Corefile": self.corefile}}}, name=name,
            api_server=self.proxy.for_pods))
        return self.pods[-1].start(self.description, self.image)

    def kubectl(self, *arguments, given=None):
        return subprocess.run(
            ["kubectl", *arguments], input=given, check=True, capture_output=True, text=True,
            env={**os.environ, "KUBECONFIG": str(self.lab.kubeconfig), "HOME": str(work)}).stdout

    def replicas(self):
        return int(self.kubectl("-n", "kube-system", "get", "deployment", "coredns", "-o", "jsonpath={.spec.replicas}"))

    def close(self):
        self.container.kill()
        for pod in self.pods:
            pod.close()
        self.lab.kill()


def server_uses_all(suite, node, image, found, rights):
    for pods in ("insecure", "verified"):
        wanted = rights.facts if pods == "verified" else rights.facts - VERIFIED_PODS
        started = Started(node, image, found, "coredns", rights, pods)
        proxy, container = started.proxy, started.container
        suite.check(f"rights, pods {pods}: ready",
            eventually(lambda: container.probe("readinessProbe")[0] == 200), container.log_end())
        suite.check(f"rights, pods {pods}: each is used", eventually(lambda: set(proxy.allowed_by) == wanted),
            wanted ^ set(proxy.allowed_by))
        suite.check(f"rights, pods {pods}: no other is asked for", not proxy.forbidden, proxy.forbidden)
        started.close()


def autoscaler_uses_all(suite, node, image, found, rights):
    started = Started(node, image, found, "autoscaler", rights)
    proxy, container = started.proxy, started.container
    suite.check("autoscaler: two replicas, for two nodes in two zones",
        eventually(lambda: started.replicas() == 2, pause=0.3), container.log_end())
    held = json.loads(started.kubectl("-n", "kube-system", "get", "configmap", "coredns-autoscaler", "-o", "json"))
    suite.equal("autoscaler: its parameters are created", list(held["data"]), ["linear"])
    started.kubectl("apply", "-f", "-", given=json.dumps({"apiVersion": "v1", "kind": "List", "items": [
        {"apiVersion": "v1", "kind": "Node", "metadata": {"name": f"more-{number}"}} for number in range(40)]}))
    suite.check("autoscaler: three, for 42 nodes", eventually(lambda: started.replicas() == 3, pause=0.3), container.log_end())
    suite.check("autoscaler: its liveness probe", container.probe("livenessProbe")[0] == 200)
    follower = started.start("follower")
    wanted = rights.facts - WITHOUT_WATCH
    suite.check("autoscaler: each right is used", eventually(lambda: wanted <= set(proxy.allowed_by)),
        wanted - set(proxy.allowed_by))
    suite.check("autoscaler: no other is asked for", not proxy.forbidden, proxy.forbidden)
    suite.equal("autoscaler: ends in its grace period", container.ends_in_grace(), 0)
    suite.check("autoscaler: hands the Lease over", eventually(lambda: started.kubectl(
        "-n", "kube-system", "get", "lease", "coredns-autoscaler", "-o", "jsonpath={.spec.holderIdentity}"
    ).startswith("follower"), 14, 0.3), follower.log_end())
    follower.kill()
    started.close()


def names_what_is_missing(node, image, found, program, rights, fact):
    """Whether the log names the verb and the resource of a right that was taken away, and the log.

    An autoscaler that loses its Lease on a busy machine may have done the one thing already: it gets a second cluster.
    """
    less = rights.without(fact)
    if fact in WITHOUT_WATCH:
        less = less.without(("watch", *fact[1:]))
    # Only followers watch the Lease.
    leader = LEADER if fact[2] == "leases" and fact[0] in ("list", "watch") else None
    for _ in range(2):
        with starting:
            started = Started(node, image, found, program, less, pods="verified", leader=leader)
        is_named = says_forbidden(started.container, program, *fact[:3])
        log = started.container.log_end()
        started.close()
        if is_named:
            break
    return is_named, log


def says_forbidden(container, program, verb, group, resource):
    is_named = eventually(lambda: any(
        verb in line and resource in line and "forbidden" in line.lower() for line in container.log.splitlines()), 40)
    if program == "coredns" and verb == "list":
        status, text = container.probe("readinessProbe")
        return is_named and status == 503 and "kubernetes" in text
    return is_named
