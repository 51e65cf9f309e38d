#!/usr/bin/env python3
"""Editing a manifest changes the answer within seconds of the file's saving."""

import shutil
import time
from live import EXAMPLES, Lab, Server, Suite, dig, eventually, work

LIMIT = 5.0  # seconds; it takes a tenth of one on a machine that does nothing else
ZONE = "shop.svc.cluster.local."
COREFILE = """
.:@PORT@ {
    bind 127.0.0.1
    errors
    kubernetes cluster.local in-addr.arpa {
        kubeconfig @KUBECONFIG@
        ttl 30
    }
    cache 30
}
"""
NEW = """
apiVersion: v1
kind: Service
metadata:
  name: fresh
  namespace: shop
spec:
  clusterIP: 10.96.7.7
  selector:
    app: frontend
  ports:
  - port: 80
"""


def body(suite):
    manifests = work / "manifests"
    shutil.copytree(EXAMPLES, manifests)
    lab = Lab(manifests=manifests)
    server = Server(COREFILE, lab.kubeconfig).wait_for(f"store-be.{ZONE}")

    def becomes(label, name, kind, wanted):
        """Polls from the moment the edit was saved."""
        def state():
            answer = dig(server.port, name, kind, "+time=1")
            return answer.data if answer.rcode == "NOERROR" else answer.rcode
        begin = time.monotonic()
        eventually(lambda: state() == wanted)
        took = time.monotonic() - begin
        if suite.equal(label, state(), wanted):
            suite.check(f"{label}: within {LIMIT} s", took <= LIMIT, f"took {took:.2f} s")

    def edit(file, old, new):
        path = manifests / file
        text = path.read_text()
        assert old in text, f"{file} no longer holds {old!r}"
        draft = work / "draft"
        draft.write_text(text.replace(old, new))
        draft.replace(path)

    edit("store-be.yaml", 'cluster-dns/ready: "false"', 'cluster-dns/ready: "true"')
    becomes("a pod becomes ready", f"store-be.{ZONE}", "A", ["a 10.244.1.20", "a 10.244.1.21"])
    edit("store-be.yaml", 'cluster-dns/ready: "true"', 'cluster-dns/ready: "false"')
    becomes("a pod stops being ready", f"store-be.{ZONE}", "A", ["a 10.244.1.20"])
    edit("external-names.yaml", "externalName: example.com", "externalName: example.org")
    becomes("an ExternalName changes", f"partner.{ZONE}", "CNAME", ["cname example.org."])
    becomes("nothing is there yet", f"fresh.{ZONE}", "A", "NXDOMAIN")
    (manifests / "fresh.yaml").write_text(NEW)
    becomes("a Service in a new file", f"fresh.{ZONE}", "A", ["a 10.96.7.7"])
    becomes("and from its address", "7.7.96.10.in-addr.arpa.", "PTR", [f"ptr fresh.{ZONE}"])
    (manifests / "fresh.yaml").unlink()
    becomes("a file is deleted", f"fresh.{ZONE}", "A", "NXDOMAIN")
    edit("db.yaml", "replicas: 3", "replicas: 1")
    address = eventually(lambda: len(pods := lab.pod_addresses("app=db")) == 1 and pods["db-0"])
    becomes("a StatefulSet shrinks", f"db.{ZONE}", "A", [f"a {address}"])
    becomes("and the pod's name is gone", f"db-2.db.{ZONE}", "A", "NXDOMAIN")


if __name__ == "__main__":
    Suite("edits").run(body)
