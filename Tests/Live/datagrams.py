#!/usr/bin/env python3
"""Malformed and unusual messages over UDP and TCP: each has one right reaction, and the next good query is answered."""

import random
import socket
import struct
from live import (
    EXAMPLES, Lab, Reply, Server, Suite, connect, encoded_name, framed, header, opt, query, question, receive_framed)

COREFILE = """
.:@PORT@ {
    bind 127.0.0.1
    errors
    kubernetes cluster.local in-addr.arpa ip6.arpa {
        kubeconfig @KUBECONFIG@
    }
}
"""
NOERROR, FORMERR, SERVFAIL, NXDOMAIN, NOTIMP, REFUSED, BADVERS = 0, 1, 2, 3, 4, 5, 16
DROP = "no reply"
SERVICE = "kube-dns.kube-system.svc.cluster.local"
NAME = encoded_name(SERVICE)
A_IN = struct.pack("!HH", 1, 1)
A_RECORD = b"\xc0\x0c" + struct.pack("!HHIH", 1, 1, 60, 4) + bytes([192, 0, 2, 1])
SOA_LIKE = b"\xc0\x0c" + struct.pack("!HHIH", 2, 1, 60, 2) + b"\xc0\x0c"


def label(octets):
    return bytes([len(octets)]) + octets


def named(*labels, kind=1):
    """A query for a name of raw labels in front of svc.cluster.local."""
    return header() + b"".join(map(label, labels)) + encoded_name("svc.cluster.local") + struct.pack("!HH", kind, 1)


def with_opt(*records, name=SERVICE, kind=1, flags=0x0100):
    return header(flags=flags, additionals=len(records)) + question(name, kind) + b"".join(records)


def option(code, data=b"", length=None):
    return struct.pack("!HH", code, len(data) if length is None else length) + data


noise = random.Random(1)

# Label, message, reaction. A tuple of codes means: any of these. Identifiers are those of the project's list of cases.
CASES = [
    # Header and counts
    ("H-01 empty", b"", DROP),
    *[(f"H-02 {n} octets of zero", bytes(n), DROP) for n in range(1, 12)],
    *[(f"H-02 {n} random octets", noise.randbytes(n), DROP) for n in range(1, 12)],
    ("H-03 no question", header(questions=0), FORMERR),
    ("H-04 no question, OPT", header(questions=0, additionals=1) + opt(), FORMERR),
    ("H-05 no question, cookie", header(questions=0, additionals=1) + opt(options=option(10, b"12345678")), FORMERR),
    ("H-06 two questions", header(questions=2) + question() + question(), FORMERR),
    ("H-07 65535 questions in 12 octets", header(questions=65535), FORMERR),
    ("H-09 a response", query(flags=0x8100), DROP),
    ("H-10 IQUERY", query(flags=1 << 11), NOTIMP),
    ("H-11 STATUS", query(flags=2 << 11), NOTIMP),
    *[(f"H-12 opcode {code}, header only", header(flags=code << 11, questions=0), NOTIMP) for code in (3, *range(7, 16))],
    *[(f"H-12 opcode {code}", query(flags=code << 11), NOTIMP) for code in (3, *range(7, 16))],
    ("H-13 opcode 15, every flag", query(flags=15 << 11 | 0x07F0), NOTIMP),
    ("H-14 NOTIFY", query("cluster.local", 6, flags=4 << 11), NOTIMP),
    ("H-15 UPDATE", query("cluster.local", 6, flags=5 << 11), NOTIMP),
    ("H-16 UPDATE, 65535 zones", header(flags=5 << 11, questions=65535) + b"\xff" * 40, NOTIMP),
    ("H-17 DSO", header(flags=6 << 11, questions=0), NOTIMP),
    ("H-18 RCODE in a query", query(flags=0x0103), NOERROR),
    ("H-19 Z bit", query(flags=0x0140), NOERROR),
    ("H-20 AA", query(flags=0x0500), NOERROR),
    ("H-20 TC", query(flags=0x0300), NOERROR),
    ("H-20 RA", query(flags=0x0180), NOERROR),
    ("H-23 CD", query(flags=0x0110), NOERROR),
    ("H-25 AD", query(flags=0x0120), NOERROR),
    ("H-26 a record in the answer", header(answers=1) + question() + A_RECORD, FORMERR),
    ("H-27 a record in the authority", header(authorities=1) + question() + SOA_LIKE, FORMERR),
    ("H-28 an address in the additional", header(additionals=1) + question() + A_RECORD, FORMERR),
    ("H-29 three additional records", header(additionals=3) + question() + A_RECORD * 2 + opt(), FORMERR),
    *[(f"H-30 a record promised, none there ({section})", header(**{section: 1}) + question(), FORMERR)
      for section in ("answers", "authorities", "additionals")],
    *[(f"H-31 {n} octets behind the query", query() + bytes(n), FORMERR) for n in (1, 11, 500)],
    # Names and questions
    ("NAME-02 pointer to itself", header() + b"\xc0\x0c" + A_IN, FORMERR),
    ("NAME-03 pointer forward", header() + b"\xc0\x0e" + A_IN + b"\0", FORMERR),
    ("NAME-03 pointer past the end", header() + b"\xff\xff" + A_IN, FORMERR),
    ("NAME-03 pointer into the header", header() + b"\xc0\x04" + A_IN, FORMERR),
    ("NAME-04 two pointers in a circle", header() + b"\xc0\x0e\xc0\x0c" + A_IN, FORMERR),
    ("NAME-05 a chain of pointers", header(additionals=1) + question()
        + b"".join(struct.pack("!H", 0xC000 + len(NAME) + 16 + 2 * max(0, n - 1)) for n in range(126)) + A_RECORD, FORMERR),
    ("NAME-06 OPT owned by the question's name", with_opt(opt(owner=b"\xc0\x0c")), FORMERR),
    ("NAME-07 a label cut short", header() + b"\x3fabcde", FORMERR),
    ("NAME-07 no root label", header() + NAME[:-1], FORMERR),
    ("NAME-07 no type", header() + NAME, FORMERR),
    ("NAME-07 half a type", header() + NAME + b"\0", FORMERR),
    ("NAME-07 no class", header() + NAME + b"\0\1", FORMERR),
    ("NAME-07 half a class", header() + NAME + b"\0\1\0", FORMERR),
    ("NAME-08 label type 01", header() + b"\x41" + b"a" * 65 + b"\0" + A_IN, FORMERR),
    ("NAME-08 label type 10", header() + b"\x81" + b"a" * 129 + b"\0" + A_IN, FORMERR),
    ("NAME-09 a label of 63", named(b"a" * 63, b"default"), NXDOMAIN),
    ("NAME-10 a name of 255", named(b"a" * 63, b"b" * 63, b"c" * 63, b"d" * 43), NXDOMAIN),
    ("NAME-11 a name of 256", named(b"a" * 63, b"b" * 63, b"c" * 63, b"d" * 44), FORMERR),
    ("NAME-11 128 labels", header() + b"\1a" * 128 + b"\0" + A_IN, FORMERR),
    ("NAME-12 zero octet inside", named(b"kube-dns\0x", b"kube-system"), NXDOMAIN),
    ("NAME-12 zero octet first", named(b"\0kube-dns", b"kube-system"), NXDOMAIN),
    ("NAME-12 zero octet last", named(b"kube-dns\0", b"kube-system"), NXDOMAIN),
    ("NAME-13 a dot inside a label", named(b"kube-dns.kube-system"), NXDOMAIN),
    ("NAME-14 odd octets", named(b"\\\" \r\n\x1b\x7f\xff", b"default"), NXDOMAIN),
    ("NAME-15 mixed case", query("KuBe-DnS.kUbE-sYsTeM.SvC.cLuStEr.LoCaL"), NOERROR),
    ("NAME-16 KELVIN SIGN", named("\u212aube-dns".encode(), b"kube-system"), NXDOMAIN),
    ("NAME-16 long s", header() + label(b"kube-dns") + label(b"kube-system") + label("\u017fvc".encode())
        + encoded_name("cluster.local") + A_IN, NXDOMAIN),
    ("NAME-20 empty non-terminal svc", query("svc.cluster.local"), NOERROR),
    ("NAME-20 a namespace", query("default.svc.cluster.local"), NOERROR),
    ("NAME-21 below a Service", query("x." + SERVICE), NXDOMAIN),
    ("NAME-22 an asterisk", query("*.default.svc.cluster.local"), NXDOMAIN),
    ("NAME-23 type 0", query(kind=0), FORMERR),
    *[(f"NAME-24 type {kind}", query(kind=kind), NOERROR) for kind in (666, 65280)],
    *[(f"NAME-25 type {kind} at the apex", query("cluster.local", kind), NOERROR)
      for kind in (3, 4, 7, 8, 9, 10, 13, 15, 17, 24, 25, 29, 35, 37, 39, 42, 44, 46, 47, 48, 52, 64, 65, 99, 257, 1000)],
    *[(f"NAME-26 type {kind}", query(kind=kind), (FORMERR, NOTIMP)) for kind in (41, 249, 250)],
    ("NAME-34 version.bind", query("version.bind", 16, klass=3), REFUSED),
    *[(f"NAME-35 class {klass}", query(klass=klass), REFUSED) for klass in (0, 3, 4, 65535)],
    *[(f"NAME-36 class {klass}", query(klass=klass), REFUSED) for klass in (254, 255)],
    *[(f"NAME-37 {name[:20]}", query(name, 12), code) for name, code in {
        "10.0.96.10.in-addr.arpa": NOERROR, "10.0.96.10.IN-ADDR.ARPA": NOERROR, "9.9.96.10.in-addr.arpa": NXDOMAIN,
        "1.1.0.96.10.in-addr.arpa": NXDOMAIN, "256.0.96.10.in-addr.arpa": NXDOMAIN,
        "0." * 31 + "ip6.arpa": NXDOMAIN, "0." * 33 + "ip6.arpa": NXDOMAIN}.items()],
    ("a name that no plugin of the block wants", query("example.test"), SERVFAIL),
    # EDNS
    ("EDNS-02 OPT", with_opt(opt()), NOERROR),
    ("EDNS-02 OPT and NXDOMAIN", with_opt(opt(), name="x." + SERVICE), NXDOMAIN),
    ("EDNS-02 OPT and SERVFAIL", with_opt(opt(), name="example.test"), SERVFAIL),
    *[(f"EDNS-03 version {version}", with_opt(opt(version=version)), BADVERS) for version in (1, 100, 255)],
    ("EDNS-04 version 1, option, flags", with_opt(opt(version=1, flags=0x8080, options=option(100, b"x"))), BADVERS),
    ("EDNS-05 unknown option", with_opt(opt(options=option(100))), NOERROR),
    ("EDNS-05 long unknown option", with_opt(opt(options=option(100, b"x" * 100))), NOERROR),
    *[(f"EDNS-06 flag {bit:#06x}", with_opt(opt(flags=bit)), NOERROR) for bit in (1, 0x80, 0x4000)],
    ("EDNS-07 DO", with_opt(opt(flags=0x8000)), NOERROR),
    *[(f"EDNS-08 payload size {size}", with_opt(opt(payload=size)), NOERROR) for size in (0, 1, 511, 65535)],
    ("EDNS-12 two OPT", with_opt(opt(), opt()), FORMERR),
    ("EDNS-13 OPT below a name", with_opt(opt(owner=b"\1a\0")), FORMERR),
    ("EDNS-14 OPT in the answer", header(answers=1) + question() + opt(), FORMERR),
    ("EDNS-14 OPT in the authority", header(authorities=1) + question() + opt(), FORMERR),
    ("EDNS-15 OPT longer than the message", with_opt(opt(length=4)), FORMERR),
    ("EDNS-15 option longer than OPT", with_opt(opt(options=option(100, b"x", length=2))), FORMERR),
    *[(f"EDNS-15 {n} octets left in OPT", with_opt(opt(options=option(100) + b"\0" * n)), FORMERR) for n in (1, 2, 3)],
    ("EDNS-21 the same options five times", with_opt(opt(options=b"".join(
        option(3) + option(10, b"12345678") + option(12, bytes(9)) for _ in range(5)))), NOERROR),
    ("EDNS-27 OPT behind TSIG", with_opt(
        b"\0" + struct.pack("!HHIH", 250, 255, 0, 0), opt()), FORMERR),
]

# Only over TCP: too long for one datagram.
STREAM_CASES = [
    ("H-08 10900 compressed questions", header(questions=10900) + question() + b"\xc0\x0c\0\1\0\1" * 10890, FORMERR),
    ("EDNS-20 16000 empty options", with_opt(opt(options=option(100) * 16000)), NOERROR),
]


def matches(code, wanted):
    return code in wanted if isinstance(wanted, tuple) else code == wanted


def body(suite):
    lab = Lab(manifests=EXAMPLES)
    server = Server(COREFILE, lab.kubeconfig).wait_for(SERVICE)

    def judge(name, message, wanted, reply):
        if not suite.check(f"{name}: code", matches(reply.rcode, wanted), f"got {reply.rcode}, wanted {wanted}"):
            return
        sent = struct.unpack("!HH", message[:4])
        wrong = []
        if reply.id != sent[0]: wrong.append("another id")
        if not reply.flags & 0x8000: wrong.append("QR clear")
        if reply.opcode != sent[1] >> 11 & 15: wrong.append(f"opcode {reply.opcode}")
        if reply.flags & 0x0240: wrong.append("TC or Z set")
        if reply.flags & 0x0020: wrong.append("AD set")
        if reply.rcode in (FORMERR, NOTIMP, BADVERS) and (reply.flags & 0x0480 or reply.answers or reply.authorities):
            wrong.append("AA, RA or records in an error")
        if reply.rcode == BADVERS and (not reply.opt or reply.opt[1] & 0x00FF7FFF or reply.opt[2]):
            wrong.append("options, flags or version echoed")
        if name.startswith("EDNS-0") and not reply.opt: wrong.append("no OPT")
        if name.startswith("EDNS-05") and reply.opt and b"\0\x64" in reply.opt[2][:2]: wrong.append("option echoed")
        if name.startswith("EDNS-06") and reply.opt and reply.opt[1] & 0x7FFF: wrong.append("flags echoed")
        if name.startswith("EDNS-07") and reply.opt and not reply.opt[1] & 0x8000: wrong.append("DO not echoed")
        if name.startswith("NAME-15") and message[12:12 + len(NAME)] not in reply.message: wrong.append("case not kept")
        suite.check(f"{name}: header", not wrong, ", ".join(wrong))

    # Over UDP a good query follows each message from the same socket, so on the same queue: its answer coming first is
    # the proof that nothing was said, without waiting for nothing.
    with socket.socket(type=socket.SOCK_DGRAM) as client:
        client.settimeout(5)
        client.connect(("127.0.0.1", server.port))
        for number, (name, message, wanted) in enumerate(CASES):
            good = query(id=0x8000 + number)
            client.send(message)
            client.send(good)
            try:
                first = Reply(client.recv(65535))
                if wanted == DROP:
                    suite.equal(f"{name}, UDP: no reply", first.id, 0x8000 + number)
                    second = first
                else:
                    judge(f"{name}, UDP" , message, wanted, first)
                    second = first if first.id == 0x8000 + number else Reply(client.recv(65535))
            except TimeoutError:
                suite.check(f"{name}, UDP: answered", False, "nothing came")
                continue
            suite.equal(f"{name}, UDP: the next query", (second.id, second.rcode, second.answers), (0x8000 + number, 0, 1))

    # Over TCP: too short to be a message closes the connection, a response may be ignored or close it.
    for name, message, wanted in CASES + STREAM_CASES:
        with connect(server.port) as stream:
            stream.sendall(framed(message))
            if wanted == DROP:
                if len(message) >= 12:
                    stream.sendall(framed(query(id=7)))
                reply = receive_framed(stream)
                suite.check(f"{name}, TCP: closed or ignored", reply is None or len(message) >= 12 and Reply(reply).id == 7)
            else:
                reply = receive_framed(stream)
                if not suite.check(f"{name}, TCP: answered", reply is not None):
                    continue
                judge(f"{name}, TCP", message, wanted, Reply(reply))
                stream.sendall(framed(query(id=7)))
                reply = receive_framed(stream)
                suite.check(f"{name}, TCP: the connection is kept", reply and Reply(reply).id == 7)
    suite.check("the process lives", server.is_alive)


if __name__ == "__main__":
    Suite("datagrams").run(body)
