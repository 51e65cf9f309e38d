#!/usr/bin/env python3
"""`etcd` against Debian's etcd-server: records written, changed, leased and taken away, and a server that comes later."""

import base64
import json
import shutil
import urllib.request
from live import Program, Server, Suite, dig, eventually, free_port, work

COREFILE = """
.:@PORT@ {
    bind 127.0.0.1
    errors
    etcd skydns.local {
        path /dns
        endpoint http://127.0.0.1:@ETCD@
        min-lease-ttl 5
    }
}
"""


class Etcd(Program):
    """One member; started when this returns."""

    def __init__(self, client, folder):
        self.client = client
        peer = free_port()
        super().__init__("etcd", [
            shutil.which("etcd"), "--data-dir", folder, "--listen-client-urls", f"http://127.0.0.1:{client}",
            "--advertise-client-urls", f"http://127.0.0.1:{client}", "--listen-peer-urls", f"http://127.0.0.1:{peer}",
            "--initial-advertise-peer-urls", f"http://127.0.0.1:{peer}",
            "--initial-cluster", f"default=http://127.0.0.1:{peer}"])
        eventually(lambda: self.answers())

    def answers(self):
        try:
            return self.post("/v3/kv/range", {"key": "YQ=="}) is not None
        except OSError:
            return False

    def post(self, path, body):
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.client}{path}", json.dumps(body).encode(), {"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=10) as response:
            return json.load(response)

    def put(self, key, value, lease=None):
        text = base64.b64encode(json.dumps(value).encode()).decode()
        body = {"key": base64.b64encode(key.encode()).decode(), "value": text}
        self.post("/v3/kv/put", {**body, "lease": lease} if lease else body)

    def delete(self, key):
        self.post("/v3/kv/deleterange", {"key": base64.b64encode(key.encode()).decode()})


def body(suite):
    if not shutil.which("etcd"):
        print("etcd: not run: Debian's etcd-server is not installed")
        return
    client = free_port()
    server = Server(COREFILE.replace("@ETCD@", str(client)))

    def ask(name, kind="A"):
        return dig(server.port, name, kind)

    suite.check("without etcd names are neither there nor denied", eventually(lambda: ask("x.skydns.local").rcode == "SERVFAIL"))
    etcd = Etcd(client, work / "etcd")
    etcd.put("/dns/local/skydns/a/x1", {"host": "192.0.2.1", "ttl": 60})
    server.wait_for("a.skydns.local")
    suite.equal("a record of before", ask("x1.a.skydns.local").data, ["a 192.0.2.1"])
    etcd.put("/dns/local/skydns/a/x2", {"host": "192.0.2.2"})
    suite.check("one that is written now",
        eventually(lambda: sorted(ask("a.skydns.local").data) == ["a 192.0.2.1", "a 192.0.2.2"]))
    etcd.put("/dns/local/skydns/a/x1", {"host": "192.0.2.9"})
    suite.check("one that is changed", eventually(lambda: ask("x1.a.skydns.local").data == ["a 192.0.2.9"]))
    etcd.delete("/dns/local/skydns/a/x2")
    suite.check("one that is taken away", eventually(lambda: ask("x2.a.skydns.local").rcode == "NXDOMAIN"))
    etcd.put("/other/local/skydns/y", {"host": "192.0.2.3"})
    lease = etcd.post("/v3/lease/grant", {"TTL": "2"})["ID"]
    etcd.put("/dns/local/skydns/leased", {"host": "192.0.2.4"}, lease)
    suite.check("one with a lease", eventually(lambda: ask("leased.skydns.local").data == ["a 192.0.2.4"]))
    suite.equal("another path is not looked at", ask("y.skydns.local").rcode, "NXDOMAIN")
    suite.check("is gone when it ends", eventually(lambda: ask("leased.skydns.local").rcode == "NXDOMAIN"))
    etcd.stop()
    suite.equal("what is known stays while etcd is away", ask("x1.a.skydns.local").data, ["a 192.0.2.9"])
    etcd = Etcd(client, work / "etcd")
    etcd.put("/dns/local/skydns/late", {"host": "192.0.2.5"})
    suite.check("and is followed again once it is back", eventually(lambda: ask("late.skydns.local").data == ["a 192.0.2.5"]))


if __name__ == "__main__":
    Suite("etcd").run(body)
