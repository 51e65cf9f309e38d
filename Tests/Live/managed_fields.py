#!/usr/bin/env python3
"""Who owns which field: server-side apply by several managers, conflicts, and field validation, with kubectl."""

import json
import re
from live import Lab, Suite
from replay import Client

SETTINGS = """
apiVersion: v1
kind: ConfigMap
metadata: {name: settings}
data: {a: "1", b: "1"}
"""
WEB = """
apiVersion: v1
kind: Service
metadata: {name: web, labels: {tier: front}}
spec:
  selector: {app: web}
  ports:
  - {name: http, port: 80, targetPort: 8080}
  - {name: admin, port: 81, targetPort: 8081}
"""
BACK = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: back}
spec:
  replicas: 2
  selector: {matchLabels: {app: back}}
  template:
    metadata: {labels: {app: back}}
    spec:
      containers:
      - name: c
        image: nginx
        env: [{name: A, value: "1"}, {name: B, value: "2"}]
"""

# One of each kind that a DNS deployment brings, with the fields it uses.
KINDS = """
apiVersion: v1
kind: ServiceAccount
metadata: {name: dns}
automountServiceAccountToken: true
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: dns}
rules: [{apiGroups: [discovery.k8s.io], resources: [endpointslices], verbs: [list, watch]}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: dns}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: dns}
subjects: [{kind: ServiceAccount, name: dns, namespace: default}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: dns}
rules: [{apiGroups: [coordination.k8s.io], resources: [leases], verbs: [get, create, update]}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: dns}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: dns}
subjects: [{kind: ServiceAccount, name: dns}]
---
apiVersion: v1
kind: ConfigMap
metadata: {name: dns}
data: {Corefile: ".:53 {}"}
---
apiVersion: v1
kind: Secret
metadata: {name: dns}
data: {key: dmFsdWU=}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: dns}
spec:
  replicas: 2
  strategy: {type: RollingUpdate, rollingUpdate: {maxUnavailable: 1}}
  selector: {matchLabels: {k8s-app: dns}}
  template:
    metadata: {labels: {k8s-app: dns}}
    spec:
      serviceAccountName: dns
      priorityClassName: dns
      nodeSelector: {kubernetes.io/os: linux}
      tolerations: [{key: CriticalAddonsOnly, operator: Exists}]
      affinity: {podAntiAffinity: {preferredDuringSchedulingIgnoredDuringExecution: [
        {weight: 100, podAffinityTerm: {labelSelector: {matchLabels: {k8s-app: dns}}, topologyKey: kubernetes.io/hostname}}]}}
      topologySpreadConstraints: [{maxSkew: 1, topologyKey: topology.kubernetes.io/zone, whenUnsatisfiable: ScheduleAnyway,
        labelSelector: {matchLabels: {k8s-app: dns}}, matchLabelKeys: [pod-template-hash]}]
      securityContext: {seccompProfile: {type: RuntimeDefault}}
      containers:
      - name: dns
        image: dns
        env: [{name: NODE, valueFrom: {fieldRef: {fieldPath: spec.nodeName}}}]
        lifecycle: {preStop: {sleep: {seconds: 5}}}
        ports: [{containerPort: 53, name: dns, protocol: UDP}, {containerPort: 53, name: dns-tcp, protocol: TCP}]
        livenessProbe: {httpGet: {path: /health, port: 8080}, failureThreshold: 5}
        startupProbe: {grpc: {port: 1}}
        resources: {limits: {memory: 170Mi}, requests: {cpu: 100m}}
        securityContext: {allowPrivilegeEscalation: false, capabilities: {add: [NET_BIND_SERVICE], drop: [all]}, readOnlyRootFilesystem: true}
        volumeMounts: [{name: config, mountPath: /etc/coredns, readOnly: true}]
      volumes: [{name: config, configMap: {name: dns, items: [{key: Corefile, path: Corefile}]}}, {name: snapshot, emptyDir: {}}]
---
apiVersion: apps/v1
kind: DaemonSet
metadata: {name: dns}
spec: {selector: {matchLabels: {app: d}}, updateStrategy: {rollingUpdate: {maxUnavailable: 10%}}, template: {
  metadata: {labels: {app: d}}, spec: {hostNetwork: true, containers: [{name: c, image: i}]}}}
---
apiVersion: v1
kind: Service
metadata: {name: dns}
spec: {clusterIP: 10.96.0.10, selector: {k8s-app: dns}, ports: [{name: dns, port: 53, protocol: UDP}, {name: dns-tcp, port: 53, protocol: TCP}]}
---
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata: {name: dns}
spec: {maxUnavailable: 1, selector: {matchLabels: {k8s-app: dns}}, unhealthyPodEvictionPolicy: AlwaysAllow}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: dns}
spec: {podSelector: {matchLabels: {k8s-app: dns}}, policyTypes: [Ingress], ingress: [{ports: [{port: 53, protocol: UDP}], from: [{namespaceSelector: {}}]}]}
---
apiVersion: scheduling.k8s.io/v1
kind: PriorityClass
metadata: {name: dns}
value: 1000000
---
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: {name: dns}
spec: {minReplicas: 2, maxReplicas: 9, scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: dns},
  metrics: [{type: Resource, resource: {name: cpu, target: {type: Utilization, averageUtilization: 60}}}]}
"""


def body(suite):
    lab = Lab()
    client = Client(lab)
    kubectl = lab.kubectl

    def apply(text, manager, *options):
        return kubectl("apply", "--server-side", "--field-manager", manager, "-f", "-", *options, given=text)

    def says(label, done, wanted):
        suite.check(label, done[0] == 0 and re.fullmatch(wanted, done[1], re.DOTALL), done)

    def fields(path):
        """Manager, operation and sub-resource → fieldsV1."""
        entries = json.loads(client.ask("GET", path)[2])["metadata"].get("managedFields", [])
        return {(entry["manager"], entry["operation"], entry.get("subresource", "")): entry["fieldsV1"] for entry in entries}

    def data():
        return json.loads(kubectl("get", "cm", "settings", "-o", "json")[1]).get("data")

    settings = "/api/v1/namespaces/default/configmaps/settings"

    # One manager.
    says("apply", apply(SETTINGS, "one"), "configmap/settings serverside-applied")
    suite.equal("owns what it states", fields(settings), {("one", "Apply", ""): {"f:data": {"f:a": {}, "f:b": {}}}})
    version = json.loads(client.ask("GET", settings)[2])["metadata"]["resourceVersion"]
    apply(SETTINGS, "one")
    suite.equal("again, nothing changes", json.loads(client.ask("GET", settings)[2])["metadata"]["resourceVersion"], version)
    apply(SETTINGS.replace(', b: "1"', ""), "one")
    suite.equal("what it no longer states is gone", data(), {"a": "1"})

    # Two managers.
    says("another states the same", apply(SETTINGS, "two"), "configmap/settings serverside-applied")
    suite.equal("both own it", fields(settings), {
        ("one", "Apply", ""): {"f:data": {"f:a": {}}}, ("two", "Apply", ""): {"f:data": {"f:a": {}, "f:b": {}}}})
    code, _, error = apply(SETTINGS.replace('a: "1"', 'a: "2"'), "two")
    suite.check("a conflict", code == 1 and 'Apply failed with 1 conflict: conflict with "one": .data.a' in error, error)
    suite.check("kubectl explains it", "they currently have other managers" in error, error)
    suite.equal("nothing changed", data(), {"a": "1", "b": "1"})
    says("by force", apply(SETTINGS.replace('a: "1"', 'a: "2"'), "two", "--force-conflicts"),
        "configmap/settings serverside-applied")
    suite.equal("it is taken", (data(), fields(settings)), (
        {"a": "2", "b": "1"}, {("two", "Apply", ""): {"f:data": {"f:a": {}, "f:b": {}}}}))
    apply(SETTINGS.replace('a: "1", ', ""), "one")
    apply(SETTINGS.replace('data: {a: "1", b: "1"}', ""), "two")
    suite.equal("what another owns stays", data(), {"b": "1"})

    # Other writes.
    kubectl("patch", "cm", "settings", "--field-manager", "hand", "-p", '{"data":{"b":"3","c":"4"}}')
    suite.equal("an update takes what it changes", fields(settings), {("hand", "Update", ""): {"f:data": {"f:b": {}, "f:c": {}}}})
    code, _, error = apply(SETTINGS.replace("b:", "c: \"5\", b:"), "one")
    suite.check("two conflicts with it", code == 1 and
        'Apply failed with 2 conflicts: conflicts with "hand" using v1:\n- .data.b\n- .data.c' in error, error)
    kubectl("create", "cm", "made", "--from-literal=x=y")
    suite.equal("kubectl create", list(fields("/api/v1/namespaces/default/configmaps/made")), [("kubectl-create", "Update", "")])
    shown = kubectl("get", "cm", "made", "-o", "yaml")[1]
    suite.check("hidden by default", "managedFields" not in shown, shown)
    shown = kubectl("get", "cm", "made", "-o", "yaml", "--show-managed-fields")[1]
    suite.check("--show-managed-fields", "manager: kubectl-create" in shown and "f:x: {}" in shown, shown)

    # Lists whose elements have keys.
    says("a Service", apply(WEB, "one"), "service/web serverside-applied")
    web = "/api/v1/namespaces/default/services/web"
    port = '{{"port":{},"protocol":"TCP"}}'
    suite.equal("ports by their keys", sorted(fields(web)["one", "Apply", ""]["f:spec"]["f:ports"]),
        ["k:" + port.format(80), "k:" + port.format(81)])
    extra = re.sub(r"  - .name: http.*\n  - .name: admin.*\n", "  - {name: metrics, port: 9153}\n", WEB)
    says("another adds a port", apply(extra, "two"), "service/web serverside-applied")
    def ports():
        return [item["port"] for item in json.loads(client.ask("GET", web)[2])["spec"]["ports"]]
    suite.equal("beside the others", ports(), [80, 81, 9153])
    apply(re.sub(r"  - .name: admin.*\n", "", WEB), "one")
    suite.equal("each takes away its own", ports(), [80, 9153])
    code, _, error = apply(WEB.replace("8080", "9090"), "three")
    suite.check("a conflict inside an element", code == 1 and
        'conflict with "one": .spec.ports[port=80,protocol="TCP"].targetPort' in error, error)
    cluster_ip = json.loads(client.ask("GET", web)[2])["spec"]["clusterIP"]
    suite.check("the address stays", cluster_ip.startswith("10.96."), cluster_ip)

    # Scaling takes the number from whoever applied it.
    apply(BACK, "one")
    back = "/apis/apps/v1/namespaces/default/deployments/back"
    says("scale", kubectl("scale", "deploy/back", "--replicas=4"), r"deployment\.apps/back scaled")
    suite.check("the scale is another's", ("f:replicas" not in fields(back)["one", "Apply", ""]["f:spec"]) and
        any(key[1:] == ("Update", "scale") for key in fields(back)), fields(back))
    code, _, error = apply(BACK, "one")
    suite.check("which conflicts", code == 1 and re.search(r'with subresource "scale" using apps/v1: \.spec\.replicas', error), error)
    says("without the number it does not", apply(BACK.replace("  replicas: 2\n", ""), "one"), ".*serverside-applied")
    suite.equal("and it stays", json.loads(client.ask("GET", back)[2])["spec"]["replicas"], 4)
    apply(BACK.replace("  replicas: 2\n", "").replace(', {name: B, value: "2"}', ""), "one")
    suite.equal("a variable goes", [item["name"] for item in json.loads(client.ask("GET", back)[2])
        ["spec"]["template"]["spec"]["containers"][0]["env"]], ["A"])

    # From client-side to server-side.
    text = SETTINGS.replace("settings", "moved")
    kubectl("apply", "-f", "-", given=text)
    says("what was applied by kubectl is taken over", kubectl("apply", "--server-side", "-f", "-", given=text),
        "configmap/moved serverside-applied")
    owners = fields("/api/v1/namespaces/default/configmaps/moved")
    suite.check("with its manager, and nobody updates it", ("kubectl", "Apply", "") in owners and
        all(operation == "Apply" for _, operation, _ in owners), owners)
    kubectl("apply", "--server-side", "-f", "-", given=text.replace(', b: "1"', ""))
    moved = json.loads(client.ask("GET", "/api/v1/namespaces/default/configmaps/moved")[2])
    suite.equal("so that it can take away", moved["data"], {"a": "1"})

    # Every kind of a deployment, strictly; again, and by the server.
    # kubectl sends the selector of a PodDisruptionBudget every time, and so calls it configured.
    for label, options in (("created", ()), ("unchanged", ()), ("serverside-applied", ("--server-side",))):
        code, output, error = kubectl("apply", "--validate=strict", *options, "-f", "-", given=KINDS)
        output = output.replace("poddisruptionbudget.policy/dns configured", "poddisruptionbudget.policy/dns unchanged")
        suite.check(f"one of each kind: {label}", code == 0 and error == "" and output.count(label) == KINDS.count("---") + 1,
            output + error)

    # Fields nobody knows.
    wrong = SETTINGS.replace("\ndata:", "\ndat:")
    code, _, error = kubectl("apply", "--validate=strict", "-f", "-", given=wrong.replace("settings", "wrong"))
    suite.check("strict: a create names the field", code == 1 and 'strict decoding error: unknown field "dat"' in error, error)
    code, output, error = kubectl("apply", "--validate=warn", "-f", "-", given=wrong.replace("settings", "wrong"))
    suite.check("warn: it is dropped with a warning", code == 0 and 'Warning: unknown field "dat"' in error, output + error)
    suite.equal("not stored", json.loads(client.ask("GET", "/api/v1/namespaces/default/configmaps/wrong")[2]).get("dat"), None)
    deep = BACK.replace("image: nginx", "image: nginx\n        imagePulPolicy: Always").replace("name: back", "name: deep")
    code, _, error = kubectl("create", "--validate=strict", "-f", "-", given=deep)
    suite.check("strict: deep inside", code == 1 and
        'Deployment in version "v1" cannot be handled as a Deployment: strict decoding error: '
        'unknown field "spec.template.spec.containers[0].imagePulPolicy"' in error, error)
    code, _, error = kubectl("apply", "--server-side", "-f", "-", given=wrong)
    suite.check("server-side apply refuses it", code == 1 and ".dat: field not declared in schema" in error, error)


if __name__ == "__main__":
    Suite("managed-fields").run(body)
