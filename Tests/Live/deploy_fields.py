"""What the fields of deploy/ promise to each other, as far as reading can show it."""

import re
import subprocess
from live import BINARY, work
from manifests import ports_of, selects, target_port

NAMESPACE = "kube-system"


def check_fields(suite, name, found):
    """Everything that names something else names something that is there."""
    def says(label, is_right, detail=""):
        suite.check(f"{name}: {label}", is_right, detail)

    template = found.pod("coredns")
    spec = template["spec"]
    for one in found.all:
        if one["kind"] not in ("ClusterRole", "ClusterRoleBinding"):
            says(f"{one['kind']} {one['metadata']['name']} is in {NAMESPACE}", one["metadata"].get("namespace") == NAMESPACE)
    deployment = found.one("Deployment", "coredns")["spec"]
    says("the Deployment finds its pods", selects(deployment["selector"]["matchLabels"], template))
    says("replicas are left to the autoscaler", "replicas" not in deployment)

    services(says, found, template)
    for kind in ("PodDisruptionBudget", "NetworkPolicy"):
        policy = found.one(kind, "coredns")["spec"]
        selector = policy["selector"] if kind == "PodDisruptionBudget" else policy["podSelector"]
        says(f"the {kind} is about the DNS pods", selects(selector["matchLabels"], template))
    for constraint in spec["topologySpreadConstraints"]:
        says(f"spreading by {constraint['topologyKey']} counts the DNS pods",
            selects(constraint["labelSelector"]["matchLabels"], template))
    says("pods spread over nodes and zones",
        {one["topologyKey"] for one in spec["topologySpreadConstraints"]} ==
        {"kubernetes.io/hostname", "topology.kubernetes.io/zone"})
    network(says, found, template)
    rights(says, found)
    for deployment_name in found.kind("Deployment"):
        pods(says, found, deployment_name)


def services(says, found, template):
    for service_name, service in found.kind("Service").items():
        says(f"Service {service_name} finds the DNS pods", selects(service["spec"]["selector"], template))
        leads = {(port["port"], port["protocol"]): target_port(port, template) for port in service["spec"]["ports"]}
        says(f"Service {service_name} leads to the ports of the pods",
            leads == {(53, "UDP"): 53, (53, "TCP"): 53, (9153, "TCP"): 9153}, leads)


def network(says, found, template):
    """The policy lets in what Services and Prometheus use, and nothing the pods do not have."""
    policy = found.one("NetworkPolicy", "coredns")["spec"]
    let_in = {(port["port"], port["protocol"]) for rule in policy["ingress"] for port in rule["ports"]}
    declared = {(number, protocol) for _, number, protocol in ports_of(template)}
    says("the NetworkPolicy lets questions and metrics in",
        {(53, "UDP"), (53, "TCP"), (9153, "TCP")} <= let_in, let_in)
    says("the NetworkPolicy names no port that pods do not have", let_in <= declared, let_in - declared)
    let_out = {(port["port"], port["protocol"]) for rule in policy["egress"] for port in rule["ports"]}
    says("the NetworkPolicy lets questions, API requests and metrics out",
        {(53, "UDP"), (53, "TCP"), (443, "TCP"), (6443, "TCP"), (9153, "TCP")} <= let_out, let_out)


def rights(says, found):
    accounts = found.kind("ServiceAccount")
    for kind, role_kinds in (("ClusterRoleBinding", {"ClusterRole"}), ("RoleBinding", {"Role", "ClusterRole"})):
        for binding_name, binding in found.kind(kind).items():
            reference = binding["roleRef"]
            says(f"{kind} {binding_name} names a role that is there",
                reference["kind"] in role_kinds and found.named(reference["kind"], reference["name"]) is not None)
            for subject in binding["subjects"]:
                says(f"{kind} {binding_name} names an account that is there",
                    subject["name"] in accounts and subject["namespace"] == NAMESPACE, subject)
    for kind in ("ClusterRole", "Role"):
        for role_name, role in found.kind(kind).items():
            text = str(role["rules"])
            says(f"{kind} {role_name} has no wildcard and no secrets", "*" not in text and "secrets" not in text, text)


def pods(says, found, deployment_name):
    """Pods of any of the Deployments: account, user, volumes, probes, limits."""
    template = found.pod(deployment_name)
    spec = template["spec"]
    label = f"{deployment_name}:"
    says(f"{label} its account is there", spec["serviceAccountName"] in found.kind("ServiceAccount"))
    says(f"{label} critical to the cluster", spec["priorityClassName"] == "system-cluster-critical")
    says(f"{label} runs on control planes, too",
        {"key": "node-role.kubernetes.io/control-plane", "effect": "NoSchedule"} in spec["tolerations"])
    security = spec["securityContext"]
    says(f"{label} user 65532, never root, with the runtime's seccomp profile",
        security["runAsNonRoot"] is True and security["runAsUser"] == 65532 and
        security["seccompProfile"] == {"type": "RuntimeDefault"}, security)
    volumes = {volume["name"] for volume in spec.get("volumes", [])}
    for volume in spec.get("volumes", []):
        for source in [volume.get("configMap")] if "configMap" in volume else []:
            held = found.named("ConfigMap", source["name"])
            keys = set(held["data"]) if held else {"Corefile"}  # kept from before, by the overlay's intention
            says(f"{label} the ConfigMap {source['name']} has its keys", {one["key"] for one in source["items"]} <= keys)
    for container in spec["containers"]:
        one = f"{label} {container['name']}:"
        says(f"{one} mounts volumes that are there",
            {mount["name"] for mount in container.get("volumeMounts", [])} <= volumes)
        own = container["securityContext"]
        says(f"{one} a read-only root, no new privileges, no capability but NET_BIND_SERVICE",
            own["readOnlyRootFilesystem"] is True and own["allowPrivilegeEscalation"] is False and
            own["capabilities"]["drop"] == ["ALL"] and
            own["capabilities"].get("add", []) == (["NET_BIND_SERVICE"] if container["name"] == "coredns" else []), own)
        says(f"{one} asks for CPU and memory, and has a limit of memory alone",
            {"cpu", "memory"} == set(container["resources"]["requests"]) and
            {"memory"} == set(container["resources"]["limits"]), container["resources"])
        names = {port["name"]: port["containerPort"] for port in container["ports"]}
        is_sidecar = container["name"] == "autoscaler" and len(spec["containers"]) > 1
        # Questions are answered whatever the autoscaler beside the server does.
        says(f"{one} its probes", {kind for kind in container if kind.endswith("Probe")} ==
            ({"livenessProbe"} if is_sidecar else {"livenessProbe", "readinessProbe"}))
        for kind in ("livenessProbe", "readinessProbe"):
            if kind not in container:
                continue
            port = container[kind]["httpGet"]["port"]
            says(f"{one} its {kind} asks one of its ports", port in names or port in names.values(), port)
    all_ports = [(number, protocol) for _, number, protocol in ports_of(template)]
    says(f"{label} no two containers share a port", len(all_ports) == len(set(all_ports)), all_ports)


def check_corefiles(suite, name, found):
    """Every Corefile in a manifest is one that the program takes."""
    for map_name, held in found.config_maps.items():
        if "Corefile" not in held["data"]:
            continue
        file = work / f"Corefile.{re.sub(r'[^a-z0-9]', '-', name)}.{map_name}"
        file.write_text(held["data"]["Corefile"])
        done = subprocess.run([BINARY, "check", file], capture_output=True, text=True)
        suite.equal(f"{name}: the Corefile of {map_name} is sound", (done.returncode, done.stderr), (0, ""))


def check_image(suite, name, found):
    """Every container runs the version that this is."""
    version = subprocess.run([BINARY, "-version"], capture_output=True, text=True).stdout.strip()
    images = {
        container["image"] for deployment in found.kind("Deployment")
        for container in found.pod(deployment)["spec"]["containers"]}
    suite.equal(f"{name}: the image", images, {version.replace("dns-", "dns:")})
