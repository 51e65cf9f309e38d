#!/usr/bin/env python3
"""Networks on bad days: datagrams lost, repeated, late and broken; narrow ways, small packets; addresses that come and go."""

import contextlib
import socket
import struct
import time
from live import (
    Reply, Server, Suite, eventually, exchange, extent, framed, header, opt, query, question, receive_framed)
from namespaces import Namespace, may_have_networks
from relay import NumberedUpstream, Relay
from traffic import Flood, ask_steadily, counter, end, meanwhile, numbered

OWN = socket.inet_aton("192.0.2.7")
LOSSES = (0.01, 0.05, 0.2, 0.5)
TEMPLATE = """
    template IN A own.test {
        answer "{{ .Name }} 60 IN A 192.0.2.7"
    }
    template IN AAAA own.test {
        answer "{{ .Name }} 60 IN AAAA 2001:db8::7"
    }
    template IN A large.test {
%s
    }
""" % "\n".join(f'        answer "{{{{ .Name }}}} 60 IN A 10.1.1.{number}"' for number in range(1, 121))


def own_names(number):
    return f"n{number}.own.test", OWN


def server(*forwards, bind="127.0.0.1"):
    """A server with data of its own; `forwards` are zones with the port that is asked for them."""
    lines = "".join(f"    forward {zone} 127.0.0.1:{port}\n" for zone, port in forwards)
    bind = f"bind {bind}" if bind else ""
    return Server(f".:@PORT@ {{\n    {bind}\n    errors\n    prometheus 127.0.0.1:@METRICS@\n{TEMPLATE}{lines}}}\n")


def is_about(share, wanted, count):
    """True when chance explains the difference: four standard deviations."""
    return abs(share - wanted) <= 4 * (wanted * (1 - wanted) / count) ** 0.5 + 0.002


# What a relay does to datagrams


def client_losses(suite):
    place, seconds = server().wait_for("a.own.test"), extent(3, 20)
    relays = [Relay(place.port, seed=number, loss=loss) for number, loss in enumerate(LOSSES)]
    results = [meanwhile(ask_steadily, relay.port, 250, seconds, own_names, patience=1) for relay in relays]
    for loss, relay, heard in zip(LOSSES, relays, [result() for result in results]):
        label = f"clients lose {loss:.0%} each way"
        lost = relay["lost"] / (relay["lost"] + relay["carried"])
        suite.check(f"{label}: they do", is_about(lost, loss, relay["lost"] + relay["carried"]), lost)
        suite.check(f"{label}: answered as often as question and answer come through",
            is_about(heard.share, (1 - loss) ** 2, heard.sent), heard)
        suite.check(f"{label}: no failure, none wrong", set(heard.codes) == {0} and not heard.wrong, heard)
        relay.stop()
    end(suite, place)


def upstream_losses(suite):
    upstream, seconds = NumberedUpstream(), extent(3, 20)
    relays = [Relay(upstream.port, seed=number) for number, _ in enumerate(LOSSES)]
    place = server(*((f"l{number}.test", relay.port) for number, relay in enumerate(relays))).wait_for("a.own.test")
    for loss, relay in zip(LOSSES, relays):
        relay.set(loss=loss)
    results = [meanwhile(ask_steadily, place.port, 100, seconds, numbered(f"l{number}.test")) for number in range(4)]
    for loss, relay, heard in zip(LOSSES, relays, [result() for result in results]):
        label, once = f"the way to the upstream loses {loss:.0%} each way", (1 - loss) ** 2
        lost = relay["lost"] / (relay["lost"] + relay["carried"])
        suite.check(f"{label}: it does", is_about(lost, loss, relay["lost"] + relay["carried"]), lost)
        suite.check(f"{label}: answered as often as one of two tries comes through",
            is_about(heard.share, 1 - (1 - once) ** 2, heard.sent), heard)
        suite.check(f"{label}: the others fail in time, none is wrong",
            set(heard.codes) <= {0, 2} and not heard.unanswered and not heard.wrong and heard.longest < 5.5, heard)
        relay.stop()
    end(suite, place, upstream)


def disorder(suite):
    """Reordered, repeated and broken datagrams: on the way to clients, and on that to an upstream."""
    if not can_break():
        return print("  fault-network: broken datagrams: not run: raw sockets need root", flush=True)
    upstream, seconds = NumberedUpstream(), extent(4, 30)
    back = Relay(upstream.port, seed=5)
    place = server(("far.test", back.port)).wait_for("a.own.test")
    front = Relay(place.port, seed=6, late=0.25, twice=0.1, broken=0.01)
    back.set(late=0.25, twice=0.1, broken=0.01)
    dropped = counter("Udp", "InCsumErrors")
    far = meanwhile(ask_steadily, place.port, 250, seconds, numbered("far.test"))
    near = ask_steadily(front.port, 250, seconds, own_names, patience=1)
    far = far()
    dropped = counter("Udp", "InCsumErrors") - dropped
    for label, relay, heard, least in (("to clients", front, near, 0.95), ("to the upstream", back, far, 0.99)):
        suite.check(f"disorder {label}: there was", all(relay[name] > 0.3 * share * relay["carried"] for name, share in (
            ("repeated", 0.1), ("reordered", 0.25), ("corrupted", 0.01))), [relay[name] for name in relay.COUNTS])
        suite.check(f"disorder {label}: all but broken ones are answered", heard.share > least, heard)
        suite.check(f"disorder {label}: no answer is wrong, or that of another", not heard.wrong and set(heard.codes) <= {0, 2}, heard)
    suite.check("disorder: the kernel drops what has the wrong checksum", dropped >= 0.9 * (front["corrupted"] + back["corrupted"]),
        (dropped, front["corrupted"], back["corrupted"]))
    end(suite, place, upstream, front, back)


def can_break():
    try:
        socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW).close()
        return True
    except PermissionError:
        return False


def delays(suite):
    upstream = NumberedUpstream()
    relays = [Relay(upstream.port, delay=delay / 2, jitter=delay / 2) for delay in (0.005, 0.05, 0.2)]
    place = server(*((f"d{number}.test", relay.port) for number, relay in enumerate(relays))).wait_for("a.own.test")
    results = [meanwhile(ask_steadily, place.port, 100, extent(2, 10), numbered(f"d{number}.test")) for number in range(3)]
    for delay, heard in zip((5, 50, 200), [result() for result in results]):
        suite.check(f"an upstream {delay} to {2 * delay} ms away: answered then", heard.share == 1 and not heard.wrong and
            delay <= heard.percentile(1) and heard.percentile(50) < 3 * delay + 50, heard)
    sent = 3 * 100 * extent(2, 10)
    suite.equal("delays: nothing is asked twice", upstream.asked, sent)
    end(suite, place, upstream, *relays)


# Clients that ask for both families


def pairs(suite):
    """A and AAAA from one port back to back, as glibc asks: both are answered, in either order."""
    upstream, count = NumberedUpstream(), extent(20_000, 1_000_000)
    place = server(("far.test", upstream.port)).wait_for("a.own.test")
    lost = sum(not is_pair_answered(place.port, f"n{number}.own.test", number) for number in range(count))
    suite.gate("G8", "A and AAAA from one port: pairs without both answers", lost, "0", lost == 0, f"{count} pairs")
    lost = sum(not is_pair_answered(place.port, f"n{number}.far.test", number) for number in range(1000))
    suite.equal("pairs that an upstream answers: without both answers", lost, 0)
    end(suite, place, upstream)


def is_pair_answered(port, name, number):
    with socket.socket(type=socket.SOCK_DGRAM) as client:
        client.settimeout(5)
        client.connect(("127.0.0.1", port))
        ids = number & 0x7FFF, number & 0x7FFF | 0x8000
        for id, kind in zip(ids, (1, 28)):
            client.send(query(name, kind, id))
        try:
            found = {struct.unpack("!H", client.recv(4096)[:2])[0] for _ in ids}
        except TimeoutError:
            return False
        return found == set(ids)


# Networks of their own


def source_addresses(suite):
    """A server at all addresses of its host answers from the one that was asked, wherever the answer comes from."""
    host, client = Namespace("host"), Namespace("client")
    ours = ["10.99.0.1", "10.99.0.2", "10.99.0.77", "fd99::1", "fd99::2"]
    host.link(client, "one", *(f"{address}/{64 if ':' in address else 24}" for address in ours), theirs=["10.99.0.9/24", "fd99::9/64"])
    host.link(client, "two", "10.98.0.1/24", theirs=["10.98.0.9/24"])
    with host:
        upstream = NumberedUpstream()
        place = server(("far.test", upstream.port), bind="").wait_for("a.own.test")
    with client:
        for address in [*ours, "10.98.0.1"]:
            # Connected sockets hear nothing from another address than the one they ask.
            for label, heard in (
                    ("", ask_steadily(place.port, 200, 1, own_names, host=address, patience=2)),
                    (", an upstream's answer", ask_steadily(place.port, 200, 1, numbered("far.test"), host=address, patience=2))):
                suite.check(f"asked at {address}{label}: answered from there", heard.share == 1 and not heard.wrong, heard)
            with socket.create_connection((address, place.port), timeout=10) as stream:
                stream.sendall(framed(query("a.own.test")))
                suite.check(f"asked at {address} over TCP: answered", receive_framed(stream))
    end(suite, place, upstream)


def addresses_that_go(suite):
    """An interface goes down and up, an address is taken away and comes back: listeners need nothing done to them."""
    host, client = Namespace("host"), Namespace("client")
    host.link(client, "one", "10.99.0.1/24", theirs=["10.99.0.9/24"])
    for bind in ("", "10.99.0.1 127.0.0.1"):
        label = f"bind {bind}" if bind else "all addresses"
        with host:
            place = server(bind=bind).wait_for("a.own.test")
        for change, back in (
                (("ip", "link", "set", "one", "down"), ("ip", "link", "set", "one", "up")),
                (("ip", "address", "del", "10.99.0.1/24", "dev", "one"), ("ip", "address", "add", "10.99.0.1/24", "dev", "one"))):
            with client:
                suite.check(f"{label}: answers", is_reached(place.port))
                host.run(*change)
                suite.check(f"{label}: {' '.join(change[1:4])}: nobody is reached", not is_reached(place.port, 0.3))
                with host:
                    suite.check(f"{label}: {' '.join(change[1:4])}: others are", exchange(place.port, query("a.own.test")))
                host.run(*back)
                begun = time.monotonic()
                suite.check(f"{label}: {' '.join(back[1:4])}: answers again", eventually(lambda: is_reached(place.port, 0.3)))
                suite.check(f"{label}: {' '.join(back[1:4])}: within three seconds", time.monotonic() - begun < 3)
                with contextlib.suppress(OSError), socket.create_connection(("10.99.0.1", place.port), timeout=5) as stream:
                    stream.sendall(framed(query("a.own.test")))
                    suite.check(f"{label}: {' '.join(back[1:4])}: over TCP too", receive_framed(stream))
        end(suite, place)


def is_reached(port, patience=5.0):
    return ask_steadily(port, 10, 0.1, own_names, host="10.99.0.1", patience=patience).codes[0] == 1


def small_packets(suite):
    """A way that carries 1,280 octets and says nothing of it: large answers come whole, and in one piece."""
    host, client = Namespace("host"), Namespace("client")
    host.link(client, "one", "10.99.0.1/24", "fd99::1/64", theirs=["10.99.0.9/24", "fd99::9/64"], their_mtu=1280)
    with host:
        place = server(bind="").wait_for("a.own.test")
        def fragments():
            with open("/proc/thread-self/net/snmp6") as file:
                six = sum(int(line.split()[1]) for line in file if line.startswith("Ip6FragCreates"))
            return counter("Ip", "FragCreates") + six
        before = fragments()
    for address in ("10.99.0.9", "fd99::9"):
        suite.check(f"to {address}: packets of 1,280 octets pass", eventually(lambda: passes(host, client, address, 1280)))
        # The kernel allows for the four octets of a VLAN's tag.
        suite.equal(f"to {address}: larger ones do not", [passes(host, client, address, octets) for octets in (1285, 1500)], [False, False])
    with client:
        for address in ("10.99.0.1", "fd99::1"):
            with socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM) as asking:
                asking.settimeout(10)
                asking.sendto(header(additionals=1) + question("a.large.test") + opt(4096), (address, place.port))
                with contextlib.suppress(TimeoutError):
                    reply = Reply(asking.recv(65535))
                    suite.check(f"1,280 octets, {address}: who offers 4,096 is answered in 1,232", reply.flags & 0x200 and
                        len(reply.message) <= 1232, len(reply.message))
            with socket.create_connection((address, place.port), timeout=10) as stream:
                stream.sendall(framed(query("a.large.test")))
                reply = receive_framed(stream)
                suite.check(f"1,280 octets, {address}: TCP has the whole of it", reply and len(reply) > 1600, reply and len(reply))
    with host:
        suite.gate("G8", "a way of 1,280 octets: fragments", fragments() - before, "0", fragments() == before, "IPv4 and IPv6")
    end(suite, place)


def passes(host, client, address, octets):
    """True when a packet of this size comes through in one piece."""
    family, headers, level = (socket.AF_INET6, 48, socket.IPPROTO_IPV6) if ":" in address else (socket.AF_INET, 28, socket.IPPROTO_IP)
    with client:
        hearing = socket.socket(family, socket.SOCK_DGRAM)
    with host:
        sending = socket.socket(family, socket.SOCK_DGRAM)
    with hearing, sending:
        hearing.bind((address, 0))
        hearing.settimeout(0.3)
        sending.setsockopt(level, 23 if level == socket.IPPROTO_IPV6 else 10, 2)  # IP_MTU_DISCOVER, IP_PMTUDISC_DO
        sending.sendto(bytes(octets - headers), hearing.getsockname()[:2])
        try:
            return len(hearing.recv(2048)) == octets - headers
        except TimeoutError:
            return False


def narrow_way(suite):
    """A way to the upstream that carries one megabit a second, and ten times as much that wants to go there."""
    host, far = Namespace("host"), Namespace("far")
    host.link(far, "one", "10.99.0.1/24", theirs=["10.99.0.9/24"])
    with far:
        upstream = NumberedUpstream(host="10.99.0.9")
    for place in (host, far):
        place.run("tc", "qdisc", "add", "dev", "one", "root", "tbf", "rate", "1mbit", "burst", "16kb", "latency", "100ms")
    with host:
        place = Server(f".:@PORT@ {{\n    bind 127.0.0.1\n    errors\n    prometheus 127.0.0.1:@METRICS@\n{TEMPLATE}"
            f"    forward far.test 10.99.0.9:{upstream.port}\n}}\n").wait_for("a.own.test")
        suite.equal("a narrow way: few questions pass", ask_steadily(place.port, 100, 1, numbered("far.test")).share, 1)
        flood = Flood(place.port, [query("m01234567.far.test")], 10_000, mark=b"01234567")
        heard = ask_steadily(place.port, 500, extent(4, 20), own_names)
        rate = flood.stop()
        dropped = host.run("tc", "-s", "qdisc", "show", "dev", "one")
        suite.check("a narrow way: more is asked than passes", "dropped 0," not in dropped and rate > 5000, dropped)
        suite.check("a narrow way: names of its own are answered", heard.share == 1 and heard.percentile(99) < 50, heard)
        suite.check("a narrow way: it is well again", eventually(
            lambda: ask_steadily(place.port, 50, 1, numbered("far.test")).share == 1))
    end(suite, place, upstream)


def untracked(suite):
    """What `docs/operations.md` says against full tables of connections: with it the kernel keeps none of them."""
    host, client = Namespace("host"), Namespace("client")
    host.link(client, "one", "10.99.0.1/24", theirs=["10.99.0.9/24"])
    host.run("iptables", "-A", "INPUT", "-m", "conntrack", "--ctstate", "INVALID", "-j", "DROP")
    with host:
        place = server(bind="").wait_for("a.own.test")
        tracked = int(open("/proc/sys/net/netfilter/nf_conntrack_count").read())
    def ask():
        with client:
            for _ in range(20):
                suite.equal("tracked or not: answered", ask_steadily(place.port, 400, 0.1, own_names, host="10.99.0.1").share, 1)
        with host:
            return int(open("/proc/sys/net/netfilter/nf_conntrack_count").read())
    suite.check("tracked: an entry for each port of a client", ask() - tracked > 200)
    for chain, field in (("PREROUTING", "--dport"), ("OUTPUT", "--sport")):
        host.run("iptables", "-t", "raw", "-A", chain, "-p", "udp", field, place.port, "-j", "NOTRACK")
    before = ask()
    suite.check("not tracked: no entry more", ask() <= before)
    end(suite, place)


def body(suite):
    parts = [client_losses, upstream_losses, disorder, delays, pairs]
    if may_have_networks():
        parts += [source_addresses, addresses_that_go, small_packets, narrow_way, untracked]
    else:
        print("  fault-network: networks of their own: not run: namespaces need root", flush=True)
    for part in parts:
        part(suite)


if __name__ == "__main__":
    Suite("fault-network").run(body)
