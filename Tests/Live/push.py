#!/usr/bin/env python3
"""DNS Push Notifications (RFC 8765): who subscribes to a name of the cluster is told of each change of it."""

import json
import re
import signal
import socket
import struct
from live import Lab, Server, Suite, eventually, exchange, framed, header, question, receive_framed
from secure_clients import HOST, Authority
from push_client import (
    KEEPALIVE, PADDING, PUSH, RECONFIRM, RETRY_DELAY, SUBSCRIBE, UNSUBSCRIBE, Session, message, value, wanted)

COREFILE = """cluster.local:@PORT@ in-addr.arpa:@PORT@ ip6.arpa:@PORT@ {
    bind 127.0.0.1
    errors
    kubernetes cluster.local in-addr.arpa ip6.arpa {
        kubeconfig @KUBECONFIG@
        pods insecure
        ttl TTL
    }
    prometheus 127.0.0.1:@METRICS@
    loadbalance
}
.:@PORT@ {
    bind 127.0.0.1
    whoami
}
tls://cluster.local:@PORT2@ {
    bind 127.0.0.1
    tls CERTIFICATE KEY
    kubernetes cluster.local {
        kubeconfig @KUBECONFIG@
    }
}
"""
LIMITED = """.:@PORT@ {
    bind 127.0.0.1
    push {
        subscriptions 2
        total 3
    }
    kubernetes cluster.local {
        kubeconfig @KUBECONFIG@
        fallthrough
    }
    whoami
}
"""
NOERROR, FORMERR, SERVFAIL, NOTIMP, REFUSED, NOTAUTH, DSOTYPENI = 0, 1, 2, 4, 5, 9, 11


class Cluster:
    """Objects written by hand, in the namespace `shop`."""

    def __init__(self, lab):
        self.lab = lab

    def write(self, method, path, body):
        self.lab.ask(method, path, json.dumps(body).encode(), "application/json").close()

    def namespace(self, name):
        self.write("POST", "/api/v1/namespaces", {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})

    def service(self, name, address, ports=(("http", 80),), namespace="shop", **spec):
        self.write("POST", f"/api/v1/namespaces/{namespace}/services", {
            "apiVersion": "v1", "kind": "Service", "metadata": {"name": name},
            "spec": {"clusterIP": address, "ports": [{"name": n, "port": p} for n, p in ports], **spec}})

    def delete_service(self, name, namespace="shop"):
        self.lab.ask("DELETE", f"/api/v1/namespaces/{namespace}/services/{name}").close()

    def slice(self, service, endpoints, method="POST", namespace="shop"):
        path = f"/apis/discovery.k8s.io/v1/namespaces/{namespace}/endpointslices"
        body = {"apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "addressType": "IPv4",
                "metadata": {"name": f"{service}-1", "labels": {"kubernetes.io/service-name": service}},
                "endpoints": [{"addresses": [address], "hostname": host, "conditions": {"ready": True}}
                              for host, address in endpoints],
                "ports": [{"name": "http", "port": 80, "protocol": "TCP"}]}
        self.write(method, path if method == "POST" else f"{path}/{service}-1", body)


def names(suite, server, cluster):
    """What is told of the names of a cluster."""
    one, two = Session(server.port), Session(server.port)
    name = "web.shop.svc.cluster.local."
    suite.equal("a name that exists can be subscribed to", one.subscribe("web.shop.svc.cluster.local"), NOERROR)
    suite.equal("what it has is told at once", one.push(), [f"+ {name} 7 A 10.96.7.1"])
    suite.equal("in any letter case", two.subscribe("WEB.Shop.svc.CLUSTER.local"), NOERROR)
    suite.equal("and is told in small letters", two.push(), [f"+ {name} 7 A 10.96.7.1"])
    new = "new.shop.svc.cluster.local."
    for session in (one, two):
        suite.equal("a name that does not exist can be, too", session.subscribe("new.shop.svc.cluster.local"), NOERROR)
    cluster.service("new", "10.96.7.2")
    for session in (one, two):
        suite.equal("it is told when it appears", session.push(), [f"- {new} A", f"+ {new} 7 A 10.96.7.2"])
    cluster.delete_service("new")
    suite.equal("and when it goes", [one.push(), two.push()], [[f"- {new} A"]] * 2)
    two.unsubscribe(2)
    cluster.service("new", "10.96.7.3")
    suite.equal("who gave it up is told no more", (one.push(), two.push(0.3)),
                ([f"- {new} A", f"+ {new} 7 A 10.96.7.3"], []))

    suite.equal("a headless service", one.subscribe("set.shop.svc.cluster.local"), NOERROR)
    suite.equal("has its endpoints", sorted(one.push()), [
        f"+ set.shop.svc.cluster.local. 7 A 192.0.2.{n}" for n in (1, 2)])
    for what, kind in (("a.set.shop.svc.cluster.local", "A"), ("_http._tcp.set.shop.svc.cluster.local", "SRV"),
                       ("1.2.0.192.in-addr.arpa", "PTR"), ("3.2.0.192.in-addr.arpa", "PTR")):
        suite.equal(f"{what} {kind}", one.subscribe(what, kind), NOERROR)
    suite.equal("an endpoint", one.push(), ["+ a.set.shop.svc.cluster.local. 7 A 192.0.2.1"])
    suite.equal("its ports", sorted(one.push()), [
        f"+ _http._tcp.set.shop.svc.cluster.local. 7 SRV 0 50 80 {n}.set.shop.svc.cluster.local." for n in "ab"])
    suite.equal("its address", one.push(), ["+ 1.2.0.192.in-addr.arpa. 7 PTR a.set.shop.svc.cluster.local."])
    cluster.slice("set", [("b", "192.0.2.2"), ("c", "192.0.2.3")], "PUT")
    told = [one.push() for _ in range(5)]
    suite.equal("one change of a slice is told once for each name that it touches", sorted(part[0] for part in told), sorted({
        "- set.shop.svc.cluster.local. A", "- a.set.shop.svc.cluster.local. A",
        "- _http._tcp.set.shop.svc.cluster.local. SRV", "- 1.2.0.192.in-addr.arpa. PTR", "- 3.2.0.192.in-addr.arpa. PTR"}))
    suite.equal("and for no other", one.push(0.3), [])
    flat = {line for part in told for line in part}
    suite.equal("what is there now", {line for line in flat if line[0] == "+"}, {
        "+ set.shop.svc.cluster.local. 7 A 192.0.2.2", "+ set.shop.svc.cluster.local. 7 A 192.0.2.3",
        "+ _http._tcp.set.shop.svc.cluster.local. 7 SRV 0 50 80 b.set.shop.svc.cluster.local.",
        "+ _http._tcp.set.shop.svc.cluster.local. 7 SRV 0 50 80 c.set.shop.svc.cluster.local.",
        "+ 3.2.0.192.in-addr.arpa. 7 PTR c.set.shop.svc.cluster.local."})

    suite.equal("a pod's name in a namespace that is not there yet", one.subscribe("10-0-0-1.later.pod.cluster.local"), NOERROR)
    suite.equal("and a service's", one.subscribe("web.later.svc.cluster.local"), NOERROR)
    cluster.namespace("later")
    suite.equal("the pod's is told with the namespace", one.push(), [
        "- 10-0-0-1.later.pod.cluster.local. A", "+ 10-0-0-1.later.pod.cluster.local. 7 A 10.0.0.1"])
    cluster.service("web", "10.96.7.9", namespace="later")
    suite.equal("the service's with the service", one.push(), [
        "- web.later.svc.cluster.local. A", "+ web.later.svc.cluster.local. 7 A 10.96.7.9"])
    suite.equal("all types of a name", two.subscribe("set.shop.svc.cluster.local", "ANY"), NOERROR)
    suite.equal("are told together", {line.split()[3] for line in two.push()}, {"A", "SRV"})
    suite.equal("what a name in a search path has", one.subscribe("example.org.shop.svc.cluster.local"), NOERROR)
    suite.equal("is nothing", one.push(0.2), [])

    for what, kind in (("example.org", "A"), ("cluster.local", "SOA"), ("ns.dns.cluster.local", "A")):
        suite.equal(f"nobody vouches for {what}", one.subscribe(what, kind), NOTAUTH)
    suite.equal("nor for another class", one.subscribe("web.shop.svc.cluster.local", "A", 3), NOTAUTH)
    one.send(message(0, value(RECONFIRM, wanted("web.shop.svc.cluster.local") + bytes((10, 96, 7, 9)))))
    suite.equal("what a client doubts is told again", one.push(), [f"- {name} A", f"+ {name} 7 A 10.96.7.1"])
    suite.equal("both kinds of question go over one connection", answer_between(one), 0)
    suite.check("sessions and subscriptions are counted", eventually(
        lambda: server.metric("coredns_push_sessions") == 2 and server.metric("coredns_push_subscriptions") == 12),
        str([server.metric("coredns_push_" + n) for n in ("sessions", "subscriptions", "names", "notifications_total")]))
    one.close()
    two.close()
    suite.check("what is closed is counted no more", eventually(
        lambda: server.metric("coredns_push_sessions") == 0 and server.metric("coredns_push_subscriptions") == 0
        and server.metric("coredns_push_names") == 0))


def answer_between(session):
    """The code of an ordinary answer over a session."""
    session.send(header() + question("web.shop.svc.cluster.local"))
    response = session.response()
    return response[3] & 15 if response else None


def protocol(suite, server):
    """What RFC 8490 asks of a server."""
    reply = exchange(server.port, message(5, value(KEEPALIVE, struct.pack("!II", 15000, 15000))))
    suite.equal("over UDP it is not spoken", reply.rcode, NOTIMP)
    session = Session(server.port)
    response = session.ask(value(KEEPALIVE, struct.pack("!II", 60000, 60000)))
    suite.equal("a keepalive is answered", (response[3] & 15, response[12:16]), (NOERROR, struct.pack("!HH", KEEPALIVE, 8)))
    inactivity, interval = struct.unpack("!II", response[16:24])
    suite.equal("with the interval that was asked for", (inactivity, interval), (15000, 60000))
    response = session.ask(value(KEEPALIVE, struct.pack("!II", 1, 1)))
    suite.equal("but never less than ten seconds", struct.unpack("!I", response[20:24])[0], 10000)
    suite.equal("an unknown type is said to be that", session.ask(value(0x77))[3] & 15, DSOTYPENI)
    suite.equal("padding behind the first value is fine", session.ask(
        value(SUBSCRIBE, wanted("web.shop.svc.cluster.local")), value(PADDING, bytes(64)))[3] & 15, NOERROR)
    session.push()
    for label, values, counts in (
            ("no value", (), (0, 0, 0, 0)), ("a count", (value(SUBSCRIBE, wanted("a.b.svc.cluster.local")),), (1, 0, 0, 0)),
            ("a value that is too long", (struct.pack("!HH", SUBSCRIBE, 9),), (0, 0, 0, 0)),
            ("half a name", (value(SUBSCRIBE, b"\x05web"),), (0, 0, 0, 0)),
            ("a pointer", (value(SUBSCRIBE, b"\xc0\x0c\0\x01\0\x01"),), (0, 0, 0, 0)),
            ("a pointer behind a label", (value(SUBSCRIBE, b"\x03web\xc0\0\0\x01\0\x01"),), (0, 0, 0, 0)),
            ("octets behind the class", (value(SUBSCRIBE, wanted("a.b.svc.cluster.local") + b"!"),), (0, 0, 0, 0)),
            ("a short keepalive", (value(KEEPALIVE, bytes(4)),), (0, 0, 0, 0))):
        suite.equal(f"{label}: FORMERR", session.ask(*values, counts=counts)[3] & 15, FORMERR)
    session.close()
    subscription = value(SUBSCRIBE, wanted("web.shop.svc.cluster.local"))
    for label, before, octets in (
            ("a message without id before the session", (), message(0, value(UNSUBSCRIBE, b"\0\1"))),
            ("a response to nothing", (), message(9, value(KEEPALIVE, bytes(8)), flags=0xb000)),
            ("the same name twice", (message(1, subscription),), message(2, subscription)),
            ("the same id twice", (message(1, subscription),),
             message(1, value(SUBSCRIBE, wanted("x.shop.svc.cluster.local")))),
            ("a push by the client", (message(1, subscription),), message(0, value(PUSH, b""))),
            ("a retry delay by the client", (message(1, subscription),), message(3, value(RETRY_DELAY, bytes(4)))),
            ("padding alone", (message(1, subscription),), message(0, value(PADDING, b"")))):
        session = Session(server.port)
        for part in before:
            session.send(part)
            session.response()
        session.send(octets)
        suite.check(f"{label} ends the connection at once", session.ends() and session.was_reset)


def many(suite, server, cluster):
    """One connection may hold many names, but not all there are, and who does not read costs only itself."""
    session = Session(server.port)
    session.ask(value(KEEPALIVE, struct.pack("!II", 3600000, 3600000)))
    session.stream.sendall(b"".join(
        framed(message(n + 2, value(SUBSCRIBE, wanted(f"n{n}.shop.svc.cluster.local")))) for n in range(16_386)))
    codes = [session.response(30)[3] & 15 for _ in range(16_386)]
    suite.equal("16,384 names", (codes[:16_384].count(NOERROR), codes[16_384:]), (16_384, [REFUSED] * 2))
    suite.check("refusals are counted", server.metric("coredns_push_refused_total") >= 2)
    deaf = socket.socket()
    deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    deaf.connect(("127.0.0.1", server.port))
    # Nearly as many as one message takes.
    endpoints = [(f"h{n}", f"192.0.{n // 250}.{n % 250 + 1}") for n in range(370)]
    cluster.service("big", "None")
    cluster.slice("big", endpoints)
    deaf.sendall(framed(message(1, value(SUBSCRIBE, wanted("big.shop.svc.cluster.local")))))
    suite.equal("a client that reads no more", receive_framed(deaf)[3] & 15, NOERROR)
    session.unsubscribe(2)
    session.last = 20_000
    suite.equal("and one that does", session.subscribe("big.shop.svc.cluster.local"), NOERROR)
    suite.equal("is told of all of it", sum(line[0] == "+" for line in session.push()), 370)
    slow = server.metric("coredns_push_slow_clients_total")
    changes = 0
    while server.metric("coredns_push_slow_clients_total") == slow and changes < 2000:
        changes += 1
        cluster.slice("big", endpoints[:369 - changes % 2], "PUT")
        seen = len(session.push())
    suite.check("the first is closed", changes < 2000, f"{changes} changes")
    suite.equal("the other has heard all", seen, 1 + 369 - changes % 2)
    session.close()
    deaf.close()


def encrypted(suite, server, cluster, context):
    """Over TLS it is the same."""
    session = Session(server.second_port, context)
    suite.equal("TLS: a keepalive", session.ask(value(KEEPALIVE, struct.pack("!II", 60000, 60000)))[3] & 15, NOERROR)
    suite.equal("TLS: a name is subscribed to", session.subscribe("safe.shop.svc.cluster.local"), NOERROR)
    cluster.service("safe", "10.96.7.77")
    suite.equal("TLS: and told when it appears", session.push(), [
        "- safe.shop.svc.cluster.local. A", "+ safe.shop.svc.cluster.local. 5 A 10.96.7.77"])
    suite.equal("TLS: questions are answered meanwhile", answer_between(session), 0)
    suite.equal("TLS: nobody vouches for other names", session.subscribe("example.org"), NOTAUTH)
    session.send(message(9, value(KEEPALIVE, bytes(8)), flags=0xb000))
    suite.check("TLS: a mistake ends the connection", session.ends())


def limits(suite, lab):
    """What `push` says."""
    server = Server(LIMITED, lab.kubeconfig).wait_for("web.shop.svc.cluster.local")
    one, two = Session(server.port), Session(server.port)
    suite.equal("of three names two can be subscribed to", [
        one.subscribe(f"{name}.shop.svc.cluster.local") for name in "abc"], [NOERROR, NOERROR, REFUSED])
    two.subscribe("a.shop.svc.cluster.local")
    one.unsubscribe(1)
    suite.equal("and another when one is given up", one.subscribe("c.shop.svc.cluster.local"), NOERROR)
    # Each core has its own count, and the kernel chooses the core.
    loops = int(re.search(r"(\d+) loops?", server.log).group(1))
    others = [Session(server.port) for _ in range(4 * loops + 4)]
    codes = [other.subscribe("b.shop.svc.cluster.local") for other in others]
    suite.check("of all connections of a core, three", codes.count(NOERROR) <= 3 * loops and REFUSED in codes, str(codes))
    for other in others:
        other.close()
    server.write(LIMITED.replace("push {", "push off {"))
    server.signal(signal.SIGUSR1)
    suite.check("with `off` sessions end", one.ends() and two.ends())
    suite.equal("and none begins", Session(server.port).subscribe("a.shop.svc.cluster.local"), NOTIMP)
    server.kill()


def reloads(suite, server, cluster):
    """A reload is a change like any other."""
    session, other = Session(server.port), Session(server.port)
    for one in (session, other):
        one.subscribe("web.shop.svc.cluster.local")
        one.push()
    server.write(COREFILE.replace("TTL", "9"))
    server.signal(signal.SIGUSR1)
    suite.equal("another lifetime is told", session.push(), [
        "- web.shop.svc.cluster.local. A", "+ web.shop.svc.cluster.local. 9 A 10.96.7.1"])
    server.write(COREFILE.replace("TTL", "9").replace("errors\n", "errors\n    template IN A { rcode NXDOMAIN }\n"))
    server.signal(signal.SIGUSR1)
    suite.check("where another plugin answers from now on, sessions end", session.ends())
    server.write(COREFILE.replace("TTL", "9"))
    server.signal(signal.SIGUSR1)
    server.wait_for("web.shop.svc.cluster.local")
    session = Session(server.port)
    suite.equal("and begin anew", session.subscribe("web.shop.svc.cluster.local"), NOERROR)
    session.push()
    server.signal(signal.SIGTERM)
    octets = session.told.get(timeout=10)[1]
    suite.equal("who ends says for how long not to come back", octets and octets[12:16], struct.pack("!HH", RETRY_DELAY, 4))
    suite.check("and closes", session.ends())
    suite.equal("with exit code 0", server.exit_code(), 0)


def body(suite):
    lab = Lab()
    cluster = Cluster(lab)
    cluster.namespace("shop")
    cluster.service("web", "10.96.7.1")
    cluster.service("set", "None")
    cluster.slice("set", [("a", "192.0.2.1"), ("b", "192.0.2.2")])
    authority = Authority("push")
    files = dict(zip(("CERTIFICATE", "KEY"), map(str, authority.issue("server", HOST))))
    global COREFILE
    for word, file in files.items():
        COREFILE = COREFILE.replace(word, file)
    server = Server(COREFILE.replace("TTL", "7"), lab.kubeconfig).wait_for("a.set.shop.svc.cluster.local")
    names(suite, server, cluster)
    protocol(suite, server)
    encrypted(suite, server, cluster, authority.trust())
    many(suite, server, cluster)
    limits(suite, lab)
    reloads(suite, server, cluster)
    lab.kill()


if __name__ == "__main__":
    Suite("push").run(body)
