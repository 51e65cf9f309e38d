"""Pods without a kubelet: containers started by their manifests, on a network of their own.

The suite itself becomes the node: `Node()` moves this process into a new network, in which every port is free. Each
`Pod` gets an address on it. A container gets the image's files as its root and from its manifest the volumes,
arguments, user, capabilities and read-only root, as enter_container.py does it.
"""

import ctypes
import ipaddress
import json
import os
import pathlib
import shutil
import signal
import subprocess
import time
import urllib.error
import urllib.request
from live import Program, eventually, work

CLONE_NEWNET = 0x40000000
ENTER = pathlib.Path(__file__).with_name("enter_container.py")
SERVICE_ACCOUNT = "/var/run/secrets/kubernetes.io/serviceaccount"
# What an image's configuration says of the user when the manifest does not.
IMAGE_USER = 65532


def reason_not_to_run():
    """Why containers cannot be started here; None when they can."""
    if os.geteuid() != 0:
        return "namespaces and users of containers need root"
    for tool in ("ip", "nsenter", "unshare", "setcap"):
        if shutil.which(tool) is None:
            return f"{tool} is not installed"
    tried = subprocess.run(
        ["unshare", "--net", "--mount", "ip", "link", "add", "pods", "type", "bridge"], capture_output=True, text=True)
    return tried.stderr.strip() or "no new network" if tried.returncode else None


def sh(*arguments):
    subprocess.run(list(map(str, arguments)), check=True, capture_output=True)


class Node:
    """The network that this process is in from now on; pods hang on a bridge."""

    address, address6 = "10.244.7.1", "fd00:10:244:7::1"

    def __init__(self):
        libc = ctypes.CDLL(None, use_errno=True)
        if libc.unshare(CLONE_NEWNET) != 0:
            raise OSError(ctypes.get_errno(), "unshare")
        sh("ip", "link", "set", "lo", "up")
        sh("ip", "link", "add", "pods", "type", "bridge")
        sh("ip", "link", "set", "pods", "up")
        sh("ip", "address", "add", f"{self.address}/24", "dev", "pods")
        sh("ip", "address", "add", f"{self.address6}/64", "dev", "pods", "nodad")
        self.last = 1

    def next_addresses(self):
        self.last += 1
        return f"10.244.7.{self.last}", f"fd00:10:244:7::{self.last:x}"


class ImageRoot:
    """The image's file system, laid out as `make image` lays it out, or unpacked from its archive."""

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)

    @classmethod
    def of(cls, binary, script):
        folder = work / "image-root"
        if not folder.exists():
            subprocess.run([script, binary, folder], check=True, capture_output=True, text=True)
        return cls(folder)

    def copy(self, to):
        """Another tree of the same files, for one container; their capabilities are kept with them."""
        subprocess.run(["cp", "--archive", "--link", self.folder, to], check=True)


class Pod:
    """A pod of a Deployment: its network and its volumes, no container yet."""

    def __init__(self, node, spec, config_maps, name="pod", families=(4, 6), api_server=None, resolver=None):
        """
        config_maps: by name, the objects that volumes refer to.
        api_server: (host, port, CA certificate, token) of the service account.
        resolver: the server in the node's /etc/resolv.conf.
        """
        self.node, self.spec, self.name = node, spec, name
        self.folder = work / f"{name}.{time.monotonic_ns()}"
        self.folder.mkdir()
        self.folder.chmod(0o755)
        work.chmod(0o755)
        self.api_server = api_server
        self.addresses = [
            address for family, address in zip((4, 6), node.next_addresses()) if family in families]
        self.address = self.addresses[0]
        self.make_network()
        self.volumes = {volume["name"]: self.make_volume(volume, config_maps) for volume in spec.get("volumes", [])}
        self.resolv_conf = self.folder / "resolv.conf"
        self.resolv_conf.write_text(f"nameserver {resolver or node.address}\n")
        self.hosts = self.folder / "hosts"
        self.hosts.write_text("127.0.0.1 localhost\n::1 localhost\n")
        if api_server:
            self.service_account = self.folder / "service-account"
            self.service_account.mkdir()
            (self.service_account / "ca.crt").write_text(api_server[2])
            (self.service_account / "token").write_text(api_server[3])
            (self.service_account / "namespace").write_text("kube-system")

    def make_network(self):
        self.holder = Program(f"{self.name}-network", ["unshare", "--net", "sleep", "infinity"])
        def is_apart():
            return os.readlink(f"/proc/{self.holder.pid}/ns/net") != os.readlink("/proc/self/ns/net")
        if not eventually(is_apart):
            raise RuntimeError("the pod got no network")
        outside = f"pod{self.holder.pid}"
        sh("ip", "link", "add", outside, "type", "veth", "peer", "name", "eth0", "netns", self.holder.pid)
        sh("ip", "link", "set", outside, "master", "pods", "up")
        self.inside("ip", "link", "set", "lo", "up")
        self.inside("ip", "link", "set", "eth0", "up")
        for address in self.addresses:
            is_v6 = ipaddress.ip_address(address).version == 6
            self.inside("ip", "address", "add", f"{address}/{64 if is_v6 else 24}", "dev", "eth0",
                *(["nodad"] if is_v6 else []))
            via = self.node.address6 if is_v6 else self.node.address
            self.inside("ip", "-6" if is_v6 else "-4", "route", "add", "default", "via", via)

    def inside(self, *arguments):
        sh("nsenter", f"--net=/proc/{self.holder.pid}/ns/net", *arguments)

    def make_volume(self, volume, config_maps):
        folder = self.folder / volume["name"]
        folder.mkdir()
        folder.chmod(0o755)
        if "configMap" in volume:
            data = config_maps[volume["configMap"]["name"]]["data"]
            items = volume["configMap"].get("items") or [{"key": key, "path": key} for key in data]
            for item in items:
                (folder / item["path"]).write_text(data[item["key"]])
        elif "emptyDir" in volume:
            folder.chmod(0o777)
            group = self.spec.get("securityContext", {}).get("fsGroup")
            if group is not None:
                os.chown(folder, 0, group)
                folder.chmod(0o2777)
        else:
            raise ValueError(f"volume {volume['name']}: only configMap and emptyDir are known here")
        return folder

    def start(self, container, image, **changes):
        return Container(self, container, image, **changes)

    def close(self):
        self.holder.kill()


class Container(Program):
    """A container of a pod, started by its manifest: nothing is changed but what `environment` adds."""

    def __init__(self, pod, container, image, environment=None):
        self.pod, self.spec = pod, container
        security = {**pod.spec.get("securityContext", {}), **container.get("securityContext", {})}
        capabilities = security.get("capabilities", {})
        if "ALL" not in capabilities.get("drop", []):
            raise ValueError(f"{container['name']}: the default capabilities of a runtime are not known here")
        root = pod.folder / f"root.{container['name']}.{time.monotonic_ns()}"
        image.copy(root)
        user = security.get("runAsUser", IMAGE_USER)
        if security.get("runAsNonRoot") and user == 0:
            raise ValueError(f"{container['name']}: runAsNonRoot, and the user is root")
        mounts = [
            {"source": str(pod.volumes[mount["name"]]), "target": mount["mountPath"],
                "read_only": mount.get("readOnly", False)}
            for mount in container.get("volumeMounts", [])]
        mounts += [
            {"source": str(pod.resolv_conf), "target": "/etc/resolv.conf", "read_only": False},
            {"source": str(pod.hosts), "target": "/etc/hosts", "read_only": False}]
        variables = {"PATH": "/", "HOSTNAME": pod.name}
        if pod.api_server:
            mounts.append({"source": str(pod.service_account), "target": SERVICE_ACCOUNT, "read_only": True})
            variables["KUBERNETES_SERVICE_HOST"] = pod.api_server[0]
            variables["KUBERNETES_SERVICE_PORT"] = str(pod.api_server[1])
        for variable in container.get("env", []):
            variables[variable["name"]] = self.value(variable)
        variables.update(environment or {})
        command = container.get("command", ["/coredns"]) + [
            self.expanded(argument, variables) for argument in container.get("args", [])]
        description = pod.folder / f"{root.name}.json"
        description.write_text(json.dumps({
            "host_name": pod.name, "root": str(root), "mounts": mounts, "read_only": security.get("readOnlyRootFilesystem", False),
            "uid": user, "gid": security.get("runAsGroup", user),
            "groups": [security["fsGroup"]] if "fsGroup" in security else [],
            "capabilities": capabilities.get("add", []),
            "no_new_privileges": not security.get("allowPrivilegeEscalation", True),
            "working_dir": container.get("workingDir", "/"), "command": command, "environment": variables,
        }))
        super().__init__(
            f"{pod.name}-{container['name']}",
            ["nsenter", f"--net=/proc/{pod.holder.pid}/ns/net", "python3", ENTER, description])

    def value(self, variable):
        if "value" in variable:
            return variable["value"]
        path = variable["valueFrom"]["fieldRef"]["fieldPath"]
        return {
            "metadata.name": self.pod.name, "metadata.namespace": "kube-system", "status.podIP": self.pod.address,
            "spec.nodeName": "node-a",
        }[path]

    @staticmethod
    def expanded(argument, variables):
        """The argument with $(NAME) replaced, as the kubelet does it."""
        for name, value in variables.items():
            argument = argument.replace(f"$({name})", value)
        return argument

    def probe(self, kind):
        """One attempt of a probe of the manifest, as the kubelet makes it: (status, text); (0, reason) without answer."""
        get = self.spec[kind]["httpGet"]
        port = get["port"]
        if isinstance(port, str):
            port = next(known["containerPort"] for known in self.spec["ports"] if known["name"] == port)
        return self.page(port, get["path"], self.spec[kind].get("timeoutSeconds", 1))

    def page(self, port, path, timeout=30):
        host = f"[{self.pod.address}]" if ":" in self.pod.address else self.pod.address
        try:
            with urllib.request.urlopen(f"http://{host}:{port}{path}", timeout=timeout) as response:
                return response.status, response.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()
        except OSError as error:
            return 0, str(error)

    def status(self, key):
        """A line of the process' status as the kernel shows it."""
        for line in pathlib.Path(f"/proc/{self.pid}/status").read_text().splitlines():
            if line.startswith(key + ":"):
                return line.split(":", 1)[1].split()
        return []

    def root_options(self):
        """How the container's root is mounted: `ro` or `rw`."""
        for line in pathlib.Path(f"/proc/{self.pid}/mountinfo").read_text().splitlines():
            words = line.split()
            if words[4] == "/":
                return words[5].split(",")[0]
        return "?"

    def ends_in_grace(self):
        """Exit code after SIGTERM within the pod's grace period; None when it would have been killed."""
        self.signal(signal.SIGTERM)
        return self.exit_code(self.pod.spec.get("terminationGracePeriodSeconds", 30))
