#!/usr/bin/env python3
"""How endpoints come and go: pods that terminate with grace, finalizers, and Endpoints written by hand."""

import json
import re
import time
from live import Lab, Suite, eventually
from replay import Client

CORE = "/api/v1/namespaces/default"
SLICES = "/apis/discovery.k8s.io/v1/namespaces/default/endpointslices"
WEB = """
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {selector: {app: web}, ports: [{port: 80}]}
---
apiVersion: v1
kind: Pod
metadata: {name: slow, labels: {app: web}, annotations: {cluster-dns/shutdown-seconds: "60"}}
spec: {terminationGracePeriodSeconds: 50, containers: [{name: c, image: nginx}]}
---
apiVersion: v1
kind: Pod
metadata: {name: quick, labels: {app: web}, annotations: {cluster-dns/shutdown-seconds: "0"}}
spec: {containers: [{name: c, image: nginx}]}
"""
HAND = {
    "apiVersion": "v1", "kind": "Endpoints", "metadata": {"name": "hand", "labels": {"a": "b"}},
    "subsets": [{
        "addresses": [{"ip": "192.0.2.7", "hostname": "seven", "nodeName": "node-0"}, {"ip": "2001:db8::7"}],
        "notReadyAddresses": [{"ip": "192.0.2.8"}], "ports": [{"name": "http", "port": 80}]}]}


def body(suite):
    lab = Lab()
    client = Client(lab)
    kubectl = lab.kubectl

    def get(path):
        return json.loads(client.ask("GET", path)[2])

    def slices(service):
        return get(f"{SLICES}?labelSelector=kubernetes.io/service-name={service}")["items"]

    def conditions(service):
        """Address → conditions of its endpoint."""
        return {endpoint["addresses"][0]: endpoint["conditions"] for part in slices(service) for endpoint in part.get("endpoints") or []}

    # Graceful termination.
    kubectl("apply", "-f", "-", given=WEB)
    pods = {item["metadata"]["name"]: item for item in get(f"{CORE}/pods")["items"]}
    slow, quick = (pods[name]["status"]["podIP"] for name in ("slow", "quick"))
    ready = {"ready": True, "serving": True, "terminating": False}
    suite.equal("both are ready", conditions("web"), {slow: ready, quick: ready})
    status, _, content = client.ask("DELETE", f"{CORE}/pods/slow")
    deleted = json.loads(content)
    suite.equal("deleting answers with the pod", (status, deleted["kind"], deleted["metadata"]["deletionGracePeriodSeconds"]), (200, "Pod", 50))
    suite.check("which has until then", deleted["metadata"]["deletionTimestamp"] > deleted["metadata"]["creationTimestamp"], deleted["metadata"])
    suite.equal("its endpoint is terminating", conditions("web")[slow], {"ready": False, "serving": True, "terminating": True})
    addresses = [item["ip"] for item in get(f"{CORE}/endpoints/web")["subsets"][0]["addresses"]]
    suite.equal("Endpoints no longer have it", addresses, [quick])
    shown = kubectl("get", "pod", "slow", "--no-headers")[1]
    suite.check("kubectl shows it", re.match(r"slow +1/1 +Terminating", shown), shown)
    kubectl("delete", "pod", "slow", "--now", "--wait=false")
    suite.equal("--now shortens its time", get(f"{CORE}/pods/slow")["metadata"]["deletionGracePeriodSeconds"], 1)
    suite.check("after which it is gone", eventually(lambda: client.ask("GET", f"{CORE}/pods/slow")[0] == 404))
    suite.equal("with its endpoint", conditions("web"), {quick: ready})
    kubectl("apply", "-f", "-", given=WEB)
    begin = time.monotonic()
    code, output, error = kubectl("delete", "pod", "slow", "--grace-period=0", "--force")
    suite.check("--grace-period=0 --force", code == 0 and "force deleted" in output, output + error)
    suite.check("at once", time.monotonic() - begin < 40 and client.ask("GET", f"{CORE}/pods/slow")[0] == 404)
    kubectl("delete", "pod", "quick")
    suite.equal("no endpoint is left", conditions("web"), {})

    # Finalizers.
    kubectl("apply", "-f", "-", given=WEB.replace("name: quick,", "name: quick, finalizers: [example.com/hold],"))
    kubectl("delete", "pod", "quick", "--wait=false")
    kubectl("delete", "pod", "slow", "--now", "--wait=false")
    suite.check("one without is gone", eventually(lambda: client.ask("GET", f"{CORE}/pods/slow")[0] == 404))
    suite.check("a finalizer holds a pod", "deletionTimestamp" in get(f"{CORE}/pods/quick")["metadata"])
    kubectl("patch", "pod", "quick", "--type=json", "-p", '[{"op":"remove","path":"/metadata/finalizers"}]')
    suite.equal("until it is taken out", client.ask("GET", f"{CORE}/pods/quick")[0], 404)
    kubectl("create", "ns", "held")
    kubectl("apply", "-n", "held", "-f", "-", given='{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"x","finalizers":["example.com/hold"]}}')
    kubectl("delete", "ns", "held", "--wait=false")
    suite.equal("a namespace waits for what is in it", get("/api/v1/namespaces/held")["status"]["phase"], "Terminating")
    code, output, error = kubectl("create", "cm", "late", "-n", "held")
    suite.check("and takes nothing new", code == 1 and "because it is being terminated" in error, error)
    kubectl("patch", "cm", "x", "-n", "held", "--type=merge", "-p", '{"metadata":{"finalizers":null}}')
    suite.equal("then it goes", client.ask("GET", "/api/v1/namespaces/held")[0], 404)
    code, _, error = kubectl("delete", "ns", "default")
    suite.check("the default namespace stays", code == 1 and "this namespace may not be deleted" in error, error)

    # A ReplicaSet replaces a terminating pod; a StatefulSet waits for its name.
    template = {"metadata": {"labels": {"app": "set"}, "annotations": {"cluster-dns/shutdown-seconds": "1"}},
                "spec": {"containers": [{"name": "c", "image": "nginx"}]}}
    kubectl("apply", "-f", "-", given=json.dumps({
        "apiVersion": "v1", "kind": "ReplicationController", "metadata": {"name": "old"}, "spec": {"replicas": 2, "template": {
            **template, "metadata": {**template["metadata"], "labels": {"app": "old"}}}}}))
    suite.equal("a ReplicationController has its pods", len(get(f"{CORE}/pods?labelSelector=app=old")["items"]), 2)
    code, output, error = kubectl("scale", "rc/old", "--replicas=3")
    suite.check("and is scaled", code == 0 and len(get(f"{CORE}/pods?labelSelector=app=old")["items"]) == 3, output + error)
    kubectl("apply", "-f", "-", given=json.dumps({
        "apiVersion": "apps/v1", "kind": "StatefulSet", "metadata": {"name": "set"}, "spec": {
            "replicas": 2, "serviceName": "set", "selector": {"matchLabels": {"app": "set"}}, "template": template}}))
    uid = get(f"{CORE}/pods/set-0")["metadata"]["uid"]
    kubectl("delete", "pod", "set-0", "--wait=false")
    suite.equal("a StatefulSet's pod terminates", get(f"{CORE}/pods/set-0")["metadata"]["uid"], uid)
    def is_replaced():
        status, _, content = client.ask("GET", f"{CORE}/pods/set-0")
        return status == 200 and json.loads(content)["metadata"]["uid"] != uid
    suite.check("and comes back under its name", eventually(is_replaced))

    # Endpoints by hand.
    client.ask("POST", f"{CORE}/endpoints", body=HAND)
    suite.equal("not mirrored without a Service", slices("hand"), [])
    client.ask("POST", f"{CORE}/services", body={"metadata": {"name": "hand"}, "spec": {"ports": [{"name": "http", "port": 80}]}})
    found = {item["addressType"]: item for item in slices("hand")}
    suite.equal("mirrored by family", sorted(found), ["IPv4", "IPv6"])
    four = found["IPv4"]
    suite.equal("its labels", four["metadata"]["labels"], {
        "a": "b", "kubernetes.io/service-name": "hand",
        "endpointslice.kubernetes.io/managed-by": "endpointslicemirroring-controller.k8s.io"})
    suite.equal("its owner", [(owner["kind"], owner["name"]) for owner in four["metadata"]["ownerReferences"]], [("Endpoints", "hand")])
    suite.equal("its ports", four["ports"], [{"name": "http", "port": 80, "protocol": "TCP"}])
    suite.equal("ready and not", conditions("hand"),
        {"192.0.2.7": {"ready": True}, "192.0.2.8": {"ready": False}, "2001:db8::7": {"ready": True}})
    seven = next(item for item in four["endpoints"] if item["addresses"] == ["192.0.2.7"])
    suite.equal("with names", (seven["hostname"], seven["nodeName"]), ("seven", "node-0"))
    client.ask("PUT", f"{CORE}/endpoints/hand", body={**HAND, "subsets": [{"addresses": [{"ip": "192.0.2.9"}], "ports": [{"name": "http", "port": 80}]}]})
    suite.equal("a change is followed", conditions("hand"), {"192.0.2.9": {"ready": True}})
    suite.equal("in the same slice", slices("hand")[0]["metadata"]["name"], four["metadata"]["name"])
    kubectl("label", "endpoints", "hand", "endpointslice.kubernetes.io/skip-mirror=true")
    suite.equal("the label takes it back", slices("hand"), [])
    kubectl("label", "endpoints", "hand", "endpointslice.kubernetes.io/skip-mirror-")
    suite.equal("and without it, it is there again", len(slices("hand")), 1)
    client.ask("DELETE", f"{CORE}/endpoints/hand")
    suite.equal("Endpoints that go take it along", slices("hand"), [])
    suite.equal("the API server's own are not mirrored", len(slices("kubernetes")), 1)


if __name__ == "__main__":
    Suite("endpoints").run(body)
