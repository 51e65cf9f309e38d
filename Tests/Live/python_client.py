#!/usr/bin/env python3
"""The Python client `kubernetes` against the embedded cluster: lists, watches through a 410, patches, elects a leader."""

import os
import re
import subprocess
import sys
import threading
from live import EXAMPLES, ROOT, Lab, Program, Suite, clean_up, eventually, work

VENV = ROOT / ".build/venv"


def run_in_venv():
    """Goes on with the Python that has the client; installs it where it is missing."""
    python = VENV / "bin/python"
    if os.environ.get("IN_VENV") == "yes":
        return
    needed = "import kubernetes.leaderelection.resourcelock.leaselock"
    if not python.exists() or subprocess.run([python, "-c", needed], capture_output=True).returncode:
        print("  python-client: installing kubernetes into .build/venv", flush=True)
        if not python.exists():
            subprocess.run([sys.executable, "-m", "venv", VENV], check=True)
        subprocess.run(
            [VENV / "bin/pip", "--quiet", "--disable-pip-version-check", "install", "kubernetes>=37"], check=True)
    clean_up()
    os.execve(python, [python, *sys.argv], {**os.environ, "IN_VENV": "yes"})


class Connection:
    """Typed clients of one lab."""

    def __init__(self, lab):
        from kubernetes import client, config
        self.api = config.new_client_from_config(str(lab.kubeconfig))
        self.core, self.apps = client.CoreV1Api(self.api), client.AppsV1Api(self.api)
        self.discovery, self.leases = client.DiscoveryV1Api(self.api), client.CoordinationV1Api(self.api)


def lists(suite, cluster):
    services = cluster.core.list_service_for_all_namespaces()
    names = {service.metadata.name for service in services.items}
    suite.check("list services", {"kubernetes", "back-end", "db"} <= names, names)
    slices = cluster.discovery.list_namespaced_endpoint_slice("shop", label_selector="kubernetes.io/service-name=db")
    suite.equal("list slices by label", [len(item.endpoints) for item in slices.items], [3])
    whole = [pod.metadata.name for pod in cluster.core.list_namespaced_pod("shop").items]
    paged, token = [], None
    while True:
        page = cluster.core.list_namespaced_pod("shop", limit=2, _continue=token)
        paged += [pod.metadata.name for pod in page.items]
        token = page.metadata._continue
        if not token:
            break
    suite.equal("list in pages", paged, whole)
    running = cluster.core.list_namespaced_pod("shop", field_selector="status.phase=Running").items
    suite.equal("list by field", len(running), len(whole))
    suite.check("read a node", cluster.core.read_node("node-a").status.capacity["cpu"] == "4")


def patches(suite, cluster):
    cluster.core.create_namespaced_config_map("shop", {"metadata": {"name": "c"}, "data": {"a": "1"}})
    changed = cluster.core.patch_namespaced_config_map("c", "shop", {"data": {"b": "2", "a": None}})
    suite.equal("patch", changed.data, {"b": "2"})
    changed = cluster.core.patch_namespaced_config_map(
        "c", "shop", [{"op": "add", "path": "/data/c", "value": "3"}])
    suite.equal("patch as a list of operations", changed.data, {"b": "2", "c": "3"})
    scale = cluster.apps.patch_namespaced_deployment_scale("back-end", "shop", {"spec": {"replicas": 3}})
    suite.equal("patch a scale", scale.spec.replicas, 3)
    read = cluster.apps.read_namespaced_deployment_scale("back-end", "shop")
    suite.equal("read it", (read.status.replicas, read.status.selector), (3, "app=back-end"))

    from kubernetes.client.rest import ApiException
    stale = cluster.core.read_namespaced_config_map("c", "shop")
    cluster.core.patch_namespaced_config_map("c", "shop", {"data": {"d": "4"}})
    for label, call, wanted in (
        ("replace a stale version", lambda: cluster.core.replace_namespaced_config_map("c", "shop", stale), 409),
        ("create twice", lambda: cluster.core.create_namespaced_config_map("shop", {"metadata": {"name": "c"}}), 409),
        ("read what is not there", lambda: cluster.core.read_namespaced_config_map("none", "shop"), 404),
    ):
        try:
            call()
            suite.check(label, False, "no error")
        except ApiException as error:
            suite.equal(label, error.status, wanted)
    gone = cluster.core.delete_namespaced_config_map("c", "shop")
    # Of most kinds the client takes whatever comes as it is.
    suite.equal("deleting most kinds answers with a Status", (gone["kind"], gone["status"]), ("Status", "Success"))
    names = [item.metadata.name for item in cluster.core.list_namespaced_config_map("shop").items]
    suite.check("delete", "c" not in names, names)
    cluster.core.create_namespaced_pod("shop", {
        "metadata": {"name": "p"}, "spec": {"containers": [{"name": "c", "image": "nginx"}]}})
    gone = cluster.core.delete_namespaced_pod("p", "shop")
    suite.equal("deleting a pod answers with the pod", (type(gone).__name__, gone.metadata.name), ("V1Pod", "p"))


def watches(suite, cluster):
    """A watch from a version whose history is gone ends with 410; listing again, it goes on."""
    from kubernetes import watch
    from kubernetes.client.rest import ApiException
    version = cluster.core.list_namespaced_config_map("shop").metadata.resource_version
    seen, expired, wrong = [], [], []
    watcher = watch.Watch()

    def follow():
        from_version = version
        while not watcher_is_over.is_set():
            try:
                for event in watcher.stream(cluster.core.list_namespaced_config_map, "shop",
                                            resource_version=from_version, timeout_seconds=2):
                    seen.append((event["type"], event["object"].metadata.name))
                    from_version = event["object"].metadata.resource_version
            except ApiException as error:
                if error.status != 410:
                    wrong.append(error)
                    return
                expired.append(error)
                fresh = cluster.core.list_namespaced_config_map("shop")
                seen.extend(("LISTED", item.metadata.name) for item in fresh.items)
                from_version = fresh.metadata.resource_version

    # More changes than the history keeps make the version too old.
    def patch(data):
        cluster.core.patch_namespaced_config_map("busy", "shop", {"data": data})

    cluster.core.create_namespaced_config_map("shop", {"metadata": {"name": "busy"}})
    for number in range(4200):
        patch({"n": str(number)})
    watcher_is_over = threading.Event()
    thread = threading.Thread(target=follow, daemon=True)
    thread.start()
    suite.check("a watch from too old a version gets 410", eventually(lambda: expired), (seen, wrong))
    suite.check("then a list", eventually(lambda: ("LISTED", "busy") in seen), seen)
    cluster.core.create_namespaced_config_map("shop", {"metadata": {"name": "later"}})
    patch({"n": "last"})
    cluster.core.delete_namespaced_config_map("later", "shop")
    wanted = [("ADDED", "later"), ("MODIFIED", "busy"), ("DELETED", "later")]
    suite.check("and the watch goes on", eventually(lambda: seen[-3:] == wanted), seen)
    suite.equal("once", (len(expired), wrong), (1, []))
    watcher_is_over.set()
    thread.join(10)


ELECTION = """
import sys
from kubernetes import config
from kubernetes.leaderelection import electionconfig, leaderelection
from kubernetes.leaderelection.resourcelock.leaselock import LeaseLock
config.load_kube_config(sys.argv[1])
def lead():
    print("leading", flush=True)
    import time
    time.sleep(3600)
leaderelection.LeaderElection(electionconfig.Config(
    LeaseLock("boss", "default", sys.argv[2]), lease_duration=3, renew_deadline=2, retry_period=1,
    onstarted_leading=lead, onstopped_leading=None)).run()
"""


def elects(suite, cluster, lab):
    script = work / "election.py"
    script.write_text(ELECTION)

    def candidate(name):
        return Program(name, [sys.executable, script, lab.kubeconfig, name])

    def holder():
        from kubernetes.client.rest import ApiException
        try:
            return cluster.leases.read_namespaced_lease("boss", "default").spec.holder_identity
        except ApiException as error:
            return error.status

    one = candidate("one")
    suite.check("the first candidate leads", eventually(lambda: "leading" in one.log and holder() == "one"), one.log)
    two = candidate("two")
    renewed = cluster.leases.read_namespaced_lease("boss", "default").metadata.resource_version
    suite.check("it renews", eventually(
        lambda: cluster.leases.read_namespaced_lease("boss", "default").metadata.resource_version != renewed))
    suite.check("the second one waits", "leading" not in two.log and holder() == "one", two.log)
    one.kill()
    suite.check("the second one takes over", eventually(lambda: "leading" in two.log and holder() == "two"), two.log)
    # This client counts no transitions; what a client counts is kept.
    lease = cluster.leases.read_namespaced_lease("boss", "default")
    suite.equal("the client leaves transitions unset", lease.spec.lease_transitions, None)
    patched = cluster.leases.patch_namespaced_lease("boss", "default", {"spec": {"leaseTransitions": 3}})
    suite.equal("they are kept when they are set", patched.spec.lease_transitions, 3)
    two.kill()


def body(suite):
    lab = Lab(manifests=EXAMPLES)
    cluster = Connection(lab)
    lists(suite, cluster)
    patches(suite, cluster)
    elects(suite, cluster, lab)
    watches(suite, cluster)


if __name__ == "__main__":
    run_in_venv()
    Suite("python-client").run(body)
