#!/usr/bin/env python3
"""The log under load: a line for each answer in a file; with a reader that stops, no answer waits and every line is counted."""

import contextlib
import os
import re
import signal
import subprocess
from live import Server, Suite, dig, eventually, work

ASKED = 100_000
COREFILE = """
.:@PORT@ {
    bind 127.0.0.1
    prometheus 127.0.0.1:@METRICS@
    log
    hosts {
        192.0.2.7 printer.example
    }
}
"""


def ask_many(suite, label, server):
    """Asks as fast as answers come; gives how many came."""
    questions = work / "questions"
    questions.write_text("printer.example. A\n")
    run = subprocess.run(
        ["dnsperf", "-s", "127.0.0.1", "-p", str(server.port), "-d", questions, "-n", str(ASKED), "-c", "4", "-q", "100"],
        capture_output=True, text=True, timeout=300)
    sent = int(re.search(r"Queries sent: *(\d+)", run.stdout)[1])
    completed = int(re.search(r"Queries completed: *(\d+)", run.stdout)[1])
    suite.equal(f"{label}: every query is answered", (sent, completed), (ASKED, ASKED))
    return completed


def body(suite):
    server = Server(COREFILE).wait_for("printer.example.")
    before = server.log.count("[INFO] 127.0.0.1:")
    answered = ask_many(suite, "a file", server)
    eventually(lambda: server.log.count("[INFO] 127.0.0.1:") - before >= answered)
    lines = [line for line in server.log.splitlines() if line.startswith("[INFO] 127.0.0.1:")][before:]
    suite.equal("a file: a line for each answer", len(lines), answered)
    form = re.compile(
        r'\[INFO\] 127\.0\.0\.1:\d+ - \d+ "A IN printer\.example\. udp \d+ (true|false) \d+" NOERROR qr,aa,rd \d+ 0\.\d{9}s')
    suite.equal("a file: every line is whole", [line for line in lines if not form.fullmatch(line)][:3], [])
    suite.equal("a file: nothing is dropped", server.metric("coredns_log_dropped_lines_total"), 0)
    server.stop()

    reading, writing = os.pipe()
    server = Server(COREFILE, output=writing).wait_for("printer.example.")
    os.close(writing)
    ask_many(suite, "a pipe that nobody reads", server)
    suite.equal("a pipe that nobody reads: still answers", dig(server.port, "printer.example.").rcode, "NOERROR")
    dropped = server.metric("coredns_log_dropped_lines_total")
    answers = server.metric("coredns_dns_responses_total")
    suite.check("a pipe that nobody reads: lines are dropped and counted", dropped and dropped > 0, dropped)
    text = bytearray()

    def is_all_read():
        with contextlib.suppress(BlockingIOError):
            while part := os.read(reading, 1 << 20):
                text.extend(part)
        return b"were dropped" in text

    os.set_blocking(reading, False)
    eventually(is_all_read)
    suite.equal("once it is read: lines written and lines dropped are the answers",
                text.count(b"[INFO] 127.0.0.1:") + dropped, answers)
    suite.check("once it is read: it is said how many are missing",
                b"[WARNING] %d log lines were dropped: standard output is too slow or full\n" % dropped in text, bytes(text[-300:]))
    ask_many(suite, "nobody reads again", server)
    server.signal(signal.SIGTERM)
    suite.equal("a process whose log nobody reads ends", server.exit_code(), 0)


if __name__ == "__main__":
    Suite("log-lines").run(body)
