#!/usr/bin/env python3
"""ServiceAccounts, their tokens, and what Roles allow them, with kubectl and in the API server's words."""

import json
import re
from live import ROOT, Lab, Suite
from replay import Client

READER = """
apiVersion: v1
kind: ServiceAccount
metadata: {name: reader, namespace: kube-system}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: reader}
rules:
- {apiGroups: [""], resources: [services, pods], verbs: [list, watch]}
- {apiGroups: [""], resources: [configmaps], resourceNames: [one], verbs: [get]}
- {apiGroups: [apps], resources: [deployments/scale], verbs: [get, update]}
- {nonResourceURLs: [/metrics/*], verbs: [get]}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: reader}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: reader}
subjects: [{kind: ServiceAccount, name: reader, namespace: kube-system}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: writer, namespace: kube-system}
rules: [{apiGroups: [""], resources: [configmaps], verbs: ["*"]}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: writer, namespace: kube-system}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: writer}
subjects: [{kind: Group, name: "system:serviceaccounts:kube-system"}]
"""
ACCOUNT = "system:serviceaccount:kube-system:reader"


def body(suite):
    lab = Lab()
    client = Client(lab)
    kubectl = lab.kubectl

    code, output, error = kubectl("apply", "--validate=strict", "-f", "-", given=READER)
    suite.check("apply accounts and roles", code == 0 and output.count("created") == 5, output + error)
    code, token, error = kubectl("create", "token", "reader", "-n", "kube-system")
    suite.check("create token", code == 0 and token.count(".") == 2, token + error)
    as_reader = {"Authorization": f"Bearer {token}"}

    def answer(method, path, body=None, headers=as_reader):
        status, _, content = client.ask(method, path, body=body, headers=headers)
        return status, content.decode()

    def message(method, path, body=None, headers=as_reader):
        status, text = answer(method, path, body, headers)
        return status, json.loads(text).get("message")

    # What the roles allow.
    for path in ("/api/v1/services", "/api/v1/pods", "/api/v1/namespaces/default/services", "/version", "/apis", "/api/v1",
                 "/api/v1/services?watch=true&timeoutSeconds=1"):
        suite.equal(f"may {path}", answer("GET", path)[0], 200)
    suite.equal("may write in its namespace", answer("POST", "/api/v1/namespaces/kube-system/configmaps",
        {"metadata": {"name": "mine"}})[0], 201)
    suite.equal("may read the one it names, which is not there", message("GET", "/api/v1/namespaces/default/configmaps/one"),
        (404, 'configmaps "one" not found'))

    # What they do not, in the API server's words.
    def cannot(what, scope="at the cluster scope"):
        return f'User "{ACCOUNT}" cannot {what} {scope}'
    default = 'in the namespace "default"'
    for method, path, wanted in (
        ("GET", "/api/v1/nodes", "nodes is forbidden: " + cannot('list resource "nodes" in API group ""')),
        ("GET", "/apis/discovery.k8s.io/v1/endpointslices?watch=true", "endpointslices.discovery.k8s.io is forbidden: "
            + cannot('watch resource "endpointslices" in API group "discovery.k8s.io"')),
        ("GET", "/api/v1/namespaces/default/configmaps/two", 'configmaps "two" is forbidden: '
            + cannot('get resource "configmaps" in API group ""', default)),
        ("GET", "/api/v1/namespaces/default/services/x", 'services "x" is forbidden: '
            + cannot('get resource "services" in API group ""', default)),
        ("DELETE", "/api/v1/namespaces/default/pods", "pods is forbidden: "
            + cannot('deletecollection resource "pods" in API group ""', default)),
        ("PUT", "/apis/apps/v1/namespaces/default/deployments/x", 'deployments.apps "x" is forbidden: '
            + cannot('update resource "deployments" in API group "apps"', default)),
        ("GET", "/metrics", f'forbidden: User "{ACCOUNT}" cannot get path "/metrics"'),
    ):
        suite.equal(f"may not {method} {path}", message(method, path, {} if method == "PUT" else None), (403, wanted))
    suite.equal("a scale, which it may", message("GET", "/apis/apps/v1/namespaces/default/deployments/x/scale"),
        (404, 'deployments.apps "x" not found'))
    details = json.loads(answer("GET", "/api/v1/namespaces/default/services/x")[1])["details"]
    suite.equal("the details name it", details, {"name": "x", "kind": "services"})

    # Rights that come and go count at once.
    kubectl("delete", "clusterrolebinding", "reader")
    suite.equal("without the binding", answer("GET", "/api/v1/services")[0], 403)
    kubectl("apply", "-f", "-", given=READER)
    suite.equal("with it again", answer("GET", "/api/v1/services")[0], 200)

    # Questions about access and identity.
    suite.equal("can-i: yes", kubectl("auth", "can-i", "list", "pods", "--as", ACCOUNT)[:2], (0, "yes"))
    suite.equal("can-i: no", kubectl("auth", "can-i", "list", "nodes", "--as", ACCOUNT)[:2], (1, "no"))
    code, output, error = kubectl("auth", "can-i", "--list", "--as", ACCOUNT)
    suite.check("can-i --list", code == 0 and re.search(r"^services +\[\] +\[\] +\[list watch\]$|^pods +\[\] +\[\] +\[list watch\]$",
        output, re.MULTILINE), output + error)
    code, output, error = kubectl("auth", "whoami", "--token", token, "-o", "json")
    suite.check("whoami", code == 0 and json.loads(output)["status"]["userInfo"]["username"] in (ACCOUNT, "lab-admin"),
        output + error)
    status, text = answer("POST", "/apis/authentication.k8s.io/v1/selfsubjectreviews", {})
    suite.equal("a token's own identity", (status, json.loads(text)["status"]["userInfo"]["username"]), (201, ACCOUNT))
    review = {"spec": {"token": token}}
    status, text = answer("POST", "/apis/authentication.k8s.io/v1/tokenreviews", review, {})
    suite.equal("a token review", (status, json.loads(text)["status"]["user"]["username"]), (201, ACCOUNT))
    suite.equal("not for everybody", answer("POST", "/apis/authentication.k8s.io/v1/tokenreviews", review)[0], 403)

    # Tokens.
    status, text = answer("POST", "/api/v1/namespaces/kube-system/serviceaccounts/reader/token",
        {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {"expirationSeconds": 700}}, {})
    suite.check("a token request's answer", status == 201 and json.loads(text)["spec"]["expirationSeconds"] == 700, text)
    suite.equal("too short a life", answer("POST", "/api/v1/namespaces/kube-system/serviceaccounts/reader/token",
        {"spec": {"expirationSeconds": 5}}, {})[0], 422)
    head, payload, signature = token.split(".")
    for label, wrong in {"another signature": f"{head}.{payload}.{'A' * len(signature)}", "no signature": f"{head}.{payload}.",
                         "another head": f"e30.{payload}.{signature}", "dots": "..", "nothing": ""}.items():
        suite.equal(f"refused: {label}", answer("GET", "/api/v1/services", headers={"Authorization": f"Bearer {wrong}"})[0], 401)
    kubectl("delete", "serviceaccount", "reader", "-n", "kube-system")
    suite.equal("its account gone, a token is worth nothing", answer("GET", "/api/v1/services")[0], 401)
    kubectl("create", "serviceaccount", "reader", "-n", "kube-system")
    suite.equal("also for a new account of that name", answer("GET", "/api/v1/services")[0], 401)
    suite.equal("every namespace has its account", kubectl("get", "sa", "default", "-o", "name")[1], "serviceaccount/default")

    # What deploy/ asks for is enough to apply, and the server's account may what its role says.
    code, output, error = kubectl("apply", "--validate=strict", "-f", ROOT / "deploy/base/rbac.yaml", "-f", ROOT / "deploy/base/serviceaccount.yaml")
    suite.check("deploy/base/rbac.yaml applies strictly", code == 0, output + error)


if __name__ == "__main__":
    Suite("access").run(body)
