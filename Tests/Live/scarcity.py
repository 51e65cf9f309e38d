"""What a process may have, made small: disks of a few pages, control groups, a network with few ports.

All of it needs root. `reason_not_to_run` says what is missing.
"""

import ctypes
import os
import pathlib
import subprocess
import sys
from live import BINARY, work

CLONE_NEWNET = 0x40000000
GROUPS = pathlib.Path("/sys/fs/cgroup")


def with_own_mounts():
    """Begins this suite anew in mounts of its own, so that what it mounts goes with it; as it is without root."""
    if os.geteuid() == 0 and not os.environ.get("HAS_OWN_MOUNTS"):
        os.environ["HAS_OWN_MOUNTS"] = "1"
        try:
            os.execvp("unshare", ["unshare", "--mount", "--propagation", "private", sys.executable, *sys.argv])
        except OSError:
            pass


def reason_not_to_run():
    """Why disks and networks cannot be made here; None when they can."""
    if os.geteuid() != 0:
        return "it needs root"
    tried = subprocess.run(
        ["unshare", "--net", "--mount", "mount", "-t", "tmpfs", "none", "/mnt"], capture_output=True, text=True)
    return tried.stderr.strip() or "no namespaces" if tried.returncode else None


class SmallDisk:
    """A disk of so many KiB."""

    def __init__(self, name, size):
        self.path = work / name
        self.path.mkdir()
        subprocess.run(
            ["mount", "-t", "tmpfs", "-o", f"size={size}k,mode=0777", "none", self.path], check=True, capture_output=True)

    def fill(self):
        """Leaves not an octet."""
        with open(self.path / "filler", "ab", buffering=0) as filler:
            for piece in (65536, 1):
                try:
                    while True:
                        filler.write(bytes(piece))
                except OSError:
                    pass

    def clear(self):
        (self.path / "filler").unlink()

    def make_read_only(self, is_so=True):
        subprocess.run(
            ["mount", "-o", f"remount,{'ro' if is_so else 'rw'}", self.path], check=True, capture_output=True)


class ControlGroup:
    """Limits of the kernel's control groups, first version, in which a program is begun by `command`."""

    @staticmethod
    def reason_not_to_run(*controllers):
        missing = [name for name in controllers if not os.access(GROUPS / name / "cgroup.procs", os.W_OK)]
        return f"no control groups (version 1) of {' and '.join(missing)} can be made" if missing else None

    def __init__(self, name, **limits):
        """`limits` are files with what is written to them, such as `pids={"pids.max": 20}`."""
        self.folders = []
        for controller, files in limits.items():
            folder = GROUPS / controller / f"{name}.{os.getpid()}"
            folder.mkdir()
            self.folders.append(folder)
            for file, value in files.items():
                (folder / file).write_text(str(value))

    def command(self, *program):
        enter = " && ".join(f"echo $$ >{folder}/cgroup.procs" for folder in self.folders)
        return ("sh", "-c", f'{enter} && exec "$0" "$@"', *(program or (BINARY, "serve")))

    def read(self, file):
        folder = next(folder for folder in self.folders if (folder / file).exists())
        return (folder / file).read_text()

    def remove(self):
        """Once nothing runs in it any more."""
        for folder in self.folders:
            folder.rmdir()


def enter_network_with_few_ports(ports):
    """Moves this thread, and what it begins, into a network of its own in which these ports are all for clients."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(CLONE_NEWNET) != 0:
        raise OSError(ctypes.get_errno(), "unshare")
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True, capture_output=True)
    pathlib.Path("/proc/sys/net/ipv4/ip_local_port_range").write_text(f"{ports[0]} {ports[-1]}")
