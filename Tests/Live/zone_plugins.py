#!/usr/bin/env python3
"""Plugins with data of their own, beside CoreDNS: auto, dnssec, erratic, file, template, tsig, view."""

import base64
import re
import subprocess
from differential import Comparison, both, without_flags
from live import Suite, work
from small_plugins import block

ZONE = """$ORIGIN example.org.
$TTL 300
@ IN SOA ns hostmaster 7 3600 600 86400 60
@ IN NS ns
@ IN NS ns.elsewhere.test.
@ IN MX 10 mail
ns IN A 192.0.2.53
www IN A 192.0.2.80
www IN A 192.0.2.81
www IN AAAA 2001:db8::80
mail IN A 192.0.2.25
alias IN CNAME www
chain IN CNAME alias
lost IN CNAME nowhere
text IN TXT "some text" "more"
_sip._tcp IN SRV 1 2 5060 mail
*.wild IN A 192.0.2.90
*.walias IN CNAME www
a.deep.ent IN A 192.0.2.91
tree IN DNAME other
one.other IN A 192.0.2.92
child IN NS ns.child
ns.child IN A 192.0.2.54
"""
NAMES = """example.org www alias chain lost text _sip._tcp mail x.wild x.y.wild wild a.walias ent deep.ent a.deep.ent tree one.tree
two.tree child x.child ns.child missing a.missing""".split()
TYPES = ["A", "AAAA", "MX", "NS", "SOA", "TXT", "SRV", "CNAME"]
QUESTIONS = [f"{name if name == 'example.org' else name + '.example.org'} {kind} +noedns" for name in NAMES for kind in TYPES]
SECRET = base64.b64encode(b"a secret of thirty-two octets...").decode()

TEMPLATES = {
    "name": 'template IN A {\n        answer "{{ .Name }} 60 IN A 192.0.2.1"\n    }',
    "groups": 'template IN A {\n        match "^ip-(?P<a>[0-9]*)-(?P<b>[0-9]*)[.]example[.]org[.]$"\n'
              '        answer "{{ .Name }} 60 IN A 192.0.{{ .Group.a }}.{{ .Group.b }}"\n        fallthrough\n    }',
    "numbers": 'template IN A {\n        match "^(.*)-(.*)[.]example[.]org[.]$"\n'
               '        answer "{{ .Name }} 60 IN CNAME {{ index .Match 2 }}.{{ index .Match 1 }}.test."\n    }',
    "sections": 'template IN MX {\n        answer "{{ .Name }} 60 IN MX 10 mail.{{ .Name }}"\n'
                '        additional "mail.{{ .Name }} 60 IN A 192.0.2.3"\n'
                '        authority "{{ .Zone }} 60 IN NS ns.{{ .Zone }}"\n    }',
    "nxdomain": 'template ANY ANY example.org {\n        rcode NXDOMAIN\n'
                '        authority "{{ .Zone }} 60 {{ .Class }} SOA ns.{{ .Zone }} h.{{ .Zone }} (1 60 60 60 60)"\n    }',
    "if": 'template IN A {\n        answer "{{ .Name }} 60 IN A {{ if eq .Type \\"A\\" }}192.0.2.5{{ else }}192.0.2.6{{ end }}"\n    }',
    "else if": 'template IN A {\n        answer "{{ .Name }} 60 IN A {{ if eq .Class \\"CH\\" }}192.0.2.5{{ else if eq .Type \\"A\\" }}192.0.2.6{{ end }}"\n    }',
    "variable": 'template IN TXT {\n        answer "{{ $x := .Type }}{{ .Name }} 60 IN TXT \\"{{ $x }} {{ .Class }}\\""\n    }',
    "printf": 'template IN TXT {\n        answer "{{ .Name }} 60 IN TXT {{ printf \\"%s-%d\\" .Type 7 }}"\n    }',
    "with": 'template IN TXT {\n        match "^(?P<a>.*)-(?P<b>x)?"\n        answer "{{ .Name }} 60 IN TXT {{ with .Group.a }}{{ . }}{{ end }}'
            '{{ with .Group.b }}{{ . }}{{ else with .Type }}{{ . }}{{ $.Class }}{{ end }}"\n        fallthrough\n    }',
    "range": 'template IN TXT {\n        match "^(.*)-(.*)[.]example"\n        answer "{{ .Name }} 60 IN TXT {{ range $i, $x := .Match }}<{{ $i }}{{ $x }}>'
             '{{ end }}"\n        fallthrough\n    }',
    "range of groups": 'template IN TXT {\n        match "^(?P<z>.*)-(?P<b>.*)[.]example"\n'
                       '        answer "{{ .Name }} 60 IN TXT {{ range $k, $v := .Group }}<{{ $k }}{{ $v }}>{{ end }}"\n        fallthrough\n    }',
    "break": 'template IN TXT {\n        match "^(.*)-(.*)[.]example"\n        answer "{{ .Name }} 60 IN TXT {{ range $i, $x := .Match }}{{ if eq $i 0 }}'
             '{{ continue }}{{ end }}{{ if eq $i 2 }}{{ break }}{{ end }}{{ . }}{{ end }}"\n        fallthrough\n    }',
    "slice": 'template IN TXT {\n        match "^(.*)-(.*)[.]example"\n        answer "{{ .Name }} 60 IN TXT {{ slice .Name 0 3 }}{{ range slice .Match 1 }}{{ . }}'
             '{{ end }}"\n        fallthrough\n    }',
    "numbers of a loop": 'template IN TXT {\n        answer "{{ .Name }} 60 IN TXT {{ range 4 }}{{ . }}{{ end }}"\n    }',
    "println": 'template IN TXT {\n        answer "{{ .Name }} 60 IN TXT {{ println 1 2 3 }}"\n    }',
    "escaped": 'template IN TXT {\n        answer "{{ .Name }} 60 IN TXT \\"{{ html .Type `<` }} {{ js .Type `=` }} {{ urlquery .Type ` &` }}\\""\n    }',
    "with a variable": 'template IN TXT {\n        answer "{{ .Name }} 60 IN TXT {{ with $x := .Type }}{{ $x }}{{ len $x }}{{ end }}'
                       '{{ if $y := .Class }}{{ $y }}{{ end }}"\n    }',
    "with the question": 'template IN TXT {\n        answer "{{ .Name }} 60 IN TXT {{ with .Question }}{{ .Qtype }}{{ .Qclass }}{{ end }}"\n    }',
    "refused": 'template IN A example.org {\n        rcode REFUSED\n    }',
}
TEMPLATE_QUESTIONS = [f"{name}.example.org {kind} +noedns" for name in ("ip-2-9", "x", "a-b") for kind in ("A", "TXT", "MX")]


# Expressions of `view`: which block answers says whether they are true.
VIEWS = [
    "name() == 'www.example.org.'", "type() == 'A'", "class() == 'IN'", "name() matches '^w+[.]'", "name() startsWith 'www.'",
    "name() endsWith '.org.'", "name() contains 'example'", "type() in ['AAAA', 'MX']", "type() not in ['AAAA', 'MX']",
    "incidr(client_ip(), '127.0.0.0/8')", "incidr(client_ip(), '10.0.0.0/8')", "proto() == 'udp'", "server_ip() == '127.0.0.1'",
    "bufsize() >= 1232", "do()", "!do()", "do() && proto() == 'udp'", "do() || type() == 'A'", "size() > 10", "opcode() == 0",
    "len(name()) == 16", "name() != 'x.' and not do()", "(type() == 'A') == do()", "type() == 'A' ? do() : !do()",
    "any(['www.', 'x.'], name() startsWith #)", "all(['w', 'o'], name() contains #)", "lower('WWW') + '.example.org.' == name()",
    "split(name(), '.')[1] == 'example'", "id() >= 0", "upper(type()) == 'AAAA'", "trimSuffix(name(), '.org.') == 'www.example'",
    "replace(name(), 'www', 'x') == 'x.example.org.'", "hasPrefix(name(), 'w')", "7 % 4 == 3", "port() != '53'",
    "none(['10.0.0.0/8'], incidr(client_ip(), #))", "name() in ['www.example.org.', 'a.']", "true", "1 > 2", "'a' < 'b'",
]
VIEW_QUESTIONS = [f"{name}.example.org {kind} {options}" for name in ("www", "x") for kind in ("A", "AAAA")
    for options in ("+noedns", "+dnssec +bufsize=4096", "+tcp +noedns")]


def view(expression):
    """Two blocks of one zone: the first answers what the expression is true for."""
    # A word that begins with # begins a comment.
    expression = f'"{expression}"' if "#" in expression else expression
    return (f".:@PORT@ {{\n    bind 127.0.0.1\n    view one {{\n        expr {expression}\n    }}\n    hosts {{\n        192.0.2.1 www.example.org x.example.org\n"
        "    }\n}\n.:@PORT@ {\n    bind 127.0.0.1\n    hosts {\n        192.0.2.2 www.example.org x.example.org\n    }\n}\n")


def data_alone(seen):
    """Which of the blocks answered, by its address."""
    return {"answer": seen["answer"], "rcode": seen["rcode"]}


def signatures_alone(seen):
    """Of signatures, whose they are and of what type: no two are the same, and delv judges them elsewhere."""
    def line(record):
        words = record.split()
        return " ".join(words[:4] if words[2] == "rrsig" else words)
    return {**seen, **{name: sorted(map(line, seen[name])) for name in ("answer", "authority", "additional")}}


def referral_proof(seen):
    """A delegation is proven to be unsigned at its own name here, with its own types; CoreDNS does so at the question's."""
    if seen["answer"] or any(" soa " in line for line in seen["authority"]):
        return seen
    return {**seen, "authority": [line for line in seen["authority"] if " nsec" not in line]}


def negative_ttl(seen):
    """Negative answers have the least of the SOA's TTL and its last field here (RFC 2308 §5), their proofs, too."""
    return {**seen, "authority": [re.sub(r"^(\S+) \d+ (soa|nsec|rrsig nsec|rrsig soa)\b", r"\1 TTL \2", line) for line in seen["authority"]]}


def end_of_chain(seen):
    """What CNAMEs lead to and does not exist is denied by the SOA here (RFC 2308 §2.1); CoreDNS names the servers."""
    wanted = {line.split()[-1] for line in seen["answer"] if " cname " in line}
    there = {line.split()[0] for line in seen["answer"]}
    return {**seen, "authority": []} if wanted - there else seen


def failed_target(seen):
    """A CNAME whose target fails is SERVFAIL here (RFC 6604 §2.1), wherever it comes from."""
    return {**seen, "rcode": "SERVFAIL" if seen["answer"] else seen["rcode"]}


# AA says that data is this server's own: a refusal is none.
TEMPLATE_MASKS = {"numbers": {None: failed_target}, "refused": {None: without_flags("aa")}}
ZONES = both(negative_ttl, end_of_chain)


def body(suite):
    compare = Comparison(suite)
    folder = work / "zones"
    folder.mkdir()
    (folder / "db.example.org").write_text(ZONE)
    zone = folder / "db.example.org"
    compare.ask("file", block(f"    file {zone} example.org\n"), QUESTIONS + ["other.test A +noedns"], {None: ZONES})
    compare.ask("auto", block(f"    auto {{\n        directory {folder}\n    }}\n"), QUESTIONS + ["other.test A +noedns"], {None: ZONES})
    for label, lines in TEMPLATES.items():
        compare.ask(f"template: {label}", block(f"    {lines}\n"), TEMPLATE_QUESTIONS, TEMPLATE_MASKS.get(label, {}))
    compare.ask("erratic", block("    erratic {\n        drop 0\n    }\n"), [f"a.test {kind} +noedns" for kind in ("A", "AAAA", "MX")])
    keys = [f"-y hmac-sha256:key.test:{SECRET}", f"-y hmac-sha256:none.test:{SECRET}", ""]
    compare.ask("tsig", block(f"    tsig {{\n        secret key.test. {SECRET}\n        require A\n    }}\n    file {zone} example.org\n"),
        [f"www.example.org {kind} +noedns {key}" for kind in ("A", "TXT") for key in keys], {None: negative_ttl})
    name = subprocess.run(
        ["ldns-keygen", "-a", "ECDSAP256SHA256", "-k", "example.org"], cwd=folder, capture_output=True, text=True, check=True).stdout.strip()
    compare.ask("dnssec", block(f"    dnssec example.org {{\n        key file {folder / name}\n    }}\n    file {zone} example.org\n"),
        [f"{question.replace(' +noedns', '')} +dnssec" for question in QUESTIONS], {None: both(ZONES, signatures_alone, referral_proof)})
    for expression in VIEWS:
        compare.ask(f"view: {expression}", view(expression), VIEW_QUESTIONS, {None: data_alone})
    compare.finish()


if __name__ == "__main__":
    Suite("zone-plugins").run(body)
