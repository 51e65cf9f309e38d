#!/usr/bin/env python3
"""More than is good: floods of names and of nonsense, servers that ask each other, and clusters that turn over at once."""

import http.client
import itertools
import json
import re
import socket
import time
from live import (
    EXAMPLES, Lab, Reply, Server, Suite, connect, dig, eventually, exchange, extent, framed, free_port, header, opt, query, question,
    receive_framed)
from protocol_messages import expanded, message_octets
from protocol_tables import FOLDER, Section
from relay import NumberedUpstream
from replay import Client
from traffic import Flood, ask_steadily, end, meanwhile, numbered, processor_time, resident

OWN = socket.inet_aton("192.0.2.7")
NOTHING = """
.:@PORT@ {
    bind 127.0.0.1
    template ANY ANY . {
        rcode NXDOMAIN
        authority "flood.test. 600 IN SOA ns.flood.test. h.flood.test. 1 60 60 600 600"
    }
}
"""


def own_names(number):
    return f"n{number}.own.test", OWN


def server(more=""):
    return Server(f"""
.:@PORT@ {{
    bind 127.0.0.1
    errors
    prometheus 127.0.0.1:@METRICS@
    health 127.0.0.1:@HEALTH@
    template IN A own.test {{
        answer "{{{{ .Name }}}} 60 IN A 192.0.2.7"
    }}
    {more}
}}
""").wait_for("a.own.test")


def random_names(suite):
    """Fifty thousand names a second that do not exist: what is kept has its limit, and others are answered."""
    nobody, good = Server(NOTHING).wait_for("a.flood.test", rcode="NXDOMAIN"), NumberedUpstream()
    place = server(f"cache\n    forward flood.test 127.0.0.1:{nobody.port}\n    forward good.test 127.0.0.1:{good.port}")
    before, seconds = resident(place), extent(5, 60)
    flood = Flood(place.port, [query("m01234567.flood.test")], 50_000, mark=b"01234567")
    upstream = meanwhile(ask_steadily, place.port, 200, seconds, numbered("good.test"))
    own = ask_steadily(place.port, 200, seconds, own_names)
    upstream, rate = upstream(), flood.stop()
    label = f"{rate:.0f} random names a second"
    suite.check(f"{label}: that many were sent", rate > 35_000, rate)
    for whose, heard in (("its own data", own), ("an upstream", upstream)):
        suite.gate("G8", f"random names, 50,000 a second: good questions answered from {whose}", f"{heard.share:.2%}", "99 %",
            heard.share >= 0.99 and not heard.wrong, f"{heard.sent} asked, {rate:.0f} random names a second")
    entries, most = place.metric("coredns_cache_entries"), resident(place)
    suite.check(f"{label}: what is kept has its limit", entries <= 20_000, entries)
    suite.check(f"{label}: and memory too", most - before < 96, (before, most))
    end(suite, place, nobody, good)


def malformed(suite):
    """A hundred thousand malformed messages a second, of every kind that is known, among good questions."""
    messages = [message_octets(line) for file in ("1-header", "2-names", "3-edns")
        for case in Section(FOLDER / f"{file}.txt").cases for group in case.groups
        for verb, text in group.lines if verb == "send" for line in expanded(text)]
    messages = [message for message in messages if len(message) < 4096]
    place, seconds = server(), extent(5, 60)
    lines, flood = place.log.count("\n"), Flood(place.port, messages, 100_000)
    heard = ask_steadily(place.port, 300, seconds, own_names)
    rate = flood.stop()
    written = place.log.count("\n") - lines
    suite.check("malformed messages: that many were sent", rate > 60_000, rate)
    suite.gate("G8", "malformed messages, 100,000 a second: good questions lost", f"{1 - heard.share:.2%}", "1 %",
        heard.share >= 0.99 and not heard.wrong, f"{heard.sent} asked, {len(messages)} kinds, {rate:.0f} a second")
    suite.check("malformed messages: lines of the log stay few", written <= 25 * (seconds + 2), written)
    suite.check("malformed messages: answers come soon", heard.percentile(99) < 100, heard)
    end(suite, place)


def scraped(suite):
    """Pages are there while questions come as fast as they can."""
    place, seconds = server(), extent(5, 30)
    flood = Flood(place.port, [query("m01234567.own.test")], 30_000, mark=b"01234567")
    latest, begun = {"/metrics": 0.0, "/health": 0.0}, time.monotonic()
    heard = meanwhile(ask_steadily, place.port, 200, seconds, own_names)
    for turn in itertools.count():
        if time.monotonic() > begun + seconds:
            break
        for path, port in (("/metrics", place.metrics_port), ("/health", place.health_port)):
            asked = time.monotonic()
            suite.check(f"30,000 questions a second: {path}", place.page(port, path)[0] == 200)
            latest[path] = max(latest[path], time.monotonic() - asked)
        time.sleep(max(0.0, begun + turn / 10 - time.monotonic()))
    heard, rate = heard(), flood.stop()
    suite.check("30,000 questions a second: that many were sent", rate > 20_000, rate)
    for path, took in latest.items():
        suite.gate("G8", f"30,000 questions a second: the slowest {path}", f"{took * 1000:.0f} ms", "1000 ms", took < 1,
            f"{rate:.0f} questions a second, {turn} times")
    suite.check("30,000 questions a second: others are answered", heard.share >= 0.99 and heard.percentile(99) < 100, heard)
    end(suite, place)


def circle(suite):
    """Two servers that ask each other, in either order of their starts: few packets, and an end."""
    for label, loop in (("", ""), (", with `loop`", "loop")):
        second_port = free_port()
        block = f"bind 127.0.0.1\n    prometheus 127.0.0.1:@METRICS@\n    errors\n    {loop}"
        first = Server(f".:@PORT@ {{\n    {block}\n    forward . 127.0.0.1:{second_port}\n}}\n")
        eventually(lambda: first.page(first.metrics_port, "/metrics")[0] == 200)
        second = Server(f".:{second_port} {{\n    {block}\n    forward . 127.0.0.1:{first.port}\n}}\n")
        eventually(lambda: second.page(second.metrics_port, "/metrics")[0] == 200)
        if loop:
            suite.check("two that ask each other, with `loop`: it is found", eventually(
                lambda: "come back" in first.log or "come back" in second.log))
        # Probes of upstreams that failed ask for name servers, and go round in the same way.
        count = lambda kind="A": sum(requests(place, kind) for place in (first, second))
        suite.check(f"two that ask each other{label}: they are quiet", is_quiet(count))
        before, probes, begun = count(), count("NS"), time.monotonic()
        asked = 5
        codes = {dig(first.port, f"n{number}.round.test").rcode for number in range(asked)}
        took = (time.monotonic() - begun) / asked
        suite.equal(f"two that ask each other{label}: it fails", codes, {"SERVFAIL"})
        suite.check(f"two that ask each other{label}: in time", took < (1 if loop else 5.5), took)
        suite.check(f"two that ask each other{label}: then they are quiet", is_quiet(count))
        packets, probes = (count() - before) / asked, (count("NS") - probes) / (time.monotonic() - begun)
        suite.check(f"two that ask each other{label}: probes stay few", probes < 10, probes)
        suite.gate("G8", f"two servers that ask each other{label}: queries for one question", f"{packets:.1f}", "10",
            0 < packets <= 10, f"{asked} questions, two loops each; {probes:.1f} probes a second")
        end(suite, first, second)


def requests(place, kind):
    """Queries of one type that a server had."""
    text = place.page(place.metrics_port, "/metrics")[1]
    return sum(float(count) for labels, count in re.findall(r"^coredns_dns_requests_total{(.*)} (\S+)$", text, re.MULTILINE)
        if f'type="{kind}"' in labels)


def is_quiet(count):
    def stands_still():
        before = count()
        time.sleep(0.7)
        return count() == before
    return eventually(stands_still)


# Clusters


class API:
    """The embedded cluster's API over one connection."""

    def __init__(self, lab):
        client = Client(lab)
        self.connection = http.client.HTTPSConnection(client.address, context=client.context, timeout=60)
        self.headers = {"Authorization": f"Bearer {client.token}", "Content-Type": "application/json", "Accept": "application/json"}

    def ask(self, method, path, body=None):
        self.connection.request(method, path, json.dumps(body) if body is not None else None, self.headers)
        response = self.connection.getresponse()
        content = response.read()
        if response.status >= 300:
            raise RuntimeError(f"{method} {path}: {response.status} {content[:300]}")
        return json.loads(content)


def cluster_server(lab):
    return Server("""
.:@PORT@ {
    bind 127.0.0.1
    errors
    kubernetes cluster.local {
        kubeconfig @KUBECONFIG@
    }
    prometheus 127.0.0.1:@METRICS@
}
""", lab.kubeconfig).wait_for("kube-dns.kube-system.svc.cluster.local")


def created_and_deleted(suite, lab):
    """Thousands of Services are made and deleted: names go within a second, and memory comes back."""
    api, place, count = API(lab), cluster_server(lab), extent(2000, 10_000)
    path, found = "/api/v1/namespaces/default/services", {}

    def address(name):
        return dig(place.port, f"{name}.default.svc.cluster.local").data

    def turn():
        for number in range(count):
            name = f"many-{number}"
            made = api.ask("POST", path, {"metadata": {"name": name}, "spec": {"ports": [{"port": 80}]}})
            found[name] = made["spec"]["clusterIP"]
        last = f"many-{count - 1}"
        suite.check(f"{count} Services made: the last is answered", eventually(lambda: address(last) == [f"a {found[last]}"]))
        most = resident(place)
        for number in range(count):
            api.ask("DELETE", f"{path}/many-{number}")
        begun = time.monotonic()
        suite.check(f"{count} Services deleted: the last is gone", eventually(
            lambda: exchange(place.port, query(f"{last}.default.svc.cluster.local")).rcode == 3, pause=0.005))
        took = time.monotonic() - begun
        suite.check(f"{count} Services deleted: within a second", took < 1, took)
        suite.check(f"{count} Services deleted: none is left", all(
            exchange(place.port, query(f"many-{number}.default.svc.cluster.local")).rcode == 3 for number in range(0, count, 50)))
        return most

    turn()
    before = resident(place)
    most = turn()
    eventually(lambda: resident(place) - before < 4, 20)
    after = resident(place)
    suite.gate("G8", f"{count} Services made and deleted again: memory over before", f"{after - before:.1f} MiB", "4 MiB",
        after - before < 4, f"{before:.0f} MiB before, {most:.0f} with them, {after:.0f} after")
    end(suite, place)


def rolling(suite, lab):
    """One headless Service of 5,000 endpoints, each replaced by another: what is cut and what is whole is right all along."""
    api, place, endpoints, each = API(lab), cluster_server(lab), 5000, 100
    path = "/apis/discovery.k8s.io/v1/namespaces/default/endpointslices"
    api.ask("POST", "/api/v1/namespaces/default/services", {
        "metadata": {"name": "wide"}, "spec": {"clusterIP": "None", "ports": [{"port": 80}]}})

    def piece(number, version, replaced):
        """A slice in which so many endpoints have their new address."""
        return {
            "metadata": {"name": f"wide-{number}", "labels": {"kubernetes.io/service-name": "wide"}}, "addressType": "IPv4",
            "ports": [{"port": 80}], "endpoints": [
                {"addresses": [f"10.{version + (place < replaced)}.{number}.{place + 1}"], "conditions": {"ready": True}}
                for place in range(each)]}

    name = "wide.default.svc.cluster.local"

    def whole():
        """The third octets and the versions of all addresses, over TCP."""
        with connect(place.port) as stream:
            stream.sendall(framed(header(additionals=1) + question(name) + opt()))
            reply = Reply(receive_framed(stream))
            return [tuple(reply.message[start:end]) for kind, _, _, start, end in reply.records() if kind == 1], reply.flags & 0x200

    for number in range(endpoints // each):
        api.ask("POST", path, piece(number, 100, 0))
    eventually(lambda: len(whole()[0]) >= 4000)
    records, is_cut = whole()
    suite.check("5,000 endpoints: TCP carries what 64 KB hold, and says that there are more", 4000 <= len(records) < 5000 and is_cut,
        (len(records), is_cut))
    reply = exchange(place.port, header(additionals=1) + question(name) + opt())
    suite.check("5,000 endpoints: UDP is cut within 1,232 octets", reply.flags & 0x200 and 0 < reply.answers and
        len(reply.message) <= 1232, (reply.flags, len(reply.message)))
    used, changes = processor_time(place), 0
    asked = meanwhile(ask_steadily, place.port, 200, 3, lambda number: (name, None))
    begun = time.monotonic()
    for number in range(endpoints // each):
        for replaced in (25, 50, 75, 100):
            api.ask("PUT", f"{path}/wide-{number}", piece(number, 100, replaced))
            changes += 1
    changing, heard = time.monotonic() - begun, asked()
    suite.check("5,000 endpoints replaced: each question is answered meanwhile", heard.share == 1, heard)
    suite.check("5,000 endpoints replaced: in the end each is a new one", eventually(
        lambda: (found := whole()[0]) and {address[1] for address in found} == {101}), len(whole()[0]))
    cost = (processor_time(place) - used) / changes
    suite.gate("G8", "one Service of 5,000 endpoints, rolling: CPU of a change", f"{cost * 1000:.2f} ms", "5 ms", cost < 0.005,
        f"{changes} changes of 25 endpoints in {changing:.1f} s, answers included")
    end(suite, place)


def body(suite):
    lab = Lab(manifests=EXAMPLES)
    for part, *arguments in ((random_names,), (malformed,), (scraped,), (circle,), (created_and_deleted, lab), (rolling, lab)):
        part(suite, *arguments)


if __name__ == "__main__":
    Suite("fault-load").run(body)
