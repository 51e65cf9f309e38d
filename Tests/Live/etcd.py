#!/usr/bin/env python3
"""`etcd` against Debian's etcd-server: records written, changed, leased and taken away, and a server that comes later."""

import base64
import json
import shutil
import urllib.request
from differential import Comparison
from live import Program, Server, Suite, dig, eventually, free_port, work

COREFILE = """
.:@PORT@ {
    bind 127.0.0.1
    errors
    prometheus 127.0.0.1:@METRICS@
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


RECORDS = {
    "a/x1": {"host": "192.0.2.1", "ttl": 60}, "a/x2": {"host": "192.0.2.2", "ttl": 90}, "a/x6": {"host": "2001:db8::1", "ttl": 60},
    "srv/s1": {"host": "192.0.2.11", "port": 8080, "priority": 5, "weight": 30, "ttl": 60},
    "srv/s2": {"host": "target.skydns.local", "port": 9090, "priority": 10, "ttl": 60}, "target": {"host": "192.0.2.12", "ttl": 60},
    "alias": {"host": "a.skydns.local", "ttl": 60}, "far": {"host": "www.elsewhere.test", "ttl": 60},
    "text": {"text": "some text", "ttl": 60}, "mail/m1": {"host": "192.0.2.25", "mail": True, "priority": 10, "ttl": 60},
    "mail/m2": {"host": "mx.elsewhere.test", "mail": True, "ttl": 60}, "deep/er/most": {"host": "192.0.2.30", "ttl": 60},
    "grouped/g1": {"host": "192.0.2.41", "group": "one", "ttl": 60}, "grouped/g2": {"host": "192.0.2.42", "group": "one", "ttl": 60},
    "plain": {"host": "192.0.2.50"},
}
NAMES = """a x1.a x6.a srv s1.srv s2.srv target alias far text mail m1.mail deep er.deep most.er.deep grouped g1.grouped plain
missing x.missing""".split()


def data_alone(seen):
    """Code and answer. The flags, and the authority of denials, are compared by other suites."""
    return {"rcode": seen["rcode"], "answer": seen["answer"]}


def otherwise(seen):
    """What docs/plugins/etcd.md lists as different is not compared."""
    return {}


# A name that exists is NODATA for CNAME, a CNAME answers every type, and no name has one beside addresses.
DIFFERENT = [f"{name} CNAME" for name in ("a", "srv", "mail", "deep", "er.deep", "grouped")] + [
    "srv A", "s2.srv AAAA", "s2.srv TXT", "alias TXT", "mail A", "mail AAAA", "mail TXT"]


def beside(suite, client):
    """The same records as CoreDNS reads them."""
    corefile = ".:@PORT@ {\n    bind 127.0.0.1\n    errors\n    etcd skydns.local {\n        path /dns\n        endpoint http://127.0.0.1:%d\n    }\n}\n"
    compare = Comparison(suite)
    compare.ask("records", corefile % client, [
        f"{name}.skydns.local {kind} +noedns" for name in NAMES for kind in ("A", "AAAA", "SRV", "TXT", "MX", "CNAME")],
        {None: data_alone, **{f"{question.split()[0]}.skydns.local {question.split()[1]} +noedns": otherwise for question in DIFFERENT}})
    compare.finish()


def body(suite):
    if not shutil.which("etcd"):
        print("etcd: not run: Debian's etcd-server is not installed")
        return
    client = free_port()
    server = Server(COREFILE.replace("@ETCD@", str(client)))

    def ask(name, kind="A"):
        return dig(server.port, name, kind)

    suite.check("without etcd names are neither there nor denied", eventually(lambda: ask("x.skydns.local").rcode == "SERVFAIL"))
    suite.equal("nothing was heard of etcd", server.metric("coredns_etcd_data_age_seconds"), -1)
    etcd = Etcd(client, work / "etcd")
    etcd.put("/dns/local/skydns/a/x1", {"host": "192.0.2.1", "ttl": 60})
    server.wait_for("a.skydns.local")
    suite.check("then it was", 0 <= server.metric("coredns_etcd_data_age_seconds") < 60)
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
    server.kill()
    # More than an answer of etcd may have here, 4 MiB: it is read in pages.
    for number in range(1001):
        etcd.put(f"/dns/local/skydns/many/n{number}", {"host": f"192.0.2.{number % 250}", "text": "x" * 4000})
    server = Server(COREFILE.replace("@ETCD@", str(client))).wait_for("n1000.many.skydns.local", seconds=60)
    wrong = [number for number in (*range(0, 1001, 50), 249, 251, 499, 999)
        if ask(f"n{number}.many.skydns.local").data != [f"a 192.0.2.{number % 250}"]]
    suite.equal("five megabytes of records are there from the start", wrong, [])
    etcd.put("/dns/local/skydns/many/n1001", {"host": "192.0.2.251"})
    suite.check("and are followed", eventually(lambda: ask("n1001.many.skydns.local").data == ["a 192.0.2.251"]))
    server.kill()
    etcd.post("/v3/kv/deleterange", {"key": base64.b64encode(b"/dns/").decode(), "range_end": base64.b64encode(b"/dns0").decode()})
    for key, value in RECORDS.items():
        etcd.put(f"/dns/local/skydns/{key}", value)
    beside(suite, client)


if __name__ == "__main__":
    Suite("etcd").run(body)
