#!/usr/bin/env python3
"""Corefiles in the shapes that operators have: each serves, or is refused in lines that name what to use instead.

Tests/Fixtures/corefiles has them as people write them, with invented names. What they name lies where this suite puts it:
paths, ports and upstreams are exchanged, nothing else.
"""

import json
import os
import re
import subprocess
from live import BINARY, EXAMPLES, ROOT, Lab, Reply, ScriptedUpstream, Server, Suite, dig, eventually, free_port, query, work
from secure_clients import Authority, http1
from upstreams_encrypted import TLSUpstream

CLUSTER = ("kube-dns.kube-system.svc.cluster.local.", "A", "NOERROR", "a 10.96.0.10")
UPSTREAM = ("example.com.", "A", "NOERROR", "a 192.0.2.1")
# What is asked of each: name, type, code, and a record of the answer where there is one.
QUESTIONS = {
    "01-k3s": [CLUSTER, UPSTREAM, ("node1.lan.", "A", "NOERROR", "a 192.168.1.7")],
    "02-nodelocal": [("www.cluster.local.", "A", "NOERROR", "a 192.0.2.1"), UPSTREAM],
    "03-dot-upstream": [UPSTREAM],
    "04-file-zone": [UPSTREAM, ("www.example.org.", "A", "NOERROR", "a 192.0.2.80")],
    "05-rewrite-block": [("www.my.domain.", "A", "NOERROR", "a 192.0.2.1"), UPSTREAM],
    "07-block-aaaa": [
        ("example.com.", "AAAA", "NXDOMAIN", None), ("x.wild.example.", "A", "NOERROR", "a 10.1.2.3"),
        ("a.internal.", "A", "NXDOMAIN", None), UPSTREAM,
    ],
    "08-etcd-skydns": [UPSTREAM],
    "09-aks": [
        CLUSTER, UPSTREAM, ("a.b.c.d.internal.cloudapp.net.", "A", "NXDOMAIN", None),
        ("a.internal.cloudapp.net.", "A", "NOERROR", "a 192.0.2.1"), ("a.reddog.microsoft.com.", "A", "NXDOMAIN", None),
    ],
    "10-openshift": [CLUSTER, UPSTREAM],
    "11-gke-stub": [CLUSTER, UPSTREAM, ("www.corp.local.", "A", "NOERROR", "a 192.0.2.1")],
    "12-acl-timeouts": [UPSTREAM, ("example.com.", "ANY", "NOERROR", None)],
    "13-edns0": [UPSTREAM],
    "14-dnssec-sign": [("www.example.org.", "A", "NOERROR", "a 192.0.2.80"), ("www.example.net.", "A", "NOERROR", "a 192.0.2.80")],
    "15-dnstap-trace": [("whoami.example.", "A", "NOERROR", None)],
    "17-k8s-gateway": [("www.other.test.", "A", "NOERROR", "a 192.0.2.1"), ("example.com.", "SOA", "NOERROR", None)],
    "18-log-consolidate": [UPSTREAM, ("localhost.", "A", "NOERROR", "a 127.0.0.1")],
    "19-env-multi": [("a.example.org.", "A", "NOERROR", "a 10.0.0.1"), ("1.0.20.172.in-addr.arpa.", "A", "NOERROR", "a 192.0.2.1")],
}
# Those that are refused for good: each line's directive, what was found, and what is to be used.
REFUSED = {
    "06-upstream-proxy": [
        ("kubernetes", "upstream, which CoreDNS 1.7.0 removed", "the line left out: "),
        ("proxy", "a plugin that CoreDNS 1.5.0 removed", "forward, "),
    ],
    "16-listen-doh": [
        ("server block", 'the transport of "quic://.:', "dns://, tls://, https:// or grpc://"),
    ],
}


def place(folder, authority):
    """The files that the Corefiles name."""
    zone = "$TTL 60\n@ IN SOA ns hostmaster 1 3600 600 86400 60\n@ IN NS ns\nns IN A 192.0.2.53\nwww IN A 192.0.2.80\n"
    for name in ("db.example.org", "db.example.net", "zones/db.example.net"):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(zone.replace("@ IN SOA", f"$ORIGIN {name.split('db.')[1]}.\n@ IN SOA"))
    for name in ("custom", "keys"):
        (folder / name).mkdir(exist_ok=True)
    (folder / "NodeHosts").write_text("192.168.1.7 node1.lan\n")
    (folder / "weights").write_text("a.example.org.\n10.0.0.1 3\n")
    (folder / "x.mmdb").write_bytes(empty_database())
    certificate, key = authority.issue("server", "dns.test")
    for name, source in (("cert.pem", certificate), ("key.pem", key), ("ca.pem", authority.certificate)):
        (folder / name).write_bytes(source.read_bytes())


def empty_database():
    """A database of cities in MaxMind's format that knows no address: one node whose branches lead nowhere."""
    def text(word):
        return bytes([2 << 5 | len(word)]) + word.encode()

    def number(value, kind, length):
        octets = value.to_bytes(length, "big")
        return (bytes([kind << 5 | length]) if kind <= 7 else bytes([length, kind - 7])) + octets

    members = [
        ("node_count", number(1, 6, 4)), ("record_size", number(24, 5, 2)), ("ip_version", number(6, 5, 2)),
        ("database_type", text("GeoLite2-City")), ("languages", bytes([1, 4]) + text("en")),
        ("binary_format_major_version", number(2, 5, 2)), ("binary_format_minor_version", number(0, 5, 2)),
        ("build_epoch", number(1700000000, 9, 8)), ("description", bytes([7 << 5])),
    ]
    metadata = bytes([7 << 5 | len(members)]) + b"".join(text(name) + value for name, value in members)
    return bytes([0, 0, 1, 0, 0, 1]) + bytes(16) + b"\xab\xcd\xefMaxMind.com" + metadata


def on_this_machine(text, folder, ports):
    """The Corefile with this machine's paths, ports and upstreams in place of those it was written for."""
    for pattern, replacement in (
        (r":1053\b", ":@PORT@"), (r":1443\b", f":{ports['web']}"), (r":1853\b", f":{ports['quic']}"),
        (r"^(\s+)health\b([^{\n]*)", r"\1health 127.0.0.1:@HEALTH@ "), (r"^(\s+)ready\b.*$", r"\1ready 127.0.0.1:@READY@"),
        (r"^(\s+)prometheus\b.*$", r"\1prometheus 127.0.0.1:@METRICS@"),
        (r"/etc/resolv\.conf", f"127.0.0.1:{ports['upstream']}"),
        (r"\b(8\.8\.8\.8|9\.9\.9\.9|10\.96\.0\.11)(?= |$)", f"127.0.0.1:{ports['upstream']}"),
        (r"127\.0\.0\.1:539[89]", f"127.0.0.1:{ports['upstream']}"),
        (r"10\.150\.0\.1 10\.150\.0\.2", f"127.0.0.1:{ports['upstream']} 127.0.0.1:{ports['stub']}"),
        (r"tls://\S+ tls://149\.112\.112\.112", f"tls://127.0.0.1:{ports['encrypted']}"),
        (r"^(\s+)tls_servername .*$", rf"\1tls {folder}/ca.pem\n\1tls_servername dns.test"),
        (r"k8s_gateway example\.com \{", "k8s_gateway example.com {\n        kubeconfig {$KUBECONFIG}"),
        (r"/etc/(?:coredns/)?(?=\w)", f"{folder}/"), (r"(?<= )(custom/|db\.|cert\.pem|key\.pem|ca\.pem)", rf"{folder}/\1"),
        (r"/run/dnstap\.sock", f"{folder}/dnstap.sock"), (r"localhost:9411", f"127.0.0.1:{ports['collector']}"),
        (r"http://127\.0\.0\.1:2379", f"http://127.0.0.1:{ports['etcd']}"),
    ):
        text = re.sub(pattern, replacement, text, flags=re.MULTILINE)
    return text


def refusals(corefile):
    """What `check` says about a Corefile: directive, found and expected of each line."""
    done = subprocess.run([BINARY, "check", corefile], capture_output=True, text=True, timeout=60)
    lines = re.findall(r"^\S+:\d+: ([^:]+): found (.*), expected (.*)$", done.stderr, re.MULTILINE)
    return done.returncode, lines, done.stderr


def ask(suite, shape, text, questions, lab):
    server = Server(text, lab.kubeconfig)
    first = questions[0]
    server.wait_for(first[0], first[1], first[2])
    for name, kind, rcode, wanted in questions:
        answer = dig(server.port, name, kind)
        suite.equal(f"{shape}: {name} {kind}", (answer.rcode, wanted is None or wanted in answer.data), (rcode, True))
    return server


def body(suite):
    files = sorted((ROOT / "Tests/Fixtures/corefiles").glob("*.Corefile"))
    suite.equal("every shape is tried", [file.stem for file in files], sorted({**QUESTIONS, **REFUSED}))
    lab = Lab(manifests=EXAMPLES)
    os.environ["KUBECONFIG"] = str(lab.kubeconfig)
    folder = work / "files"
    folder.mkdir()
    authority = Authority("corefiles")
    upstream, stub = ScriptedUpstream(0), ScriptedUpstream(0)
    encrypted = TLSUpstream(authority.issue("upstream", "dns.test"))
    place(folder, authority)
    ports = {"upstream": upstream.port, "stub": stub.port, "encrypted": encrypted.port}
    ports |= {name: free_port() for name in ("web", "quic", "collector", "etcd")}
    for file in files:
        shape, text = file.stem, on_this_machine(file.read_text(), folder, ports)
        draft = work / f"{shape}.Corefile"
        draft.write_text(text.replace("@PORT@", "1053").replace("@HEALTH@", "1054").replace("@READY@", "1055")
            .replace("@METRICS@", "1056"))
        code, lines, said = refusals(draft)
        suite.equal(f"{shape}: what is said are lines that name what to do", len(lines), len(said.splitlines()))
        if shape in REFUSED:
            suite.equal(f"{shape}: is refused", (code, len(lines)), (1, len(REFUSED[shape])))
            for directive, found, expected in REFUSED[shape]:
                suite.check(f"{shape}: {directive}", any(
                    line[0] == directive and line[1].startswith(found) and line[2].startswith(expected) for line in lines),
                    said)
            continue
        if suite.check(f"{shape}: is sound", code == 0, said):
            ask(suite, shape, text, QUESTIONS[shape], lab).kill()
    without_quic(suite, files, folder, ports, lab)
    version(suite, files, folder, ports, lab)
    followed(suite, upstream, stub, lab)
    suite.check("the encrypted upstream was asked", encrypted.handshakes > 0)


def without_quic(suite, files, folder, ports, lab):
    """The shape that QUIC keeps from starting serves over HTTPS as soon as it does as it was told."""
    text = on_this_machine(next(file for file in files if file.stem == "16-listen-doh").read_text(), folder, ports)
    text = text.replace("quic://", "tls://") + ".:@PORT@ {\n    whoami\n}\n"
    server = Server(text, lab.kubeconfig).wait_for("whoami.example.")
    context = Authority.trust(Trusted(folder / "ca.pem"))
    response = http1(ports["web"], context, "POST", "/dns-query", query("example.com"))
    suite.equal("16-listen-doh without QUIC: over HTTPS",
        (response.status, response.status == 200 and Reply(response.body).answers), (200, 1))
    server.kill()


class Trusted:
    """Stands for an authority whose certificate alone is known."""

    def __init__(self, certificate):
        self.certificate = certificate


def version(suite, files, folder, ports, lab):
    """OpenShift's block of class CH has its answer."""
    text = on_this_machine(next(file for file in files if file.stem == "10-openshift").read_text(), folder, ports)
    server = Server(text, lab.kubeconfig).wait_for(CLUSTER[0])
    answer = dig(server.port, "hostname.bind.", "TXT", "-c", "CH")
    suite.equal("10-openshift: hostname.bind CH TXT", (answer.rcode, len(answer.answer)), ("NOERROR", 1))
    server.kill()


def followed(suite, upstream, stub, lab):
    """`kubedns` follows the mounted ConfigMap of kube-dns without a restart."""
    folder = work / "kube-dns"
    folder.mkdir()
    (folder / "upstreamNameservers").write_text(json.dumps([f"127.0.0.1:{upstream.port}"]))
    server = Server(f".:@PORT@ {{\n    bind 127.0.0.1\n    errors\n    kubedns {folder}\n}}\n", lab.kubeconfig)
    server.wait_for("example.com.")
    before = stub.asked
    dig(server.port, "www.stub.test.")
    suite.equal("kubedns: without a stub domain its server is not asked", stub.asked, before)
    (folder / "stubDomains").write_text(json.dumps({"stub.test": [f"127.0.0.1:{stub.port}"]}))
    def stub_is_asked():
        dig(server.port, "www.stub.test.")
        return stub.asked > before
    suite.check("kubedns: a stub domain that appears is followed", eventually(stub_is_asked, pause=0.5), server.log_end())
    asked = upstream.asked
    suite.equal("kubedns: other names go to the upstreams", (dig(server.port, "other.test.").data, upstream.asked > asked),
        (["a 192.0.2.1"], True))
    (folder / "stubDomains").write_text("{")
    said = eventually(lambda: "/stubDomains" in server.log, pause=0.5)
    suite.check("kubedns: a key that is not JSON is reported with its file", said, server.log_end())
    before = stub.asked
    suite.equal("kubedns: and the old ones serve on", (dig(server.port, "www.stub.test.").data, stub.asked > before),
        (["a 192.0.2.1"], True))
    (folder / "federations").write_text("abc=d.e.f")
    (folder / "stubDomains").write_text("{}")
    suite.check("kubedns: federations are said to be gone",
        eventually(lambda: "federations has no effect" in server.log, pause=0.5), server.log_end())
    server.kill()


if __name__ == "__main__":
    Suite("corefiles").run(body)
