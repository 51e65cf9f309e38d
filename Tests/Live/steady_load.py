"""A steady load of queries, asked by dnsperf, and what became of them; and an upstream that keeps up with it."""

import re
import signal
from live import Program, ScriptedUpstream, eventually, numbers, work


class SteadyLoad(Program):
    """`rate` queries a second for names given as `name. TYPE`, until `end`; running when this returns."""

    def __init__(self, port, names, rate, clients=8, patience=5, length=600):
        questions = work / f"questions.{next(numbers)}"
        questions.write_text("".join(f"{name}\n" for name in names))
        super().__init__("dnsperf", [
            "dnsperf", "-s", "127.0.0.1", "-p", port, "-d", questions, "-Q", rate, "-q", 20_000, "-c", clients,
            "-t", patience, "-S", 1, "-l", length])
        if not eventually(lambda: re.search(r"^\d+\.\d+: [1-9]", self.log, re.MULTILINE)):
            raise RuntimeError(f"no load\n{self.log_end()}")

    def end(self):
        self.signal(signal.SIGINT)
        self.exit_code()
        return self

    def figure(self, label):
        found = re.search(rf"{label}: +([\d.]+)", self.log)
        return float(found.group(1)) if found else None

    @property
    def sent(self):
        return int(self.figure("Queries sent"))

    @property
    def lost(self):
        return int(self.figure("Queries lost"))

    @property
    def slowest(self):
        """The longest that an answer took, in seconds."""
        return float(re.search(r"Average Latency.*max ([\d.]+)", self.log).group(1))

    @property
    def codes(self):
        """How many answers had which code."""
        line = re.search(r"Response codes: +(.*)", self.log)
        return {code: int(count) for code, count in re.findall(r"(\w+) (\d+) \(", line.group(1))} if line else {}


class PromptUpstream(ScriptedUpstream):
    """One that replies within the turn in which it is asked."""

    def __init__(self):
        super().__init__(delay=0)

    def reply_later(self, query, send):
        self.asked += 1
        send(self.reply(query))
