#!/usr/bin/env python3
"""kubectl against the embedded cluster: what people type, and the output a real cluster gives."""

import json
import os
import re
import subprocess
from live import EXAMPLES, Lab, Program, Suite, eventually, work

MANIFESTS = {
    "node": {"apiVersion": "v1", "kind": "Node", "metadata": {"name": "node-x"}},
    "pod": {
        "apiVersion": "v1", "kind": "Pod", "metadata": {"name": "alone", "labels": {"app": "alone"}},
        "spec": {"containers": [{"name": "c", "image": "nginx"}]}},
    "endpoints": {
        "apiVersion": "v1", "kind": "Endpoints", "metadata": {"name": "by-hand"},
        "subsets": [{"addresses": [{"ip": "192.0.2.7"}], "ports": [{"name": "http", "port": 80}]}]},
    "endpointslice": {
        "apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice",
        "metadata": {"name": "by-hand-1", "labels": {"kubernetes.io/service-name": "by-hand"}},
        "addressType": "IPv4", "endpoints": [{"addresses": ["192.0.2.7"]}], "ports": [{"name": "http", "port": 80}]},
    "event": {
        "apiVersion": "v1", "kind": "Event", "metadata": {"name": "alone.1"},
        "involvedObject": {"kind": "Pod", "name": "alone", "namespace": "made"},
        "type": "Normal", "reason": "Tested", "message": "An event.", "count": 1},
    "replicaset": {
        "apiVersion": "apps/v1", "kind": "ReplicaSet", "metadata": {"name": "set"},
        "spec": {"replicas": 2, "selector": {"matchLabels": {"app": "set"}}, "template": {
            "metadata": {"labels": {"app": "set"}}, "spec": {"containers": [{"name": "c", "image": "nginx"}]}}}},
    "statefulset": {
        "apiVersion": "apps/v1", "kind": "StatefulSet", "metadata": {"name": "state"},
        "spec": {"replicas": 2, "serviceName": "state", "selector": {"matchLabels": {"app": "state"}}, "template": {
            "metadata": {"labels": {"app": "state"}}, "spec": {"containers": [{"name": "c", "image": "nginx"}]}}}},
    "lease": {
        "apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": {"name": "leader"},
        "spec": {"holderIdentity": "me", "leaseDurationSeconds": 15}},
}
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
    "apiVersion": "multicluster.x-k8s.io/v1alpha1", "kind": "ServiceImport", "metadata": {"name": "far"},
    "spec": {"type": "ClusterSetIP", "ips": ["192.0.2.9"], "ports": [{"port": 80, "protocol": "TCP"}]}}

# What a table's row looks like; AGE is any age.
AGE = r"\d+[smh]\S*"


def body(suite):
    lab = Lab()
    home = work / "home"
    home.mkdir()
    environment = {"KUBECONFIG": str(lab.kubeconfig), "HOME": str(home)}

    def kubectl(*arguments, given=None):
        done = subprocess.run(
            ["kubectl", "--request-timeout=20s", *map(str, arguments)], capture_output=True, text=True, timeout=60,
            input=None if given is None else json.dumps(given), env={**os.environ, **environment})
        return done.returncode, done.stdout, done.stderr

    def says(label, arguments, wanted, given=None):
        """The command succeeds and its whole output matches the pattern `wanted`."""
        code, output, error = kubectl(*arguments, given=given)
        suite.check(label, code == 0 and re.fullmatch(wanted, output.strip(), re.DOTALL), f"{code}: {output}{error}")

    def refuses(label, arguments, wanted, given=None):
        code, output, error = kubectl(*arguments, given=given)
        suite.check(label, code == 1 and re.search(wanted, error), f"{code}: {output}{error}")

    def table(label, arguments, columns, *rows):
        """A table with exactly these column names; each pattern of `rows` matches one row."""
        code, output, error = kubectl("get", *arguments)
        lines = [re.split(r" {2,}", line.strip()) for line in output.splitlines() if line.strip()]
        head = lines[0] if lines else []
        suite.check(f"{label}: columns", code == 0 and head == columns.split(","), f"{code}: {head} {error}")
        for row in rows:
            suite.check(f"{label}: a row {row}", any(re.fullmatch(row, " ".join(line)) for line in lines[1:]), output)

    # The examples, as `make run` has them.
    code, output, error = kubectl("apply", "-f", EXAMPLES)
    lines = output.splitlines()
    suite.check("apply the examples", code == 0 and all(line.endswith(" created") for line in lines), output + error)
    code, again, error = kubectl("apply", "-f", EXAMPLES)
    suite.check("apply again changes nothing",
        code == 0 and len(lines) == len(again.splitlines()) > 10 and
        all(line.endswith(" unchanged") for line in again.splitlines()), again + error)
    code, output, error = kubectl("apply", "--server-side", "-f", EXAMPLES)
    suite.check("apply --server-side", code == 0 and "serverside-applied" in output, output + error)
    # Before 1.27, kubectl took what it knows of kinds from OpenAPI v2, of which the lab serves an empty document.
    client = json.loads(kubectl("version", "--client", "-o", "json")[1])["clientVersion"]
    reads_v3 = int(re.match(r"\d+", client["minor"]).group()) >= 27
    if reads_v3:
        code, output, error = kubectl("diff", "-f", EXAMPLES)
        suite.check("diff finds nothing", code == 0 and output == "", output + error)
    else:
        print(f"  kubectl: diff, server dry run and explain: not run: kubectl {client['gitVersion']} reads OpenAPI v2")

    # What a cluster shows.
    code, output, error = kubectl("get", "svc,endpointslices,pods", "-A", "-o", "wide")
    suite.check("get three kinds of all namespaces", code == 0 and all(
        f"{kind}/" in output for kind in ("service", "endpointslice.discovery.k8s.io", "pod")), output + error)
    table("services", ["svc", "-n", "shop", "-o", "wide"],
        "NAME,TYPE,CLUSTER-IP,EXTERNAL-IP,PORT(S),AGE,SELECTOR",
        rf"back-end ClusterIP 10\.96\.\S+ <none> 8080/TCP {AGE} app=back-end",
        rf"db ClusterIP None <none> 5432/TCP {AGE} app=db",
        rf"frontend NodePort 10\.96\.\S+ <none> 80:3\d{{4}}/TCP {AGE} app=frontend",
        rf"frontend-lb LoadBalancer 10\.96\.\S+ 203\.0\.113\.\d+ 80:3\d{{4}}/TCP {AGE} app=frontend",
        rf"partner ExternalName <none> example\.com <none> {AGE} <none>")
    table("services, narrow", ["svc", "-n", "shop"], "NAME,TYPE,CLUSTER-IP,EXTERNAL-IP,PORT(S),AGE")
    table("pods", ["pods", "-n", "shop"], "NAME,READY,STATUS,RESTARTS,AGE", rf"db-0 1/1 Running 0 {AGE}")
    table("pods, wide", ["pods", "-n", "shop", "-o", "wide"],
        "NAME,READY,STATUS,RESTARTS,AGE,IP,NODE,NOMINATED NODE,READINESS GATES",
        rf"db-0 1/1 Running 0 {AGE} 10\.244\.\S+ node-\S+ <none> <none>",
        rf"store-be-2 0/1 Running 0 {AGE} 10\.244\.1\.21 \S+ <none> <none>")
    table("endpoint slices", ["endpointslices", "-n", "shop"], "NAME,ADDRESSTYPE,PORTS,ENDPOINTS,AGE",
        rf"db-\S+ IPv4 5432 10\.244\.\S+,10\.244\.\S+,10\.244\.\S+ {AGE}")
    table("endpoints of a Service", ["endpoints", "-n", "shop"], "NAME,ENDPOINTS,AGE",
        rf"db 10\.244\.\S+:5432,10\.244\.\S+:5432,10\.244\.\S+:5432 {AGE}")
    table("deployments", ["deploy", "-n", "shop", "-o", "wide"],
        "NAME,READY,UP-TO-DATE,AVAILABLE,AGE,CONTAINERS,IMAGES,SELECTOR",
        rf"back-end 2/2 2 2 {AGE} nginx nginx app=back-end")
    table("nodes", ["nodes"], "NAME,STATUS,ROLES,AGE,VERSION", rf"node-a Ready <none> {AGE} v1\.\S+")
    table("namespaces", ["ns"], "NAME,STATUS,AGE", rf"shop Active {AGE}")
    table("config maps: none but the header", ["cm,sts", "-n", "shop"], "NAME,READY,AGE", rf"statefulset.apps/db 3/3 {AGE}|db 3/3 {AGE}")
    says("get -o name", ["get", "svc", "-n", "shop", "-l", "!none", "-o", "name"], r"(service/\S+\n?)+")
    says("get -o jsonpath", ["get", "svc", "db", "-n", "shop", "-o", "jsonpath={.spec.clusterIP}"], "None")
    says("field selector", ["get", "pods", "-n", "shop", "--field-selector=metadata.name=db-1", "-o", "name"], "pod/db-1")
    says("chunks", ["get", "pods", "-n", "shop", "--chunk-size=2", "-o", "name"], r"(pod/\S+\s*){5,}")
    says("nothing there", ["get", "svc", "-n", "kube-public"], "")
    says("describe", ["describe", "svc", "db", "-n", "shop"], r"Name: .*Endpoints: +10\.244\..*")
    says("describe a pod", ["describe", "pod", "db-0", "-n", "shop"], r"Name: +db-0.*Status: +Running.*")

    # Changing.
    says("scale", ["scale", "deploy/back-end", "-n", "shop", "--replicas=3"], r"deployment\.apps/back-end scaled")
    says("rollout status", ["rollout", "status", "-n", "shop", "deploy/back-end", "--timeout=60s"],
        r'.*deployment "back-end" successfully rolled out')
    table("scaled", ["deploy", "-n", "shop"], "NAME,READY,UP-TO-DATE,AVAILABLE,AGE", rf"back-end 3/3 3 3 {AGE}")
    refuses("scale from the wrong number",
        ["scale", "deploy/back-end", "-n", "shop", "--current-replicas=7", "--replicas=1"], "Expected replicas to be 7")
    for kind, patch in {
        "strategic": {"metadata": {"labels": {"patched": "strategic"}}},
        "merge": {"metadata": {"labels": {"patched": "merge"}}},
        "json": [{"op": "replace", "path": "/metadata/labels/patched", "value": "json"}],
    }.items():
        says(f"patch --type={kind}", ["patch", "svc", "db", "-n", "shop", "--type", kind, "-p", json.dumps(patch)],
            "service/db patched")
        says(f"patched ({kind})", ["get", "svc", "db", "-n", "shop", "-o", "jsonpath={.metadata.labels.patched}"], kind)
    says("patch that changes nothing",
        ["patch", "svc", "db", "-n", "shop", "-p", '{"metadata":{"labels":{"patched":"json"}}}'],
        r"service/db patched \(no change\)")
    says("label", ["label", "svc", "db", "-n", "shop", "patched-"], "service/db (unlabeled|labeled)")
    says("annotate", ["annotate", "svc", "db", "-n", "shop", "a=b"], "service/db annotated")
    if reads_v3:
        says("dry run", ["create", "cm", "not", "--dry-run=server"], r"configmap/not created \(server dry run\)")
        refuses("a dry run leaves nothing", ["get", "cm", "not"], r'\(NotFound\): configmaps "not" not found')

    # Waiting and watching.
    says("wait for a pod", ["wait", "--for=condition=Ready", "pod/db-0", "-n", "shop", "--timeout=60s"],
        "pod/db-0 condition met")
    refuses("wait that ends", ["wait", "--for=condition=Ready", "pod/store-be-2", "-n", "shop", "--timeout=1s"],
        "timed out waiting for the condition on pods/store-be-2")
    watch = Program("watch", ["kubectl", "get", "cm", "-n", "shop", "-w"], environment)
    eventually(lambda: "NAME" in watch.log)
    says("create what is watched", ["create", "cm", "seen", "-n", "shop", "--from-literal=a=b"], "configmap/seen created")
    suite.check("get -w shows it", eventually(lambda: re.search(rf"^seen +1 +{AGE}$", watch.log, re.MULTILINE)), watch.log)
    says("patch what is watched", ["patch", "cm", "seen", "-n", "shop", "-p", '{"data":{"c":"d"}}'], "configmap/seen patched")
    suite.check("get -w shows the change",
        eventually(lambda: re.search(rf"^seen +2 +{AGE}$", watch.log, re.MULTILINE)), watch.log)
    says("delete what is watched", ["delete", "cm", "seen", "-n", "shop"], r'configmap "seen" deleted.*')
    suite.check("get -w shows the deletion", eventually(lambda: watch.log.count("seen ") == 3), watch.log)
    watch.kill()
    events = Program("events", ["kubectl", "get", "cm", "-n", "shop", "-w", "--output-watch-events"], environment)
    kubectl("create", "cm", "other", "-n", "shop")
    suite.check("get -w --output-watch-events", eventually(lambda: re.search(r"^ADDED +other", events.log, re.MULTILINE)),
        events.log)
    events.kill()

    # One of each kind.
    says("create a namespace", ["create", "namespace", "made"], "namespace/made created")
    for label, arguments, wanted in (
        ("a Service", ["service", "clusterip", "one", "--tcp=80:8080"], "service/one created"),
        ("a ConfigMap", ["configmap", "one", "--from-literal=a=b"], "configmap/one created"),
        ("a ServiceAccount", ["serviceaccount", "one"], "serviceaccount/one created"),
        ("a Deployment", ["deployment", "one", "--image=nginx", "--replicas=2"], r"deployment\.apps/one created"),
    ):
        says(f"create {label}", ["create", *arguments, "-n", "made"], wanted)
    for name, manifest in MANIFESTS.items():
        said = {"endpointslice": "endpointslice.discovery.k8s.io", "replicaset": "replicaset.apps",
                "statefulset": "statefulset.apps", "lease": "lease.coordination.k8s.io"}.get(name, name)
        says(f"create a {manifest['kind']}", ["create", "-n", "made", "-f", "-"],
            rf"{re.escape(said)}/{re.escape(manifest['metadata']['name'])} created", manifest)
        says(f"get the {manifest['kind']}", ["get", manifest["kind"], manifest["metadata"]["name"], "-n", "made", "-o", "name"],
            rf"{re.escape(said)}/{re.escape(manifest['metadata']['name'])}")
    refuses("a ServiceImport before its definition", ["create", "-n", "made", "-f", "-"],
        'no matches for kind "ServiceImport"', IMPORT)
    says("create a CustomResourceDefinition", ["create", "-f", "-"],
        r"customresourcedefinition\.apiextensions\.k8s\.io/serviceimports\.multicluster\.x-k8s\.io created", DEFINITION)
    says("the definition is established",
        ["wait", "--for=condition=Established", "crd/serviceimports.multicluster.x-k8s.io", "--timeout=60s"],
        r"customresourcedefinition\.apiextensions\.k8s\.io/serviceimports\.multicluster\.x-k8s\.io condition met")
    says("create a ServiceImport", ["create", "-n", "made", "-f", "-"],
        r"serviceimport\.multicluster\.x-k8s\.io/far created", IMPORT)
    table("service imports", ["serviceimports", "-n", "made"], "NAME,TYPE,IP,AGE", rf'far ClusterSetIP \["192\.0\.2\.9"\] {AGE}')
    table("events", ["events", "-n", "made"], "LAST SEEN,TYPE,REASON,OBJECT,MESSAGE",
        r"\S+ Normal Tested pod/alone An event\.")
    table("leases", ["lease", "-n", "made"], "NAME,HOLDER,AGE", rf"leader me {AGE}")
    table("replica sets", ["rs", "-n", "made"], "NAME,DESIRED,CURRENT,READY,AGE", rf"set 2 2 2 {AGE}")
    table("stateful sets", ["sts", "-n", "made"], "NAME,READY,AGE", rf"state 2/2 {AGE}")
    table("service accounts", ["sa", "-n", "made"], "NAME,SECRETS,AGE", rf"one 0 {AGE}")
    table("endpoints by hand", ["ep", "by-hand", "-n", "made"], "NAME,ENDPOINTS,AGE", rf"by-hand 192\.0\.2\.7:80 {AGE}")
    refuses("create what is there", ["create", "configmap", "one", "-n", "made"], 'configmaps "one" already exists')
    refuses("create in no namespace", ["create", "configmap", "one", "-n", "none"], 'namespaces "none" not found')
    refuses("an invalid name", ["create", "configmap", "One_", "-n", "made"], r"Invalid value: \"One_\"")

    # What the API says of itself.
    explained = {
        "service": ("apiVersion", "kind", "metadata", "spec", "status"),
        "service.spec": ("clusterIP", "ports", "selector", "publishNotReadyAddresses"),
        "service.spec.ports": ("port", "targetPort", "appProtocol"),
        "endpointslice.endpoints": ("addresses", "conditions", "zone"),
        "deployment.spec.template.spec": ("containers", "dnsPolicy"),
    }
    for path, fields in explained.items() if reads_v3 else ():
        code, output, error = kubectl("explain", path)
        are_there = all(re.search(rf"^ +{field}\t<", output, re.MULTILINE) for field in fields)
        suite.check(f"explain {path}", code == 0 and are_there, output + error)
    if reads_v3:
        says("explain a type", ["explain", "service.spec.ports"],
            r"KIND: +Service\nVERSION: +v1\n.*<\[\]ServicePort>.*")
    says("api-resources", ["api-resources", "-o", "name"], r"(?=.*\bservices\n)(?=.*\bendpointslices\.discovery\.k8s\.io\n).*")
    says("api-versions", ["api-versions"], r"(?=.*\bapps/v1\n)(?=.*\bv1$).*")
    says("version", ["version"], r'.*Server Version: .*v1\.36\.\d+.*')
    says("may do", ["auth", "can-i", "list", "services"], "yes")
    code, output, error = kubectl("get", "svc", "--as", "nobody")
    suite.check("another user may not", code == 1 and 'User "nobody" cannot list resource "services"' in error, error)
    refuses("an unknown kind", ["get", "wheels"], 'the server doesn\'t have a resource type "wheels"')

    # Deleting.
    says("delete a pod", ["delete", "pod", "alone", "-n", "made"], r'pod "alone" deleted.*')
    code, output, error = kubectl("delete", "deploy,sts,rs,svc,cm", "--all", "-n", "made")
    suite.check("delete all of some kinds", code == 0 and 'deployment.apps "one" deleted' in output, output + error)
    suite.check("what they owned goes too", eventually(lambda: kubectl("get", "pods", "-n", "made", "-o", "name")[1] == ""))
    says("delete a namespace", ["delete", "ns", "made", "--timeout=20s"], r'namespace "made" deleted.*')
    code, output, error = kubectl("delete", "-f", EXAMPLES, "--ignore-not-found")
    suite.check("delete the examples", code == 0 and 'namespace "shop" deleted' in output, output + error)
    says("nothing of them is left", ["get", "svc,pods,endpointslices,endpoints", "-n", "shop", "-o", "name"], "")


if __name__ == "__main__":
    Suite("kubectl").run(body)
