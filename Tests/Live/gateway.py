#!/usr/bin/env python3
"""`k8s_gateway` against the embedded cluster: Ingresses, load balancers, and kinds that a definition brings later."""

import json
import urllib.error
from live import Lab, Server, Suite, dig, eventually, work

MANIFEST = """
apiVersion: v1
kind: Namespace
metadata: {name: shop}
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: web, namespace: shop}
spec:
  ingressClassName: nginx
  rules:
  - host: shop.example.com
    http: {paths: [{path: /, pathType: Prefix, backend: {service: {name: web, port: {number: 80}}}}]}
status: {loadBalancer: {ingress: [{ip: %s}]}}
---
apiVersion: v1
kind: Service
metadata: {name: db, namespace: shop, labels: {dns: outside}}
spec: {type: LoadBalancer, clusterIP: 10.96.0.20, clusterIPs: [10.96.0.20], ports: [{port: 5432, protocol: TCP}]}
status: {loadBalancer: {ingress: [{ip: 192.0.2.2}]}}
---
apiVersion: v1
kind: Service
metadata: {name: inner, namespace: shop}
spec: {type: LoadBalancer, clusterIP: 10.96.0.21, clusterIPs: [10.96.0.21], ports: [{port: 5432, protocol: TCP}]}
status: {loadBalancer: {ingress: [{ip: 192.0.2.6}]}}
---
apiVersion: v1
kind: Service
metadata:
  name: pods
  namespace: shop
  labels: {dns: outside}
  annotations: {k8s-gateway.dns/resolve-endpoints: "true"}
spec: {clusterIP: None, clusterIPs: [None]}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: pods-1, namespace: shop, labels: {kubernetes.io/service-name: pods}}
addressType: IPv4
endpoints: [{addresses: [10.244.0.9], conditions: {ready: true}}]
"""
COREFILE = """
.:@PORT@ {
    bind 127.0.0.1
    errors
    ready 127.0.0.1:@READY@
    prometheus 127.0.0.1:@METRICS@
    k8s_gateway example.com {
        resources Ingress HTTPRoute Service DNSEndpoint
        serviceLabelSelectors dns=outside
        ttl 10
        kubeconfig @KUBECONFIG@
    }
}
"""
ROUTES = "gateway.networking.k8s.io"
GATEWAY = {
    "apiVersion": f"{ROUTES}/v1", "kind": "Gateway", "metadata": {"name": "edge", "namespace": "shop"},
    "spec": {"gatewayClassName": "envoy"}, "status": {"addresses": [{"type": "IPAddress", "value": "192.0.2.3"}]}}
ROUTE = {
    "apiVersion": f"{ROUTES}/v1", "kind": "HTTPRoute", "metadata": {"name": "api", "namespace": "shop"},
    "spec": {"hostnames": ["api.example.com"], "parentRefs": [{"name": "edge"}]}}


def definition(group, version, kind, plural):
    return {
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural}.{group}"},
        "spec": {
            "group": group, "scope": "Namespaced",
            "names": {"plural": plural, "singular": kind.lower(), "kind": kind, "listKind": kind + "List"},
            "versions": [{
                "name": version, "served": True, "storage": True,
                "schema": {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}}}]}}


def body(suite):
    manifests = work / "manifests"
    manifests.mkdir()
    (manifests / "cluster.yaml").write_text(MANIFEST % "192.0.2.1")
    lab = Lab("--as-stored", manifests=manifests)

    def create(path, item):
        def attempt():
            try:
                with lab.ask("POST", path, json.dumps(item).encode()) as response:
                    return response.status
            except urllib.error.HTTPError:
                return None
        # A kind is served a moment after its definition.
        return eventually(attempt, pause=0.2)

    server = Server(COREFILE, lab.kubeconfig)
    server.wait_for("shop.example.com")

    def ask(name, kind="A"):
        return dig(server.port, name, kind)

    suite.check("the API server was heard lately", 0 <= server.metric("coredns_k8s_gateway_data_age_seconds") < 90)
    suite.equal("an Ingress", ask("shop.example.com").data, ["a 192.0.2.1"])
    suite.equal("a load balancer", ask("db.shop.example.com").data, ["a 192.0.2.2"])
    suite.equal("a Service without the label", ask("inner.shop.example.com").rcode, "NXDOMAIN")
    suite.equal("a Service that wants its endpoints named",
        eventually(lambda: ask("pods.shop.example.com").data), ["a 10.244.0.9"])
    suite.equal("kinds without a definition do not keep it from being ready", server.page(server.ready_port, "/ready")[0], 200)
    suite.check("and their absence is told", "has no httproutes" in server.log, server.log_end())

    (manifests / "cluster.yaml").write_text(MANIFEST % "192.0.2.9")
    suite.check("a changed address is answered", eventually(lambda: ask("shop.example.com").data == ["a 192.0.2.9"]))

    path = f"/apis/{ROUTES}/v1/namespaces/shop"
    definitions = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
    for kind, plural in (("Gateway", "gateways"), ("HTTPRoute", "httproutes")):
        suite.equal(f"{kind} is defined", create(definitions, definition(ROUTES, "v1", kind, plural)), 201)
    suite.equal("a gateway", create(f"{path}/gateways", GATEWAY), 201)
    suite.equal("a route", create(f"{path}/httproutes", ROUTE), 201)
    suite.equal("a route is found without a restart",
        eventually(lambda: ask("api.example.com").data, 90, 0.5), ["a 192.0.2.3"])
    lab.ask("DELETE", f"{path}/gateways/edge").close()
    suite.check("a route without its gateway has no address",
        eventually(lambda: ask("api.example.com").rcode == "NXDOMAIN"))

    second = Server(COREFILE, lab.kubeconfig)
    second.wait_for("shop.example.com")
    suite.equal("NS", dig(second.port, "example.com", "NS").data, ["ns dns1.kube-system.example.com."])


if __name__ == "__main__":
    Suite("gateway").run(body)
