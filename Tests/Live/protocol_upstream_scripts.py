"""Cases with upstreams that no line can say: late replies, TLS that is not right, and this server as its own upstream."""

import ssl
import time
from live import Server, dig, eventually
from protocol_messages import code_and_answer
from protocol_scripts import script
from protocol_upstream import Upstreams, ask
from secure_clients import HOST, Authority
from upstreams_encrypted import TLSUpstream


def asked(server, name):
    answer = dig(server.port, name)
    return " ".join([answer.rcode, *(data.removeprefix("a ") for data in answer.data), *(f"EDE {code}" for code in answer.extended_errors)])


@script
def late_reply(servers):
    """The replies to a question that was given up come while another one waits."""
    upstreams = Upstreams()
    server = Server(f".:@PORT@ {{\n    bind 127.0.0.1\n    {upstreams.filled('base', 'read_timeout 500ms')}\n}}\n").wait_for("ready.test")
    late, plain = "qr rd ra q(=) an(= A 60 192.0.2.66)", "qr rd ra q(=) an(= A 60 192.0.2.1)"
    upstreams.script([f"1: after=1.2 {late}", f"2: after=0.9 {late}", f"3: after=0.45 {plain}", plain])
    first, second = (code_and_answer(ask(server.port, f"rd q({name} A)")) for name in ("late.test", "next.test"))
    server.kill()
    return f"{first}; the next {second}"


@script
def strange_upstreams(servers):
    """What an upstream cannot prove it is not asked, over TLS or otherwise; the next upstream is."""
    authority, stranger, results = Authority("upstream"), Authority("another"), []
    old = TLSUpstream(authority.issue("old", HOST))
    old.context.minimum_version, old.context.maximum_version = ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1
    old.context.set_ciphers("ALL:@SECLEVEL=0")
    good = TLSUpstream(authority.issue("good", HOST))
    for label, upstream in {
        "another name": TLSUpstream(authority.issue("name", "other.test")),
        "expired": TLSUpstream(authority.issue("past", HOST, expired=True)),
        "of a stranger": TLSUpstream(stranger.issue("stranger", HOST)), "TLS 1.1": old,
    }.items():
        for others in ("", f" tls://127.0.0.1:{good.port}"):
            server = Server(f".:@PORT@ {{\n    bind 127.0.0.1\n    forward . tls://127.0.0.1:{upstream.port}{others} {{\n"
                f"        tls {authority.certificate}\n        tls_servername {HOST}\n        policy sequential\n    }}\n}}\n")
            eventually(lambda: dig(server.port, "up.test", "A", "+time=2").rcode != "NONE")
            results.append(f"{label}{' and a good one' if others else ''}: {asked(server, 'a.test')}")
            server.kill()
        results[-1] += f", asked {len(upstream.queries)}"
    return "; ".join(results)


@script
def broken_upstreams(servers):
    """Connections that an upstream closes while nobody waits, and as soon as it is asked."""
    authority = Authority("breaking")
    upstream = TLSUpstream(authority.issue("server", HOST))
    server = Server(f".:@PORT@ {{\n    bind 127.0.0.1\n    forward . tls://127.0.0.1:{upstream.port} {{\n"
        f"        tls {authority.certificate}\n        tls_servername {HOST}\n    }}\n}}\n").wait_for("up.test")
    upstream.break_all()
    idle = asked(server, "a.test")
    upstream.break_in = 1
    reset = asked(server, "b.test")
    server.kill()
    return f"closed while idle: {idle}; closed when asked: {reset}"


@script
def itself(servers):
    """An upstream that is this server, and one that sends everything back."""
    server = Server(".:@PORT@ {\n    bind 127.0.0.1\n    forward . 127.0.0.1:@PORT@\n    prometheus 127.0.0.1:@METRICS@\n}\n")
    eventually(lambda: server.page(server.metrics_port, "/metrics")[0] == 200)
    alone = dig(server.port, "a.test").rcode
    requests = server.metric("coredns_dns_requests_total")
    server.kill()
    first = Server(".:@PORT@ {\n    bind 127.0.0.1\n    forward . 127.0.0.1:@PORT2@\n    loop\n    prometheus 127.0.0.1:@METRICS@\n}\n"
        ".:@PORT2@ {\n    bind 127.0.0.1\n    forward . 127.0.0.1:@PORT@\n}\n")
    eventually(lambda: "loop" in first.log.lower())
    begin = time.monotonic()
    looped = asked(first, "a.test")
    took = time.monotonic() - begin
    first.kill()
    return f"itself: {alone}, {'few' if requests < 20 else int(requests)} messages; in a circle, with `loop`: {looped}" + (
        "" if took < 1 else f" after {took:.1f} s")
