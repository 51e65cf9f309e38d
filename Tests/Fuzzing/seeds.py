#!/usr/bin/env python3
"""Inputs for a fuzz target, of what is recorded elsewhere in Tests.

    seeds.py TARGET FOLDER            writes them to FOLDER
    seeds.py --list                   every target and what it is about
    seeds.py --prune FROM TO          puts inputs of FROM in the place of those of TO: the shortest, 60 and 40 KB at the most
"""
import glob
import gzip
import hashlib
import os
import re
import shutil
import subprocess
import sys

TESTS = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
ROOT = os.path.dirname(TESTS)
KEPT, KEPT_FILES = 40_000, 60  # octets and files of one target
TYPES = {"A": 1, "NS": 2, "CNAME": 5, "SOA": 6, "PTR": 12, "MX": 15, "TXT": 16, "AAAA": 28, "SRV": 33, "ANY": 255}


def files(pattern):
    return sorted(glob.glob(os.path.join(ROOT, pattern), recursive=True))


def read(path):
    with open(path, "rb") as file:
        return file.read()


def lines(pattern):
    for path in files(pattern):
        yield from read(path).decode(errors="replace").splitlines()


def name(text):
    labels = [label.encode() for label in text.rstrip(".").split(".") if label]
    return b"".join(bytes([len(label)]) + label for label in labels) + b"\0"


def query(text, kind, edns=True, flags=b"\1\0"):
    opt = b"\0\0\x29\4\xd0\0\0\x80\0\0\0" if edns else b""
    return (b"\x12\x34" + flags + b"\0\1\0\0\0\0\0" + bytes([edns]) + name(text)
            + TYPES.get(kind, 1).to_bytes(2, "big") + b"\0\1" + opt)


def queries():
    asked = re.findall(r"^ask (\S+) ([A-Z]+)", "\n".join(lines("Tests/Answers/**/*.answers")), re.M)
    with gzip.open(os.path.join(TESTS, "Conformance/questions.txt.gz"), "rt") as file:
        asked += [tuple(line.split()[:2]) for line in file if len(line.split()) >= 2][::40]
    for number, (owner, kind) in enumerate(asked[:400]):
        if max(map(len, owner.split("."))) < 64:
            yield query(owner, kind, edns=number % 2 == 0)


def record(owner, kind, data, ttl=300):
    return owner + kind.to_bytes(2, "big") + b"\0\1" + ttl.to_bytes(4, "big") + len(data).to_bytes(2, "big") + data


def reply(kind, answers, authorities=(), code=0, edns=False):
    head = b"\x12\x34\x81" + bytes([0x80 | code]) + b"\0\1" + len(answers).to_bytes(2, "big")
    head += len(authorities).to_bytes(2, "big") + b"\0" + bytes([edns])
    opt = b"\0\0\x29\4\xd0\0\0\0\0\0\0" if edns else b""
    return head + name("q.test") + kind.to_bytes(2, "big") + b"\0\1" + b"".join(answers) + b"".join(authorities) + opt


def replies():
    here = b"\xc0\x0c"
    soa = record(b"\xc0\x0e", 6, name("ns.test") + name("h.test") + b"\0\0\0\1" * 5)
    yield reply(1, [record(here, 1, b"\xc0\0\2" + bytes([last])) for last in range(3)], edns=True)
    yield reply(1, [record(here, 5, b"\1b\xc0\x0e"), record(b"\1b\xc0\x0e", 1, b"\xc0\0\2\1")])
    yield reply(28, [], [soa], code=3)
    yield reply(15, [record(here, 15, b"\0\x0a\4mail\xc0\x0e")], [record(here, 46, b"\0" * 18 + b"\0" + b"s" * 20)])
    yield reply(35, [record(here, 35, b"\0\1\0\2\1u\4e2eu\2!!\0")])
    yield reply(64, [record(here, 64, b"\0\1\0\0\1\0\3\2h2")])
    yield reply(1, [record(here, 39, b"\1c\0"), record(here, 5, b"\1c\0")])


def blocks(word):
    """Indented blocks of the answer scripts behind a line with this word."""
    for path in files("Tests/Answers/**/*.answers"):
        text = read(path).decode()
        for found in re.findall(r"^%s\b[^\n]*\n((?:  [^\n]*\n)+)" % word, text, re.M):
            yield re.sub("^  ", "", found, flags=re.M)


def corefiles():
    for pattern in ("Corefile-examples/*", "Tests/Fixtures/corefiles/*", "Tests/Conformance/corefiles/*"):
        for path in files(pattern):
            yield read(path)
    for text in blocks("corefile"):
        yield text.replace("@PORT@", "53").replace("@UPSTREAM@", "192.0.2.1").encode()
    directive = ""
    for line in lines("Tests/Fixtures/corefile/mistakes.txt"):
        if line.startswith("["):
            directive = line.strip("[]")
        elif directive and " => " in line:
            inner = line.split(" => ")[0].replace("; ", "\n")
            yield f".:53 {{\n{directive} {{\n{inner}\n}}\n}}\n".encode()


def zone_texts():
    for path in files("Tests/**/*.zone"):
        yield read(path)
    for word in ("zone", "file", "upstream"):
        for text in blocks(word):
            yield b"$TTL 60\n@ SOA ns host 1 2 3 4 5\n@ NS ns\n" + text.encode()
    yield b"$ORIGIN zone.test.\n$TTL 1h\n@ IN SOA ns host ( 1 2h\n3m 4 5 )\n NS ns\nns A 192.0.2.1\n* TXT \"a\\\"b\" c\n"
    yield b"@ 5 SOA . . 1 2 3 4 5\n@ NS .\na CAA 0 issue \"x\"\nb TYPE65280 \\# 2 abcd\n$GENERATE 1-3 h$ A 10.0.0.$\n"


def records():
    for line in lines("Tests/DNSWireTests/RecordTexts.swift"):
        for text in re.findall(r'"([a-z*][\w.-]*\.? [^"]*(?:\\"[^"]*)*)"', line):
            yield text.replace('\\"', '"').replace("\\\\", "\\").replace("\\n", "\n").encode()
    for text in blocks("upstream"):
        yield from (line.encode() for line in text.splitlines())


def recordings(kind, encoding):
    ending = "pb" if encoding == "protobuf" else "json"
    kinds = {"namespaces": 0, "services": 1, "endpointslices": 2, "pods": 3}
    for path in files(f"Tests/Fixtures/apiserver-recordings/{kind}*.{ending}"):
        for word, number in kinds.items():
            if word in path and os.path.getsize(path) < 50_000:
                yield bytes([number, 7, 63, 20]) + read(path)


def http2():
    def frame(kind, flags, stream, body):
        return len(body).to_bytes(3, "big") + bytes([kind, flags]) + stream.to_bytes(4, "big") + body
    settings = frame(4, 0, 0, b"") + frame(4, 1, 0, b"")
    content = b"application/dns-message"
    head = b"\x88\x0f\x10" + bytes([len(content)]) + content
    message = b"\0\0\x81\x80\0\1\0\0\0\0\0\0\1a\0\0\1\0\1"
    yield b"\0\x20\5\x40" + settings + frame(1, 4, 1, head) + frame(0, 1, 1, message)
    yield b"\0\x20\5\x40" + settings + frame(1, 5, 3, b"\x8d") + frame(3, 0, 5, b"\0\0\0\7") + frame(7, 0, 0, b"\0" * 8)
    yield b"\1\x20\5\x40" + settings + frame(6, 0, 0, b"12345678") + frame(8, 0, 0, b"\0\0\1\0")
    packet = b"\x0a" + bytes([len(message)]) + message
    yield b"\1\x63\5\x40" + settings + frame(1, 4, 1, b"\x88") + frame(0, 0, 1, b"\0\0\0\0" + bytes([len(packet)]) + packet)


def transfers():
    soa = record(b"\xc0\x0c", 6, b"\2ns\xc0\x0c\1h\xc0\x0c" + b"\0\0\0\2" + b"\0\0\0\1" * 4)
    old = record(b"\xc0\x0c", 6, b"\2ns\xc0\x0c\1h\xc0\x0c" + b"\0\0\0\1" + b"\0\0\0\1" * 4)
    ns, a = record(b"\xc0\x0c", 2, b"\2ns\xc0\x0c"), record(b"\2ns\xc0\x0c", 1, b"\xc0\0\2\1")
    def message(found):
        return (b"\0\1\x84\0\0\1" + len(found).to_bytes(2, "big") + b"\0\0\0\0" + name("zone.test") + b"\0\xfc\0\1"
                + b"".join(found))
    for flag, found in ((0, [soa, ns, a, soa]), (1, [soa, old, a, soa, a, soa]), (1, [old])):
        octets = message(found)
        yield bytes([flag]) + len(octets).to_bytes(2, "big") + octets


def keys():
    """A key, and a certificate of it."""
    key = subprocess.run(
        "openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256".split(), capture_output=True, check=True).stdout
    certificate = subprocess.run(
        "openssl req -x509 -subj /CN=dns.test -key /dev/stdin".split(), input=key, capture_output=True, check=True).stdout
    return [key, certificate, key + certificate]


def signing_keys():
    text = read(os.path.join(TESTS, "TestKit/TestKeys.swift")).decode()
    found = [re.sub(r"^\s+", "", part, flags=re.M) for part in re.findall(r'"""(.*?)"""', text, re.S)]
    for index in range(0, len(found) - 1, 2):
        yield (found[index] + "\0" + found[index + 1]).encode()
    yield b"zone.test. IN DNSKEY 257 3 13 aaaa\0Private-key-format: v1.2\nAlgorithm: 13 (ECDSAP256SHA256)\nPrivateKey: aaaa\n"


def words_of(pattern):
    found = set()
    for text in corefiles():
        found.update(re.findall(pattern, text.decode(errors="replace")))
    return sorted(found)


def numbers():
    """Inputs that are choices and nothing else."""
    for length in (1, 8, 40, 120, 300):
        for turn in range(4):
            octets = b"".join(hashlib.sha256(b"%d %d %d" % (length, turn, part)).digest() for part in range(10))
            yield octets[:length]


def tsig():
    data = name("hmac-sha256") + b"\0\0\0\0\0\1\1\x2c\0\4abcd\x12\x34\0\0\0\0"
    yield b"\0" + name("key.test") + b"\0\xfa\0\xff\0\0\0\0" + len(data).to_bytes(2, "big") + data


SEEDS = {
    "gate": queries, "walk": lambda: [*queries(), *replies()], "server": queries, "reply": replies,
    "name": lambda: [b"\1" + name("a.example"), b"\x0f" + b"\0" * 12 + name("b.example") + b"\1a\xc0\x0d", b"\xffa.b\\.c."],
    "framing": lambda: [b"\1\5\2\7" + len(message).to_bytes(2, "big") + message for message in list(queries())[:20]],
    "stateful": lambda: [b"\0\1\x30" + b"\0" * 9 + value for value in (
        b"\0\1\0\x08" + b"\0\0\x3a\x98" * 2, b"\0\x40\0\x0d" + name("a.test") + b"\0\1\0\1\0", b"\0\x42\0\2\0\1\0\3\0\0")],
    "told": lambda: [name("a.test") + rest for rest in (
        b"\0\1\0\1\0\0\0\5\0\4\x0a\0\0\1", b"\0\1\0\1\xff\xff\xff\xfe\0\0", b"\0\xff\0\xff\xff\xff\xff\xff\0\0")],
    "padding": lambda: [*list(queries())[:20], *replies()],
    "corefile": corefiles, "plan": corefiles, "record-text": records, "zone-file": zone_texts,
    "hosts": lambda: [b"127.0.0.1 localhost a.test # loop\nfe80::1%eth0 b\n10.0.0.1 *.c.test\n"],
    "pattern": lambda: [word.encode() + b"\nsvc1.t.svc.cluster.local." for word in words_of(r"\S*[\^$(\\]\S*")],
    "expression": lambda: [word.encode() for word in words_of(r"(?:expr|var \w+) (.*)")],
    "template": lambda: [word.strip('"').encode() for word in words_of(r'(?:answer|additional|authority) (".*?"|\S+)')],
    "json": lambda: [read(path) for path in files("Tests/Fixtures/**/*.json") if os.path.getsize(path) < 8000],
    "kubeconfig": lambda: [read(path) for path in files("Tests/**/*.kubeconfig")],
    "words": lambda: [b"1h30m", b"-1.5ms", b"2024-02-29T23:59:60.5+01:00", b"q80BAAAB", b"tls://[fd00::1]:853", b"a\"\n\\"],
    "index": numbers, "forward": numbers, "cache": numbers, "zone-answer": lambda: [
        b"\1\0\1" + text for text in (b"", b"x.wild", b"y.loop", b"a.chain", b"z.dn", b"z.self", b"b.cut", b"deep", b"out")],
    "snapshot": lambda: [*(b"\1" + octets for octets in numbers()), b"\0" + b"\0" * 28],
    "watch-protobuf": lambda: recordings("watch", "protobuf"), "watch-json": lambda: recordings("watch", "json"),
    "list-protobuf": lambda: recordings("list-", "protobuf"), "list-json": lambda: recordings("list-", "json"),
    "https": lambda: [b"\0/dns-query?dns=q80BAAABAAAAAAAAA3d3dwA\n", b"\1/dns-query\nbody", b"\2/x?dns=a&dns=b\n"],
    "grpc": lambda: [b"\1/coredns.dns.DnsService/Query\n\0\0\0\0\5\x0a\3abc", b"\x0a\3abc"],
    "http2": http2, "pem": keys, "signing-key": signing_keys, "transfer": transfers, "tsig": tsig,
    "etcd-record": lambda: [b"\2\4test\1a\0" + text for text in (
        b'{"host":"10.0.0.1","port":80,"ttl":60}', b'{"host":"a.test","mail":true,"targetstrip":1,"text":"x"}')],
}


def prune(source, target):
    shutil.rmtree(target, ignore_errors=True)
    os.makedirs(target)
    size = 0
    for path in sorted(files(os.path.join(source, "*")), key=os.path.getsize)[:KEPT_FILES]:
        size += os.path.getsize(path)
        if size > KEPT:
            break
        # Made anew for each search, and nobody's: but no repository should look as if it held keys.
        if b"PRIVATE KEY" in read(path):
            continue
        shutil.copy(path, os.path.join(target, os.path.basename(path)[:12]))


def targets():
    """As the sources say them, so that a list needs no build."""
    for path in files("Tests/Fuzzing/[MT]*s/FuzzTarget+*.swift"):
        yield from re.findall(r'FuzzTarget\(\s*name: "([^"]+)",\s*about: "([^"]+)"', read(path).decode())


def main():
    if sys.argv[1] == "--list":
        for target in targets():
            print("%-15s %s" % target)
        return None
    if sys.argv[1] == "--prune":
        return prune(*sys.argv[2:4])
    for octets in SEEDS.get(sys.argv[1], lambda: [])():
        path = os.path.join(sys.argv[2], hashlib.sha1(octets).hexdigest())
        if not os.path.exists(path):
            with open(path, "wb") as file:
                file.write(octets)


main()
