"""Networks of their own: namespaces with addresses, links between them, and what is started or opened inside."""

import contextlib
import ctypes
import os
import subprocess
from live import Program, eventually

NETWORK = 0x40000000  # CLONE_NEWNET


def may_have_networks():
    """True where this user may make namespaces, addresses and filters."""
    return os.geteuid() == 0 and subprocess.run(["unshare", "--net", "true"], capture_output=True).returncode == 0


class Namespace:
    """A network without anything but its loopback; it ends with the suite.

    Within `with namespace:` every socket that this thread opens, and every program that it starts, is inside.
    """

    def __init__(self, label):
        self.label, self.holder = label, Program(f"namespace-{label}", ["unshare", "--net", "sleep", "infinity"])
        self.file, self.before = f"/proc/{self.holder.pid}/ns/net", []
        with contextlib.suppress(OSError):
            eventually(lambda: os.readlink(self.file) != os.readlink("/proc/self/ns/net"))
        self.run("ip", "link", "set", "lo", "up")

    def __enter__(self):
        self.before.append(open("/proc/thread-self/ns/net"))
        with open(self.file) as inside:
            enter(inside)
        return self

    def __exit__(self, *_):
        with self.before.pop() as outside:
            enter(outside)

    def run(self, *command):
        """Runs a command inside; its output."""
        with self:
            done = subprocess.run([str(word) for word in command], capture_output=True, text=True)
        if done.returncode:
            raise RuntimeError(f"{self.label}: {' '.join(map(str, command))}: {done.stderr.strip()}")
        return done.stdout

    def link(self, other, name, *addresses, theirs=(), mtu=1500, their_mtu=None):
        """A cable to another namespace: `name` is the interface at both ends."""
        self.run("ip", "link", "add", name, "mtu", mtu, "type", "veth", "peer", "name", name, "netns", other.holder.pid)
        other.run("ip", "link", "set", name, "mtu", their_mtu or mtu)
        for place, own in ((self, addresses), (other, theirs)):
            for address in own:
                place.run("ip", "address", "add", address, "dev", name, *(["nodad"] if ":" in address else []))
            place.run("ip", "link", "set", name, "up")


def enter(namespace):
    """Moves this thread into the namespace of an open file."""
    if ctypes.CDLL(None, use_errno=True).setns(namespace.fileno(), NETWORK):
        raise OSError(ctypes.get_errno(), "cannot enter a network namespace")
