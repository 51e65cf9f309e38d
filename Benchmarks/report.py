"""What was measured as a table and as a figure, and both as a page."""

import json
import platform
import re
import time
from pathlib import Path
from xml.sax.saxutils import escape

SERVERS = ["cluster-dns", "NSD", "Knot DNS", "Unbound", "dnsmasq", "CoreDNS"]
COLOURS = ["#0b6bcb", "#7a8a99", "#a3856b", "#6b8f71", "#b08bb5", "#d08a3a"]


def table(results):
    """Markdown: a line for each row, µs of CPU for an answer; what the lowest of the others costs in the last column."""
    lines = ["| | " + " | ".join(SERVERS) + " | beside the best of the others |", "|---|" + "---:|" * (len(SERVERS) + 1)]
    for row, medians in results:
        cells = [f"{medians[server]:.1f}" if server in medians else "" for server in SERVERS]
        others = {label: value for label, value in medians.items() if label in SERVERS[1:]}
        best = min(others, key=others.get, default=None)
        cells.append(f"{medians[SERVERS[0]] / others[best]:.2f} × {best}" if best else "")
        lines.append(f"| {row.title} | " + " | ".join(cells) + " |")
    return lines


def machine(versions, pairs, seconds):
    model = re.search(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text())
    return (f"µs of CPU for one, median of {pairs} rounds of {seconds} s, {time.strftime('%Y-%m-%d')}; "
            f"{model.group(1) if model else platform.machine()}, Linux {platform.release()}; {', '.join(versions)}.")


def figure(results):
    """SVG: for each row a bar for each server, in parts of the dearest of that row."""
    width, bar, gap, left, room = 860, 13, 16, 290, 420
    parts, y = [], 34
    for index, (server, colour) in enumerate(zip(SERVERS, COLOURS)):
        x = left + index * 92
        parts.append(f'<rect x="{x}" y="8" width="10" height="10" fill="{colour}"/><text x="{x + 14}" y="17">{server}</text>')
    for row, medians in results:
        present = [(server, colour) for server, colour in zip(SERVERS, COLOURS) if server in medians]
        most = max(medians[server] for server, _ in present)
        middle = y + len(present) * bar / 2 + 4
        parts.append(f'<text x="{left - 8}" y="{middle:.0f}" text-anchor="end">{escape(row.title.replace("`", ""))}</text>')
        for server, colour in present:
            length = max(1, medians[server] / most * room)
            parts.append(f'<rect x="{left}" y="{y}" width="{length:.1f}" height="{bar - 2}" fill="{colour}"/>'
                         f'<text x="{left + length + 5:.1f}" y="{y + bar - 4}" class="value">{medians[server]:.1f} µs</text>')
            y += bar
        y += gap
    style = ("text{font:12px system-ui,sans-serif;fill:#1c2733}.value{font-size:10px}rect.page{fill:#fff}"
             "@media(prefers-color-scheme:dark){text{fill:#dde5ec}rect.page{fill:#14191f}}")
    return (f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {y}" role="img" '
            f'aria-label="CPU for an answer, by server"><style>{style}</style>'
            f'<rect class="page" width="{width}" height="{y}"/>' + "\n".join(parts) + "</svg>\n")


def document(folder, results, sizes, lines):
    """Writes the figure, the figures for bill.py, and the table in its place on the page."""
    found = {row.key: {label: round(value, 2) for label, value in medians.items()} for row, medians in results}
    found["memory"] = {key: [round(value, 1) for value in values] for key, values in sizes.items()}
    (folder / "benchmarks.json").write_text(json.dumps(found, indent=1) + "\n")
    (folder / "benchmarks.svg").write_text(figure(results))
    page = folder / "benchmarks.md"
    head, _, rest = page.read_text().partition("<!-- measured -->\n")
    _, end, tail = rest.partition("<!-- end -->")
    page.write_text(head + "<!-- measured -->\n" + "\n".join(lines) + "\n" + end + tail)
    print(f"{page} and benchmarks.svg beside it are written")
