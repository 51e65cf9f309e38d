#!/usr/bin/env python3
"""Plugins with one rule each, beside CoreDNS: any, bufsize, chaos, debug, header, local, minimal, nsid, whoami."""

import re
from differential import Comparison, both, without_flags
from live import Suite, serve_zone, work

ZONE = """$ORIGIN example.org.
$TTL 300
@ IN SOA ns hostmaster 7 3600 600 86400 60
@ IN NS ns
@ IN MX 10 mail
ns IN A 192.0.2.53
www IN A 192.0.2.80
www IN AAAA 2001:db8::80
mail IN A 192.0.2.25
alias IN CNAME www
text IN TXT "some text"
"""



def own_size(seen):
    """This server says what it takes itself; CoreDNS says again what the client said."""
    return {**seen, "edns": seen["edns"] and seen["edns"][:2]}


def answer_alone(seen):
    """This server passes on of a positive answer what was asked for; CoreDNS all that the upstream added."""
    return {**seen, "authority": [], "additional": []} if seen["answer"] else seen


# This server sets AA on its own data alone, and RA wherever it has upstreams.
FLAGS = without_flags("aa", "ra")
REDUCED = both(FLAGS, own_size)
FORWARDED = both(REDUCED, answer_alone)


def client_port(seen):
    """The client's port differs from question to question."""
    return {**seen, "additional": [re.sub(r" srv 0 0 \d+ ", " srv 0 0 PORT ", line) for line in seen["additional"]]}


def block(lines):
    return f".:@PORT@ {{\n    bind 127.0.0.1\n{lines}}}\n"


def body(suite):
    compare = Comparison(suite)
    file = work / "example.org.zone"
    file.write_text(ZONE)
    forward = f"    forward . 127.0.0.1:{serve_zone('example.org', file)}\n"
    names = ["www.example.org A", "alias.example.org A", "example.org MX", "missing.example.org A", "text.example.org A"]
    edns = ["+noedns", "+edns +bufsize=4096", "+dnssec"]

    compare.ask("forward", block(forward), [f"{name} {options}" for name in names for options in edns], {None: FORWARDED})
    compare.ask("minimal", block(f"    minimal\n{forward}"),
        [f"{name} {options}" for name in names for options in edns], {None: REDUCED})
    compare.ask("any", block(f"    any\n{forward}"), ["www.example.org ANY +notcp", "example.org ANY +tcp", "www.example.org A"],
        {None: FORWARDED})
    compare.ask("nsid", block(f"    nsid somewhere here\n{forward}"),
        ["www.example.org A +nsid", "www.example.org A", "missing.example.org A +nsid", "www.example.org A +noedns"],
        {None: FORWARDED})
    compare.ask("bufsize", block(f"    bufsize 1100\n{forward}"),
        [f"www.example.org A +bufsize={size}" for size in (512, 1100, 1232, 4096)] + ["www.example.org A +noedns"],
        {None: FORWARDED})
    compare.ask("header", block(f"    header {{\n        response set ra\n        response clear rd\n    }}\n{forward}"),
        ["www.example.org A", "missing.example.org A"], {None: both(without_flags("aa"), own_size, answer_alone)})
    compare.ask("header aa", block(f"    header {{\n        response clear aa ra\n    }}\n{forward}"), ["www.example.org A"],
        {None: both(own_size, answer_alone)})
    compare.ask("chaos", block(f"    chaos v1.2 \"An Author\" Another\n    whoami\n"),
        [f"{name} TXT -c CH" for name in ("version.bind", "version.server", "authors.bind")])
    compare.ask("local", block(f"    local\n{forward}"),
        [f"{name} {kind}" for name in ("localhost", "0.in-addr.arpa", "127.in-addr.arpa", "255.in-addr.arpa",
            "1.0.0.127.in-addr.arpa") for kind in ("A", "AAAA", "NS", "SOA", "PTR", "TXT")]
        + ["localhost.example.org A", "www.example.org A"], {None: FLAGS, "www.example.org A": FORWARDED})
    compare.ask("whoami", block("    whoami\n"),
        [f"{name} {kind} {options}" for name in ("a.test", "a.b.test") for kind in ("A", "AAAA", "TXT")
         for options in ("+notcp", "+tcp", "+noedns")], {None: client_port})
    compare.ask("debug", block("    debug\n    errors\n    whoami\n"), ["a.test A"], {None: client_port})
    compare.finish()


if __name__ == "__main__":
    Suite("small-plugins").run(body)
