#!/usr/bin/env python3
"""Asks a name server many questions and compares its answers with recorded ones.

    ask.py --server 127.0.0.1:1053 [--tcp] [--edns 1232] --against expected/default.udp.jsonl.gz < questions.txt
    ask.py --server 127.0.0.1:1053 [--tcp] [--edns 1232] --save answers.jsonl < questions.txt

A question is `NAME TYPE`, one a line. A recorded answer is one JSON object a line: `q`, `rcode`, `flags`, and the records
of `answer`, `authority` and `additional` as sorted text. "any" is not compared, "has X" wants the record X among others,
"truncated" stands for the records of an answer with TC. Not compared: the order in a section, SOA serials, letter case, RA
and AD. The last line counts; the exit code is 1 when an answer differs. Needs dnspython.
"""

import argparse
import asyncio
import gzip
import json
import sys

import dns.asyncquery
import dns.exception
import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype

SECTIONS = ("answer", "authority", "additional")
FLAGS = ("AA", "TC", "RA", "AD")
COMPARED_FLAGS = {"AA", "TC"}
AT_ONCE = 20
ATTEMPTS = 3
TIMEOUT = 4  # seconds


def open_text(path, mode="r"):
    return gzip.open(path, mode + "t") if path.endswith(".gz") else open(path, mode)


def records(rrsets):
    """A section as sorted lines `owner ttl TYPE data`."""
    lines = []
    for rrset in rrsets:
        kind = dns.rdatatype.to_text(rrset.rdtype)
        for data in rrset:
            words = data.to_text().split(" ")
            if rrset.rdtype == dns.rdatatype.SOA:
                words[2] = "serial"
            lines.append(f"{rrset.name.to_text().lower()} {rrset.ttl} {kind} {' '.join(words).lower()}")
    return sorted(lines)


def described(question, response):
    """A response in the form in which answers are recorded."""
    flags = [flag for flag in FLAGS if response.flags & getattr(dns.flags, flag)]
    result = {"q": question, "rcode": dns.rcode.to_text(response.rcode()), "flags": " ".join(flags)}
    for section in SECTIONS:
        result[section] = records(getattr(response, section))
    if "TC" in flags:
        result["answer"] = "truncated"
    return result


class Asker:
    def __init__(self, server, over_tcp, payload):
        host, port = server.rsplit(":", 1)
        self.where, self.over_tcp, self.payload = {"where": host, "port": int(port)}, over_tcp, payload

    def message(self, name, kind):
        if self.payload is None:
            return dns.message.make_query(name, kind, use_edns=False)
        return dns.message.make_query(name, kind, use_edns=0, payload=self.payload)

    async def exchange(self, message):
        if self.over_tcp:
            return await dns.asyncquery.tcp(message, timeout=TIMEOUT, **self.where)
        return await dns.asyncquery.udp(message, timeout=TIMEOUT, ignore_unexpected=True, **self.where)

    async def ask(self, question):
        message = self.message(*question.split())
        error = None
        for _ in range(ATTEMPTS):
            try:
                return described(question, await self.exchange(message))
            except (OSError, EOFError, dns.exception.DNSException) as failure:
                error = type(failure).__name__
        return {"q": question, "rcode": "ERROR", "error": error}

    async def ask_all(self, questions):
        """The answers in the order of the questions."""
        remaining = iter(enumerate(questions))
        answers = [None] * len(questions)

        async def worker():
            for index, question in remaining:
                answers[index] = await self.ask(question)

        await asyncio.gather(*(worker() for _ in range(AT_ONCE)))
        return answers


def differing(wanted, got):
    """The parts of an answer that are not as recorded."""
    def is_same(key, value):
        if value == "any":
            return True
        if key == "flags":
            return set(value.split()) & COMPARED_FLAGS == set(got.get(key, "").split()) & COMPARED_FLAGS
        if isinstance(value, str) and value.startswith("has "):
            return value[4:] in got.get(key, [])
        return got.get(key) == value
    return [key for key, value in wanted.items() if key not in ("q", "why") and not is_same(key, value)]


def compare(answers, recorded, differences):
    """Writes what differs; gives the counts of compared and of differing answers."""
    compared = wrong = 0
    for got in answers:
        wanted = recorded.get(got["q"])
        if wanted is None:
            continue
        compared += 1
        parts = differing(wanted, got)
        if parts:
            wrong += 1
            print(json.dumps({
                "q": got["q"], "wanted": {part: wanted[part] for part in parts},
                "got": {part: got.get(part) for part in parts} | ({"error": got["error"]} if "error" in got else {}),
                **({"why": wanted["why"]} if "why" in wanted else {})}), file=differences)
    return compared, wrong


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--server", required=True, help="ADDRESS:PORT")
    parser.add_argument("--tcp", action="store_true")
    parser.add_argument("--edns", type=int, metavar="SIZE", help="UDP payload size; without it no OPT is sent")
    parser.add_argument("--differences", metavar="FILE", help="where differing answers go; standard error without it")
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--save", metavar="FILE")
    what.add_argument("--against", metavar="FILE")
    options = parser.parse_args()

    questions = [line.strip() for line in sys.stdin if line.strip()]
    answers = asyncio.run(Asker(options.server, options.tcp, options.edns).ask_all(questions))
    if options.save:
        with open_text(options.save, "w") as file:
            file.writelines(json.dumps(answer) + "\n" for answer in answers)
        print(f"{len(answers)} answers saved")
        return 0
    with open_text(options.against) as file:
        recorded = {entry["q"]: entry for entry in map(json.loads, file)}
    if options.differences:
        with open(options.differences, "w") as file:
            compared, wrong = compare(answers, recorded, file)
    else:
        compared, wrong = compare(answers, recorded, sys.stderr)
    print(f"{compared - wrong} of {compared} answers as expected, {wrong} differ")
    return int(wrong > 0)


if __name__ == "__main__":
    sys.exit(main())
