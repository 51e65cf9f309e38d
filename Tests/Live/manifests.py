"""The manifests of deploy/ as objects, and what they say about each other."""

import subprocess
from live import ROOT

DEPLOY = ROOT / "deploy"
# What an operator can apply, and nothing else.
KUSTOMIZATIONS = ["deploy", *sorted(
    str(file.parent.relative_to(ROOT)) for file in DEPLOY.glob("overlays/*/kustomization.yaml"))]


def rendered(kustomization):
    """What `kubectl kustomize` prints."""
    return subprocess.run(
        ["kubectl", "kustomize", ROOT / kustomization], check=True, capture_output=True, text=True).stdout


def reason_not_to_run():
    """Why nothing of deploy/ can be rendered here; None when it can."""
    done = subprocess.run(["kubectl", "kustomize", DEPLOY], capture_output=True, text=True)
    if done.returncode and '"components"' in done.stderr:
        return "this kubectl's kustomize is older than components (kubectl 1.21)"
    return None


def objects_in(text):
    import yaml
    return [found for found in yaml.safe_load_all(text) if found]


class Manifests:
    """Objects by kind and name."""

    def __init__(self, text):
        self.text = text
        self.all = objects_in(text)

    @classmethod
    def of(cls, kustomization):
        return cls(rendered(kustomization))

    def kind(self, kind):
        return {found["metadata"]["name"]: found for found in self.all if found["kind"] == kind}

    def one(self, kind, name):
        return self.kind(kind)[name]

    def named(self, kind, name):
        return self.kind(kind).get(name)

    def pod(self, deployment):
        """The pod template of a Deployment."""
        return self.one("Deployment", deployment)["spec"]["template"]

    def container(self, deployment, name):
        return next(one for one in self.pod(deployment)["spec"]["containers"] if one["name"] == name)

    @property
    def config_maps(self):
        return self.kind("ConfigMap")


def selects(labels, template):
    """True when a selector of labels finds the pods of a template."""
    found = template["metadata"].get("labels", {})
    return bool(labels) and all(found.get(key) == value for key, value in labels.items())


def ports_of(template):
    """(name, number, protocol) of every port the pod's containers declare."""
    return {
        (port.get("name", ""), port["containerPort"], port.get("protocol", "TCP"))
        for container in template["spec"]["containers"] for port in container.get("ports", [])}


def target_port(port, template):
    """The container port a Service's port leads to; None when there is none of that protocol."""
    target = port.get("targetPort", port["port"])
    for name, number, protocol in ports_of(template):
        if target in (name, number) and protocol == port.get("protocol", "TCP"):
            return number
    return None


class Rights:
    """What RBAC grants a service account, as single facts."""

    def __init__(self, manifests, account, namespace="kube-system"):
        self.facts = set()
        subject = {"kind": "ServiceAccount", "name": account, "namespace": namespace}
        for binding_kind, is_namespaced in (("ClusterRoleBinding", False), ("RoleBinding", True)):
            for binding in manifests.kind(binding_kind).values():
                if subject not in binding["subjects"]:
                    continue
                role = manifests.one(binding["roleRef"]["kind"], binding["roleRef"]["name"])
                where = binding["metadata"]["namespace"] if is_namespaced else None
                for rule in role["rules"]:
                    self.add(rule, where)

    def add(self, rule, namespace):
        for group in rule["apiGroups"]:
            for resource in rule["resources"]:
                for verb in rule["verbs"]:
                    for name in rule.get("resourceNames", [None]):
                        self.facts.add((verb, group, resource, namespace, name))

    @classmethod
    def of_role(cls, role, namespace=None):
        """What one role says."""
        rights = cls.of(set())
        for rule in role["rules"]:
            rights.add(rule, namespace)
        return rights

    @classmethod
    def of(cls, facts):
        rights = object.__new__(cls)
        rights.facts = facts
        return rights

    def without(self, fact):
        """The same rights but for one."""
        return Rights.of(self.facts - {fact})

    def granting(self, verb, group, resource, namespace, name):
        """The fact by which a request is allowed; None when it is forbidden."""
        for fact in self.facts:
            if fact[:3] == (verb, group, resource) and fact[3] in (None, namespace) and fact[4] in (None, name):
                return fact
        return None
