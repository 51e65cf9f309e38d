"""CPU per answer of servers that are asked in turn, by dnsperf on a core of its own."""

import os
import pathlib
import re
import statistics
import subprocess
import sys

root = pathlib.Path(__file__).resolve().parents[1]
sys.path.insert(0, str(root / "Tests/Live"))
if len(sys.argv) > 1 and not sys.argv[1].startswith("-") and pathlib.Path(sys.argv[1]).is_file():
    os.environ["CLUSTER_DNS"] = sys.argv.pop(1)
from live import BINARY, dig, eventually, work  # noqa: E402

PAIRS, SECONDS = int(os.environ.get("PAIRS", 5)), int(os.environ.get("SECONDS_EACH", 5))
OUTSTANDING = os.environ.get("OUTSTANDING", "100")
cores = sorted(os.sched_getaffinity(0))
if len(cores) < 2:
    sys.exit("This needs two cores: one for the server, one for who asks and who is asked.")
asking, serving = cores[:2]


def pinned(core, start):
    """What `start` gives, whose processes stay on `core`: a server may have as many threads as it finds cores."""
    os.sched_setaffinity(0, {core})
    try:
        return start()
    finally:
        os.sched_setaffinity(0, set(cores))


def descendants(pid):
    yield pid
    for task in pathlib.Path(f"/proc/{pid}/task").glob("*/children"):
        for child in task.read_text().split():
            yield from descendants(int(child))


def seconds_of_cpu(pid):
    """User and system time of a process and what it has started."""
    total = 0
    for one in descendants(pid):
        fields = pathlib.Path(f"/proc/{one}/stat").read_text().rpartition(")")[2].split()
        total += int(fields[11]) + int(fields[12])
    return total / os.sysconf("SC_CLK_TCK")


def by_dnsperf(options):
    """Asks with dnsperf and its further `options`; gives how many answers there were."""
    def ask(port, seconds):
        output = subprocess.run(
            ["taskset", "-c", str(asking), "dnsperf", "-s", "127.0.0.1", "-p", str(port), "-d", work / "queries", "-l",
             str(seconds), "-c", "4", "-T", "1", "-q", OUTSTANDING, *options], capture_output=True, text=True, check=True).stdout
        completed = int(re.search(r"Queries completed: +(\d+)", output).group(1))
        if not completed or "(100.00%)" not in re.search(r"Response codes: +(.*)", output).group(1):
            sys.exit(f"port {port} gave answers other than NOERROR:\n{output}")
        return completed
    return ask


def by_handshakes(port, seconds):
    """Connects again and again, each time with a full handshake; gives how many there were."""
    output = subprocess.run(
        ["taskset", "-c", str(asking), "openssl", "s_time", "-new", "-time", str(seconds), "-connect", f"127.0.0.1:{port}"],
        capture_output=True, text=True).stdout
    found = re.findall(r"(\d+) connections in (\d+) real seconds", output)
    if not found or not int(found[-1][0]):
        sys.exit(f"port {port} makes no connections:\n{output}")
    return int(found[-1][0])


def measure(ask, port, pid, seconds):
    """µs of CPU for one, and how many a second."""
    before = seconds_of_cpu(pid)
    count = ask(port, seconds)
    return (seconds_of_cpu(pid) - before) * 1e6 / count, count / seconds


def rounds(servers, ask, name, asked=()):
    """Measures each of `servers` (label: port and process) in turn, once `name` is answered; the medians of the rounds.

    `asked` are options of dig for that first question.
    """
    runs = {label: [] for label in servers}
    for label, (port, pid) in servers.items():
        if not eventually(lambda port=port: dig(port, name, "A", "+time=1", *asked).rcode == "NOERROR", 60):
            sys.exit(f"{label} does not answer {name}")
        measure(ask, port, pid, 2)
    for number in range(1, PAIRS + 1):
        for label, (port, pid) in servers.items():
            micros, rate = measure(ask, port, pid, SECONDS)
            runs[label].append(micros)
            print(f"  round {number}  {label:22} {micros:8.2f} µs  {rate:8.0f}/s", flush=True)
    return {label: statistics.median(values) for label, values in runs.items()}
