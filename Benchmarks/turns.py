"""What the benchmarks in Python share: CPU per answer of servers that are asked in turn, by dnsperf on a core of its own."""

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

PAIRS, SECONDS = int(os.environ.get("PAIRS", 5)), int(os.environ.get("SECONDS_EACH", 10))
OUTSTANDING = os.environ.get("OUTSTANDING", "100")
COREDNS = os.environ.get("COREDNS")
cores = sorted(os.sched_getaffinity(0))
if len(cores) < 2:
    sys.exit("This needs two cores: one for the server, one for who asks and who is asked.")
asking, serving = cores[:2]


def start(text, with_coredns=False):
    """A server on its core, and CoreDNS with the same Corefile where it is wanted; port and process of each."""
    # Pinned from its start: it has as many loops as cores.
    os.sched_setaffinity(0, {serving})
    server = Server(text)
    os.sched_setaffinity(0, set(cores))
    return [(server.port, server.pid)] + ([start_coredns(text)] if with_coredns else [])


def start_coredns(text):
    """CoreDNS on the same core, with one thread that runs Go as the server has one loop; port and process."""
    port = free_port()
    corefile = work / f"Corefile.coredns.{port}"
    corefile.write_text(text.replace("@PORT@", str(port)))
    os.sched_setaffinity(0, {serving})
    process = Program("coredns", [COREDNS, "-conf", corefile])
    os.sched_setaffinity(0, set(cores))
    return port, process.pid


def ticks(pid):
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return int(fields[11]) + int(fields[12])


def measure(port, pid, seconds, options=()):
    """µs of CPU for an answer, and answers a second; `options` are dnsperf's."""
    before = ticks(pid)
    output = subprocess.run(
        ["taskset", "-c", str(asking), "dnsperf", "-s", "127.0.0.1", "-p", str(port), "-d", work / "queries", "-l",
         str(seconds), "-c", "4", "-T", "1", "-q", OUTSTANDING, *options], capture_output=True, text=True, check=True).stdout
    spent = (ticks(pid) - before) / os.sysconf("SC_CLK_TCK")
    completed = int(re.search(r"Queries completed: +(\d+)", output).group(1))
    if "(100.00%)" not in re.search(r"Response codes: +(.*)", output).group(1):
        sys.exit(f"port {port} gave answers other than NOERROR:\n{output}")
    return spent * 1e6 / completed, completed / seconds


def rounds(servers, name, options=(), asked=()):
    """Asks each server in turn, `name` first until it is answered; µs of CPU per answer of each, the median of the rounds.

    `options` are dnsperf's, `asked` those of dig.
    """
    runs = {label: [] for label in servers}
    for label, (port, pid) in servers.items():
        if not eventually(lambda port=port: dig(port, name, "A", "+time=1", *asked).rcode == "NOERROR", 30):
            sys.exit(f"{label} does not answer")
        measure(port, pid, 2, options)
    for number in range(1, PAIRS + 1):
        for label, (port, pid) in servers.items():
            micros, rate = measure(port, pid, SECONDS, options)
            runs[label].append(micros)
            print(f"round {number}  {label:18} {micros:7.2f} µs per answer  {rate:8.0f}/s", flush=True)
    medians = {label: statistics.median(values) for label, values in runs.items()}
    for label, value in medians.items():
        print(f"median  {label:18} {value:7.2f} µs per answer")
    return medians
