#!/usr/bin/env python3
"""deploy/: every kustomization is valid and applies, every field holds what it promises, containers run by their manifests."""

import json
import os
import re
import subprocess
from packages import run_with

if __name__ == "__main__":
    run_with("deploy", "PyYAML==6.*", "kubernetes-validate==1.37.*")

import deploy_containers
import deploy_migration
import deploy_rights
from deploy_fields import check_corefiles, check_fields, check_image
from live import ROOT, Lab, Suite, work
import manifests
from manifests import KUSTOMIZATIONS, Manifests
import pods

FIXTURES = ROOT / "Tests/Fixtures/manifests"
# The newest Kubernetes whose schemas the package has.
KUBERNETES = "1.37"


class Kubectl:
    def __init__(self, lab):
        home = work / f"home.{lab.pid}"
        home.mkdir()
        self.environment = {**os.environ, "KUBECONFIG": str(lab.kubeconfig), "HOME": str(home)}

    def __call__(self, *arguments, given=None):
        done = subprocess.run(
            ["kubectl", "--request-timeout=20s", *map(str, arguments)], capture_output=True, text=True, timeout=120,
            input=given, env=self.environment)
        return done.returncode, done.stdout, done.stderr

    def served_kinds(self):
        code, output, error = self("api-resources", "--no-headers")
        return {line.split()[-1] for line in output.splitlines()}


def is_valid(suite, name, found):
    """Each object against Kubernetes' published schema, unknown fields refused."""
    import kubernetes_validate
    for one in found.all:
        label = f"{name}: {one['kind']} {one['metadata']['name']} by the schema of Kubernetes {KUBERNETES}"
        try:
            kubernetes_validate.validate(one, KUBERNETES, strict=True)
            suite.check(label, True)
        except kubernetes_validate.ValidationError as error:
            suite.check(label, False, f"{list(error.path)}: {error.message}")


def applies(suite, name, found):
    """As `kubectl apply -k` does it, unknown fields refused; a second time changes nothing."""
    lab = Lab()
    kubectl = Kubectl(lab)
    missing = {one["kind"] for one in found.all} - kubectl.served_kinds()
    for kind in sorted(missing):
        print(f"  deploy: {name}: apply {kind}: not run: the embedded cluster does not serve this kind", flush=True)
    import yaml
    text = yaml.safe_dump_all([one for one in found.all if one["kind"] not in missing])
    def apply(*words):
        code, output, error = kubectl("apply", "--validate=strict", "-f", "-", given=text)
        lines = output.splitlines()
        suite.check(f"{name}: applies, {words[0]}",
            code == 0 and len(lines) == len(found.all) - len(missing) and all(line.endswith(words) for line in lines),
            output + error)
    def versions():
        code, output, error = kubectl("get", "-f", "-", "-o", "json", given=text)
        return {
            (one["kind"], one["metadata"]["name"]): one["metadata"]["resourceVersion"] for one in json.loads(output)["items"]
            if one["kind"] != "Deployment"}  # whose status goes on changing
    apply("created")
    before = versions()
    # kubectl sends the selector of a PodDisruptionBudget each time, and says "configured" though nothing changes.
    apply("unchanged", "poddisruptionbudget.policy/coredns configured")
    suite.equal(f"{name}: applied again, nothing is written", versions(), before)
    broken = text.replace("serviceAccountName:", "serviceAccountNam:", 1)
    code, output, error = kubectl("apply", "--validate=strict", "-f", "-", given=broken)
    if code == 0:
        print(f"  deploy: {name}: unknown fields: not run: the embedded cluster does not refuse them", flush=True)
    else:
        suite.check(f"{name}: an unknown field is refused by name", "serviceAccountNam" in error, error)
    lab.stop()


def documented_example(suite):
    """The kustomization that docs/operations.md shows does what it says."""
    page = (ROOT / "docs/operations.md").read_text()
    text = re.search(r"^```yaml\n(# my-cluster.*?)^```$", page, re.MULTILINE | re.DOTALL).group(1)
    folder = work / "documented/my-cluster"
    folder.mkdir(parents=True)
    (folder / "kustomization.yaml").write_text(text)
    (folder.parent / "cluster-dns").symlink_to(ROOT)
    found = Manifests(subprocess.run(
        ["kubectl", "kustomize", folder], check=True, capture_output=True, text=True).stdout)
    images = {container["image"] for container in found.pod("coredns")["spec"]["containers"]}
    suite.equal("docs/operations.md: the image", {image.split(":")[0] for image in images}, {"registry.example/cluster-dns"})
    suite.equal("docs/operations.md: the address", found.one("Service", "kube-dns")["spec"]["clusterIP"], "172.20.0.10")


def body(suite):
    if reason := manifests.reason_not_to_run():
        print(f"  deploy: everything: not run: {reason}", flush=True)
        return
    for name in KUSTOMIZATIONS:
        found = Manifests.of(name)
        is_valid(suite, name, found)
        check_fields(suite, name, found)
        check_corefiles(suite, name, found)
        check_image(suite, name, found)
        applies(suite, name, found)
    for file in sorted(FIXTURES.glob("*.yaml")):
        found = Manifests(file.read_text())
        is_valid(suite, file.stem, found)
        check_corefiles(suite, file.stem, found)
    documented_example(suite)
    deploy_migration.check(suite, Kubectl)
    if reason := pods.reason_not_to_run():
        print(f"  deploy: containers by their manifests, rights: not run: {reason}", flush=True)
        return
    node = pods.Node()
    deploy_containers.check(suite, node)
    deploy_rights.check(suite, node)


if __name__ == "__main__":
    Suite("deploy").run(body)
