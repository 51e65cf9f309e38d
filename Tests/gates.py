#!/usr/bin/env python3
"""Every release gate with its figure beside its threshold.

    Tests/gates.py              all of them, and docs/gates.md anew
    Tests/gates.py SUITE…       only these, in the place of what docs/gates.md had of them

A suite says a figure by `Suite.gate` (Tests/Live/live.py); here it goes as far as the gate asks, in a test run only as
far as minutes allow. Exit code 1 when a figure is beyond its threshold or a suite failed.
"""

import datetime
import fcntl
import os
import pathlib
import platform
import re
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[1]
BINARY = os.environ.get("CLUSTER_DNS", str(ROOT / ".build/release/cluster-dns"))
PAGE = ROOT / "docs/gates.md"
# Suites whose count is the figure: the gate, and what each of their checks compares.
COUNTED = {
    "protocol-cases": ("G2", "protocol cases with another outcome than the table's"),
    "conformance": ("G3", "answers that differ from those recorded of CoreDNS"),
}
SUITES = [
    "protocol-cases", "conformance", "reload-loss", "fair-shares", "memory-budget", "api-faults", "api-hostile",
    "fault-time", "fault-resources", "fault-lifecycle", "roll-overs", "soak", "spoofing", "parity", "fault-upstreams",
    "fault-network", "fault-load", "fault-crowds", "worst-cases", "fuzzing", "change-latency", "push-load", "follow",
]
# What is no program of Tests/Live; `sanitize` runs only where it is named, for it builds twice.
SCRIPTS = {
    "conformance": [str(ROOT / "Tests/Conformance/run.sh"), BINARY],
    "sanitize": [str(ROOT / "Tests/sanitize.sh")],
}


def run(suite):
    """The lines of a suite's output, shown as they come."""
    command = SCRIPTS.get(suite) or ["python3", str(ROOT / "Tests/Live" / (suite.replace("-", "_") + ".py"))]
    environment = {**os.environ, "GATES": "1", "CLUSTER_DNS": BINARY, "PYTHONDONTWRITEBYTECODE": "1"}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, errors="replace", env=environment) as process:
        for line in process.stdout:
            print(line, end="", flush=True)
            yield line.rstrip("\n")


def figures(suite):
    """What a suite said: rows of (gate, what, figure, threshold, kept, extent), and its count."""
    rows, count, asked, differ = [], f"{suite}: ended before it could count", 0, 0
    for line in run(suite):
        if found := re.search(r": \d+ of (\d+) answers as expected, (\d+) differ", line):
            asked, differ = asked + int(found[1]), differ + int(found[2])
        elif line.startswith("  gate: "):
            rows.append([field.strip() for field in line.removeprefix("  gate: ").split("|")])
        elif found := re.fullmatch(rf"{suite}: (\d+) passed, (\d+) failed", line):
            count = line
            if suite in COUNTED:
                passed, failed = map(int, found.groups())
                differ, asked = differ or failed, asked or passed + failed
                rows.append([*COUNTED[suite], str(differ), "0", "NO" if failed else "yes", f"{asked:,}"])
    return rows, count


def number(row):
    """Of a gate, for the order of the table."""
    return int(re.sub(r"\D", "", row[0]) or 99)


def fuzzed():
    """How many inputs each fuzz target has had in this checkout; nothing where none was built."""
    counts = {}
    path = ROOT / ".build/fuzz/executions"
    for line in path.read_text().splitlines() if path.exists() else []:
        target, runs = line.split()
        counts[target] = counts.get(target, 0) + int(runs)
    if not counts:
        print("fuzz: not run: `make fuzz-all` has not been here")
        return
    messages = ["gate", "walk", "name", "framing", "reply"]
    crashes = len(list((ROOT / ".build/fuzz/crashes").glob("*")))
    total = sum(counts.get(target, 0) for target in messages)
    yield ["G1", "fuzzing: claims broken", str(crashes), "0", "NO" if crashes else "yes", f"{sum(counts.values()):,} inputs"]
    yield ["G1", "fuzzing: inputs of messages", f"{total:,}", "1,000,000,000", told(total, 10**9), " ".join(messages)]
    for target in sorted(set(counts) - set(messages)):
        yield ["G1", f"fuzzing: inputs of `{target}`", f"{counts[target]:,}", "10,000,000", told(counts[target], 10**7), ""]


def propagated():
    """A change at the API server, to the first answer that shows it, in a large cluster under load."""
    command = [str(ROOT / "Benchmarks/change-latency.sh"), BINARY]
    text = subprocess.run(command, capture_output=True, text=True).stdout
    print(text, end="", flush=True)
    found = re.search(r"(\d+) changes: p50 [\d.]+ ms +p99 ([\d.]+) ms", text)
    head = text.splitlines()[0].rstrip(":") if text else "it printed nothing"
    figure = f"{found[2]} ms" if found else "none"
    kept = "yes" if found and float(found[2]) <= 1000 else "NO"
    yield ["G11", "change at the API server to its first answer, p99", figure, "1 s", kept, f"{found and found[1]} changes; {head}"]


def told(count, wanted):
    """What took longer than there was time says how far it was run."""
    return "yes" if count >= wanted else f"{100 * count / wanted:.0f} %"


MARK = "<!-- what follows is written by `make gates` -->"
HEAD = ["| gate | what | figure | threshold | kept | over | suite |", "|---|---|---:|---:|---|---|---|"]


def written():
    """What the page has: rows, each ended by its suite, and a line for each suite."""
    _, _, text = PAGE.read_text().partition(MARK)
    rows = [[field.strip() for field in line.strip("|").split("|")] for line in text.splitlines()
            if line.startswith("| ") and line != HEAD[0]]
    return rows, dict(line[2:].split(": ", 1) for line in text.splitlines() if line.startswith("- "))


def page(rows, lines):
    head, _, _ = PAGE.read_text().partition(MARK)
    body = [MARK, "", *HEAD, *("| " + " | ".join(row) + " |" for row in rows), "", "The suites:", "",
        *(f"- {suite}: {lines[suite]}" for suite in SUITES + ["sanitize"] if suite in lines)]
    PAGE.write_text(head + "\n".join(body) + "\n")


def main():
    wanted = sys.argv[1:] or SUITES
    version = subprocess.run([BINARY, "-version"], capture_output=True, text=True).stdout.split("\n")[0]
    where = f"{os.cpu_count()} cores, Linux {platform.release()}, {version}"
    if not sys.argv[1:]:
        page([], {})
    fresh, counted, broken = [], {}, []
    for place, suite in enumerate(wanted, 1):
        begun = time.monotonic()
        print(f"== {place} of {len(wanted)}: {suite}", flush=True)
        own = {"fuzzing": fuzzed, "change-latency": propagated}.get(suite)
        found, count = (list(own()), "figures alone") if own else figures(suite)
        found = [[*row, suite] for row in found]
        if not own and " 0 failed" not in count:
            broken.append(suite)
        counted[suite] = f"{count.removeprefix(suite + ': ')}, {time.monotonic() - begun:.0f} s, {datetime.date.today()}, {where}"
        fresh += found
        # At once: what is known stays known when a later suite is broken off.
        with open(PAGE) as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            rows, lines = written()
            page(sorted([row for row in rows if row[-1] != suite] + found, key=number), {**lines, suite: counted[suite]})
    print("\n" + "\n".join([*HEAD, *("| " + " | ".join(row) + " |" for row in fresh)]))
    print("\n".join(f"{suite}: {counted[suite]}" for suite in wanted))
    print(f"written to {PAGE.relative_to(ROOT)}")
    sys.exit(bool(broken) or any(row[4] == "NO" for row in fresh))


main()
