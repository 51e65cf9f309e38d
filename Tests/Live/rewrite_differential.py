#!/usr/bin/env python3
"""What `rewrite`, `acl` and `loadbalance` make of questions and answers, beside a stock CoreDNS ($COREDNS)."""

import os
import socket
import struct
import threading
from live import BINARY, Program, Suite, dig, encoded_name, eventually, free_port, opt, question_end, work

RULES = {
    "name exact": "rewrite name one.test a.test",
    "name suffix auto": "rewrite stop {\n name suffix .one.test .two.test answer auto\n}",
    "name regex": "rewrite name regex (.*)\\.one\\.test {1}.two.test answer name (.*)\\.two\\.test {1}.one.test",
    "answer without the word": "rewrite name regex (.*)\\.one\\.test {1}.two.test answer name (.*)\\.two\\.test {1}.one.test "
                               "value (.*)\\.two\\.test {1}.one.test",
    "name substring auto": "rewrite name substring one two answer auto",
    "type": "rewrite type ANY HINFO",
    "ttl": "rewrite ttl suffix .test 5-9",
    "rcode": "rewrite rcode suffix .gone.test NXDOMAIN NOERROR",
    "cname": "rewrite cname exact a.test. b.test.",
    "cname unchanged": "rewrite continue cname regex (.*) {1}",
    "edns0 local": "rewrite edns0 local set 0xffee 0x61626364",
    "edns0 local text": "rewrite edns0 local append 65001 hello",
    "edns0 local variables": "rewrite continue edns0 local set 1001 {qname}\nrewrite continue edns0 local set 1002 {qtype}\n"
                             "rewrite continue edns0 local set 1003 {client_ip}\nrewrite edns0 local set 1004 {protocol}",
    "edns0 nsid": "rewrite edns0 nsid set",
    "edns0 subnet": "rewrite edns0 subnet set 24 56",
    "edns0 subnet odd": "rewrite edns0 subnet set 13 56",
    "edns0 revert": "rewrite edns0 local set 0xffee abcd revert",
    "acl block": "acl {\n block net 127.0.0.0/8\n}",
    "acl filter type": "acl one.test {\n filter type A\n allow\n}",
    "loadbalance prefer": "loadbalance round_robin {\n prefer 192.0.2.2/32\n}",
}
QUESTIONS = [
    ("one.test", "A"), ("x.one.test", "A"), ("x.one.test", "MX"), ("alias.one.test", "A"), ("alias.test", "A"),
    ("x.gone.test", "A"), ("two.test", "A"),
]


class Upstream:
    """Names of one label before `gone.test` do not exist, `alias…` leads to `a.test`, the rest has two addresses."""

    def __init__(self):
        self.options = []
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            query, client = self.socket.recvfrom(4096)
            end = question_end(query)
            kind = struct.unpack("!H", query[end - 4:end - 2])[0]
            name = query[12:end - 4].lower()
            self.note(query, end)
            records, code = [], 0
            if name.endswith(encoded_name("gone.test")):
                code = 3
            elif name.startswith(b"\5alias"):
                records = [(5, encoded_name("a.test"))]
            elif kind == 1:
                records = [(1, bytes([192, 0, 2, 1])), (1, bytes([192, 0, 2, 2]))]
            elif kind == 15:
                records = [(15, b"\0\5" + encoded_name("mail.two.test"))]
            body = b"".join(b"\xc0\x0c" + struct.pack("!HHIH", kind, 1, 300, len(data)) + data for kind, data in records)
            soa = b"\4test\0" + struct.pack("!HHIH", 6, 1, 60, 22) + b"\0\0" + struct.pack("!5I", 1, 2, 3, 4, 60)
            authority = b"" if records else soa
            self.socket.sendto(
                query[:2] + struct.pack("!HHHHH", 0x8580 | code, 1, len(records), 0 if records else 1, 1 if query[11] else 0)
                + query[12:end] + body + authority + (opt() if query[11] else b""), client)

    def note(self, query, end):
        """Options of OPT, but those that a server sends on its own account."""
        if query[10:12] == b"\0\0":
            return
        options, seen = query[end + 11:], []
        while len(options) >= 4:
            code, length = struct.unpack("!HH", options[:4])
            if code != 10:
                seen.append((code, options[4:4 + length].hex()))
            options = options[4 + length:]
        self.options.append(sorted(seen))


def ask(program, rule):
    """What the client is answered, and what options the upstream saw."""
    upstream, port = Upstream(), free_port()
    corefile = work / f"Corefile.{port}"
    corefile.write_text(f".:{port} {{\n bind 127.0.0.1\n{rule}\n forward . 127.0.0.1:{upstream.port}\n}}\n")
    server = Program("server", [program, "-conf", corefile, "-dns.port", str(port)])
    eventually(lambda: dig(port, "ready.test", "TXT", "+time=1").rcode != "NONE")
    upstream.options.clear()
    answers = []
    for name, kind in QUESTIONS:
        answer = dig(port, name, kind, "+edns")
        answers.append((name, kind, answer.rcode, answer.answer))
    options = sorted({str(each) for each in upstream.options if each})
    server.kill()
    return answers, options


def body(suite):
    coredns = os.environ.get("COREDNS")
    if not coredns:
        print("rewrite-differential: not run: $COREDNS names no CoreDNS")
        return
    for label, rule in RULES.items():
        (ours, sent), (theirs, wanted) = ask(BINARY, rule), ask(coredns, rule)
        suite.equal(f"{label}: answers", ours, theirs)
        if label.startswith("edns0"):
            suite.equal(f"{label}: options", sent, wanted)


if __name__ == "__main__":
    Suite("rewrite-differential").run(body)
