#!/usr/bin/env python3
"""Search paths completed for the pod that asks, and services of a cluster set whose definition comes later."""

import base64
import json
import re
import ssl
import urllib.error
import urllib.request
from live import Lab, Server, Suite, dig, eventually, serve_zone, work

MANIFEST = """
apiVersion: v1
kind: Namespace
metadata: {name: shop}
---
apiVersion: v1
kind: Namespace
metadata: {name: other}
---
apiVersion: v1
kind: Service
metadata: {name: db, namespace: other}
spec: {clusterIP: 10.96.0.20, clusterIPs: [10.96.0.20], ports: [{port: 5432, protocol: TCP}]}
"""
POD = """---
apiVersion: v1
kind: Pod
metadata: {name: client, namespace: %s}
spec: {hostNetwork: %s, containers: [{name: c, image: c}]}
status: {phase: Running, podIP: 127.0.0.1, podIPs: [{ip: 127.0.0.1}]}
"""
COREFILE = """
.:@PORT@ {
    bind 127.0.0.1
    errors
    metadata
    log . "client={/kubernetes/client-namespace} service={/kubernetes/service}"
    prometheus 127.0.0.1:@METRICS@
    autopath @kubernetes
    cache 30
    kubernetes cluster.local clusterset.local {
        kubeconfig @KUBECONFIG@
        multicluster clusterset.local
    }
    forward . 127.0.0.1:@UPSTREAM@
}
"""
ZONE = """$ORIGIN example.test.
$TTL 300
@    IN SOA ns hostmaster 1 7200 1800 86400 60
@    IN NS  ns
ns   IN A   192.0.2.53
www  IN A   192.0.2.1
"""
DEFINITION = {
    "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
    "metadata": {"name": "serviceimports.multicluster.x-k8s.io"},
    "spec": {
        "group": "multicluster.x-k8s.io", "scope": "Namespaced",
        "names": {
            "plural": "serviceimports", "singular": "serviceimport", "kind": "ServiceImport",
            "listKind": "ServiceImportList"},
        "versions": [{
            "name": "v1alpha1", "served": True, "storage": True,
            "schema": {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}}}]}}
IMPORT = {
    "apiVersion": "multicluster.x-k8s.io/v1alpha1", "kind": "ServiceImport",
    "metadata": {"name": "far", "namespace": "shop"},
    "spec": {"type": "ClusterSetIP", "ips": ["10.42.0.9"], "ports": [{"port": 80, "protocol": "TCP"}]}}


def create(lab, path, item):
    text = lab.kubeconfig.read_text()
    def value(key):
        return re.search(rf"^\s*{key}: (\S+)$", text, re.MULTILINE).group(1).strip('"')
    context = ssl.create_default_context(cadata=base64.b64decode(value("certificate-authority-data")).decode())
    request = urllib.request.Request(
        value("server") + path, json.dumps(item).encode(),
        {"Authorization": "Bearer " + value("token"), "Content-Type": "application/json"})
    with urllib.request.urlopen(request, context=context, timeout=30) as response:
        return response.status


def body(suite):
    zone = work / "zone"
    zone.write_text(ZONE)
    upstream = serve_zone("example.test", zone)
    manifests = work / "manifests"
    manifests.mkdir()
    (manifests / "cluster.yaml").write_text(MANIFEST)
    (manifests / "pod.yaml").write_text(POD % ("shop", "false"))
    lab = Lab("--as-stored", manifests=manifests)
    server = Server(COREFILE.replace("@UPSTREAM@", str(upstream)), lab.kubeconfig)
    server.wait_for("db.other.svc.cluster.local")

    def ask(name, kind="A"):
        return dig(server.port, name, kind)

    db = "db.other.shop.svc.cluster.local"
    suite.equal("a Service of another namespace", eventually(lambda: ask(db).data),
        ["a 10.96.0.20", "cname db.other.svc.cluster.local."])
    suite.equal("AAAA ends at the same name", ask(db, "AAAA").data, ["cname db.other.svc.cluster.local."])
    www = "www.example.test.shop.svc.cluster.local"
    suite.equal("a name of an upstream", ask(www).data, ["a 192.0.2.1", "cname www.example.test."])
    suite.equal("its AAAA", [ask(www, "AAAA").rcode, ask(www, "AAAA").data], ["NOERROR", ["cname www.example.test."]])
    suite.equal("a name that is nowhere", ask("ghost.example.test.shop.svc.cluster.local").rcode, "NXDOMAIN")
    suite.check("successes are counted", (server.metric("coredns_autopath_success_total") or 0) >= 5)
    suite.check("the log knows who asked and for what", "client=shop service=other" in server.log, server.log_end())

    (manifests / "pod.yaml").write_text(POD % ("other", "false"))
    suite.check("the address passes to a pod of another namespace",
        eventually(lambda: ask(db).rcode == "NXDOMAIN" and ask("db.other.other.svc.cluster.local").rcode == "NOERROR"))
    (manifests / "pod.yaml").write_text(POD % ("shop", "true"))
    suite.check("a pod on its host's network is nobody's",
        eventually(lambda: ask(db).rcode == ask("db.other.other.svc.cluster.local").rcode == "NXDOMAIN"))
    (manifests / "pod.yaml").unlink()
    suite.equal("no pod", ask(db).rcode, "NXDOMAIN")

    far = "far.shop.svc.clusterset.local"
    suite.equal("a cluster set without its definition is empty", ask(far).rcode, "NXDOMAIN")
    suite.equal("and its absence is told once", server.log.count("has no serviceimports yet"), 1)
    create(lab, "/apis/apiextensions.k8s.io/v1/customresourcedefinitions", DEFINITION)
    created = eventually(lambda: try_create(lab), pause=0.2)
    suite.equal("a ServiceImport is created", created, 201)
    suite.equal("it is found without a restart", eventually(lambda: ask(far).data, 90, 0.5), ["a 10.42.0.9"])


def try_create(lab):
    try:
        return create(lab, "/apis/multicluster.x-k8s.io/v1alpha1/namespaces/shop/serviceimports", IMPORT)
    except urllib.error.HTTPError:
        return None


if __name__ == "__main__":
    Suite("autopath").run(body)
