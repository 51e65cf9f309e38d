#!/usr/bin/env python3
"""Every release gate with its figure beside its threshold.

    Tests/gates.py              all of them, and docs/gates.md anew
    Tests/gates.py SUITE…       only these suites' gates, printed

A suite says a figure by `Suite.gate` (Tests/Live/live.py); here it goes as far as the gate asks, in a test run only as
far as minutes allow. Exit code 1 when a figure is beyond its threshold or a suite failed.
"""

import datetime
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
    "fault-network", "fault-load", "fault-crowds", "worst-cases",
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


def figures(wanted):
    """What each suite said: rows of (gate, what, figure, threshold, kept, extent), and the suites' counts."""
    rows, counts = [], []
    for number, suite in enumerate(wanted, 1):
        begun = time.monotonic()
        print(f"== {number} of {len(wanted)}: {suite}", flush=True)
        count = f"{suite}: ended before it could count"
        for line in run(suite):
            if line.startswith("  gate: "):
                rows.append([field.strip() for field in line.removeprefix("  gate: ").split("|")])
            elif found := re.fullmatch(rf"{suite}: (\d+) passed, (\d+) failed", line):
                count = line
                if suite in COUNTED:
                    passed, failed = map(int, found.groups())
                    rows.append([*COUNTED[suite], str(failed), "0", "NO" if failed else "yes", f"{passed + failed:,}"])
        counts.append(f"{count} ({time.monotonic() - begun:.0f} s)")
    return sorted(rows, key=number), counts


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
    print("== change latency", flush=True)
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


def table(rows):
    lines = ["| gate | what | figure | threshold | kept | over |", "|---|---|---:|---:|---|---|"]
    return "\n".join(lines + ["| " + " | ".join(row) + " |" for row in rows])


def page(rows, counts):
    version = subprocess.run([BINARY, "-version"], capture_output=True, text=True).stdout.split("\n")[0]
    text = PAGE.read_text()
    head, _, _ = text.partition("<!-- what follows is written by `make gates` -->")
    body = "\n".join([
        "<!-- what follows is written by `make gates` -->", "", table(rows), "",
        f"{datetime.date.today()}, {os.cpu_count()} cores, Linux {platform.release()}, {version}. The suites:", "",
        *(f"- {count}" for count in counts)])
    PAGE.write_text(head + body + "\n")


def main():
    wanted = sys.argv[1:] or SUITES
    rows, counts = figures(wanted)
    if not sys.argv[1:]:
        rows = sorted([*fuzzed(), *rows, *propagated()], key=number)
    print("\n" + table(rows))
    print("\n".join(counts))
    if not sys.argv[1:]:
        page(rows, counts)
        print(f"written to {PAGE.relative_to(ROOT)}")
    failed = [row for row in rows if row[4] == "NO"] + [count for count in counts if " 0 failed" not in count]
    sys.exit(bool(failed))


main()
