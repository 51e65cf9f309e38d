#!/usr/bin/env python3
"""Every case of Tests/ProtocolCases: sent from raw sockets, with its one right reaction, here and by servers of others.

    protocol_cases.py             everything
    protocol_cases.py H-04 …      only these cases
    protocol_cases.py --write     also writes docs/protocol-cases.md anew
"""

import sys
import protocol_messages as messages
import protocol_scripts as scripts
import protocol_streams as streams
import protocol_tables as tables
import protocol_upstream as upstream
import protocol_web as web
# What these say is found by its name in protocol_scripts.
import protocol_stream_scripts
import protocol_upstream_scripts
import protocol_web_scripts
from live import Suite
from packages import run_with
from protocol_servers import Servers


class Run:
    def __init__(self, suite, wanted):
        self.suite, self.servers, self.wanted, self.upstreams = suite, Servers(suite), wanted, upstream.Upstreams()

    def case(self, case):
        for group in case.groups:
            verb = group.lines[0][0]
            if verb == "send":
                self.messages(case, group)
            elif verb == "stream":
                self.stream(case, group)
            elif verb == "http":
                self.requests(case, group)
            elif verb == "reply":
                self.replies(case, group)
                continue
            elif verb == "script":
                self.script(case, group)
            self.suite.check(f"{group.place} {case.id}: the server lives", self.servers.ours(group.on).is_alive)

    def messages(self, case, group):
        """Each message by itself over each transport, and a good query behind it."""
        lines = [line for _, text in group.lines for line in messages.expanded(text)]
        for transport in group.over:
            want, got = group.want(transport), {}
            for line in lines:
                got.setdefault(self.servers.ask(group.on, transport, line, want), line)
            for said, line in got.items():
                self.suite.check(f"{group.place} {case.id} over {transport}: {line}", said == want, f"\n    got    {said}\n    wanted {want}")
        transport = next((way for way in group.over if way in ("udp", "tcp")), None)
        for peer in self.servers.peers:
            if transport and peer not in group.skips:
                want, got = group.code(peer, transport), {}
                for line in lines:
                    got.setdefault(self.servers.ask_peer(peer, group.on, transport, line, want), line)
                for said, line in got.items():
                    self.suite.check(f"{group.place} {case.id} asked of {peer}: {line}", said == want, f"\n    got    {said}\n    wanted {want}")

    def stream(self, case, group):
        """The steps of one connection, and what comes of them."""
        steps = [text for _, text in group.lines]
        for transport in group.over:
            want = group.want(transport)
            with streams.opened(self.servers.ours(group.on), transport) as stream:
                said = streams.outcome(stream, steps, want)
            self.suite.check(f"{group.place} {case.id} over {transport}", said == want, f"\n    got    {said}\n    wanted {want}")
        for peer, port in self.servers.peers.items():
            if "tcp" in group.over and peer not in group.skips:
                want = group.differs[peer][0] if peer in group.differs else streams.codes_and_end(group.want("tcp"))
                said = streams.peer_outcome(port, steps, want)
                self.suite.check(f"{group.place} {case.id} asked of {peer}", said == want, f"\n    got    {said}\n    wanted {want}")

    def requests(self, case, group):
        """Requests, or the octets of a connection to the port of HTTPS."""
        for line in [line for _, text in group.lines for line in messages.expanded(text)]:
            for version in group.over:
                want = group.want(version)
                said = self.servers.request(group.on, version, line)
                self.suite.check(f"{group.place} {case.id} over {version}: {line[:80]}", said == want, f"\n    got    {said}\n    wanted {want}")
                if "coredns" in self.servers.peers and "coredns" not in group.skips:
                    said = web.short(self.servers.request(group.on, version, line, is_peer=True))
                    want = group.differs["coredns"][0] if "coredns" in group.differs else web.short(want)
                    self.suite.check(f"{group.place} {case.id} over {version} asked of coredns: {line[:80]}", said == want, f"\n    got    {said}\n    wanted {want}")

    def replies(self, case, group):
        """What an upstream says, and what comes of it: each time with a new server."""
        for text in messages.expanded("\n".join(text for _, text in group.lines)):
            results, is_alive = self.upstreams.ours(case, group, text.split("\n"))
            for label, said in results.items():
                want = group.want(label)
                self.suite.check(f"{group.place} {case.id} {label}", said == want, f"\n    got    {said}\n    wanted {want}")
            self.suite.check(f"{group.place} {case.id}: the server lives and answers", is_alive)
            for peer in ("unbound", "coredns"):
                if peer in self.servers.peers and peer not in group.skips:
                    said = self.upstreams.peer(peer, case, group, text.split("\n"))
                    want = group.differs[peer][0] if peer in group.differs else messages.code_and_answer(group.want("all"))
                    self.suite.check(f"{group.place} {case.id} {peer}", said == want, f"\n    got    {said}\n    wanted {want}")

    def script(self, case, group):
        """What cannot be said in a line: a function of that name acts, and says what came of it."""
        name, *arguments = group.lines[0][1].split()
        got = scripts.ALL[name](self.servers, *arguments)
        want = group.want("all")
        if got.startswith("not run: "):
            print(f"  {self.suite.name}: {case.id}: {got}", flush=True)
        else:
            self.suite.check(f"{group.place} {case.id}: {name}", got == want, f"\n    got    {got}\n    wanted {want}")


def body(suite):
    wanted = [argument for argument in sys.argv[1:] if not argument.startswith("--")]
    run = Run(suite, wanted)
    for section in tables.sections():
        for case in section.cases:
            if not wanted or case.id in wanted:
                run.case(case)
    if "--write" in sys.argv:
        tables.PAGE.write_text(tables.page())
    suite.check("docs/protocol-cases.md is as the tables make it: write it anew with --write",
        tables.PAGE.exists() and tables.PAGE.read_text() == tables.page())


if __name__ == "__main__":
    run_with("protocol-cases", "h2")
    Suite("protocol-cases").run(body)
