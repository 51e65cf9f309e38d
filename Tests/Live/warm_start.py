#!/usr/bin/env python3
"""A snapshot file: answers at once while the API server is away, never a broken or mixed one, whenever the process died."""

import base64
import json
import random
import re
import signal
import ssl
import time
import urllib.request
from live import Lab, Server, Suite, dig, eventually, work

FILE = work / "cluster.snapshot"
CLUSTER = f"""
.:@PORT@ {{
    bind 127.0.0.1
    errors
    prometheus 127.0.0.1:@METRICS@
    ready 127.0.0.1:@READY@
    kubernetes cluster.local in-addr.arpa {{
        kubeconfig @KUBECONFIG@
        snapshot {FILE}
        pods verified
    }}
}}
"""
SHOP = """
apiVersion: v1
kind: Namespace
metadata: {name: shop}
---
apiVersion: v1
kind: Service
metadata: {name: web, namespace: shop}
spec: {clusterIP: 10.96.0.77, ports: [{name: http, port: 80}]}
---
apiVersion: v1
kind: Service
metadata: {name: first, namespace: shop}
spec: {type: ExternalName, externalName: v0.test}
---
apiVersion: v1
kind: Service
metadata: {name: second, namespace: shop}
spec: {type: ExternalName, externalName: v0.test}
"""
KILLS = 200


def stale(server, name, kind="A"):
    """Code, records and whether the answer says that it is stale."""
    answer = dig(server.port, name, kind)
    return answer.rcode, answer.data, 3 in answer.extended_errors


class Patcher:
    """Renames two ExternalNames, always the first before the second."""

    def __init__(self, kubeconfig):
        text = kubeconfig.read_text()
        self.server = re.search(r"server: (\S+)", text)[1].strip('"')
        self.token = re.search(r"token: (\S+)", text)[1].strip('"')
        authority = base64.b64decode(re.search(r"certificate-authority-data: (\S+)", text)[1].strip('"')).decode()
        self.tls = ssl.create_default_context(cadata=authority)

    def rename(self, service, version):
        request = urllib.request.Request(
            f"{self.server}/api/v1/namespaces/shop/services/{service}", method="PATCH",
            data=json.dumps({"spec": {"externalName": f"v{version}.test"}}).encode(),
            headers={"Content-Type": "application/merge-patch+json", "Authorization": f"Bearer {self.token}"})
        urllib.request.urlopen(request, context=self.tls, timeout=30).read()


def versions(server):
    """The numbers that the two names carry now."""
    def number(name):
        data = dig(server.port, f"{name}.shop.svc.cluster.local.", "CNAME").data
        return int(re.search(r"v(\d+)", data[0])[1]) if data else None
    return number("first"), number("second")


def kills(suite, lab):
    """`kill -9` again and again while the cluster changes."""
    patcher = Patcher(lab.kubeconfig)
    version, refused = 0, []
    chance = random.Random(7)
    for _ in range(KILLS):
        server = Server(CLUSTER, lab.kubeconfig)
        until = time.monotonic() + chance.uniform(0.02, 0.6)
        while time.monotonic() < until:
            version += 1
            patcher.rename("first", version)
            patcher.rename("second", version)
        log = server.log
        refused += [line for line in log.splitlines() if "is not used" in line]
        server.kill()
    suite.equal(f"{KILLS} kills: no file was refused", refused, [])
    suite.check("kills: the cluster changed meanwhile", version > KILLS / 2, f"{version} changes")
    lab.kill()
    server = Server(CLUSTER, lab.kubeconfig).wait_for("web.shop.svc.cluster.local.")
    first, second = versions(server)
    suite.check(
        "kills: the last file is one state of the cluster",
        first is not None and second is not None and 0 <= first - second <= 1, f"{first} and {second} of {version}")
    server.stop()


def body(suite):
    manifests = work / "manifests"
    manifests.mkdir()
    (manifests / "shop.yaml").write_text(SHOP)
    lab = Lab(manifests=manifests)
    server = Server(CLUSTER, lab.kubeconfig).wait_for("web.shop.svc.cluster.local.")
    suite.check("a file is written after the first list", eventually(FILE.exists))
    suite.equal("live answers are not stale", stale(server, "web.shop.svc.cluster.local."),
                ("NOERROR", ["a 10.96.0.77"], False))
    suite.equal("the file is for this user alone", oct(FILE.stat().st_mode & 0o777), "0o600")
    server.kill()
    lab.kill()

    # The API server is away.
    started = time.monotonic()
    server = Server(CLUSTER, lab.kubeconfig).wait_for("web.shop.svc.cluster.local.")
    took = time.monotonic() - started
    suite.check("without an API server: answered soon after the start", took < 5.0, f"{took:.2f} s")
    suite.equal("without an API server: what was known", stale(server, "web.shop.svc.cluster.local."),
                ("NOERROR", ["a 10.96.0.77"], True))
    suite.equal("without an API server: reverse names too", stale(server, "77.0.96.10.in-addr.arpa.", "PTR"),
                ("NOERROR", ["ptr web.shop.svc.cluster.local."], True))
    suite.equal("without an API server: what was not there", stale(server, "ghost.shop.svc.cluster.local.")[0::2],
                ("NXDOMAIN", True))
    suite.equal("without an API server: ready", server.page(server.ready_port, "/ready")[0], 200)

    # It returns, and something has changed.
    (manifests / "shop.yaml").write_text(SHOP.replace("10.96.0.77", "10.96.0.78").replace("name: second", "name: third"))
    lab = Lab(manifests=manifests, kubeconfig=lab.kubeconfig)
    live = lambda: stale(server, "web.shop.svc.cluster.local.")
    eventually(lambda: live() == ("NOERROR", ["a 10.96.0.78"], False))
    suite.equal("the API server is back: what changed", live(), ("NOERROR", ["a 10.96.0.78"], False))
    suite.equal("the API server is back: what is gone", stale(server, "second.shop.svc.cluster.local.", "CNAME")[0::2],
                ("NXDOMAIN", False))
    suite.check("the API server is back: said once", server.log.count("answers are live again") == 1, server.log_end())
    suite.equal("SIGTERM ends it", (server.signal(signal.SIGTERM), server.exit_code())[1], 0)

    # Files that are no snapshot.
    whole = FILE.read_bytes()
    for label, octets, reason in [
        ("torn", whole[: len(whole) // 2], "torn"),
        ("one bit changed", whole[:200] + bytes([whole[200] ^ 1]) + whole[201:], "torn"),
        ("empty", b"", "no snapshot"),
        ("foreign", b"GIF89a" + bytes(100), "no snapshot"),
        ("of another version", whole[:8] + bytes([0, 0, 0, 9]) + whole[12:], "another version"),
    ]:
        FILE.write_bytes(octets)
        server = Server(CLUSTER, lab.kubeconfig).wait_for("web.shop.svc.cluster.local.")
        suite.check(f"a file that is {label}: refused with its reason",
                    f"{FILE} is not used: " in server.log and reason in server.log, server.log_end())
        suite.equal(f"a file that is {label}: the cluster is listed", stale(server, "web.shop.svc.cluster.local."),
                    ("NOERROR", ["a 10.96.0.78"], False))
        server.stop()
    FILE.write_bytes(whole)
    other = CLUSTER.replace("pods verified", "pods insecure")
    server = Server(other, lab.kubeconfig).wait_for("web.shop.svc.cluster.local.")
    suite.check("a file of another configuration: refused", "under another configuration" in server.log, server.log_end())
    server.stop()

    (manifests / "shop.yaml").write_text(SHOP)
    FILE.unlink()
    lab.kill()
    lab = Lab(manifests=manifests, kubeconfig=lab.kubeconfig)
    kills(suite, lab)


if __name__ == "__main__":
    Suite("warm-start").run(body)
