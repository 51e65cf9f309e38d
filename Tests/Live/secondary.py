#!/usr/bin/env python3
"""Copies of zones beside NSD as their primary: the same answers, new versions by NOTIFY, what happens when it goes away."""

import os
import re
import shutil
import signal
import socket
import struct
import subprocess
from live import PATIENCE, Server, Suite, dig, eventually, free_port, header, serve_zone, work
from peers import nsd, nsd_secondary
from scripted_primary import ScriptedPrimary
from zones import ZONE, compare, octets, sign

COREFILE = """
.:@PORT@ {
    bind 127.0.0.1
    errors
    transfer {
        to *
    }
    secondary zone.test {
        transfer from 127.0.0.1:%d
    }
    whoami
}
"""


def primary(port, file, told, options=""):
    """An NSD that gives `file` to everybody and says to the port `told` when it changes."""
    program = nsd("primary", port, "zone.test", file, f"""
    provide-xfr: 127.0.0.1 NOKEY
    notify: 127.0.0.1@{told} NOKEY
    store-ixfr: yes
    create-ixfr: yes
{options}
""")
    if not eventually(lambda: dig(port, "zone.test", "SOA", "+time=1").rcode == "NOERROR"):
        raise RuntimeError("nsd does not serve zone.test")
    return program


def copied(port):
    """All records of the zone as dig copies them, each once."""
    output = subprocess.run(
        ["dig", "@127.0.0.1", "-p", str(port), "zone.test", "AXFR", "+nocomments", "+nostats", "+nocmd"],
        capture_output=True, text=True, timeout=60).stdout
    return sorted(set(" ".join(line.split()).lower() for line in output.splitlines() if line and line[0] != ";"))


def serial(server):
    answer = dig(server.port, "zone.test", "SOA").answer
    return int(answer[0][3].split()[2]) if answer else None


def notify(port, zone):
    """The code of the response to a NOTIFY, and whether it is authoritative."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.settimeout(PATIENCE)
        client.connect(("127.0.0.1", port))
        client.send(header(id=9, flags=0x2400) + octets(zone) + struct.pack("!HH", 6, 1))
        flags = struct.unpack("!H", client.recv(512)[2:4])[0]
        return flags & 15, bool(flags & 0x400)


def following(suite):
    port, file = free_port(), work / "primary.zone"
    file.write_text(ZONE)
    server = Server(COREFILE % port).wait_for("whoami.test.")
    suite.equal("before the primary was heard", dig(server.port, "many.zone.test").rcode, "SERVFAIL")
    suite.check("what is wrong is said", eventually(lambda: f"zone.test. was not copied: 127.0.0.1:{port}: " in server.log),
        server.log_end())
    nsd = primary(port, file, server.port)
    suite.check("once it is there", eventually(lambda: serial(server) == 2024010101), server.log_end())
    suite.equal("the copy is the zone", copied(server.port), copied(port))
    compare(suite, "copy", server.port, port, False)
    # The next refresh is two hours away.
    draft = file.with_suffix(".new")
    draft.write_text(ZONE.replace("2024010101", "2024010102") + "new A 192.0.2.99\n")
    draft.replace(file)
    nsd.signal(signal.SIGHUP)
    suite.check("a new version comes by NOTIFY", eventually(lambda: serial(server) == 2024010102), server.log_end())
    suite.equal("with what is new", dig(server.port, "new.zone.test").data, ["a 192.0.2.99"])
    suite.check("as differences", "with serial 2024010102, by differences" in server.log, server.log_end())
    suite.equal("which make the same zone of the copy", copied(server.port), copied(port))
    suite.equal("NOTIFY of a zone that is copied", notify(server.port, "zone.test"), (0, True))
    suite.equal("NOTIFY of another", notify(server.port, "other.test"), (4, False))
    nsd.kill()
    suite.equal("without its primary the zone is served on", dig(server.port, "new.zone.test").rcode, "NOERROR")
    server.kill()


def signed(suite):
    """The zone of a server of ours is copied by another of ours, and from there by a third."""
    folder = work / "signed"
    folder.mkdir()
    plain = folder / "plain"
    plain.write_text(ZONE)
    file = sign(plain, folder)
    first = Server(f".:@PORT@ {{\n    bind 127.0.0.1\n    transfer {{\n        to *\n    }}\n    file {file} zone.test\n}}\n")
    first.wait_for("zone.test", "SOA")
    second = Server(COREFILE % first.port).wait_for("zone.test", "SOA")
    third = Server(COREFILE % second.port).wait_for("zone.test", "SOA")
    suite.equal("a copy of a copy of a signed zone", copied(third.port), copied(first.port))
    compare(suite, "signed copy", third.port, serve_zone("zone.test", file), True)
    for server in (first, second, third):
        server.kill()


def expiring(suite):
    """Refresh, retry and expiry are those of the SOA record."""
    port, file = free_port(), work / "short.zone"
    text = ZONE.replace("7200 1800 86400 60", "1 1 3 1")
    file.write_text(text)
    server = Server(COREFILE % port)
    nsd = primary(port, file, free_port())
    server.wait_for("many.zone.test")
    file.write_text(text.replace("2024010101", "2024010102"))
    nsd.signal(signal.SIGHUP)
    suite.check("a new version is found by asking, too", eventually(lambda: serial(server) == 2024010102))
    nsd.kill()
    suite.check("an expired zone is served no more",
        eventually(lambda: dig(server.port, "many.zone.test").rcode == "SERVFAIL"), server.log_end())
    suite.check("and that is said", "zone.test. has expired" in server.log)
    primary(port, file, free_port())
    suite.check("until a primary is back", eventually(lambda: dig(server.port, "many.zone.test").rcode == "NOERROR"))


def incremental(suite):
    """Differences of our own file (RFC 1995), as dig, NSD and another of ours take them."""
    folder = work / "incremental"
    folder.mkdir()
    file = folder / "zone"
    file.write_text(ZONE)
    nsd = free_port()
    first = Server(f".:@PORT@ {{\n    bind 127.0.0.1\n    transfer {{\n        to * 127.0.0.1:{nsd}\n    }}\n"
        f"    file {file} zone.test {{\n        reload 100ms\n    }}\n}}\n")
    first.wait_for("zone.test", "SOA")
    second = Server(COREFILE.replace("transfer {\n        to *", "transfer {\n        to *", 1) % first.port).wait_for("zone.test", "SOA")
    nsd_secondary("copier", nsd, "zone.test", first.port)
    suite.check("NSD has the zone", eventually(lambda: dig(nsd, "many.zone.test").data))
    versions = [
        ZONE.replace("2024010101", "2024010102") + "new A 192.0.2.99\n",
        ZONE.replace("2024010101", "2024010103").replace("mail A 192.0.2.2\n", "") + "new A 192.0.2.99\nnew A 192.0.2.98\n",
        ZONE.replace("2024010101", "2024010104").replace("mail A 192.0.2.2\n", "mail 60 A 192.0.2.2\n") + "new A 192.0.2.98\n",
    ]
    for text in versions:
        wanted = int(text.split("hostmaster ( ")[1].split()[0])
        draft = folder / "draft"
        draft.write_text(text)
        draft.replace(file)
        suite.check(f"{wanted} is served", eventually(lambda: serial(first) == wanted), first.log_end())
        suite.check(f"{wanted} is copied", eventually(lambda: serial_at(nsd) == wanted), "")
    changed = incremental_copy(first.port, 2024010101)
    suite.equal("the differences of three versions: SOA, and each from SOA to SOA", [line[0] for line in changed if line[1] == "SOA"], ["zone.test."] * 8)
    suite.equal("and nothing but what changed", sorted(f"{name} {ttl} {data}" for name, kind, ttl, data in changed if kind == "A"), sorted([
        "new.zone.test. 300 192.0.2.99", "mail.zone.test. 300 192.0.2.2", "new.zone.test. 300 192.0.2.98",
        "mail.zone.test. 60 192.0.2.2", "new.zone.test. 300 192.0.2.99"]))
    suite.equal("who has the last version gets its SOA", [line[1] for line in incremental_copy(first.port, 2024010104)], ["SOA"])
    suite.check("who has one that is not known gets all", len(incremental_copy(first.port, 2024010001)) > 40)
    suite.equal("NSD has made the same of them", copied(nsd), copied(first.port))
    sizes = [int(size) for size in re.findall(r"received update to serial .* of (\d+) bytes", (work / f"copier.{nsd}/nsd.log").read_text())]
    suite.check("NSD took the whole once, and differences then", len(sizes) == 4 and max(sizes[1:]) * 3 < sizes[0], str(sizes))
    notify(second.port, "zone.test")
    suite.check("another of ours takes them, too", eventually(lambda: serial(second) == 2024010104), second.log_end())
    suite.equal("and has made the same of them", copied(second.port), copied(first.port))
    suite.check("by differences", "with serial 2024010104, by differences" in second.log, second.log_end())
    for server in (first, second):
        server.kill()


def address_of(server):
    answer = dig(server.port, "www.zone.test", "A", "+time=2", "+tries=1")
    return answer.data[0].split()[1] if answer.data else answer.rcode


def odd_primaries(suite):
    """Primaries that are slow, silent or wrong hold neither the zone nor the process."""
    primary = ScriptedPrimary()
    server = Server(COREFILE % primary.port).wait_for("www.zone.test")
    count = len(primary.asked)
    primary.delay = 2.5
    notify(server.port, "zone.test")
    suite.check("the primary is asked upon NOTIFY", eventually(lambda: len(primary.asked) > count))
    primary.said, primary.delay = 3, 0
    suite.check("a refresh that fell due while it was waited for does not hold the zone",
        eventually(lambda: address_of(server) == "192.0.2.3"), server.log_end())
    server.write(server.corefile.read_text().replace("whoami", "whoami\n    chaos"))
    server.signal(signal.SIGUSR1)
    suite.check("nor a reload", eventually(lambda: "Reloading complete" in server.log), server.log_end())
    primary.said, primary.given = 9, 2
    suite.check("an older version than was said is not taken",
        eventually(lambda: "it gives serial 2, which is not newer than 3" in server.log), server.log_end())
    count = len(primary.asked)
    suite.check("it is asked again", eventually(lambda: len(primary.asked) >= count + 6))
    suite.equal("the zone stays as it was", address_of(server), "192.0.2.3")
    suite.equal("that is said once", server.log.count("which is not newer than 3"), 1)
    primary.given = None
    suite.check("a newer version is taken again", eventually(lambda: address_of(server) == "192.0.2.9"), server.log_end())
    server.signal(signal.SIGTERM)
    suite.equal("nor the end", server.exit_code(), 0)


def over_reloads(suite):
    """What is known of a copied zone is known after a reload of the Corefile."""
    primary = ScriptedPrimary(numbers=(1, 1, 4))
    server = Server(COREFILE % primary.port).wait_for("www.zone.test")
    primary.said = 2
    suite.check("a second version", eventually(lambda: address_of(server) == "192.0.2.2"), server.log_end())
    suite.equal("differences lead to it", len(incremental_copy(server.port, 1)), 6)
    count = len(primary.asked)
    server.write(server.corefile.read_text().replace("whoami", "whoami\n    chaos"))
    server.signal(signal.SIGUSR1)
    suite.check("after a reload the primary is asked",
        eventually(lambda: "Reloading complete" in server.log and len(primary.asked) > count + 1), server.log_end())
    suite.equal("for its serial, and not for the zone", set(primary.asked[count:]), {"SOA"})
    suite.equal("differences lead to the version still", len(incremental_copy(server.port, 1)), 6)
    primary.drips, primary.said = True, 3
    suite.check("the zone expires, though a copy is under way", eventually(lambda: address_of(server) == "SERVFAIL"),
        server.log_end())
    suite.check("which is said", "zone.test. has expired" in server.log, server.log_end())
    server.kill()


def spent(server):
    """Seconds of CPU that the process has taken."""
    with open(f"/proc/{server.pid}/stat") as file:
        fields = file.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def silent_primaries(suite):
    """Waiting costs nothing."""
    primary = ScriptedPrimary()
    primary.silent = True
    zones = " ".join(f"z{number}.test" for number in range(100))
    server = Server((COREFILE % primary.port).replace("secondary zone.test", f"secondary {zones}")).wait_for("whoami.test.")
    suite.check("each zone asks", eventually(lambda: len(primary.asked) >= 100), server.log_end())
    before = spent(server)
    # Each is given up after ten seconds, and asked again.
    suite.check("gives up, and asks again", eventually(lambda: len(primary.asked) >= 200), server.log_end())
    taken = spent(server) - before
    suite.check("and takes next to nothing meanwhile", taken < 1, f"{taken} s of CPU")
    server.kill()


def letters(suite):
    """Records that differ in letters only are one: the difference to a version with one of them takes nothing away."""
    folder = work / "letters"
    folder.mkdir()
    file, nsd = folder / "zone", free_port()
    fill = "".join(f"fill{number} A 192.0.2.{number}\n" for number in range(100))
    file.write_text(ZONE + fill + "two MX 10 mail\ntwo MX 10 MAIL\n")
    first = Server(f".:@PORT@ {{\n    bind 127.0.0.1\n    transfer {{\n        to * 127.0.0.1:{nsd}\n    }}\n"
        f"    file {file} zone.test {{\n        reload 100ms\n    }}\n}}\n").wait_for("zone.test", "SOA")
    suite.equal("one record of two", len(dig(first.port, "two.zone.test", "MX").data), 1)
    nsd_secondary("copier", nsd, "zone.test", first.port)
    suite.check("NSD has the zone", eventually(lambda: dig(nsd, "two.zone.test", "MX").data))
    draft = folder / "draft"
    draft.write_text(ZONE.replace("2024010101", "2024010102") + fill + "two MX 10 mail\n")
    draft.replace(file)
    suite.check("and the next version", eventually(lambda: serial_at(nsd) == 2024010102))
    suite.equal("with the record", len(dig(nsd, "two.zone.test", "MX").data), 1)
    first.kill()


def serial_at(port):
    answer = dig(port, "zone.test", "SOA").answer
    return int(answer[0][3].split()[2]) if answer else None


def incremental_copy(port, known):
    """Name, type, TTL and data of each record of an IXFR, in their order."""
    output = subprocess.run(
        ["dig", "@127.0.0.1", "-p", str(port), "zone.test", f"IXFR={known}", "+tcp", "+nocomments", "+nostats", "+nocmd"],
        capture_output=True, text=True, timeout=60).stdout
    lines = [line.split(None, 4) for line in output.splitlines() if line and line[0] != ";"]
    return [(line[0], line[3], line[1], line[4]) for line in lines]


def body(suite):
    for part in [following, incremental, letters, signed, expiring, odd_primaries, over_reloads, silent_primaries]:
        part(suite)


if __name__ == "__main__":
    os.environ["PATH"] += ":/usr/sbin"
    missing = [tool for tool in ["nsd", "ldns-signzone", "ldns-keygen"] if not shutil.which(tool)]
    if missing:
        print(f"  secondary: not run: {', '.join(missing)} is not installed")
    Suite("secondary").run(body if not missing else lambda suite: None)
