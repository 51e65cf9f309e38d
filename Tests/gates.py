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
SUITES = ["protocol-cases", "reload-loss"]


def run(suite):
    """The lines of a suite's output, shown as they come."""
    command = ["python3", str(ROOT / "Tests/Live" / (suite.replace("-", "_") + ".py"))]
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
            elif re.fullmatch(rf"{suite}: \d+ passed, \d+ failed", line):
                count = line
        counts.append(f"{count} ({time.monotonic() - begun:.0f} s)")
    rows.sort(key=lambda row: int(re.sub(r"\D", "", row[0]) or 99))
    return rows, counts


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
    print("\n" + table(rows))
    print("\n".join(counts))
    if not sys.argv[1:]:
        page(rows, counts)
        print(f"written to {PAGE.relative_to(ROOT)}")
    failed = [row for row in rows if row[4] != "yes"] + [count for count in counts if " 0 failed" not in count]
    sys.exit(bool(failed))


main()
