"""The page about what differs between transports, made from what the suite `parity` found."""

from live import ROOT
from parity_rules import RULES

PAGE = ROOT / "docs/parity.md"
TITLES = {"udp": "UDP", "tcp": "TCP", "dot": "TLS", "post": "HTTPS POST", "get": "HTTPS GET", "grpc": "gRPC"}


def cell(text):
    return text.replace("|", "\\|").replace("<", "&lt;")


def text(rows, differences):
    lines = [
        "# The same over every transport", "",
        "Made by the suite `parity` from the tables in [Tests/ProtocolCases](../Tests/ProtocolCases/README.md), and kept in step",
        "by it: `python3 Tests/Live/parity.py --write`. Each message goes over UDP, TCP, TLS, HTTPS (POST and GET) and gRPC;",
        "what comes over TCP is what the tables want, and the others have to say the same, record by record: code, flags,",
        "question, records, OPT with its options, signature, length, and how often the upstream is asked.", "",
        f"{len(rows)} messages of {len({row.case.id for row in rows})} cases. What differs, and the specification that has it so:", "",
        "| difference | over | messages | what it is | asked for by |", "|---|---|---:|---|---|"]
    for rule in RULES:
        count = len({id(row) for row, _, found in differences if found is rule})
        over = ", ".join(TITLES[way] for way in rule.ways)
        lines.append(f"| {rule.name} | {over} | {count} | {rule.says} | {rule.specification} |")
    lines += ["", "The messages for which it is so; all others are answered the same.", "",
        "| case | sent | over TCP | differences |", "|---|---|---|---|"]
    said, shown = {}, {}
    for row, way, rule in differences:
        key = row.case.id, row.source
        said.setdefault(key, {}).setdefault(rule, {})[way] = None
        shown[key] = row
    for (case, source), rules in said.items():
        row = shown[case, source]
        parts = "<br>".join(f"{', '.join(TITLES[way] for way in ways)}: {rule.name} ({rule.specification})"
            for rule, ways in rules.items())
        want = row.group.want("tcp") or row.group.want("udp")
        lines.append(f"| **{case}** {cell(row.case.title)} | `{cell(source)}` | {cell(want)} | {parts} |")
    return "\n".join(lines) + "\n"
