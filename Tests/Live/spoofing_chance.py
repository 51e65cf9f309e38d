"""Ports and ids of questions to upstreams, as an upstream sees them: those of chance."""

import array
import math
import pathlib
import shutil
import socket
import time
from live import PATIENCE, Program, Server, extent, free_port, work
from spoofing_kinds import TRUE, answer

RANGE = pathlib.Path("/proc/sys/net/ipv4/ip_local_port_range")
WIDE = 1024, 65535
LONGEST_LIFE = 4.0  # Seconds: a port that is seen again later was opened anew.
COREFILE = """
.:@PORT@ {
    bind 127.0.0.1
    forward . 127.0.0.1:UPSTREAM {
        max_fails 0
    }
}
"""


def chi_square(cells):
    """How far the counts are from chance: deviations of chi-square from its mean."""
    expected, freedom = sum(cells) / len(cells), len(cells) - 1
    return (sum((count - expected) ** 2 for count in cells) / expected - freedom) / math.sqrt(2 * freedom)


def correlation(numbers):
    """Of each number with the next."""
    mean = sum(numbers) / len(numbers)
    variance = sum((number - mean) ** 2 for number in numbers)
    return sum((one - mean) * (two - mean) for one, two in zip(numbers, numbers[1:])) / variance


def observed(count):
    """Ids of so many questions, and the ports that were opened for them."""
    upstream = socket.socket(type=socket.SOCK_DGRAM)
    upstream.settimeout(PATIENCE)
    upstream.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
    upstream.bind(("127.0.0.1", free_port()))
    server = Server(COREFILE.replace("UPSTREAM", str(upstream.getsockname()[1])))
    names = work / "names"
    names.write_text("".join(f"n{number}.chance.test A\n" for number in range(20_000)))
    load = Program("dnsperf", ["dnsperf", "-s", "127.0.0.1", "-p", server.port, "-d", names, "-c", 8, "-q", 400, "-l", 3600])
    ids, ports, seen = array.array("H"), array.array("H"), {}
    while len(ids) < count:
        message, (_, port) = upstream.recvfrom(4096)
        upstream.sendto(answer(message, TRUE), ("127.0.0.1", port))
        ids.append(message[0] << 8 | message[1])
        now = time.monotonic()
        if now - seen.get(port, 0) > LONGEST_LIFE:
            ports.append(port)
        seen[port] = now
    load.kill()
    server.kill()
    upstream.close()
    return ids, ports


def ports_and_ids(suite, is_alone):
    """`is_alone`: nobody else is on this network, so that the range of ports may be widened."""
    if not shutil.which("dnsperf"):
        print(f"  {suite.name}: ports and ids: not run: there is no dnsperf on this machine", flush=True)
        return
    low, high = map(int, RANGE.read_text().split())
    if is_alone:
        low, high = WIDE
        RANGE.write_text(f"{low} {high}")
    ids, ports = observed(extent(50_000, 1_000_000))
    over = f"{len(ids):,} questions from {len(ports):,} ports, net.ipv4.ip_local_port_range {low} {high}"
    span, values = max(ports) - min(ports) + 1, high - low + 1
    wanted = 60_000 if is_alone else int(values * 0.9)
    suite.gate("G7", "source ports, from the lowest to the highest", f"{span:,}", f"at least {wanted:,}", span >= wanted, over)
    suite.check("no port is outside of the kernel's range", low <= min(ports) and max(ports) <= high, (min(ports), max(ports)))
    for what, numbers, cell, cells in (
        ("source ports", ports, lambda port: (port - low) * 128 // values, 128), ("ids", ids, lambda id: id >> 6, 1024)):
        counts = [0] * cells
        for number in numbers:
            counts[cell(number)] += 1
        # Chance goes beyond six deviations less than once in a million runs.
        far = chi_square(counts)
        suite.gate("G7", f"{what}: chi-square over {cells} cells, in deviations from its mean", f"{far:.2f}", "at most 6",
            abs(far) < 6, over)
        near = correlation(numbers) * math.sqrt(len(numbers))
        suite.gate("G7", f"{what}: correlation of each with the next, in deviations", f"{near:.2f}", "at most 6",
            abs(near) < 6, over)
