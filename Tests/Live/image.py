#!/usr/bin/env python3
"""`make image`: what is in the archive, how large it is, and that the program runs from it alone as user 65532."""

import json
import os
import pathlib
import re
import stat
import subprocess
from pods import ENTER
from live import BINARY, EXAMPLES, ROOT, Lab, Program, Suite, dig, eventually, free_port, work

ARCHIVE = ROOT / "deploy/image/archive.sh"
LARGEST = 27_000_000
USER = "65532"
# Everything that may be there; libraries and their loader are compared with what the program is linked with.
FILES = {
    "/coredns", "/cluster-dns", "/etc/passwd", "/etc/group", "/etc/nsswitch.conf", "/etc/ssl/certs/ca-certificates.crt",
    "/usr/share/cluster-dns/sbom.spdx.json",
}
EMPTY_FOLDERS = {"/etc/coredns", "/var/lib/cluster-dns"}
COREFILE = """
.:%d {
    bind 127.0.0.1
    errors
    kubernetes cluster.local {
        kubeconfig /etc/coredns/kubeconfig
    }
}
"""


def reason_not_to_run():
    if os.geteuid() != 0:
        return "a chroot needs root"
    storage = work / "probe"
    tried = subprocess.run(
        ["buildah", "--storage-driver", "vfs", "--root", storage, "--runroot", work / "probe-run", "from", "scratch"],
        capture_output=True, text=True)
    return f"buildah cannot make a container: {tried.stderr.strip()}" if tried.returncode else None


class Archive:
    """An OCI archive: its index, manifest and configuration, its layers not yet applied."""

    def __init__(self, file):
        self.folder = work / f"{file.stem}-layout"
        self.folder.mkdir()
        subprocess.run(["tar", "-xf", file, "-C", self.folder], check=True)
        index = json.loads((self.folder / "index.json").read_text())
        self.name = index["manifests"][0]["annotations"]["org.opencontainers.image.ref.name"]
        self.manifest = json.loads(self.blob(index["manifests"][0]["digest"]).read_text())
        self.configuration = json.loads(self.blob(self.manifest["config"]["digest"]).read_text())

    def blob(self, digest):
        return self.folder / "blobs" / digest.replace(":", "/")

    def unpack(self):
        root = work / f"{self.folder.name}-root"
        root.mkdir()
        for layer in self.manifest["layers"]:
            subprocess.run(
                ["tar", "--xattrs", "--xattrs-include=security.capability", "--same-owner", "-xf",
                    self.blob(layer["digest"]), "-C", root], check=True)
        # mktemp folders are closed to other users.
        work.chmod(0o755)
        root.chmod(0o755)
        return root


def build(name):
    file = work / f"{name}.tar"
    done = subprocess.run([ARCHIVE, BINARY, file], capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"the image cannot be built: {done.stdout}{done.stderr}")
    return file


def entered(root, *command):
    """The command line by which `command` becomes the process of a container: a read-only chroot, user 65532."""
    description = work / f"image.{len(list(work.iterdir()))}.json"
    description.write_text(json.dumps({
        "host_name": "image", "root": str(root), "mounts": [], "read_only": True, "uid": int(USER), "gid": int(USER), "groups": [],
        "capabilities": [], "no_new_privileges": True, "working_dir": "/", "command": command,
        "environment": {"PATH": "/"}}))
    return ["python3", ENTER, description]


def in_image(root, *command):
    done = subprocess.run(entered(root, *command), capture_output=True, text=True)
    return done.returncode, done.stdout.strip(), done.stderr.strip()


def has(suite, root, version):
    """Nothing is missing, and nothing else is there."""
    linked = subprocess.run(["ldd", BINARY], capture_output=True, text=True).stdout
    libraries = set(re.findall(r"(/\S+) \(0x", linked))
    found, folders = set(), set()
    for path, names, files in os.walk(root):
        inside = "/" + os.path.relpath(path, root).removeprefix(".")
        if not names and not files:
            folders.add(inside)
        found |= {os.path.join(inside, file) for file in files}
    suite.equal("the files", sorted(found), sorted(FILES | libraries))
    suite.equal("folders to mount on", folders, EMPTY_FOLDERS)
    for path in sorted(found):
        status = os.lstat(root / path[1:])
        is_link = stat.S_ISLNK(status.st_mode)
        suite.check(f"{path} belongs to root, and nobody else can write it",
            status.st_uid == 0 and status.st_gid == 0 and (is_link or not status.st_mode & 0o6022), oct(status.st_mode))
    suite.equal("the user by number", [line.split(":")[2:4] for line in
        (root / "etc/passwd").read_text().splitlines()], [[USER, USER]])
    capability = subprocess.run(["getcap", root / "coredns"], capture_output=True, text=True).stdout
    suite.check("the program may have NET_BIND_SERVICE where the container adds it",
        capability.strip().endswith("cap_net_bind_service=p"), capability)
    suite.check("certificate authorities", "BEGIN CERTIFICATE" in
        (root / "etc/ssl/certs/ca-certificates.crt").read_text())


def is_accounted_for(suite, root):
    """The bill of materials names every library that is there, and what the program is made of."""
    bill = json.loads((root / "usr/share/cluster-dns/sbom.spdx.json").read_text())
    packages = {package["name"]: package for package in bill["packages"]}
    suite.equal("its format", bill["spdxVersion"], "SPDX-2.3")
    for name in ("cluster-dns", "swift-runtime", "swift-nio", "swift-nio-ssl", "swift-protobuf", "hummingbird", "libc6",
                 "libldns-dev", "libssl-dev", "libmaxminddb-dev", "ca-certificates"):
        suite.check(f"{name} is in it, with its version", bool(packages.get(name, {}).get("versionInfo")), sorted(packages))
    suite.check("nothing is in it that the program does not have: the embedded cluster's X.509", "swift-certificates" not in packages)
    related = {relation["relatedSpdxElement"] for relation in bill["relationships"]}
    suite.equal("all are related", {package["SPDXID"] for package in bill["packages"]}, related)


def is_described(suite, archive, version):
    how = archive.configuration["config"]
    suite.equal("the name", archive.name, f"cluster-dns:{version}")
    suite.equal("the entry point, as CoreDNS' image has it", how.get("Entrypoint"), ["/coredns"])
    suite.equal("no arguments of its own", how.get("Cmd"), None)
    suite.equal("the user", how.get("User"), f"{USER}:{USER}")
    suite.check("the version's label", how["Labels"]["org.opencontainers.image.version"] == version, how["Labels"])
    suite.check("the licence's label", how["Labels"]["org.opencontainers.image.licenses"] == "Apache-2.0")
    suite.check("ports", {"53/udp", "53/tcp", "9153/tcp"} <= set(how.get("ExposedPorts", {})), how.get("ExposedPorts"))
    suite.equal("one layer: there is no base image", len(archive.manifest["layers"]), 1)


def runs(suite, root, version):
    for folder in ("proc", "sys", "dev"):
        (root / folder).mkdir()  # a container runtime makes these
    for name in ("/coredns", "/cluster-dns"):
        suite.equal(f"{name} -version", in_image(root, name, "-version"), (0, f"cluster-dns-{version}", ""))
    lab = Lab(manifests=EXAMPLES)
    port = free_port()
    for name, text in {"Corefile": COREFILE % port, "kubeconfig": lab.kubeconfig.read_text(), "broken": ".:53 {\n  nonsense\n}\n"}.items():
        (root / "etc/coredns" / name).write_text(text)
    code, output, error = in_image(root, "/coredns", "check", "/etc/coredns/Corefile")
    suite.equal("check", (code, output, error), (0, "/etc/coredns/Corefile: sound, 1 server block", ""))
    code, output, error = in_image(root, "/coredns", "check", "/etc/coredns/broken")
    suite.check("check of a broken Corefile", code == 1 and "/etc/coredns/broken:2: nonsense" in error, f"{code}: {error}")
    code, output, error = in_image(root, "/cluster-dns", "lab")
    suite.check("the embedded cluster is left out, and that is said",
        code == 1 and not output and "/cluster-dns-lab: " in error and "no part of the image" in error, f"{code}: {error}")
    server = Program("image", entered(root, "/coredns", "-conf", "/etc/coredns/Corefile"))
    for transport in ("+notcp", "+tcp"):
        suite.check(f"an answer, {transport}", eventually(
            lambda: dig(port, "kube-dns.kube-system.svc.cluster.local.", "A", transport).data == ["a 10.96.0.10"], 30),
            server.log_end())
    process = pathlib.Path(f"/proc/{server.pid}")
    users = re.search(r"^Uid:\s+(.*)$", (process / "status").read_text(), re.MULTILINE).group(1).split()
    suite.equal("runs as the user", users, [USER] * 4)
    suite.equal("and in the image", os.readlink(process / "root"), str(root))
    mapped = set(re.findall(r" (/\S+)$", (process / "maps").read_text(), re.MULTILINE))
    suite.check("with the libraries of the image",
        mapped and all(os.path.lexists(str(root) + one.removeprefix(str(root))) for one in mapped), mapped)
    suite.equal("ends with code 0", server.stop(), 0)


def body(suite):
    if reason := reason_not_to_run():
        print(f"  image: everything: not run: {reason}", flush=True)
        return
    version = subprocess.run([BINARY, "-version"], capture_output=True, text=True).stdout.strip().removeprefix("cluster-dns-")
    file = build("image")
    size = file.stat().st_size
    suite.check(f"smaller than {LARGEST // 1_000_000} MB", size < LARGEST, size)
    archive = Archive(file)
    is_described(suite, archive, version)
    root = archive.unpack()
    unpacked = sum(path.lstat().st_size for path in root.rglob("*") if path.is_file())
    print(f"  image: {size / 1e6:.1f} MB, unpacked {unpacked / 1e6:.1f} MB", flush=True)
    has(suite, root, version)
    is_accounted_for(suite, root)
    runs(suite, root, version)
    again = Archive(build("again"))
    suite.equal("built again, the same", again.manifest, archive.manifest)


if __name__ == "__main__":
    Suite("image").run(body)
