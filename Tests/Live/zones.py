#!/usr/bin/env python3
"""Zone files beside NSD: the same zone, unsigned and signed in three ways, asked for every name and type of both."""

import os
import random
import shutil
import signal
import socket
import struct
import subprocess
import time
from live import (
    Server, Suite, connect, dig, eventually, framed, header, opt, receive_framed, serve_zone,
    work)

ZONE = """$ORIGIN zone.test.
$TTL 300
@ IN SOA ns1 hostmaster ( 2024010101 7200 1800 86400 60 )
@ NS ns1
@ NS ns.elsewhere.test.
@ MX 10 mail
@ TXT "the apex"
ns1 A 192.0.2.1
ns1 AAAA 2001:db8::1
mail A 192.0.2.2
Upper A 192.0.2.3
many A 192.0.2.10
many A 192.0.2.11
many A 192.0.2.12
_sip._tcp SRV 0 0 5060 mail
_sip._tcp SRV 1 0 5060 far.elsewhere.test.
alias CNAME many
chain CNAME alias
out CNAME www.elsewhere.test.
lost CNAME nowhere
self CNAME self
ring1 CNAME ring2
ring2 CNAME ring1
*.wild A 192.0.2.20
*.wild TXT "any name"
sub.wild TXT "a name of its own"
*.walias CNAME many
*.wnone CNAME nowhere
a.deep.ent A 192.0.2.30
tree DNAME other
one.other A 192.0.2.40
far DNAME elsewhere.test.
child NS ns.child
child NS ns1
ns.child A 192.0.2.50
safe NS ns.safe
safe DS 12345 13 2 0102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f20
ns.safe A 192.0.2.51
below.child A 192.0.2.52
todeleg CNAME www.child
strange\\.dot TXT "a dot in a label"
unknown TYPE65280 \\# 4 01020304
loc HINFO "cpu" "os"
service SVCB 1 mail alpn=h2
"""
TYPES = {
    "A": 1, "NS": 2, "CNAME": 5, "SOA": 6, "MX": 15, "TXT": 16, "AAAA": 28, "SRV": 33, "DNAME": 39, "DS": 43,
    "RRSIG": 46, "NSEC": 47, "DNSKEY": 48, "NSEC3PARAM": 51, "ANY": 255, "TYPE65280": 65280,
}
NAMES = """zone.test ns1 mail upper many _sip._tcp _tcp alias chain out lost self ring1 ring2 wild x.wild x.y.wild sub.wild
x.sub.wild *.wild walias a.walias b.c.walias a.wnone deep.ent ent a.deep.ent x.ent tree one.tree two.tree a.b.tree far
www.far child x.child ns.child a.b.child below.child safe x.safe ns.safe todeleg strange\\.dot unknown loc service
missing a.b.missing 0 zzz nowhere other one.other *.missing""".split()
# Names that are asked with DNSSEC on the fly, and what delv says of the answer.
VALIDATED = [(f"{name}.zone.test" if name else "zone.test", kind, wanted) for name, kind, wanted in [
    ("", "SOA", "fully validated"), ("", "DNSKEY", "fully validated"), ("", "NS", "fully validated"), ("", "A", "fully validated"),
    ("many", "A", "fully validated"), ("many", "TXT", "fully validated"), ("Upper", "A", "fully validated"),
    ("alias", "A", "fully validated"), ("chain", "A", "fully validated"), ("alias", "TXT", "fully validated"),
    ("lost", "A", "fully validated"), ("x.wild", "A", "fully validated"), ("x.wild", "MX", "fully validated"),
    ("a.walias", "A", "fully validated"), ("missing", "A", "fully validated"), ("a.b.missing", "TXT", "fully validated"),
    ("deep.ent", "A", "fully validated"), ("_sip._tcp", "SRV", "fully validated"), ("tree", "DNAME", "fully validated"),
    ("one.tree", "A", "fully validated"), ("two.tree", "A", "fully validated"), ("loc", "HINFO", "fully validated"),
    ("missing", "DS", "fully validated"), ("many", "DS", "fully validated"), ("safe", "DS", "fully validated"),
    ("host.hosted", "A", "fully validated"), ("host.hosted", "AAAA", "fully validated"), ("nothing", "TXT", "fully validated"),
    ("child", "DS", "fully validated"), ("service", "SVCB", "fully validated"), ("unknown", "TYPE65280", "fully validated"),
]]
COREFILE = """
%s:@PORT@ {
    bind 127.0.0.1
    errors
    transfer {
        to *
    }
    file %s {
        reload 200ms
    }
}
"""


def octets(name):
    """A name's wire form; `\\.` is a dot inside of a label."""
    labels = [label.replace("\0", ".") for label in name.replace("\\.", "\0").rstrip(".").split(".") if label]
    return b"".join(bytes([len(label)]) + label.encode() for label in labels) + b"\0"


def expand(message, index):
    """A name in full, lower case, and where it ends."""
    labels, end = [], None
    for _ in range(128):
        length = message[index]
        if length >= 0xC0:
            end = end or index + 2
            index = struct.unpack("!H", message[index:index + 2])[0] & 0x3FFF
            continue
        index += 1
        if not length:
            return b".".join(labels) + b".", end or index
        labels.append(message[index:index + length].lower())
        index += length
    raise ValueError("a name without an end")


def decoded(message):
    """Code, AA, and the records of each section as (owner, type, TTL, data with names in full), sorted."""
    _, flags, questions, *counts = struct.unpack("!HHHHHH", message[:12])
    index = 12
    for _ in range(questions):
        index = expand(message, index)[1] + 4
    sections = []
    for count in counts:
        records = []
        for _ in range(count):
            owner, index = expand(message, index)
            kind, _, ttl, length = struct.unpack("!HHIH", message[index:index + 10])
            start = index + 10
            index = start + length
            data = message[start:index]
            if kind in (2, 5, 12, 39):
                data = expand(message, start)[0]
            elif kind == 15:
                data = data[:2] + expand(message, start + 2)[0]
            elif kind == 6:
                first, middle = expand(message, start)
                second, last = expand(message, middle)
                data = first + second + message[last:index]
            if kind != 41:
                records.append((owner, kind, ttl, data))
        sections.append(sorted(records))
    return flags & 15, bool(flags & 0x400), *sections


def ask(stream, name, kind, dnssec):
    message = header(id=7, flags=0, additionals=1) + octets(name) + struct.pack("!HH", kind, 1)
    stream.sendall(framed(message + opt(payload=4096, flags=0x8000 if dnssec else 0)))
    return receive_framed(stream)


def masked(answer):
    """What is compared: additional records are extras but in referrals, and whose are the addresses of NS differs."""
    code, authoritative, answers, authority, additional = answer
    is_referral = not authoritative and not answers
    return code, authoritative, answers, authority, additional if is_referral else None


def compare(suite, label, port, judge, is_signed):
    ours, theirs = connect(port), connect(judge)
    asked, wrong = 0, []
    for short in NAMES:
        name = short if short == "zone.test" else short + ".zone.test"
        for kind, number in TYPES.items():
            for dnssec in [False, True]:
                first, second = ask(ours, name, number, dnssec), ask(theirs, name, number, dnssec)
                if first is None:
                    suite.check(f"{label}: {name} {kind} is answered", False)
                    return
                asked += 1
                first, second = masked(decoded(first)), masked(decoded(second))
                if first != second and not excused(kind, name, is_signed, first, second):
                    wrong.append(f"{name} {kind} {'DO' if dnssec else ''}\n      ours {first}\n      NSD  {second}")
    suite.check(f"{label}: {asked} answers as NSD's", not wrong, f"{len(wrong)} differ:\n   " + "\n   ".join(wrong[:12]))


def excused(kind, name, is_signed, ours, theirs):
    """True for what differs for a reason."""
    # NSD keeps signatures with what they sign, and finds none by themselves; CoreDNS and others give them.
    if kind == "RRSIG":
        return True
    if ours[:2] != theirs[:2]:
        return False
    # NSD answers ANY with one of the sets (RFC 8482 §4.1), and without the name servers; here it is all of them.
    if kind == "ANY" and ours[2]:
        return set(theirs[2]) <= set(ours[2])
    if ours[2] != theirs[2] or ours[4] != theirs[4]:
        return False
    more, less = set(ours[3]) - set(theirs[3]), set(theirs[3]) - set(ours[3])
    # A name with an asterisk has an NSEC3 record of its own, which says enough (RFC 5155 §7.2.3); NSD adds a second.
    if name.startswith("*.") and all(record[1] in (46, 50) for record in less):
        less = set()
    # The zone's name servers are a courtesy: NSD leaves them out beside DS and a CNAME made by a DNAME.
    extras = {2, 46} if ours[2] else set()
    # NSD proves nothing about a name that a DNAME leads to (here delv is the judge), and gives no DS in unsigned zones.
    extras |= {46, 47} if ".tree." in name else set() if is_signed else {43}
    return not less and all(record[1] in extras for record in more)


def sign(zone, folder, *options):
    keys = []
    for extra in [["-k"], []]:
        keys.append(subprocess.run(
            ["ldns-keygen", "-a", "ECDSAP256SHA256", *extra, "zone.test"], cwd=folder, capture_output=True, text=True,
            check=True).stdout.strip())
    output = folder / "zone.signed"
    subprocess.run(
        ["ldns-signzone", *options, "-f", output, zone, *keys], cwd=folder, capture_output=True, check=True)
    return output


def serve(file):
    return Server(COREFILE % ("zone.test", file)).wait_for("zone.test", "SOA")


def signed_or_not(suite):
    plain = work / "plain.zone"
    plain.write_text(ZONE)
    forms = {"unsigned": None, "NSEC": [], "NSEC3": ["-n", "-t", "2", "-s", "abcd"], "NSEC3 opt-out": ["-n", "-p"]}
    for label, options in forms.items():
        folder = work / label.replace(" ", "-")
        folder.mkdir()
        file = plain if options is None else sign(plain, folder, *options)
        server = serve(file)
        compare(suite, label, server.port, serve_zone("zone.test", file), options is not None)
        if options is not None:
            verify(suite, label, server, folder)


def verify(suite, label, server, folder):
    """What is copied is what was signed, and what is answered validates."""
    copied = subprocess.run(
        ["dig", "@127.0.0.1", "-p", str(server.port), "zone.test", "AXFR", "+onesoa", "+nocomments", "+nocmd", "+nostats"],
        capture_output=True, text=True, timeout=60).stdout
    file = folder / "copied.zone"
    file.write_text(copied)
    result = subprocess.run(["ldns-verify-zone", file], capture_output=True, text=True)
    suite.check(f"{label}: ldns-verify-zone is content with the copy", result.returncode == 0, result.stderr[-300:])
    trust = anchors(folder)
    for name, kind in [("many", "A"), ("x.wild", "A"), ("many", "TXT"), ("missing", "A"), ("x.wild", "MX"), ("tree", "DNAME"),
                       ("two.tree", "A")]:
        text = subprocess.run(
            ["delv", "@127.0.0.1", "-p", str(server.port), "-a", trust, "+root=zone.test", f"{name}.zone.test", kind],
            capture_output=True, text=True, timeout=30)
        output = text.stdout + text.stderr
        # Where opt-out covers the name, a wildcard proves nothing about it (RFC 5155 §9.1).
        wanted = "unsigned answer" if "opt-out" in label and name == "x.wild" and kind == "A" else "fully validated"
        suite.check(f"{label}: delv validates {name} {kind}", wanted in output, output[-300:])


def reloading(suite):
    file = work / "changing.zone"
    file.write_text(ZONE)
    server = serve(file)

    def serial():
        return int(dig(server.port, "zone.test", "SOA").answer[0][3].split()[2])

    def replace(text):
        draft = file.with_suffix(".new")
        draft.write_text(text)
        draft.replace(file)

    replace(ZONE.replace("2024010101", "2024010102") + "new A 192.0.2.99\n")
    suite.check("a new serial is taken over", eventually(lambda: serial() == 2024010102), str(serial()))
    suite.equal("with what is new", dig(server.port, "new.zone.test").rcode, "NOERROR")
    replace(ZONE.replace("2024010101", "2024010103") + "broken A 192.0.2\n")
    line = ZONE.count("\n") + 1
    suite.check(
        "a broken file is said with its line", eventually(lambda: f"{file}:{line}:" in server.log), server.log_end())
    suite.equal("and the zone stays as it was", serial(), 2024010102)
    replace(ZONE.replace("2024010101", "2024010102"))
    suite.check("a serial that did not change is said", eventually(lambda: "but not the serial" in server.log))
    included = work / "included.zone"
    replace(ZONE.replace("2024010101", "2024010104") + f"new A 192.0.2.99\n$INCLUDE {included}\n")
    suite.check("an included file that is missing is said", eventually(lambda: f"{included}, which cannot be read" in server.log))
    included.write_bytes(b'inside TXT "Z\xfcrich" ; Z\xfcrich\n')
    suite.check("and taken over when it comes, in whatever encoding", eventually(lambda: serial() == 2024010104), server.log_end())
    suite.equal("its octets are data", [line[3] for line in dig(server.port, "inside.zone.test", "TXT").answer], ['"z\\252rich"'])
    file.unlink()
    suite.check("a missing file is said", eventually(lambda: "No such file or directory: the zone" in server.log))
    suite.equal("and the zone is still served", dig(server.port, "new.zone.test").rcode, "NOERROR")


def folder(suite):
    """A zone that is put into a folder of `auto` is served and told, one whose file goes is served no more."""
    zones = work / "auto"
    zones.mkdir()
    (zones / "db.first.test").write_text(ZONE.replace("$ORIGIN zone.test.", ""))
    (zones / "db.broken.test").write_text("@ 60 SOA\n")
    os.mkfifo(zones / "db.pipe.test")
    secondary = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    secondary.bind(("127.0.0.1", 0))
    secondary.settimeout(10)
    server = Server(f"""
.:@PORT@ {{
    bind 127.0.0.1
    errors
    transfer {{
        to * 127.0.0.1:{secondary.getsockname()[1]}
    }}
    auto {{
        directory {zones}
        reload 200ms
    }}
}}
""", None).wait_for("many.first.test.")
    suite.check("a broken file in a folder is said", f"{zones}/db.broken.test:1:" in server.log, server.log_end())
    suite.check("a pipe in a folder holds up nothing",
                f"{zones}/db.pipe.test: a named pipe, expected a file" in server.log, server.log_end())
    draft = zones / "draft"
    draft.write_text(ZONE.replace("$ORIGIN zone.test.", ""))
    draft.replace(zones / "db.second.test")
    suite.check("a file that comes is a zone", eventually(lambda: dig(server.port, "many.second.test.").rcode == "NOERROR"))
    told = set()
    while len(told) < 2:
        told.add(expand(secondary.recv(512), 12)[0])
    suite.equal("and servers that copy it hear of it", told, {b"first.test.", b"second.test."})
    (zones / "db.first.test").unlink()
    suite.check("a file that goes is one no longer", eventually(lambda: not dig(server.port, "many.first.test.").data))
    suite.equal("the other is served on", len(dig(server.port, "many.second.test.").data), 3)


def large(suite):
    file = work / "large.zone"
    with file.open("w") as out:
        out.write("$ORIGIN zone.test.\n$TTL 300\n@ SOA ns h 1 2 3 4 5\n@ NS ns\nns A 10.0.0.1\n")
        for index in range(50_000):
            out.write(f"h{index} A 10.{index >> 16}.{index >> 8 & 255}.{index & 255}\nh{index} TXT \"text {index}\"\n")
    start = time.monotonic()
    server = serve(file)
    print(f"  a zone of 100,000 records: answered {time.monotonic() - start:.2f} s after the start")
    suite.equal("the last name of a large zone", dig(server.port, "h49999.zone.test").data, ["a 10.0.195.79"])
    output = subprocess.run(
        ["dig", "@127.0.0.1", "-p", str(server.port), "zone.test", "AXFR", "+time=60"], capture_output=True, text=True,
        timeout=120).stdout
    suite.check("all of it is copied", "XFR size: 100004 records" in output, output[-200:])


def anchors(folder):
    """What delv trusts: the key of a folder that signs keys."""
    key = next(
        line for path in folder.glob("K*.key") for line in path.read_text().splitlines() if " 257 " in line.replace("\t", " "))
    words = key.split(";")[0].split()
    at = words.index("257")
    file = folder / "anchors"
    file.write_text(
        f'trust-anchors {{ "zone.test." static-key {words[at]} {words[at + 1]} {words[at + 2]} "{"".join(words[at + 3:])}"; }};\n')
    return file


def signing(suite):
    """`sign` writes what NSD, ldns-verify-zone and delv are content with."""
    folder = work / "sign"
    folder.mkdir()
    (folder / "zone").write_text(ZONE)
    subprocess.run(
        ["ldns-keygen", "-a", "ECDSAP256SHA256", "-k", "zone.test"], cwd=folder, capture_output=True, check=True)
    corefile = f"""
.:@PORT@ {{
    bind 127.0.0.1
    root {folder}
    transfer {{
        to *
    }}
    file db.zone.test.signed zone.test {{
        reload 200ms
    }}
    sign zone zone.test {{
        key directory .
        directory .
    }}
}}
"""
    server = Server(corefile).wait_for("zone.test", "SOA")
    signed = folder / "db.zone.test.signed"
    compare(suite, "sign", server.port, serve_zone("zone.test", signed), True)
    verify(suite, "sign", server, folder)
    parents = {kind: len(dig(server.port, "zone.test", kind).data) for kind in ("CDS", "CDNSKEY", "DNSKEY")}
    suite.equal("what parents are told of the key", parents, {"CDS": 2, "CDNSKEY": 1, "DNSKEY": 1})
    server.kill()
    server = Server(corefile).wait_for("zone.test", "SOA")
    suite.check("signatures that hold are left", eventually(lambda: "needs no signing yet" in server.log), server.log_end())


def signed_first(suite):
    """The manual's example: `file` finds soon what `sign` has yet to write, however long its usual pause is."""
    folder = work / "first"
    folder.mkdir()
    (folder / "zone").write_text(ZONE)
    subprocess.run(
        ["ldns-keygen", "-a", "ECDSAP256SHA256", "-k", "zone.test"], cwd=folder, capture_output=True, check=True)
    server = Server(f"""
zone.test:@PORT@ {{
    bind 127.0.0.1
    root {folder}
    file db.zone.test.signed {{
        reload 1h
    }}
    sign zone {{
        key directory .
        directory .
    }}
}}
""")
    suite.check("a zone that is signed at the first start is answered",
        eventually(lambda: dig(server.port, "zone.test", "SOA", "+time=1").rcode == "NOERROR"), server.log_end())
    suite.check("and the log said when it would be looked for", "then after longer pauses" in server.log, server.log_end())


def busy(suite):
    """Zones that take long to sign hold up neither pages nor reloads nor the end."""
    folder = work / "busy"
    folder.mkdir()
    blocks = ""
    for index in range(4):
        zone = f"z{index}.test"
        (folder / zone).write_text(
            "$TTL 60\n@ SOA ns h 1 2 3 4 5\n@ NS ns\nns A 10.0.0.1\n"
            + "".join(f"h{number} A 10.0.{number >> 8}.{number & 255}\n" for number in range(3000)))
        subprocess.run(["ldns-keygen", "-a", "RSASHA256", "-b", "2048", "-k", zone], cwd=folder, capture_output=True, check=True)
        blocks += f"""
{zone}:@PORT@ {{
    bind 127.0.0.1
    root {folder}
    health 127.0.0.1:@HEALTH@
    prometheus 127.0.0.1:@METRICS@
    sign {zone} {{
        key directory .
        directory .
    }}
    whoami
}}
"""
    server = Server(blocks).wait_for("whoami.z3.test.")

    def signed():
        return server.log.count("is signed in")

    suite.equal("health is answered while zones are signed", (server.page(server.health_port, "/health")[0], signed() < 4), (200, True))
    suite.equal("metrics are, too", (server.metric("coredns_build_info"), signed() < 4), (1, True))
    server.write(blocks.replace("health", "errors\n    health"))
    server.signal(signal.SIGUSR1)
    suite.check("a reload does not wait for them", eventually(lambda: "Reloading complete" in server.log) and signed() < 4, server.log_end())
    server.signal(signal.SIGTERM)
    suite.equal("nor does the end", (server.exit_code(), signed() < 4), (0, True))
    for attempt in range(10):
        for file in folder.glob("*.signed"):
            file.unlink()
        server = Server(blocks)
        eventually(lambda: "cluster-dns-" in server.log)
        time.sleep(random.random() * 0.2)
        server.signal(signal.SIGTERM)
        suite.equal(f"{attempt}: a process that signs ends as others do", server.exit_code(), 0)
    drafts = [path.name for path in folder.iterdir() if path.name.endswith(".new") and not path.name.startswith(".")]
    suite.equal("what is half written is called as no zone is", drafts, [])


def dnssec(suite):
    """`dnssec` signs what an unsigned file answers, and delv is content with it."""
    folder = work / "dnssec"
    folder.mkdir()
    (folder / "zone").write_text(ZONE)
    for label, options in [("one key", ["-k"]), ("a key for keys and one for the zone", [])]:
        name = subprocess.run(
            ["ldns-keygen", "-a", "ECDSAP256SHA256", *options, "zone.test"], cwd=folder, capture_output=True, text=True,
            check=True).stdout.strip()
        keys = f"{keys} {name}" if not options else name
        server = Server(f"""
.:@PORT@ {{
    bind 127.0.0.1
    prometheus 127.0.0.1:@METRICS@
    root {folder}
    dnssec zone.test {{
        key file {keys}
    }}
    template IN TXT nothing.zone.test {{
        rcode NOERROR
    }}
    hosts none hosted.zone.test {{
        192.0.2.77 host.hosted.zone.test
        fallthrough
    }}
    file zone zone.test
}}
""").wait_for("zone.test", "SOA")
        trust = anchors(folder)
        for name, kind, wanted in VALIDATED:
            text = subprocess.run(
                ["delv", "@127.0.0.1", "-p", str(server.port), "-a", trust, "+root=zone.test", name, kind],
                capture_output=True, text=True, timeout=30)
            suite.check(f"{label}: {name} {kind} is {wanted}", wanted in text.stdout + text.stderr, (text.stdout + text.stderr)[-400:])
        suite.check(f"{label}: signatures are kept", server.metric("coredns_dnssec_cache_hits_total") > 10)
        suite.equal(f"{label}: nobody else gets any", dig(server.port, "many.zone.test").data, ["a 192.0.2.10", "a 192.0.2.11", "a 192.0.2.12"])
        suite.equal(f"{label}: what does not exist is denied as a type of it", (
            dig(server.port, "missing.zone.test", "A", "+dnssec").rcode, dig(server.port, "missing.zone.test").rcode), ("NOERROR", "NXDOMAIN"))
        server.kill()


def body(suite):
    for part in [signed_or_not, signing, signed_first, busy, dnssec, reloading, folder, large]:
        part(suite)


if __name__ == "__main__":
    os.environ["PATH"] += ":/usr/sbin"
    missing = [tool for tool in ["nsd", "ldns-signzone", "ldns-keygen", "delv"] if not shutil.which(tool)]
    if missing:
        print(f"  zones: not run: {', '.join(missing)} is not installed")
    Suite("zones").run(body if not missing else lambda suite: None)
