"""What suites share that ask CoreDNS the same as this server and compare the answers.

`COREDNS` names its program. Where that is not there, its answers as they were recorded are taken instead; a suite that
runs with `RECORD=1` and CoreDNS writes them anew.
"""

import json
import os
import re
from live import ROOT, Program, Server, dig, eventually, free_port, work

COREDNS = os.environ.get("COREDNS")
RECORDS = ROOT / "Tests/Fixtures/differential"


class CoreDNS(Program):
    """CoreDNS with a Corefile in which @PORT@ is filled in; it answers when this returns."""

    def __init__(self, corefile):
        self.port = free_port()
        path = work / f"CoreDNS.{self.port}.Corefile"
        path.write_text(corefile.replace("@PORT@", str(self.port)))
        super().__init__("coredns", [COREDNS, "-conf", path])
        if not eventually(lambda: not self.is_alive or answers(self.port)) or not self.is_alive:
            raise RuntimeError(f"CoreDNS does not answer\n{self.log_end()}")


def answers(port):
    return dig(port, "up.", "TXT", "+time=1", "+opcode=status").rcode != "NONE"


def seen(answer):
    """What a client sees of an answer, in a form that can be compared and recorded: records as sets, with their TTLs."""
    edns = re.search(r"^; EDNS: version: (\d+), flags:([^;]*); udp: (\d+)", answer.text, re.MULTILINE)
    options = re.findall(r"^; (NSID|EDE|COOKIE|CLIENT-SUBNET|PADDING|EXPIRE|OPT=\d+): *(.*)$", answer.text, re.MULTILINE)
    return {
        "rcode": answer.rcode, "flags": sorted(answer.flags),
        **{name: sorted({" ".join(map(str, record)) for record in getattr(answer, name)})
           for name in ("answer", "authority", "additional")},
        "edns": [edns.group(1), edns.group(2).strip(), edns.group(3)] if edns else None,
        "options": sorted(" ".join(option).strip() for option in options),
    }


class Comparison:
    """Asks both programs with the same Corefiles; counts in `suite`."""

    def __init__(self, suite):
        self.suite = suite
        self.path = RECORDS / f"{suite.name}.json"
        self.recorded = json.loads(self.path.read_text()) if self.path.exists() else {}
        self.found = {}
        if not COREDNS:
            print(f"  {suite.name}: CoreDNS: not run: COREDNS names no program; its recorded answers are compared", flush=True)

    def ask(self, label, corefile, questions, masks={}):
        """Compares what both say to `questions`, which are words for dig.

        `masks` says for a question (or None for all) what is not compared, each with a function that takes it out of what
        is seen; the manual says why. Masks that no question of these needs any more are a failure.
        """
        ours = Server(corefile)
        if not eventually(lambda: not ours.is_alive or answers(ours.port)) or not ours.is_alive:
            raise RuntimeError(f"{label}: the server does not answer\n{ours.log_end()}")
        theirs = CoreDNS(corefile) if COREDNS else None
        needs_masks = False
        for question in questions:
            key = f"{label}: {question}"
            if theirs:
                self.found[key] = seen(dig(theirs.port, *question.split()))
            there = self.found.get(key) or self.recorded.get(key)
            if not self.suite.check(f"{key}: has an answer of CoreDNS", there is not None):
                continue
            here = seen(dig(ours.port, *question.split()))
            mask = masks.get(question) or masks.get(None)
            needs_masks |= here != there
            if mask:
                here, there = mask(dict(here)), mask(dict(there))
            self.suite.check(key, here == there, "".join(
                f"\n    {name}: got {here.get(name)}, CoreDNS has {there.get(name)}"
                for name in here if here.get(name) != there.get(name)))
        self.suite.equal(f"{label}: what is masked differs", needs_masks, bool(masks))
        ours.kill()
        if theirs:
            theirs.kill()

    def finish(self):
        """Writes what CoreDNS said when that is wished."""
        if COREDNS and os.environ.get("RECORD"):
            RECORDS.mkdir(exist_ok=True)
            self.path.write_text(json.dumps(self.found, indent=1, sort_keys=True) + "\n")


# Masks


def without_flags(*flags):
    """Takes flags out of what is compared."""
    return lambda seen: {**seen, "flags": [flag for flag in seen["flags"] if flag not in flags]}


def both(*masks):
    def mask(seen):
        for one in masks:
            seen = one(seen)
        return seen
    return mask
