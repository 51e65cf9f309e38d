#!/usr/bin/env python3
"""Answer scripts: questions and the wanted answers as zone text, filed by specification under Tests/Answers.

    $ORIGIN t.svc.cluster.local.        names without a final dot stand below it
    corefile                            indented lines: the configuration, until the next word; begins a server of its own
    patch KIND NAMESPACE/NAME JSON      a merge patch sent to the API server
    delete KIND NAMESPACE/NAME
    ask NAME TYPE [tcp] [noedns] [edns=N] [class=CH]
    want RCODE [aa] [tc]                what follows, indented, is all that the answer may hold:
      OWNER TTL IN TYPE DATA              a record of the answer section
      and OWNER TTL IN TYPE DATA          a record of the additional section
      soa OWNER TTL                       the zone's SOA in the authority section
      spelled TEXT                        these octets, letter case and all
      ede N                               an extended error
      answers N..M, size N..M             instead of the records: how many, and octets of the message

After a change an answer may take a second to become as wanted; otherwise the first one counts.
"""

import json
import os
import re
import shlex
import socket
import ssl
import sys
import threading
import urllib.request
from pathlib import Path

import live
from live import Lab, Server, Suite, dig, encoded_name, eventually, framed, receive_framed

FOLDER = Path(__file__).resolve().parent.parent / "Answers"
PATHS = {
    "services": "/api/v1/namespaces/{0}/services/{1}", "pods": "/api/v1/namespaces/{0}/pods/{1}",
    "endpointslices": "/apis/discovery.k8s.io/v1/namespaces/{0}/endpointslices/{1}",
    "namespaces": "/api/v1/namespaces/{1}",
}
NAMES_IN_DATA = {"CNAME": [0], "PTR": [0], "NS": [0], "SRV": [3]}


class Upstream:
    """The zone ext.test: `a` has an address, `sf` fails, `tc` is truncated over UDP, the rest does not exist."""

    def __init__(self):
        self.port = live.free_port()
        self.datagrams = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.datagrams.bind(("127.0.0.1", self.port))
        self.listener = socket.create_server(("127.0.0.1", self.port))
        for serve in (self.serve_datagrams, self.serve_streams):
            threading.Thread(target=serve, daemon=True).start()

    @staticmethod
    def reply(query, is_stream):
        end = live.question_end(query)
        name, kind = query[12:end - 4].lower(), int.from_bytes(query[end - 4:end - 2], "big")
        flags, records = 0x8180, []
        owner = {label: encoded_name(f"{label}.ext.test") for label in ("a", "sf", "tc")}
        address = b"\xc0\x0c\0\1\0\1" + (300).to_bytes(4, "big") + b"\0\4\xc0\0\2\1"
        if name == owner["a"] or name == owner["tc"] and is_stream:
            records = [address] if kind == 1 else []
        elif name == owner["sf"]:
            flags |= 2
        elif name == owner["tc"]:
            flags |= 0x0200
        else:
            flags |= 3
        return query[:2] + b"".join(n.to_bytes(2, "big") for n in (flags, 1, len(records), 0, 0)) + query[12:end] + b"".join(records)

    def serve_datagrams(self):
        while True:
            query, client = self.datagrams.recvfrom(4096)
            self.datagrams.sendto(self.reply(query, False), client)

    def serve_streams(self):
        while True:
            stream, _ = self.listener.accept()
            threading.Thread(target=self.serve_stream, args=[stream], daemon=True).start()

    def serve_stream(self, stream):
        try:
            while (query := receive_framed(stream)) is not None:
                stream.sendall(framed(self.reply(query, True)))
        except OSError:
            pass


class Wanted:
    """What stands below one `ask`."""

    def __init__(self, question, line):
        self.question, self.line = question, line
        self.rcode, self.flags = "NOERROR", set()
        self.answer, self.additional, self.soa = [], [], None
        self.spelled, self.extended_errors = [], None
        self.answers = self.size = None

    def difference(self, answer, text):
        """The first thing that is not as wanted; None when everything is."""
        flags = answer.flags & {"aa", "tc"}
        parts = [
            ("code", self.rcode, answer.rcode), ("flags", self.flags, flags),
            ("authority", [self.soa] if self.soa else [],
             [(owner, ttl) for owner, ttl, kind, _ in answer.authority if kind == "soa"] if len(answer.authority) < 2
             else answer.authority),
        ]
        if self.answers is None and self.size is None:
            parts += [("answer", sorted(self.answer), answer.answer), ("additional", sorted(self.additional), answer.additional)]
        if self.extended_errors is not None:
            parts.append(("extended errors", self.extended_errors, answer.extended_errors))
        for label, wanted, got in parts:
            if wanted != got:
                return f"{label}: wanted {wanted}, got {got}"
        for literal in self.spelled:
            if literal not in text:
                return f"spelling: {literal} is not in the answer"
        size = int(re.search(r"MSG SIZE\s+rcvd: (\d+)", text)[1])
        for label, limits, got in (("answers", self.answers, len(answer.answer)), ("size", self.size, size)):
            if limits and not limits[0] <= got <= limits[1]:
                return f"{label}: wanted {limits[0]} to {limits[1]}, got {got}"
        return None


class Script:
    def __init__(self, path, suite, lab, upstream):
        self.path, self.suite, self.lab, self.upstream = path, suite, lab, upstream
        self.origin, self.server, self.is_changed, self.wanted = ".", None, False, None

    def run(self):
        lines = self.path.read_text().splitlines()
        number = 0
        while number < len(lines):
            line, number = lines[number], number + 1
            if not line.strip() or line.startswith("#"):
                continue
            word, *rest = line.split()
            if line.startswith(" "):
                self.expectation(word, line.split(), number)
                continue
            if word != "want":
                self.finish_question()
            if word == "corefile":
                corefile = []
                while number < len(lines) and (lines[number].startswith(" ") or not lines[number].strip()):
                    corefile.append(lines[number])
                    number += 1
                self.start("\n".join(corefile))
            elif word == "$ORIGIN":
                self.origin = rest[0]
            elif word == "ask":
                self.wanted = Wanted(rest, number)
            elif word == "want":
                self.wanted.rcode, self.wanted.flags = rest[0], set(rest[1:])
            elif word in ("patch", "delete"):
                self.change(word, *shlex.split(line)[1:])
            else:
                raise RuntimeError(f"{self.path.name}:{number}: no line begins with {word}")
        self.finish_question()
        if self.server:
            self.server.stop()

    def start(self, corefile):
        if self.server:
            self.server.stop()
        self.server = Server(corefile.replace("@UPSTREAM@", f"127.0.0.1:{self.upstream.port}"), self.lab.kubeconfig)
        if not eventually(lambda: dig(self.server.port, "dns-version.cluster.local.", "TXT", "+time=1").rcode == "NOERROR"):
            raise RuntimeError(f"{self.path.name}: the server does not answer\n{self.server.log_end()}")

    def absolute(self, name):
        return (self.origin if name == "@" else name if name.endswith(".") else f"{name}.{self.origin}").lower()

    def record(self, words):
        owner, ttl, _, kind, *data = words
        for index in NAMES_IN_DATA.get(kind, []):
            data[index] = self.absolute(data[index])
        return self.absolute(owner), int(ttl), kind.lower(), " ".join(data).lower()

    def expectation(self, word, words, number):
        wanted = self.wanted
        limits = [int(limit) for limit in words[1].split("..")] if word in ("answers", "size") else None
        if word == "soa":
            wanted.soa = (self.absolute(words[1]), int(words[2]))
        elif word == "spelled":
            wanted.spelled.append(" ".join(words[1:]))
        elif word == "ede":
            wanted.extended_errors = [int(code) for code in words[1:]]
        elif word == "and":
            wanted.additional.append(self.record(words[1:]))
        elif limits:
            setattr(wanted, word, limits)
        elif "IN" in words:
            wanted.answer.append(self.record(words))
        else:
            raise RuntimeError(f"{self.path.name}:{number}: neither a record nor an expectation")

    def finish_question(self):
        if self.wanted is None:
            return
        wanted, self.wanted = self.wanted, None
        name, kind, *how = wanted.question
        options = ["+ignore", "+noadflag"]
        for word in how:
            options.append({"tcp": "+tcp", "noedns": "+noedns"}.get(word) or {
                "edns": "+bufsize=", "class": "-c"}[word.split("=")[0]] + word.split("=")[1])
        options = [part for option in options for part in ([option[:2], option[2:]] if option.startswith("-c") else [option])]

        def difference():
            answer = dig(self.server.port, name if name.endswith(".") else f"{name}.{self.origin}", kind, *options)
            return wanted.difference(answer, answer.text)
        found = difference()
        if found and self.is_changed:
            eventually(lambda: difference() is None, 15)
            found = difference()
        self.suite.check(f"{self.path.relative_to(FOLDER)}:{wanted.line}: {name} {kind}", found is None, found or "")

    def change(self, verb, kind, path, body=None):
        text = self.lab.kubeconfig.read_text()
        def value(key):
            return re.search(rf"^\s*{key}: (\S+)$", text, re.MULTILINE)[1].strip('"')
        authority = live.base64.b64decode(value("certificate-authority-data")).decode()
        where = value("server") + PATHS[kind].format(*path.split("/"))
        request = urllib.request.Request(
            where, method={"patch": "PATCH", "delete": "DELETE"}[verb],
            data=json.dumps(json.loads(body)).encode() if body else None,
            headers={"Authorization": "Bearer " + value("token"), "Content-Type": "application/merge-patch+json"})
        urllib.request.urlopen(request, context=ssl.create_default_context(cadata=authority), timeout=30).read()
        self.is_changed = True


def body(suite):
    upstream = Upstream()
    for path in sorted(FOLDER.glob("**/*.answers")):
        if len(sys.argv) > 1 and sys.argv[1] not in str(path):
            continue
        # A cluster of its own: scripts may change it.
        lab = Lab("--as-stored", manifests=FOLDER / "cluster.yaml")
        Script(path, suite, lab, upstream).run()
        lab.stop()


if __name__ == "__main__":
    os.environ["NO_COLOR"] = "1"
    Suite("answer-scripts").run(body)
