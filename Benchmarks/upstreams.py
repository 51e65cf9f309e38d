#!/usr/bin/env python3
"""CPU per uncached answer, by how the upstream is asked: Benchmarks/upstreams.py [BINARY]

PAIRS=5 SECONDS_EACH=10 OUTSTANDING=100; COREDNS names a stock CoreDNS, which is measured beside.
An Unbound answers every name from memory; it and dnsperf have one core, the server that is measured the other.
"""

import os
import pathlib
import re
import statistics
import subprocess
import sys

root = pathlib.Path(__file__).resolve().parents[1]
sys.path.insert(0, str(root / "Tests/Live"))
if len(sys.argv) > 1:
    os.environ["CLUSTER_DNS"] = sys.argv[1]
from live import BINARY, Program, Server, dig, eventually, free_port, work  # noqa: E402
from secure_clients import HOST, Authority  # noqa: E402

PAIRS, SECONDS = int(os.environ.get("PAIRS", 5)), int(os.environ.get("SECONDS_EACH", 10))
OUTSTANDING = os.environ.get("OUTSTANDING", "100")
COREDNS = os.environ.get("COREDNS")
NAMES = 100_000
cores = sorted(os.sched_getaffinity(0))
if len(cores) < 2:
    sys.exit("This needs two cores: one for the server, one for who asks and who is asked.")
asking, serving = cores[:2]


def pin(pid, core):
    """Every thread of a process, of which a server may have more than one from its start."""
    subprocess.run(["taskset", "-acp", str(core), str(pid)], check=True, capture_output=True)


def start_unbound(files, plain, tls, https):
    config = work / "unbound.conf"
    config.write_text(f"""
server:
    interface: 127.0.0.1@{plain}
    interface: 127.0.0.1@{tls}
    interface: 127.0.0.1@{https}
    tls-port: {tls}
    https-port: {https}
    tls-service-key: "{files[1]}"
    tls-service-pem: "{files[0]}"
    do-daemonize: no
    use-syslog: no
    logfile: ""
    username: ""
    chroot: ""
    directory: "{work}"
    pidfile: ""
    num-threads: 1
    incoming-num-tcp: 1000
    local-zone: "test." redirect
    local-data: "test. 60 IN A 192.0.2.1"
remote-control:
    control-enable: no
""")
    unbound = Program("unbound", ["/usr/sbin/unbound", "-d", "-c", config])
    pin(unbound.pid, asking)
    if not eventually(lambda: dig(plain, "a.test", "A", "+time=1").rcode == "NOERROR", 30):
        sys.exit(f"Unbound does not answer:\n{unbound.log_end()}")


def ticks(pid):
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return int(fields[11]) + int(fields[12])


def measure(port, pid, seconds):
    """µs of CPU for an answer, and answers a second."""
    before = ticks(pid)
    output = subprocess.run(
        ["taskset", "-c", str(asking), "dnsperf", "-s", "127.0.0.1", "-p", str(port), "-d", work / "queries", "-l",
         str(seconds), "-c", "4", "-T", "1", "-q", OUTSTANDING], capture_output=True, text=True, check=True).stdout
    spent = (ticks(pid) - before) / os.sysconf("SC_CLK_TCK")
    completed = int(re.search(r"Queries completed: +(\d+)", output).group(1))
    if "(100.00%)" not in re.search(r"Response codes: +(.*)", output).group(1):
        sys.exit(f"port {port} gave answers other than NOERROR:\n{output}")
    return spent * 1e6 / completed, completed / seconds


def main():
    authority = Authority("bench")
    files = authority.issue("server", HOST)
    plain, tls, https = (free_port() for _ in range(3))
    start_unbound(files, plain, tls, https)
    (work / "queries").write_text("".join(f"n{number}.test. A\n" for number in range(NAMES)))
    security = f"tls {authority.certificate}\ntls_servername {HOST}"
    ways = {
        "TCP": f"forward . 127.0.0.1:{plain} {{\nforce_tcp\n}}",
        "TLS": f"forward . tls://127.0.0.1:{tls} {{\n{security}\n}}",
        "HTTPS": f"forward . https://127.0.0.1:{https} {{\n{security}\n}}",
    }
    servers = {}
    for way, line in ways.items():
        # Pinned from its start: it has as many loops as cores.
        os.sched_setaffinity(0, {serving})
        text = f".:@PORT@ {{\nbind 127.0.0.1\nerrors\n{line}\n}}\n"
        server = Server(text)
        servers[f"cluster-dns {way}"] = (server.port, server.pid)
        if COREDNS and way != "HTTPS":
            port, corefile = free_port(), work / f"Corefile.coredns.{way}"
            corefile.write_text(text.replace("@PORT@", str(port)))
            servers[f"CoreDNS {way}"] = (port, Program("coredns", [COREDNS, "-conf", corefile]).pid)
        os.sched_setaffinity(0, set(cores))
    print(f"{BINARY}: server on core {serving}, Unbound and dnsperf on core {asking}; {PAIRS} rounds of {SECONDS} s, "
          f"{OUTSTANDING} outstanding", flush=True)
    runs = {name: [] for name in servers}
    for name, (port, pid) in servers.items():
        if not eventually(lambda port=port: dig(port, "a.test", "A", "+time=1").rcode == "NOERROR", 30):
            sys.exit(f"{name} does not answer")
        measure(port, pid, 2)
    for number in range(1, PAIRS + 1):
        for name, (port, pid) in servers.items():
            micros, rate = measure(port, pid, SECONDS)
            runs[name].append(micros)
            print(f"round {number}  {name:18} {micros:7.2f} µs per answer  {rate:8.0f}/s", flush=True)
    medians = {name: statistics.median(values) for name, values in runs.items()}
    for name, value in medians.items():
        print(f"median  {name:18} {value:7.2f} µs per answer")
    print(f"ratio   TLS / TCP: {medians['cluster-dns TLS'] / medians['cluster-dns TCP']:.2f}")
    if COREDNS:
        print(f"ratio   TLS, beside CoreDNS': {medians['cluster-dns TLS'] / medians['CoreDNS TLS']:.2f}")


main()
