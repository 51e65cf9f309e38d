#!/usr/bin/env python3
"""Copies of zones beside NSD as their primary: the same answers, new versions by NOTIFY, what happens when it goes away."""

import os
import shutil
import signal
import socket
import struct
import subprocess
from live import PATIENCE, Program, Server, Suite, dig, eventually, free_port, header, serve_zone, work
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
    folder = work / f"primary.{port}"
    folder.mkdir(exist_ok=True)
    (folder / "nsd.conf").write_text(f"""
server:
    ip-address: 127.0.0.1@{port}
    do-ip6: no
    server-count: 1
    username: ""
    zonesdir: "{folder}"
    database: ""
    pidfile: "{folder}/nsd.pid"
    zonelistfile: "{folder}/zone.list"
    xfrdfile: "{folder}/xfrd.state"
    xfrdir: "{folder}"
    cookie-secret-file: "{folder}/cookies"
    logfile: "{folder}/nsd.log"
    rrl-ratelimit: 0
remote-control:
    control-enable: no
zone:
    name: "zone.test"
    zonefile: "{file}"
    provide-xfr: 127.0.0.1 NOKEY
    notify: 127.0.0.1@{told} NOKEY
{options}
""")
    program = Program("primary", ["nsd", "-d", "-c", folder / "nsd.conf"])
    if not eventually(lambda: dig(port, "zone.test", "SOA", "+time=1").rcode == "NOERROR"):
        raise RuntimeError("nsd does not serve zone.test")
    return program


def copied(port):
    """All records of the zone as dig copies them."""
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


def body(suite):
    for part in [following, signed, expiring]:
        part(suite)


if __name__ == "__main__":
    os.environ["PATH"] += ":/usr/sbin"
    missing = [tool for tool in ["nsd", "ldns-signzone", "ldns-keygen"] if not shutil.which(tool)]
    if missing:
        print(f"  secondary: not run: {', '.join(missing)} is not installed")
    Suite("secondary").run(body if not missing else lambda suite: None)
