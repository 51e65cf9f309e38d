#!/usr/bin/env python3
"""What the example manifests resolve to: every kind of record, over UDP and TCP, read by dig and by ldns."""

import ipaddress
import shutil
from live import EXAMPLES, ROOT, Lab, Server, Suite, dig, drill, serve_zone, work

ZONE = "svc.cluster.local."
COREFILE = """
.:@PORT@ {
    bind 127.0.0.1
    errors
    kubernetes cluster.local in-addr.arpa ip6.arpa {
        kubeconfig @KUBECONFIG@
        pods insecure
        fallthrough in-addr.arpa ip6.arpa
        ttl 30
    }
    forward . 127.0.0.1:%d
    cache 30
    loadbalance
}
"""
OUTSIDE = """
apiVersion: v1
kind: Service
metadata:
  name: outside
  namespace: shop
spec:
  type: ExternalName
  externalName: www.example.test
"""


def reverse(address):
    return ipaddress.ip_address(address).reverse_pointer + "."


def body(suite):
    upstream = serve_zone("example.test", ROOT / "Tests/Conformance/example.test.zone")
    manifests = work / "manifests"
    shutil.copytree(EXAMPLES, manifests)
    (manifests / "outside.yaml").write_text(OUTSIDE)
    lab = Lab(manifests=manifests)
    server = Server(COREFILE % upstream, lab.kubeconfig).wait_for(f"kube-dns.kube-system.{ZONE}")

    def ask(name, kind, rcode, *wanted):
        """Four askers, one answer: the records' `type data`."""
        for label, answer in {
            "dig, UDP": dig(server.port, name, kind), "dig, TCP": dig(server.port, name, kind, "+tcp"),
            "ldns, UDP": drill(server.port, name, kind), "ldns, TCP": drill(server.port, name, kind, "-t"),
        }.items():
            suite.equal(f"{name} {kind} ({label})", (answer.rcode, answer.data), (rcode, sorted(wanted)))

    def has_denial(name, kind):
        answer = dig(server.port, name, kind)
        soa = [record for record in answer.authority if record[2] == "soa" and record[0] == "cluster.local."]
        suite.check(f"{name} {kind}: the zone's SOA says how long it stays so", soa, answer.authority)
        suite.check(f"{name} {kind}: authoritative", "aa" in answer.flags, answer.flags)

    # Services with a ClusterIP
    frontend = lab.service("frontend")["clusterIP"]
    balanced = lab.service("frontend-lb")["clusterIP"]
    back_end = lab.service("back-end")["clusterIP"]
    ask(f"kube-dns.kube-system.{ZONE}", "A", "NOERROR", "a 10.96.0.10")
    ask(f"kubernetes.default.{ZONE}", "A", "NOERROR", "a 10.96.0.1")
    ask(f"frontend.shop.{ZONE}", "A", "NOERROR", f"a {frontend}")
    ask(f"frontend-lb.shop.{ZONE}", "A", "NOERROR", f"a {balanced}")
    ask(f"back-end.shop.{ZONE}", "A", "NOERROR", f"a {back_end}")
    ask(f"Back-End.SHOP.{ZONE}", "A", "NOERROR", f"a {back_end}")
    ask(f"frontend.shop.{ZONE}", "AAAA", "NOERROR")
    has_denial(f"frontend.shop.{ZONE}", "AAAA")
    ask(f"missing.shop.{ZONE}", "A", "NXDOMAIN")
    ask(f"missing.shop.{ZONE}", "TXT", "NXDOMAIN")
    has_denial(f"missing.shop.{ZONE}", "A")
    ask(f"shop.{ZONE}", "A", "NOERROR")
    answer = dig(server.port, f"frontend.shop.{ZONE}")
    suite.check("a Service's address is authoritative", "aa" in answer.flags, answer.flags)
    suite.equal("the Corefile's ttl", [record[1] for record in answer.answer], [30])

    # Ports
    ask(f"_http._tcp.frontend.shop.{ZONE}", "SRV", "NOERROR", f"srv 0 100 80 frontend.shop.{ZONE}")
    ask(f"_dns._udp.kube-dns.kube-system.{ZONE}", "SRV", "NOERROR", f"srv 0 100 53 kube-dns.kube-system.{ZONE}")
    ask(f"_dns._tcp.kube-dns.kube-system.{ZONE}", "SRV", "NXDOMAIN")
    answer = drill(server.port, f"_api._tcp.back-end.shop.{ZONE}", "SRV", "-t")
    suite.equal("a target comes with its address", [record[::3] for record in answer.additional if record[2] == "a"],
        [(f"back-end.shop.{ZONE}", back_end)])

    # Headless Services and their pods
    ask(f"store-be.shop.{ZONE}", "A", "NOERROR", "a 10.244.1.20")
    pods = lab.pod_addresses("app=db")
    suite.equal("the StatefulSet's pods", sorted(pods), ["db-0", "db-1", "db-2"])
    ask(f"db.shop.{ZONE}", "A", "NOERROR", *(f"a {address}" for address in pods.values()))
    ask(f"_pg._tcp.db.shop.{ZONE}", "SRV", "NOERROR", *(f"srv 0 33 5432 {pod}.db.shop.{ZONE}" for pod in pods))
    for pod, address in pods.items():
        ask(f"{pod}.db.shop.{ZONE}", "A", "NOERROR", f"a {address}")
        ask(reverse(address), "PTR", "NOERROR", f"ptr {pod}.db.shop.{ZONE}")
    ask("10-244-1-20.shop.pod.cluster.local.", "A", "NOERROR", "a 10.244.1.20")

    # Both families
    first, second = lab.service("search")["clusterIPs"]
    ask(f"search.shop.{ZONE}", "A", "NOERROR", f"a {first}")
    ask(f"search.shop.{ZONE}", "AAAA", "NOERROR", f"aaaa {second}")
    ask(reverse(second), "PTR", "NOERROR", f"ptr search.shop.{ZONE}")

    # From addresses to names
    ask(reverse("10.96.0.10"), "PTR", "NOERROR", f"ptr kube-dns.kube-system.{ZONE}")
    ask(reverse(frontend), "PTR", "NOERROR", f"ptr frontend.shop.{ZONE}")

    # Names that stand for others
    ask(f"partner.shop.{ZONE}", "CNAME", "NOERROR", "cname example.com.")
    ask(f"orders.shop.{ZONE}", "A", "NOERROR", f"cname back-end.shop.{ZONE}", f"a {back_end}")
    ask(f"outside.shop.{ZONE}", "A", "NOERROR",
        "cname www.example.test.", "cname web.example.test.", "a 192.0.2.20", "a 192.0.2.21")

    # Everything else goes upstream
    ask("db.example.test.", "A", "NOERROR", "a 192.0.2.10")
    ask("db.example.test.", "AAAA", "NOERROR", "aaaa 2001:db8::10")
    ask("www.example.test.", "A", "NOERROR", "cname web.example.test.", "a 192.0.2.20", "a 192.0.2.21")
    ask("nothing.example.test.", "A", "NXDOMAIN")
    ask("elsewhere.invalid.", "A", "REFUSED")


if __name__ == "__main__":
    Suite("answers").run(body)
