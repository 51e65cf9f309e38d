"""The servers that are measured, each on the core for them, as (port, process)."""

import os
import re
import subprocess

import peers
from live import NOWHERE, Program, Server, dig, eventually, free_port, work
from turns import asking, pinned, serving

COREDNS = os.environ.get("COREDNS")
OURS = "cluster-dns"


def ours(corefile, kubeconfig=NOWHERE):
    server = pinned(serving, lambda: Server(corefile, kubeconfig))
    return server.port, server.pid


def coredns(corefile, kubeconfig=NOWHERE):
    """CoreDNS with the same Corefile, with one thread that runs Go as the server has one loop."""
    port = free_port()
    for mark, value in {"@PORT@": port, "@KUBECONFIG@": kubeconfig, "@METRICS@": free_port(), "@HEALTH@": free_port(),
                        "@READY@": free_port()}.items():
        corefile = corefile.replace(mark, str(value))
    path = work / f"Corefile.coredns.{port}"
    path.write_text(corefile)
    return port, pinned(serving, lambda: Program("coredns", [COREDNS, "-conf", path])).pid


def both(corefile, kubeconfig=NOWHERE):
    """This server, and CoreDNS where `COREDNS` names one."""
    servers = {OURS: ours(corefile, kubeconfig)}
    if COREDNS:
        servers["CoreDNS"] = coredns(corefile, kubeconfig)
    return servers


def nsd(zone, file):
    port = free_port()
    folder = work / f"nsd.{port}"
    folder.mkdir()
    return port, pinned(serving, lambda: Program(
        "nsd", [peers.ROOT / "Tests/Tools/serve-zone.sh", port, zone, file, folder])).pid


def knot(zone, file):
    """Knot DNS chooses cores for its threads by itself, so they are moved once it answers."""
    port = free_port()
    server = pinned(serving, lambda: peers.knot("knot", port, zone, file))
    eventually(lambda: dig(port, zone, "SOA", "+time=1").rcode == "NOERROR", 60)
    subprocess.run(["taskset", "-acp", str(serving), str(server.pid)], check=True, capture_output=True)
    return port, server.pid


def unbound(settings="", more="", core=serving, ports=1):
    """Unbound with one thread; `@1`, `@2`… in `settings` stand for its ports, of which the first is given."""
    numbers = [free_port() for _ in range(ports)]
    for index, number in enumerate(numbers, 1):
        settings = settings.replace(f"@{index}", str(number))
    listen = "".join(f"    interface: 127.0.0.1@{number}\n" for number in numbers)
    program = pinned(core, lambda: peers.unbound(f"unbound.{numbers[0]}", f"{listen}    num-threads: 1\n{settings}", more))
    return (numbers[0], program.pid) if ports == 1 else (numbers, program.pid)


def dnsmasq(*options):
    port = free_port()
    return port, pinned(serving, lambda: peers.dnsmasq("dnsmasq", port, *options)).pid


def version(name, command, pattern=r"(\d+\.\d+(?:\.\d+)?)"):
    """`name` and the first thing that looks like a version in what `command` prints."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, **peers.PATH})
    except OSError:
        return f"{name} (not here)"
    found = re.search(pattern, done.stdout + done.stderr)
    return f"{name} {found.group(1)}" if found else name


def versions():
    """What was measured, for the table's foot."""
    found = [version("NSD", ["nsd", "-v"]), version("Knot DNS", ["knotd", "-V"]), version("Unbound", ["unbound", "-V"]),
             version("dnsmasq", ["dnsmasq", "-v"]), version("dnsperf", ["dnsperf", "-h"], r"Version (\S+)")]
    if COREDNS:
        found.append(version("CoreDNS", [COREDNS, "-version"]))
    return found
