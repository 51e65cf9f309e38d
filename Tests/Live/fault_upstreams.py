#!/usr/bin/env python3
"""Upstreams that are silent, refuse, lie, dawdle, flap or come back: what clients, and names of the cluster, notice of it."""

import signal
import socket
import time
from crowds import busy
from live import (
    EXAMPLES, Lab, Server, Suite, dig, eventually, exchange, extent, free_port, header, opt, query, question, work)
from relay import NumberedUpstream
from traffic import (
    FLOODING, Flood, ask_steadily, counter, descriptors, end, forget_peak, meanwhile, numbered, processor_time, resident)

SERVICES = ["frontend", "back-end", "search"]
ZONE = "svc.cluster.local"
PLACES = 2048  # Queries that may wait, on each core.
COREFILE = """
.:@PORT@ {
    bind 127.0.0.1
    errors
    kubernetes cluster.local {
        kubeconfig @KUBECONFIG@
    }
    MORE
    prometheus 127.0.0.1:@METRICS@
    ready 127.0.0.1:@READY@
}
"""


class Place:
    """The cluster, and what its names are answered with."""

    def __init__(self):
        self.lab = Lab(manifests=EXAMPLES)
        addresses = [(f"{name}.shop.{ZONE}", self.lab.service(name)["clusterIP"]) for name in SERVICES]
        self.names = [(name, socket.inet_aton(address)) for name, address in addresses]

    def server(self, *upstreams, options="", more=""):
        targets = " ".join(f"127.0.0.1:{getattr(upstream, 'port', upstream)}" for upstream in upstreams)
        forward = f"{more}\n    forward . {targets} {{\n        {options}\n    }}"
        return Server(COREFILE.replace("MORE", forward), self.lab.kubeconfig).wait_for(self.names[0][0])

    def cluster_names(self, number):
        return self.names[number % len(self.names)]

    def ask_cluster(self, server, rate, seconds):
        return ask_steadily(server.port, rate, seconds, self.cluster_names)


def all_blackholed(suite, place):
    """Ten thousand misses a second for upstreams that say nothing: names of the cluster go on, the rest fails at once."""
    # A socket that nobody reads costs nothing of the cores that the server needs.
    port, silent = free_port(), socket.socket(type=socket.SOCK_DGRAM)
    silent.bind(("127.0.0.1", port))
    server = place.server(port)
    seconds = extent(5, 30)
    before = place.ask_cluster(server, 500, seconds)
    idle, idle_descriptors = resident(server), descriptors(server)
    forget_peak(server)
    lines, flood = server.log.count("\n"), Flood(server.port, [query("m01234567.flood.test")], 10_000, mark=b"01234567")
    eventually(lambda: (server.metric("coredns_dns_responses_total") or 0) > 30_000)
    # Places to wait are shared by client: one that asks little waits, it is the flood's own that fail.
    misses = meanwhile(ask_steadily, server.port, 50, seconds, numbered("other.test"), source=FLOODING)
    during = place.ask_cluster(server, 500, seconds)
    most, open_descriptors = resident(server, "VmHWM"), descriptors(server)
    misses = misses()
    rate, took = flood.stop(), time.monotonic() - flood.begun
    written = (server.log.count("\n") - lines) / took
    label = f"{rate:.0f} misses a second for silent upstreams"
    suite.check(f"{label}: that many came", rate > 8000, rate)
    suite.check(f"{label}: every name of the cluster is answered, and right", during.share == 1 and not during.wrong, during)
    # In a test run the flood and the clients have the same two cores as the server.
    more = extent(50, 2)
    allowed = 1.2 * before.percentile(99) + more
    suite.gate("G8", "10,000 misses a second, upstreams silent: p99 of cluster names", f"{during.percentile(99):.1f} ms",
        f"1.2 times without, and {more} ms: {allowed:.1f} ms", during.percentile(99) <= allowed, f"{during.sent} asked")
    suite.check(f"{label}: every miss is told so", not misses.unanswered and not misses.codes[0], misses)
    suite.check(f"{label}: most of them at once", misses.percentile(50) < 50, misses)
    suite.check(f"{label}: none waits for longer than five seconds", misses.longest < 5.5, misses.longest)
    suite.gate("G8", "every place for waiting upstream queries taken, and 10,000 more a second: memory over idle",
        f"{most - idle:.0f} MiB", "32 MiB", most - idle <= 32, f"{rate:.0f} a second for {took:.0f} s")
    suite.check(f"{label}: descriptors stay few", open_descriptors - idle_descriptors < 300, (idle_descriptors, open_descriptors))
    suite.check(f"{label}: lines of the log stay few", written < 50, written)
    silent.close()
    upstream = NumberedUpstream(port=port)
    begun = time.monotonic()
    suite.check("they come back: asked again", eventually(lambda: dig(server.port, "n1.back.test", "A", "+time=1").rcode == "NOERROR"))
    suite.check("within six seconds", time.monotonic() - begun < 6, time.monotonic() - begun)
    suite.check("and all is forgotten", ask_steadily(server.port, 200, 2, numbered("well.test")).share == 1)
    end(suite, server, upstream)


def one_of_two(suite, place):
    """One of two upstreams falls silent: each question is answered by the other, and soon without waiting."""
    first, second = NumberedUpstream(), NumberedUpstream()
    server = place.server(first, second)
    suite.equal("both are asked", [ask_steadily(server.port, 100, 1, numbered("both.test")).share, first.asked > 0, second.asked > 0],
        [1, True, True])
    first.be("silent")
    heard = ask_steadily(server.port, 200, 9, numbered("fall.test"))
    suite.check("one falls silent: no question fails", heard.share == 1 and not heard.wrong, heard)
    suite.check("none takes longer than one try", heard.longest < 2.6, heard)
    print(f"  fault-upstreams: one of two falls silent: the last question that waited came after {heard.last_over(0.5):.1f} s",
        flush=True)
    suite.check("six seconds later none waits any more", heard.last_over(0.5) < 6, heard.last_over(0.5))
    first.forget()
    heard = ask_steadily(server.port, 200, 4, numbered("away.test"))
    suite.check("from then on nobody waits for it", heard.percentile(99) < 200 and heard.share == 1, heard)
    suite.check("it is probed, twice a second at most", 1 <= first.asked <= 10, first.asked)
    first.be("well")
    count = iter(range(10 ** 6))
    suite.check("it comes back and is asked again", eventually(
        lambda: dig(server.port, f"n{next(count)}.again.test").rcode == "NOERROR" and first.asked > 20))
    end(suite, server, first, second)


def refusing(suite, place):
    """Nobody listens there: the answer is a failure at once, without a busy loop."""
    for way, options, protocol, field in (("UDP", "", "Udp", "NoPorts"), ("TCP", "force_tcp", "Tcp", "AttemptFails")):
        server = place.server(free_port(), free_port(), options=options)
        before, used = counter(protocol, field), processor_time(server)
        heard = ask_steadily(server.port, 300, 3, numbered("refused.test"))
        used, tries = processor_time(server) - used, counter(protocol, field) - before
        label = f"{way}: two upstreams that refuse"
        suite.check(f"{label}: each question fails at once", heard.codes[2] == heard.sent and heard.percentile(99) < 200, heard)
        # Probes are among them, and what others on this machine are refused.
        suite.check(f"{label}: they were asked, four times a question at most", heard.sent / 10 < tries <= 4 * heard.sent + 50,
            (tries, heard.sent))
        suite.check(f"{label}: a question costs less than a millisecond", used / heard.sent < 0.001, used / heard.sent)
        suite.check(f"{label}: then the process rests", (used := busy(server)) < 0.05, used)
        end(suite, server)


def cut(suite, place):
    """Every reply over UDP is cut: TCP is asked, over few connections; where it does not answer, the question fails in time."""
    upstream = NumberedUpstream("cut")
    server = place.server(upstream)
    heard = ask_steadily(server.port, 300, 3, numbered("cut.test"))
    suite.check("always TC: every question is answered over TCP", heard.share == 1 and not heard.wrong, heard)
    suite.check("always TC: over few connections", upstream["connections"] <= 8, upstream["connections"])
    suite.check("always TC: soon", heard.percentile(99) < 200, heard)
    for manner, fastest, slowest in (("closed", 0, 0.5), ("silent", 1.9, 5.5)):
        upstream.be("cut", manner)
        upstream.forget()
        heard = ask_steadily(server.port, 20, 1, numbered(f"{manner}.test"))
        suite.check(f"always TC, TCP {manner}: each question fails", heard.codes[2] == heard.sent, heard)
        suite.check(f"always TC, TCP {manner}: in time", fastest <= heard.longest < slowest, heard)
        suite.check(f"always TC, TCP {manner}: without many tries", upstream["connections"] <= 4 * heard.sent, upstream["connections"])
    end(suite, server, upstream)


def late(suite, place):
    """Replies come when they like: each question has its own answer or none, never that of another."""
    upstream = NumberedUpstream()
    server = place.server(upstream)
    zones = ("after1900.late.test", "after2100.late.test", "after4900.late.test", "after10000.late.test")
    results = [meanwhile(ask_steadily, server.port, 100, 3, numbered(zone)) for zone in zones]
    asked = [result() for result in results]
    for zone, heard, is_answered in zip(zones, asked, (True, False, False, False)):
        label = f"each reply {zone[5:].split('.')[0]} ms late"
        suite.equal(f"{label}: none is another's", heard.wrong, [])
        # A machine that is busy comes late, too, to a question whose time is over.
        suite.check(f"{label}: {'answered' if is_answered else 'failed'}", heard.share > 0.9 if is_answered else heard.share < 0.1 and
            set(heard.codes) <= {0, 2}, heard)
        suite.check(f"{label}: within five seconds", heard.longest < 5.5, heard.longest)
    heard = ask_steadily(server.port, 300, extent(4, 30), lambda number: numbered(f"after{number * 7919 % 3000}.some.test")(number))
    suite.check("replies zero to three seconds late: none is another's", not heard.wrong and not heard.unanswered, heard)
    suite.check("two of three come in time, and are answers", 0.6 < heard.share < 0.75, heard.share)
    mismatched = server.metric("coredns_forward_mismatched_replies_total")
    print(f"  fault-upstreams: late replies: {heard.share:.0%} answered, {mismatched:.0f} passed over", flush=True)
    end(suite, server, upstream)


def wrong_ids(suite, place):
    upstream = NumberedUpstream("half")
    server = place.server(upstream)
    for manner, tcp, least, most in (("half", "well", 0.6, 1), ("wrong", "closed", 0, 0), ("wrong", "well", 0.9, 1)):
        upstream.be(manner, tcp)
        heard = ask_steadily(server.port, 100, 2, numbered(f"{manner}-{tcp}.test"))
        suite.check(f"wrong ids, {manner}, TCP {tcp}: as often answered as a right one comes", least <= heard.share <= most and
            set(heard.codes) <= {0, 2} and not heard.unanswered, heard)
        suite.equal(f"wrong ids, {manner}, TCP {tcp}: no wrong answer", heard.wrong, [])
    end(suite, server, upstream)


def large(suite, place):
    """An upstream, or a way to it, that loses what has EDNS: the second try is without."""
    upstream = NumberedUpstream("large")
    server = place.server(upstream)
    heard = ask_steadily(server.port, 50, 2, numbered("edns.test"), tail=opt())
    suite.check("EDNS is lost on the way: each question is answered all the same", heard.share == 1 and not heard.wrong, heard)
    # Probes have no EDNS either, and one comes with each try that failed.
    suite.check("EDNS is lost on the way: by one more question each", upstream["udp"] - upstream["plain"] == heard.sent and
        heard.sent <= upstream["plain"] <= 2 * heard.sent + 20, (heard.sent, upstream["plain"], upstream.asked))
    reply = exchange(server.port, header(additionals=1) + question("n5.signed.test") + opt(flags=0x8000))
    suite.equal("who wants signatures is not answered without them", reply and reply.rcode, 2)
    upstream.be("well")
    upstream.forget()
    heard = ask_steadily(server.port, 50, 1, numbered("mended.test"))
    suite.check("it is not remembered", heard.share == 1 and upstream["plain"] == 0, (heard.share, upstream["plain"]))
    end(suite, server, upstream)


def flapping(suite, place):
    """Silent for three seconds, well for three: who asks while it is well is answered, and nothing swings along."""
    upstream, seconds = NumberedUpstream(), extent(12, 120)
    server = place.server(upstream)
    misses = meanwhile(ask_steadily, server.port, 50, seconds, numbered("flap.test"))
    names = meanwhile(ask_steadily, server.port, 100, seconds, place.cluster_names)
    begun, codes, probes = time.monotonic(), set(), 0
    while (now := time.monotonic()) < begun + seconds:
        upstream.be("silent" if int((now - begun) / 3) % 2 else "well")
        codes.add(server.page(server.ready_port, "/ready")[0])
        time.sleep(0.1)
    upstream.be("well")
    misses, names = misses(), names()
    probes = upstream.asked - misses.sent
    suite.check("flapping: names of the cluster are answered", names.share == 1 and names.percentile(99) < 100, names)
    suite.equal("flapping: /ready does not change", codes, {200})
    suite.check("flapping: more than half of the questions are answered, none wrongly", misses.share > 0.55 and not misses.wrong, misses)
    suite.check("flapping: no question is asked more than twice, probes aside", probes < misses.sent + 2 * seconds, (probes, misses.sent))
    end(suite, server, upstream)


def stale(suite, place):
    """With `serve_stale`, old answers stand in for upstreams that are down, and these are left in peace."""
    upstream = NumberedUpstream()
    server = place.server(upstream, more="cache 1 {\n        serve_stale 1h immediate 30s\n    }")
    suite.equal("fresh", dig(server.port, "n7.old.test").data, ["a 10.0.0.7"])
    upstream.be("silent")
    answer = eventually(lambda: (found := dig(server.port, "n7.old.test")).extended_errors and found)
    suite.equal("upstreams are down: the old answer, with its TTL, and that it is old",
        answer and ([(ttl, data) for _, ttl, _, data in answer.answer], answer.extended_errors), ([(30, "10.0.0.7")], [3]))
    upstream.forget()
    heard = ask_steadily(server.port, 200, 3, lambda number: ("n7.old.test", b"\x0a\0\0\7"))
    suite.check("upstreams are down: at once", heard.share == 1 and heard.percentile(99) < 100 and not heard.wrong, heard)
    suite.check("upstreams are down: asked for it once in thirty seconds, twice at most, probes aside", upstream.asked <= 2 + 8,
        upstream.asked)
    end(suite, server, upstream)


def changed_list(suite, place):
    """The upstreams of a resolv.conf that changes are taken over at a reload, and not before."""
    hosts = ("127.77.0.53", "127.77.1.53")
    try:
        first, second = (NumberedUpstream(host=host, port=53) for host in hosts)
    except PermissionError:
        return print("  fault-upstreams: a resolv.conf that changes: not run: port 53 needs root", flush=True)
    file = work / "resolv.conf"
    file.write_text(f"nameserver {hosts[0]}\n")
    server = Server(f".:@PORT@ {{\n    bind 127.0.0.1\n    forward . {file}\n}}\n").wait_for("n1.list.test")
    file.write_text(f"nameserver {hosts[1]}\n")
    heard = ask_steadily(server.port, 100, 1, numbered("before.test"))
    suite.equal("resolv.conf changes: the old list until a reload", (heard.share, second.asked), (1, 0))
    server.signal(signal.SIGUSR1)
    count = iter(range(10 ** 6))
    suite.check("a reload: the new one", eventually(
        lambda: dig(server.port, f"n{next(count)}.after.test").rcode == "NOERROR" and second.asked > 0))
    end(suite, server, first, second)


def body(suite):
    place = Place()
    # Those of one line run beside each other: they mostly wait.
    for parts in ((all_blackholed,), (refusing,), (one_of_two, cut, late), (wrong_ids, large, flapping, stale, changed_list)):
        for result in [meanwhile(part, suite, place) for part in parts]:
            result()


if __name__ == "__main__":
    Suite("fault-upstreams").run(body)
