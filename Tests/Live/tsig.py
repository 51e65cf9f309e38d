#!/usr/bin/env python3
"""Signed queries and answers (TSIG, RFC 8945): dig, kdig and NSD as a secondary sign and judge."""

import base64
import os
import re
import shutil
import subprocess
from live import Server, Suite, dig, eventually, free_port, work
from peers import nsd_secondary
from scripted_primary import ScriptedPrimary
from zones import ZONE

ALGORITHMS = ["hmac-md5", "hmac-sha1", "hmac-sha256", "hmac-sha384", "hmac-sha512"]
SECRET = base64.b64encode(b"a secret of thirty-two octets...").decode()
OTHER = base64.b64encode(b"another secret of so many octets").decode()
COREFILE = """
.:@PORT@ {{
    bind 127.0.0.1
    errors
    prometheus 127.0.0.1:@METRICS@
    tsig zone.test {{
        secret key.test. {secret}
        secrets {file}
        require {required}
    }}
    transfer {{
        to *
    }}
    file {zone} zone.test
    whoami
}}
"""


def serve(required):
    folder = work / f"tsig.{required.replace(' ', '-')}"
    folder.mkdir()
    (folder / "zone").write_text(ZONE)
    (folder / "keys").write_text(f'key "second.test." {{\n    algorithm hmac-sha512;\n    secret "{OTHER}";\n}};\n')
    server = Server(COREFILE.format(secret=SECRET, file=folder / "keys", required=required, zone=folder / "zone"))
    return server.wait_for("whoami.example.")


def asked(port, tool, key, *words):
    """What `tool` says about one signed question."""
    if key:
        words = ("-y", key, *words)
    return subprocess.run(
        [tool, "@127.0.0.1", "-p", str(port), *words], capture_output=True, text=True, timeout=60)


def code(text):
    found = re.search(r"status: (\w+)", text)
    return found.group(1) if found else text[-200:]


def signing(suite):
    server = serve("all")
    for algorithm in ALGORITHMS:
        key = f"{algorithm}:key.test:{SECRET}"
        done = asked(server.port, "dig", key, "many.zone.test", "A")
        suite.equal(f"dig: {algorithm}", (code(done.stdout), done.stdout.count("192.0.2.1"), "could not be validated" in done.stdout),
            ("NOERROR", 3, False))
        done = asked(server.port, "kdig", key, "+tcp", "+dnssec", "missing.zone.test", "A")
        suite.equal(f"kdig: {algorithm}, NXDOMAIN over TCP with EDNS",
            (code(done.stdout), [line for line in done.stderr.splitlines() if "TSIG" in line]), ("NXDOMAIN", []))
    done = asked(server.port, "dig", f"hmac-sha512:second.test:{OTHER}", "zone.test", "SOA")
    suite.equal("a key of a file", (code(done.stdout), "could not be validated" in done.stdout), ("NOERROR", False))
    done = asked(server.port, "dig", f"hmac-sha256:key.test:{SECRET}", "zone.test", "AXFR")
    suite.check("a zone is copied, all of its messages signed", "XFR size" in done.stdout and "TSIG" in done.stdout
        and "could not be validated" not in done.stdout + done.stderr, done.stdout[-300:])
    suite.equal("a query without a signature", dig(server.port, "many.zone.test").rcode, "REFUSED")
    suite.equal("but not outside of the plugin's zones", dig(server.port, "whoami.example.").rcode, "NOERROR")
    for label, key, error in [
        ("a key that is not known", f"hmac-sha256:none.test:{SECRET}", "BADKEY"),
        ("another secret", f"hmac-sha256:key.test:{OTHER}", "BADSIG"),
    ]:
        done = asked(server.port, "dig", key, "many.zone.test", "A")
        suite.equal(label, (code(done.stdout), error in done.stdout, "192.0.2.10" in done.stdout), ("NOTAUTH", True, False))
    server.kill()


def chosen_types(suite):
    server = serve("AXFR IXFR")
    suite.equal("types that need no signature", dig(server.port, "many.zone.test").rcode, "NOERROR")
    done = asked(server.port, "dig", None, "zone.test", "AXFR")
    suite.check("a copy without one is refused", "Transfer failed" in done.stdout, done.stdout[-200:])
    key = f"hmac-sha256:key.test:{SECRET}"
    suite.check("and given with one", "XFR size" in asked(server.port, "dig", key, "zone.test", "AXFR").stdout)
    port = free_port()
    copier = nsd_secondary("tsig", port, "zone.test", server.port, "key.test", "AXFR", f"""
key:
    name: "key.test"
    algorithm: hmac-sha256
    secret: "{SECRET}"
""")
    suite.check("NSD copies the zone over TSIG", eventually(lambda: dig(port, "many.zone.test").data), copier.log_end())
    server.kill()


def notices(suite):
    """NOTIFY of a zone that is copied, signed by dig and not signed."""
    primary = ScriptedPrimary(numbers=(3600, 3600, 36000))
    server = Server(f"""
.:@PORT@ {{
    bind 127.0.0.1
    tsig zone.test {{
        secret key.test. {SECRET}
        require all
    }}
    secondary zone.test {{
        transfer from 127.0.0.1:{primary.port}
    }}
    whoami
}}
""").wait_for("whoami.example.")
    suite.check("the zone is copied", eventually(lambda: "AXFR" in primary.asked), server.log_end())
    words = ["zone.test", "SOA", "+opcode=notify", "+norecurse"]
    for label, key, wanted in [
        ("not signed", None, "REFUSED"), ("by a key that is not known", f"hmac-sha256:none.test:{SECRET}", "NOTAUTH"),
        ("with another secret", f"hmac-sha256:key.test:{OTHER}", "NOTAUTH"),
    ]:
        suite.equal(f"NOTIFY {label}", code(asked(server.port, "dig", key, *words).stdout), wanted)
    suite.equal("and the primary is not asked", primary.asked, ["AXFR"])
    done = asked(server.port, "dig", f"hmac-sha256:key.test:{SECRET}", *words)
    suite.equal("NOTIFY as it must be, and its answer signed",
        (code(done.stdout), "could not be validated" in done.stdout + done.stderr, "TSIG PSEUDOSECTION" in done.stdout),
        ("NOERROR", False, True))
    suite.check("and the primary is asked", eventually(lambda: primary.asked == ["AXFR", "SOA"]), str(primary.asked))
    server.kill()


def body(suite):
    for part in [signing, chosen_types, notices]:
        part(suite)


if __name__ == "__main__":
    os.environ["PATH"] += ":/usr/sbin"
    missing = [tool for tool in ["nsd", "dig", "kdig"] if not shutil.which(tool)]
    if missing:
        print(f"  tsig: not run: {', '.join(missing)} is not installed")
    Suite("tsig").run(body if not missing else lambda suite: None)
