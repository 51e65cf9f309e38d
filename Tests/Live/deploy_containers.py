"""Containers started by manifests: ours, kubeadm's, the Helm chart's. Nothing is changed but the image."""

import pathlib
import socket
import subprocess
import threading
from live import BINARY, EXAMPLES, ROOT, Answer, Lab, ScriptedUpstream, eventually
from authorizing_proxy import AuthorizingProxy
from manifests import Manifests, Rights
from pods import ImageRoot, Pod

FIXTURES = ROOT / "Tests/Fixtures/manifests"
NET_BIND_SERVICE = 1 << 10
CLUSTER_NAME = "kube-dns.kube-system.svc.cluster.local."


class NodeResolver:
    """The name server of the node, on port 53 of an address: every A is 192.0.2.1."""

    def __init__(self, address):
        self.socket = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind((address, 53))
        self.asked = 0
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            query, client = self.socket.recvfrom(65535)
            self.asked += 1
            self.socket.sendto(ScriptedUpstream.reply(query), client)


def ask(address, name, kind="A", *options):
    """Asks port 53, as every pod does."""
    arguments = ["dig", f"@{address}", "+tries=1", "+time=5", "+nocookie", *options, "-q", name, "-t", kind]
    return Answer(subprocess.run(arguments, capture_output=True, text=True).stdout, "status")


def megabytes(quantity):
    return int(quantity.removesuffix("Mi"))


def check(suite, node):
    image = ImageRoot.of(BINARY, ROOT / "deploy/image/root.sh")
    for address in (node.address, node.address6):
        NodeResolver(address)
    kubeadm = Manifests((FIXTURES / "kubeadm.yaml").read_text())
    chart = Manifests((FIXTURES / "helm-chart.yaml").read_text())
    serves(suite, node, image, "deploy", Manifests.of("deploy"), "coredns", (4,))
    serves(suite, node, image, "kubeadm", kubeadm, "coredns", (4,))
    serves(suite, node, image, "Helm chart", chart, "dns-coredns", (4,))
    serves(suite, node, image, "ipv6", Manifests.of("deploy/overlays/ipv6"), "coredns", (6,))
    serves(suite, node, image, "dual-stack", Manifests.of("deploy/overlays/dual-stack"), "coredns", (4, 6))


def serves(suite, node, image, name, found, deployment, families):
    """A pod with the addresses of these families does what its manifest says."""
    def says(label, is_right, detail=""):
        return suite.check(f"{name}: {label}", is_right, detail)

    template = found.pod(deployment)
    lab = Lab(manifests=EXAMPLES)
    nearest = node.address if 4 in families else node.address6
    # Over TLS, with the rights of the service account and no other.
    proxy = AuthorizingProxy(nearest, lab, Rights(found, template["spec"]["serviceAccountName"]))
    pod = Pod(
        node, template["spec"], found.config_maps, name=deployment, families=families, resolver=nearest,
        api_server=proxy.for_pods)
    specs = template["spec"]["containers"]
    containers = [pod.start(spec, image) for spec in specs]
    container, spec = containers[0], specs[0]
    if says("ready", eventually(lambda: container.probe("readinessProbe") == (200, "OK")), container.log_end()):
        answers(says, pod, container, spec)
        identity(says, container, spec)
        writes(says, pod, container)
    for other, described in zip(containers[1:], specs[1:]):
        label = described["name"]
        if says(f"{label}: alive", eventually(lambda: other.probe("livenessProbe")[0] == 200), other.log_end()):
            identity(lambda text, *rest: says(f"{label}: {text}", *rest), other, described)
    for one in containers:
        code = one.ends_in_grace()
        says(f"{one.spec['name']}: ends within its grace period with code 0", code == 0, f"{code}\n{one.log_end()}")
    pod.close()
    lab.stop()


def answers(says, pod, container, spec):
    says("alive", container.probe("livenessProbe") == (200, "OK"))
    for address in pod.addresses:
        for transport in ("+notcp", "+tcp"):
            answer = ask(address, CLUSTER_NAME, "A", transport)
            says(f"a cluster name from {address}, {transport}", answer.data == ["a 10.96.0.10"], answer.text)
            answer = ask(address, "example.com.", "A", transport)
            says(f"a name of the Internet from {address}, {transport}", answer.data == ["a 192.0.2.1"], answer.text)
        for declared in spec["ports"]:
            if declared["protocol"] == "TCP":
                says(f"port {declared['containerPort']} of {address} is open", is_open(address, declared["containerPort"]))
    status, text = container.page(9153, "/metrics")
    says("metrics", status == 200 and "coredns_dns_requests_total" in text, (status, text[:200]))


def is_open(address, port):
    try:
        with socket.create_connection((address, port), 5):
            return True
    except OSError:
        return False


def identity(says, container, spec):
    """What the kernel says of the process."""
    says("user and group 65532", container.status("Uid") == ["65532"] * 4 and container.status("Gid") == ["65532"] * 4,
        (container.status("Uid"), container.status("Gid")))
    added = spec["securityContext"]["capabilities"].get("add", [])
    for kind in ("CapEff", "CapPrm", "CapBnd"):
        has = int(container.status(kind)[0], 16)
        says(f"{kind} is {added} and nothing else", has == (NET_BIND_SERVICE if added else 0), hex(has))
    says("no new privileges", container.status("NoNewPrivs") == ["1"])
    says("the root is read-only", container.root_options() == "ro", container.root_options())
    limit = megabytes(spec["resources"]["limits"]["memory"])
    used = int(container.status("VmRSS")[0]) // 1024
    says(f"memory below the limit of {limit} MiB", used < limit, used)


def writes(says, pod, container):
    """Volumes that may be written are, and nothing else is."""
    inside = pathlib.Path(f"/proc/{container.pid}/root")
    try:
        (inside / "somewhere").write_text("x")
        says("nothing can be written into the root", False)
    except OSError:
        says("nothing can be written into the root", True)
    corefile = pod.volumes["config-volume"] / "Corefile"
    if "snapshot " in corefile.read_text():
        folder = pod.volumes["snapshot"]
        says("the snapshot of the cluster is written into its volume",
            eventually(lambda: any(folder.iterdir())), list(folder.iterdir()))
