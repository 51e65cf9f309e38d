#!/usr/bin/env python3
"""Every case of Tests/ProtocolCases: sent from raw sockets, with its one right reaction, here and by servers of others.

    protocol_cases.py             everything
    protocol_cases.py H-04 …      only these cases
    protocol_cases.py --write     also writes docs/protocol-cases.md anew
"""

import sys
import protocol_messages as messages
import protocol_scripts as scripts
import protocol_tables as tables
from live import Suite
from protocol_servers import Servers


class Run:
    def __init__(self, suite, wanted):
        self.suite, self.servers, self.wanted = suite, Servers(suite), wanted

    def case(self, case):
        for group in case.groups:
            verb = group.lines[0][0]
            if verb == "send":
                self.messages(case, group)
            elif verb == "script":
                self.script(case, group)
        self.suite.check(f"{case.id}: the server lives", self.servers.ours(case.on).is_alive)

    def messages(self, case, group):
        """Each message by itself over each transport, and a good query behind it."""
        lines = [line for _, text in group.lines for line in messages.expanded(text)]
        for transport in case.over:
            want, got = group.want(transport), {}
            for line in lines:
                got.setdefault(self.servers.ask(case.on, transport, line, want), line)
            for said, line in got.items():
                self.suite.check(f"{group.place} {case.id} over {transport}: {line}", said == want, f"\n    got    {said}\n    wanted {want}")
        transport = next((way for way in case.over if way in ("udp", "tcp")), None)
        for peer in self.servers.peers:
            if transport and peer not in group.skips:
                want, got = group.code(peer, transport), {}
                for line in lines:
                    got.setdefault(self.servers.ask_peer(peer, transport, line, want), line)
                for said, line in got.items():
                    self.suite.check(f"{group.place} {case.id} asked of {peer}: {line}", said == want, f"\n    got    {said}\n    wanted {want}")

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
    Suite("protocol-cases").run(body)
