"""docs/migration.md: every command of it is run, in its order, and what it says is then so."""

import json
import re
import subprocess
from live import BINARY, ROOT, Lab, eventually, work

PAGE = ROOT / "docs/migration.md"
CONVERTER = ROOT / "deploy/migration/kube-dns-to-corefile.py"
FIXTURES = ROOT / "Tests/Fixtures/manifests"
COREDNS, OURS = "registry.k8s.io/coredns/coredns:v1.14.2", "cluster-dns:0.1.0"
KINDS = "deployments,services,configmaps,serviceaccounts,poddisruptionbudgets,roles,rolebindings"
CLUSTER_KINDS = "clusterroles,clusterrolebindings"

# For each section: what the cluster has before, and what is true after each of its blocks.
# `images` are those of running pods behind the Service kube-dns; `back` means that all is as it was before.
SECTIONS = {
    "From CoreDNS, by its image alone": ("kubeadm", [{"images": {OURS}}, {"images": {COREDNS}, "back": True}]),
    "From CoreDNS, with everything of deploy/": (
        "kubeadm", [
            {"images": {COREDNS}},
            {"images": {OURS}, "corefile": "prometheus :9153"},
            {"images": {COREDNS}, "back": True},
        ]),
    "From kube-dns": (
        "kube-dns", [
            {"images": {"kube-dns"}, "corefile": "forward . 192.0.2.53 192.0.2.54:53"},
            {"images": {"kube-dns", OURS}},
            {"images": {OURS}},
            {"images": {OURS}, "port": 9153},
            {"images": {"kube-dns"}, "back": True},
            {},
        ]),
    "A cluster without cluster DNS": (None, [{"images": {OURS}, "corefile": "snapshot "}]),
}


def sections():
    """The page's blocks of commands by section."""
    found = {}
    for part in re.split(r"^## ", PAGE.read_text(), flags=re.MULTILINE)[1:]:
        title, text = part.split("\n", 1)
        if blocks := re.findall(r"^```sh\n(.*?)^```$", text, re.MULTILINE | re.DOTALL):
            found[title] = blocks
    return found


class Migration:
    def __init__(self, title, fixture, kubectl_for):
        self.lab = Lab()
        self.kubectl = kubectl_for(self.lab)
        self.folder = work / f"migration.{self.lab.pid}"
        self.folder.mkdir()
        (self.folder / "deploy").symlink_to(ROOT / "deploy")
        if fixture:
            code, output, error = self.kubectl("apply", "-f", FIXTURES / f"{fixture}.yaml")
            if code:
                raise RuntimeError(f"{fixture} cannot be applied: {error}")

    def run(self, block):
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", block], cwd=self.folder, capture_output=True, text=True, timeout=200,
            env=self.kubectl.environment)
        return done.returncode, done.stdout + done.stderr

    def get(self, *arguments):
        code, output, error = self.kubectl("get", *arguments, "-o", "json")
        return json.loads(output) if code == 0 else {"items": []}

    def images(self):
        """Of the first container of each ready pod behind the Service; kube-dns' are called by its name."""
        slices = self.get("endpointslices", "-n", "kube-system", "-l", "kubernetes.io/service-name=kube-dns")["items"]
        ready = {
            endpoint["targetRef"]["name"] for one in slices for endpoint in one.get("endpoints") or []
            if endpoint.get("conditions", {}).get("ready") is not False and "targetRef" in endpoint}
        images = {
            pod["spec"]["containers"][0]["image"] for pod in self.get("pods", "-n", "kube-system")["items"]
            if pod["metadata"]["name"] in ready}
        return {"kube-dns" if "k8s-dns-kube-dns" in image else image for image in images}

    def state(self):
        """Everything there is, by kind and name, and what the Deployments want."""
        objects = [
            one for arguments in ((KINDS, "-n", "kube-system"), (CLUSTER_KINDS,))
            for one in self.get(*arguments)["items"]]
        return {
            (one["kind"], one["metadata"]["name"]): one["spec"] if one["kind"] == "Deployment" else None
            for one in objects}


def check(suite, kubectl_for):
    converts(suite)
    found = sections()
    suite.equal("migration: every section is known here", sorted(found), sorted(SECTIONS))
    for title, blocks in found.items():
        if title not in SECTIONS:
            continue
        fixture, expectations = SECTIONS[title]
        suite.equal(f"migration: {title}: blocks of commands", len(blocks), len(expectations))
        migration = Migration(title, fixture, kubectl_for)
        before = migration.state()
        for number, (block, expected) in enumerate(zip(blocks, expectations), 1):
            label = f"migration: {title}, block {number}"
            code, output = migration.run(block)
            suite.check(f"{label} runs", code == 0, f"{code}: {block}\n{output}")
            after(suite, label, migration, expected, before)
        migration.lab.stop()


def after(suite, label, migration, expected, before):
    if "images" in expected:
        suite.check(f"{label}: served by {sorted(expected['images'])}",
            eventually(lambda: migration.images() == expected["images"]), migration.images())
    if "corefile" in expected:
        held = migration.get("configmap", "coredns", "-n", "kube-system").get("data", {}).get("Corefile", "")
        suite.check(f"{label}: the Corefile has `{expected['corefile']}`", expected["corefile"] in held, held)
    if "port" in expected:
        ports = migration.get("service", "kube-dns", "-n", "kube-system")["spec"]["ports"]
        suite.check(f"{label}: the Service has port {expected['port']}", expected["port"] in [one["port"] for one in ports])
    if expected.get("back"):
        suite.check(f"{label}: everything is as it was", eventually(lambda: migration.state() == before),
            f"{migration.state()}, before {before}")


# kube-dns' ConfigMap to a Corefile

GOOD = {
    "nothing in it": ({}, ["forward . /etc/resolv.conf {"]),
    "upstreams": ({"upstreamNameservers": '["192.0.2.1", "[2001:db8::1]:10053"]'},
        ["forward . 192.0.2.1 [2001:db8::1]:10053 {"]),
    "stub domains": ({"stubDomains": '{"foo.com": ["1.2.3.4", "1.2.3.4:32564"], "bar.org": ["fd00::1", "[fd00::2]:54"]}'},
        ["foo.com:53 {", "forward . 1.2.3.4 1.2.3.4:32564 {", "bar.org:53 {", "forward . fd00::1 [fd00::2]:54 {",
            "forward . /etc/resolv.conf {"]),
}
BAD = {
    "a federation": ({"federations": "abc=d.e.f"}, 'federations: found "abc=d.e.f"'),
    "no JSON": ({"stubDomains": "{foo"}, "stubDomains: found text that is not JSON"),
    "an empty domain": ({"stubDomains": '{"": ["1.2.3.4"]}'}, 'stubDomains: found ""'),
    "no domain": ({"stubDomains": '{"$$$$": ["1.2.3.4"]}'}, 'stubDomains: found "$$$$"'),
    "a server by name": ({"stubDomains": '{"foo.com": ["ns.foo.com"]}'}, 'stubDomains: foo.com: found "ns.foo.com"'),
    "a server that is a number": ({"stubDomains": '{"foo.com": [1]}'}, "stubDomains: foo.com: found 1"),
    "a domain without servers": ({"stubDomains": '{"foo.com": []}'}, "stubDomains: foo.com: found []"),
    "a port too high": ({"stubDomains": '{"foo.com": ["1.2.3.4:65564"]}'}, "found port 65564"),
    "four upstreams": ({"upstreamNameservers": '["1.1.1.1", "2.2.2.2", "3.3.3.3", "4.4.4.4"]'}, "found 4 servers"),
    "a port that is a word": ({"upstreamNameservers": '["1.1.1.1:abc"]'}, 'upstreamNameservers: found "1.1.1.1:abc"'),
    "an object of upstreams": ({"upstreamNameservers": '{"a": 1}'}, 'upstreamNameservers: found {"a": 1}'),
}


def convert(text):
    done = subprocess.run([CONVERTER], input=text, capture_output=True, text=True)
    return done.returncode, done.stdout, done.stderr


def converts(suite):
    import yaml
    for name, (data, wanted) in GOOD.items():
        code, output, error = convert(json.dumps({"kind": "ConfigMap", "data": data}))
        label = f"kube-dns' ConfigMap with {name}"
        if not suite.equal(f"{label}: turned into a ConfigMap", (code, error), (0, "")):
            continue
        made = yaml.safe_load(output)
        corefile = made["data"]["Corefile"]
        suite.equal(f"{label}: called as CoreDNS' one", (made["kind"], made["metadata"]["name"]), ("ConfigMap", "coredns"))
        suite.check(f"{label}: says the same", all(line in corefile for line in wanted), corefile)
        file = work / "Corefile.converted"
        file.write_text(corefile)
        done = subprocess.run([BINARY, "check", file], capture_output=True, text=True)
        suite.equal(f"{label}: sound", (done.returncode, done.stderr), (0, ""))
    for name, (data, wanted) in BAD.items():
        code, output, error = convert(json.dumps({"kind": "ConfigMap", "data": data}))
        suite.check(f"kube-dns' ConfigMap with {name}: refused, nothing printed",
            code == 1 and output == "" and wanted in error and "expected" in error, f"{code}: {output}{error}")
    for name, text in {"nothing": "", "another kind": '{"kind": "Pod"}', "a list": "[]"}.items():
        code, output, error = convert(text)
        suite.check(f"{name} in place of kube-dns' ConfigMap: refused",
            code == 1 and output == "" and "expected one ConfigMap" in error, f"{code}: {output}{error}")
