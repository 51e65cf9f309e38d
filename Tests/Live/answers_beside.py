#!/usr/bin/env python3
"""Tests/Answers once more, asked of a stock CoreDNS ($COREDNS): whatever it answers otherwise stands in beside-coredns.txt there.

That list is exact: a difference that it does not name is a failure, and so is a line of it that nothing differs by any more. It
holds, for each reason why the two differ:

    PAGE.md: WORDS                      a line below "What differs from CoreDNS" in docs/plugins or docs, by its first words
      because SENTENCES                 until a line that begins with `in`
      in SCRIPT                         below Tests/Answers, without its ending
        ask NAME TYPE … [(N)]           the question as the script has it, the Nth time
        want RCODE …                    what CoreDNS answers, in the words of scripts, names in full; `want anything` where it
                                        answers now so, now so
        corefile N                      the script's Nth configuration, which CoreDNS refuses
          says TEXT                     with these words,
          without WORDS                 but not without the lines that begin so: with what is left the questions are asked; `nothing`
                                        where nothing is left to ask
"""

import concurrent.futures
import os
import re
import sys
import threading
import time
import traceback

from answer_scripts import FOLDER, Script, Wanted, fits, options, paths, run, shown
from live import NOWHERE, ROOT, Server, Suite, dig, eventually

COREDNS = os.environ.get("COREDNS")
LIST = FOLDER / "beside-coredns.txt"
AT_ONCE = 4  # Scripts: most of them wait.


class CoreDNS(Server):
    command = (COREDNS,)


class Difference:
    """A question that CoreDNS answers otherwise, or a configuration that it refuses."""

    def __init__(self, reason, line):
        self.reason, self.line, self.is_used = reason, line, False
        self.want, self.records = None, []
        self.says, self.without = "", []


def read_list():
    """Every difference by script and the words behind it; and the reasons, as (page, words)."""
    differences, reasons, script, found, is_explained = {}, [], None, None, False
    for number, line in enumerate(LIST.read_text().splitlines(), 1):
        depth = len(line) - len(line.lstrip())
        words = line.split()
        def expect(condition, what):
            if not condition:
                raise RuntimeError(f"{LIST.name}:{number}: {what}")
        if not words or line.startswith("#"):
            continue
        if depth == 0:
            reasons.append(tuple(line.split(": ", 1)))
            script, is_explained = None, False
        elif depth == 2 and words[0] == "in" and len(words) == 2:
            expect(is_explained, "no reason stands before it")
            script = words[1]
        elif depth == 2:
            is_explained = is_explained or words[0] == "because"
            expect(is_explained and not script, "neither a reason nor a script")
        elif depth == 4 and words[0] in ("ask", "corefile"):
            expect(script, "no script stands before it")
            expect((script, line.strip()) not in differences, "it stands there twice")
            found = differences[script, line.strip()] = Difference(reasons[-1], number)
        else:
            expect(script and found, "neither a question nor an answer")
            if words[0] == "want":
                found.want = words[1:]
            elif words[0] == "says":
                found.says = line.split(None, 1)[1]
            elif words[0] == "without":
                found.without.append(line.split(None, 1)[1])
            else:
                found.records.append((number, words))
    return differences, reasons


class Counts:
    def __init__(self):
        self.equal, self.by_page, self.not_asked, self.lock = 0, {}, 0, threading.Lock()

    def differs(self, page):
        with self.lock:
            self.by_page[page] = self.by_page.get(page, 0) + 1


class Beside(Script):
    patience = 5
    differences, counts = {}, Counts()

    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.script = self.name.removesuffix(".answers")
        self.times = {}  # How often each question and each configuration stood there.

    def listed(self, text, is_numbered=False):
        """What the list says about the next `text` of the script, and how it is called there."""
        count = self.times[text] = self.times.get(text, 0) + 1
        label = f"{text} {count}" if is_numbered else text if count == 1 else f"{text} ({count})"
        found = self.differences.get((self.script, label))
        if found:
            found.is_used = True
        return label, found

    def start(self, corefile):
        if self.server:
            self.server.kill()
        label, listed = self.listed("corefile", is_numbered=True)
        where = f"{self.script}: {label}"
        self.server = self.started(corefile)
        if listed:
            if self.server:
                self.suite.check(where, False, "CoreDNS takes it: its lines in the list are not needed")
            else:
                self.suite.check(where, listed.says in self.log, f"CoreDNS does not say: {listed.says}\n{self.log}")
                self.counts.differs(listed.reason[0])
            if "nothing" not in listed.without:
                for words in listed.without:
                    corefile = without(words, corefile)
                self.server = self.started(corefile)
                self.suite.check(where, self.server, f"CoreDNS refuses what is left of it\n{corefile}\n{self.log}" if not self.server else "")
        elif not self.server:
            self.suite.check(where, False, f"CoreDNS refuses it\n{self.log}")

    def started(self, corefile):
        """The server; None when it ended."""
        server = CoreDNS(self.filled(corefile), self.kubeconfig)
        def is_ready():
            # What it says when it listens: a question could change what comes.
            return "\nCoreDNS-" in server.log and (
                " kubernetes " not in corefile or dig(server.port, "cluster.local.", "SOA", "+time=1").rcode not in ("NONE", "SERVFAIL"))
        if not eventually(lambda: not server.is_alive or is_ready()):
            raise RuntimeError(f"{self.script}: CoreDNS does not answer\n{server.log_end()}")
        self.log = server.log_end()
        return server if server.is_alive else None

    def finish_question(self):
        if self.wanted is None:
            return
        ours, self.wanted = self.wanted, None
        label, listed = self.listed("ask " + " ".join(ours.question))
        where = f"{self.script}:{ours.line}: {label}"
        if not self.server:
            self.counts.not_asked += 1
            if listed:
                self.suite.check(where, False, "is not asked at all")
            return
        if not listed:
            found = self.difference(ours)
            self.counts.equal += found is None
            self.suite.check(where, found is None, f"{found}; in the list it would be\n{self.entry(label, ours)}" if found else "")
            return
        self.counts.differs(listed.reason[0])
        if listed.want == ["anything"]:
            return
        theirs = Wanted(ours.question, ours.line)
        theirs.rcode, theirs.flags = listed.want[0], set(listed.want[1:])
        self.wanted = theirs
        for number, words in listed.records:
            self.expectation(words[0], words, number)
        self.wanted = None
        found = self.difference(theirs)
        if self.suite.check(where, found is None, f"as it stands in the list: {found}; it would be\n{self.entry(label, ours)}" if found else ""):
            # The same answer: asking once more would change what comes.
            self.suite.check(where, ours.difference(self.last, self.last.text, self.seconds), "no longer differs")

    def answer(self, wanted):
        begun = time.monotonic()
        self.last = super().answer(wanted)
        self.seconds = time.monotonic() - begun
        return self.last

    def entry(self, label, ours):
        """The last answer in the words of the list."""
        answer, lines = self.last, []
        def line(record, section=""):
            record = shown(record)
            # Lifetimes as the script has them, where they are within its limits.
            limits = [wanted for wanted in ours.answer + ours.additional + ours.authority if len(wanted) == 4 and fits(wanted, record)]
            owner, ttl, kind, data = (limits or [record])[0]
            return f"      {section}{owner} {ttl} IN {kind.upper()} {data}"
        def soa(owner, ttl):
            limits = [wanted for wanted in ours.authority if len(wanted) == 3 and fits(wanted, (owner, ttl, "soa"))]
            return f"      soa {owner} {limits[0][1] if limits else ttl}"
        if answer.rcode == "NONE":
            return f"    {label}\n    want silence"
        if ours.answers:
            lines.append(f"      answers {len(answer.answer)}..{len(answer.answer)}")
        elif ours.size:
            lines.append("      size " + re.search(r"MSG SIZE\s+rcvd: (\d+)", answer.text)[1])
        else:
            lines += [line(record) for record in answer.answer]
            lines += [line(record, "and ") for record in answer.additional]
        for record in answer.authority:
            lines.append(soa(record[0], record[1]) if record[2] == "soa" else line(record, "authority "))
        if ours.first is not None and answer.first:
            lines.append(line(answer.first, "first "))
        lines += [f"      spelled {text}" for text in ours.spelled if text in answer.text]
        if ours.extended_errors is not None:
            lines.append("      ede " + " ".join(map(str, answer.extended_errors)))
        if ours.options is not None:
            lines += [f"      option {code} {data}" for code, data in options(answer.text)] or ["      option"]
        if ours.other_flags is not None:
            lines.append("      flags " + " ".join(sorted(answer.flags - {"qr", "aa", "tc"})))
        head = " ".join([answer.rcode, *sorted(answer.flags & {"aa", "tc"} if ours.question[1] != "AXFR" else [])])
        return "\n".join([f"    {label}", f"    want {head}", *lines]).replace(" \n", "\n").rstrip()


def without(words, corefile):
    """A configuration without the lines, and their blocks, that begin with `words`."""
    kept, depth = [], None
    for line in corefile.splitlines():
        indent = len(line) - len(line.lstrip())
        if depth is not None and (indent > depth or line.strip() == "}"):
            depth = depth if indent > depth else None
            continue
        depth = None
        if f"{line.strip()} ".startswith(f"{words} "):
            depth = indent if line.rstrip().endswith("{") else None
            continue
        kept.append(line)
    return "\n".join(kept)


def check_reasons(suite, reasons):
    """Every reason stands in the manual."""
    for page, words in dict.fromkeys(reasons):
        file = next((path for path in (ROOT / "docs/plugins" / page, ROOT / "docs" / page) if path.exists()), None)
        section = file and re.search(r"^##? What differs from CoreDNS\n(.*?)(?=^## |\Z)", file.read_text(), re.MULTILINE | re.DOTALL)
        lines = re.split(r"^(?:[*-] |$)", section[1], flags=re.MULTILINE) if section else []
        suite.check(f"{page}: {words}", any(" ".join(line.split()).startswith(words) for line in lines), "the page does not say so")


def body(suite):
    if not COREDNS:
        print("answers-beside: not run: $COREDNS names no CoreDNS")
        return
    Beside.differences, reasons = read_list()
    check_reasons(suite, reasons)
    def guarded(path):
        try:
            run(path, suite, Beside)
        except Exception:
            suite.check(path.name, False, f"broke off\n{traceback.format_exc()}")
    asked = paths()
    # Those that wait longest begin.
    asked.sort(key=lambda path: -sum(map(int, re.findall(r"^wait (\d+)", path.read_text(), re.MULTILINE))))
    with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
        list(pool.map(guarded, asked))
    names = {str(path.relative_to(FOLDER)).removesuffix(".answers") for path in asked}
    for (script, label), difference in Beside.differences.items():
        if len(sys.argv) < 2 or script in names:
            suite.check(f"{LIST.name}:{difference.line}: {script}: {label}", difference.is_used, "no script has it")
    counts = Beside.counts
    print(f"  answers-beside: {len(asked)} scripts, {counts.equal} questions answered alike, {sum(counts.by_page.values())} differences: "
          + ", ".join(f"{page.removesuffix('.md')} {count}" for page, count in sorted(counts.by_page.items()))
          + (f"; {counts.not_asked} not asked" if counts.not_asked else ""))


if __name__ == "__main__":
    os.environ["NO_COLOR"] = "1"
    Suite("answers-beside").run(body)
