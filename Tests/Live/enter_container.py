#!/usr/bin/env python3
"""Becomes the process of a container, in the order of a container runtime; called by pods.py with a description.

The network is already the pod's. What follows: the host name, a mount namespace with the root and the volumes, the user,
the capabilities, no new privileges, and the program.
"""

import ctypes
import json
import os
import socket
import struct
import sys

libc = ctypes.CDLL(None, use_errno=True)
CLONE_NEWNS, CLONE_NEWUTS = 0x20000, 0x4000000
MS_RDONLY, MS_NOSUID, MS_NODEV, MS_NOEXEC, MS_REMOUNT, MS_BIND, MS_REC, MS_PRIVATE = 1, 2, 4, 8, 32, 4096, 16384, 1 << 18
PR_SET_KEEPCAPS, PR_CAPBSET_DROP, PR_SET_NO_NEW_PRIVS = 8, 24, 38
CAPABILITY_VERSION_3 = 0x20080522
CAPABILITIES = {"CHOWN": 0, "DAC_OVERRIDE": 1, "SETGID": 6, "SETUID": 7, "NET_BIND_SERVICE": 10}
SYS_CAPSET = {"x86_64": 126, "aarch64": 91}[os.uname().machine]


def call(name, *arguments):
    if getattr(libc, name)(*arguments) != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{name}: {os.strerror(number)}")


def mount(source, target, kind=None, flags=0, options=None):
    text = [None if value is None else str(value).encode() for value in (source, target, kind, options)]
    call("mount", text[0], text[1], text[2], ctypes.c_ulong(flags), text[3])


def bind(source, target, is_read_only):
    mount(source, target, flags=MS_BIND | MS_REC)
    if is_read_only:
        mount(None, target, flags=MS_BIND | MS_REMOUNT | MS_RDONLY)


def enter_files(container):
    """The root with everything mounted into it; read-only where the container says so."""
    root = container["root"]
    call("unshare", CLONE_NEWNS | CLONE_NEWUTS)
    socket.sethostname(container["host_name"])
    mount(None, "/", flags=MS_REC | MS_PRIVATE)
    bind(root, root, False)
    for volume in container["mounts"]:
        target = root + volume["target"]
        if os.path.isdir(volume["source"]):
            os.makedirs(target, exist_ok=True)
        else:
            os.makedirs(os.path.dirname(target), exist_ok=True)
            open(target, "a").close()
    for folder in ("/proc", "/sys", "/dev"):
        os.makedirs(root + folder, exist_ok=True)
    if container["read_only"]:
        mount(None, root, flags=MS_BIND | MS_REMOUNT | MS_RDONLY)
    mount("proc", root + "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC)
    bind("/sys", root + "/sys", True)
    mount("tmpfs", root + "/dev", "tmpfs", MS_NOSUID, "mode=755,size=64k")
    for device in ("null", "zero", "random", "urandom"):
        open(f"{root}/dev/{device}", "w").close()
        bind(f"/dev/{device}", f"{root}/dev/{device}", False)
    for volume in container["mounts"]:
        bind(volume["source"], root + volume["target"], volume["read_only"])
    os.chroot(root)
    os.chdir(container["working_dir"])


def become_user(container):
    """The user, with exactly the capabilities that were added; file capabilities decide what the program keeps."""
    kept = {CAPABILITIES[name] for name in container["capabilities"]}
    call("prctl", PR_SET_KEEPCAPS, 1, 0, 0, 0)
    for number in range(64):
        if number not in kept:
            libc.prctl(PR_CAPBSET_DROP, number, 0, 0, 0)  # numbers above the kernel's last one fail
    os.setgroups(container["groups"])
    os.setresgid(container["gid"], container["gid"], container["gid"])
    os.setresuid(container["uid"], container["uid"], container["uid"])
    bits = sum(1 << number for number in kept)
    header = struct.pack("=Ii", CAPABILITY_VERSION_3, 0)
    # Effective, permitted, inheritable, for the lower and the upper 32 capabilities.
    sets = struct.pack("=6I", bits, bits, 0, 0, 0, 0)
    call("syscall", SYS_CAPSET, header, sets)
    if container["no_new_privileges"]:
        call("prctl", PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)


if __name__ == "__main__":
    with open(sys.argv[1]) as file:
        description = json.load(file)
    enter_files(description)
    become_user(description)
    os.execve(description["command"][0], description["command"], description["environment"])
