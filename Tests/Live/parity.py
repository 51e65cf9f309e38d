#!/usr/bin/env python3
"""One table of messages over every transport: what comes back is the same, but for what an RFC asks to be different.

    parity.py             everything
    parity.py PAR-04 …    only these cases
    parity.py --write     also writes docs/parity.md anew

The messages are those of Tests/ProtocolCases. What comes over TCP is what the table wants, and every other transport is
held against that, record by record (parity_rules.py).
"""

import re
import socket
import sys
import time
import parity_page as page
import protocol_messages as messages
import protocol_tables as tables
import signatures
from live import Suite, framed, query, receive_framed
from packages import run_with
from parity_rules import RULES, Cell, Row
from protocol_messages import message_octets, said
from protocol_servers import SERVICE, Servers, over_stream, over_udp
from secure_clients import CALL, CALL_HEADERS, HTTP2, connect, encoded, is_closed, message_of, packet

WAYS = ["udp", "tcp", "dot", "post", "get", "grpc"]
# Octets of a message: the most of a datagram of IPv4; more in a path takes the client's HPACK seconds.
LARGEST = {"udp": 65507, "get": 20_000}
IDLE = 5.0  # Seconds: the server closes connections that idle for ten.
MESSAGE = (("content-type", "application/dns-message"),)


class Clients:
    """Asks one server over each transport; what is spoken over HTTP/2 shares a connection of each client."""

    def __init__(self, ours, upstream):
        self.ours, self.upstream, self.open = ours, upstream, {}

    def ask(self, way, row, want):
        before = self.upstream.asked
        heard = self.heard(way, row.group.client, row.sent, want)
        asked = self.upstream.asked - before
        text, signature = said(heard, row.sent) if isinstance(heard, bytes) else heard, ""
        if isinstance(heard, bytes) and "TSIG" in text and signatures.code_of(heard):
            signature = "right" if signatures.is_right(heard, row.sent, "known", messages.SECRET) else "wrong"
            text = re.sub(r"TSIG \w+", rf"\g<0>, signature {signature}", text)
        return Cell(heard, asked, text + (f", upstream asked {asked}" if asked else ""), signature)

    def heard(self, way, source, sent, want):
        ours = self.ours
        if way == "udp":
            return over_udp(ours.port, sent, want, good=ours.good, source=source)
        if way == "tcp":
            return over_stream(connect(ours.port, source=source), sent, want)
        if way == "dot":
            return over_stream(connect(ours.tls, ours.trust, source=source), sent, want)
        return self.over_http2(way, source, sent)

    def queries(self, way, count):
        """How many of so many queries over one connection are answered, and whether it ends with the last of them."""
        ours = self.ours
        if way not in ("tcp", "dot"):
            heard = [self.heard(way, "127.0.0.1", query(SERVICE, id=index), "") for index in range(count)]
            return f"{sum(isinstance(each, bytes) for each in heard)} answered"
        with connect(ours.port) if way == "tcp" else connect(ours.tls, ours.trust) as stream:
            stream.sendall(b"".join(framed(query(SERVICE, id=index)) for index in range(count)))
            answered = 0
            while answered < count and receive_framed(stream):
                answered += 1
            return f"{answered} answered" + (", closed" if is_closed(stream, 5 if answered < count else 0.1) else "")

    def over_http2(self, way, source, sent):
        """The message, or the status where there is none."""
        port = self.ours.grpc if way == "grpc" else self.ours.https
        client, used = self.open.get((port, source), (None, 0))
        if time.monotonic() - used > IDLE:
            client = HTTP2(port, self.ours.trust_http2, source)
        self.open[port, source] = client, time.monotonic()
        try:
            if way == "get":
                response = client.request("GET", f"/dns-query?dns={encoded(sent)}")
            elif way == "post":
                response = client.request("POST", "/dns-query", sent, MESSAGE)
            else:
                response = client.request("POST", CALL, packet(sent), CALL_HEADERS)
        except OSError:
            response = None
        if response is None or not response.status:
            del self.open[port, source]
            return "closed"
        if way != "grpc":
            return response.body if response.status == 200 else f"HTTP {response.status}"
        status = (response.trailers or response.headers).get("grpc-status")
        return message_of(response.body) if status == "0" else f"gRPC {status}"


class Parity:
    def __init__(self, suite):
        self.suite, self.servers, self.clients = suite, Servers(suite, peers=False), {}
        self.rows, self.cells, self.unexplained = [], 0, 0
        self.differences = []  # (row, way, rule)
        self.holder, self.held_until = socket.socket(type=socket.SOCK_DGRAM), 0.0

    def clients_of(self, name):
        if name not in self.clients:
            self.clients[name] = Clients(self.servers.ours(name), self.servers.upstream)
        return self.clients[name]

    def case(self, case):
        for group in case.groups:
            for verb, source in group.lines:
                lines = messages.expanded(source) if verb == "send" else [source] if source.startswith("queries") else []
                for line in lines:
                    self.compare(Row(case, group, source, line, message_octets(line) if verb == "send" else b""))

    def compare(self, row):
        """Asks over TCP first; each other transport has to say the same, or what a rule allows there."""
        over, want = row.group.over, row.group.want("tcp") or row.group.want("udp")
        if row.group.on == "cache":
            self.ask("tcp", row, want)  # So that each finds what a cache has.
            want = want.split(", upstream")[0]
        reference = self.ask("tcp", row, want)
        label = f"{row.group.place} {row.case.id}"
        self.suite.check(f"{label} over tcp: {row.line}", "tcp" not in over or reference.text == want,
            f"\n    got    {reference.text}\n    wanted {want}")
        self.rows.append(row)
        self.cells += 1
        for way in WAYS:
            if way == "tcp" or len(row.sent) > LARGEST.get(way, 65535):
                continue
            self.cells += 1
            cell = self.ask(way, row, "nothing" if reference.words else "")
            if cell.equals(reference):
                continue
            rule = next((rule for rule in RULES if rule.explains(row, way, reference, cell)), None)
            if rule:
                self.differences.append((row, way, rule))
            else:
                self.unexplained += 1
                self.suite.check(f"{label} over {way}: {row.line}", False,
                    f"\n    got    {cell.text}\n    over tcp {reference.text}")

    def ask(self, way, row, want):
        clients = self.clients_of(row.group.on)
        if row.group.on == "narrow":
            self.hold(clients.ours.port)
        if row.sent or row.source.startswith("raw"):
            return clients.ask(way, row, want)
        heard = clients.queries(way, int(row.line.split()[1]))
        return Cell(heard, 0, heard, "")

    def hold(self, port):
        """Has a question under way for a while: all of those that may be."""
        if time.monotonic() < self.held_until:
            return
        if self.held_until:
            self.holder.recv(65535)
        self.holder.sendto(query("held.narrow.test"), ("127.0.0.1", port))
        self.servers.silent.recv(65535)
        self.held_until = time.monotonic() + 2


def body(suite):
    wanted = [argument for argument in sys.argv[1:] if not argument.startswith("--")]
    parity = Parity(suite)
    sections = [*tables.sections(), tables.Section(tables.FOLDER / "parity.txt")]
    for case in [case for section in sections for case in section.cases]:
        if not wanted or case.id in wanted:
            parity.case(case)
    for name, clients in parity.clients.items():
        suite.check(f"the server `{name}` lives", clients.ours.is_alive)
    for rule in RULES if not wanted else []:
        suite.check(f"there is a case for `{rule.name}`", any(rule is found for _, _, found in parity.differences))
    suite.gate("G12", "answers that differ by transport without an RFC that asks for it", parity.unexplained, 0,
        parity.unexplained == 0, f"{len(parity.rows)} messages, {len(WAYS)} ways, {parity.cells} answers")
    if not wanted:
        text = page.text(parity.rows, parity.differences)
        if "--write" in sys.argv:
            page.PAGE.write_text(text)
        suite.check("docs/parity.md is as the tables make it: write it anew with --write",
            page.PAGE.exists() and page.PAGE.read_text() == text)


if __name__ == "__main__":
    run_with("parity", "h2")
    Suite("parity").run(body)
