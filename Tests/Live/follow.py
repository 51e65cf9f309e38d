#!/usr/bin/env python3
"""`cache follow`: what is kept is as fresh as the cluster, for the upstream tells of changes instead of lifetimes ending."""

import signal
import time
from live import Lab, ScriptedUpstream, Server, Suite, dig, eventually, exchange, extent, query
from push import Cluster

CLUSTER = """cluster.local:@PORT@ in-addr.arpa:@PORT@ {
    bind 127.0.0.1
    kubernetes cluster.local in-addr.arpa {
        kubeconfig @KUBECONFIG@
        ttl 60
    }
    PUSH
    prometheus 127.0.0.1:@METRICS@
}
"""
NODE = """.:@PORT@ {
    bind 127.0.0.1
    errors
    cache 60 {
        follow
        serve_stale 1h
    }
    forward . 127.0.0.1:UPSTREAM {
        force_tcp
    }
    prometheus 127.0.0.1:@METRICS@
}
"""
ZONE = "shop.svc.cluster.local"


def addresses(server, name):
    """What dig would show, by one datagram: code and addresses."""
    reply = exchange(server.port, query(f"{name}.{ZONE}"), 5)
    if not reply:
        return None
    found = [".".join(map(str, reply.message[start:end])) for kind, _, _, start, end in reply.records() if kind == 1]
    return reply.rcode, sorted(found)


def followed(node):
    return node.metric("coredns_cache_followed_names"), node.metric("coredns_cache_follow_connected")


def asked(upstream):
    return upstream.metric("coredns_dns_requests_total")


def changes(suite, cluster, upstream, node):
    """Every kind of change arrives at once."""
    suite.equal("the first question is answered", addresses(node, "web"), (0, ["10.96.7.1"]))
    suite.equal("a name that is not there has no answer", addresses(node, "new"), (3, []))
    suite.equal("nor has a headless service without endpoints", addresses(node, "set"), (3, []))
    suite.check("all three are followed", eventually(lambda: followed(node) == (3, 1)), str(followed(node)))
    before = asked(upstream)
    for _ in range(500):
        addresses(node, "web"), addresses(node, "new")
    suite.equal("a thousand questions are not asked upstream", asked(upstream) - before, 0)
    cluster.service("new", "10.96.7.2")
    suite.check("a name appears", eventually(lambda: addresses(node, "new") == (0, ["10.96.7.2"])))
    cluster.delete_service("new")
    suite.check("and goes", eventually(lambda: addresses(node, "new") == (3, [])))
    cluster.slice("set", [("a", "192.0.2.1"), ("b", "192.0.2.2")])
    suite.check("endpoints appear", eventually(lambda: addresses(node, "set") == (0, ["192.0.2.1", "192.0.2.2"])))
    cluster.slice("set", [("b", "192.0.2.2")], "PUT")
    suite.check("one goes", eventually(lambda: addresses(node, "set") == (0, ["192.0.2.2"])))
    cluster.slice("set", [], "PUT")
    suite.check("all go", eventually(lambda: addresses(node, "set") == (3, [])))
    start = time.monotonic()
    eventually(lambda: time.monotonic() - start > 1.5)
    suite.equal("a lifetime that has not begun does not run", dig(node.port, f"web.{ZONE}").first[1], 60)
    suite.check("changes are counted", node.metric("coredns_cache_follow_changes_total") >= 5)


def latency(suite, cluster, node):
    """From the API server's answer to the first right answer of the node."""
    count = extent(40, 500)
    cluster.slice("set", [("a", "192.0.2.250")], "PUT")
    eventually(lambda: addresses(node, "set") == (0, ["192.0.2.250"]))
    taken = []
    for number in range(count):
        address = f"192.0.3.{number % 250 + 1}"
        cluster.slice("set", [("a", address)], "PUT")
        begin = time.monotonic()
        if not eventually(lambda: addresses(node, "set") == (0, [address]), 10, 0):
            suite.check("a change arrives", False, address)
            return
        taken.append((time.monotonic() - begin) * 1000)
    taken.sort()
    for share, most in ((50, 2), (99, 10)):
        figure = taken[min(count - 1, count * share // 100)]
        print(f"  follow: {share}th percentile of {count} changes: {figure:.1f} ms", flush=True)
        if not extent(False, True):
            continue
        suite.gate("node", f"from a change to the answer of a node, {share}th percentile", f"{figure:.1f} ms", f"{most} ms",
                   figure <= most, f"{count} changes")
    suite.check("each of them within a second", taken[-1] < 1000, f"{taken[-1]:.0f} ms")


def outages(suite, lab, cluster, upstream, node):
    """While nobody can tell, what is kept grows old as ever; afterwards it is looked at again."""
    suite.equal("before", addresses(node, "web"), (0, ["10.96.7.1"]))
    upstream.kill()
    suite.check("that the connection is lost is seen", eventually(lambda: followed(node)[1] == 0))
    suite.equal("what is kept is answered", addresses(node, "web"), (0, ["10.96.7.1"]))
    cluster.delete_service("web")
    cluster.service("web", "10.96.7.50")
    after = upstream.successor().wait_for(f"web.{ZONE}")
    suite.check("what changed meanwhile is known once it can be told again", eventually(
        lambda: addresses(node, "web") == (0, ["10.96.7.50"])))
    suite.check("all are followed again", eventually(lambda: followed(node) == (3, 1)), str(followed(node)))
    node.write(NODE.replace("UPSTREAM", str(upstream.port)).replace("errors", "errors\n    log"))
    node.signal(signal.SIGUSR1)
    suite.check("a reload goes on with all names", eventually(
        lambda: "Reloading complete" in node.log and followed(node) == (3, 1)), str(followed(node)))
    cluster.delete_service("web")
    suite.check("and is told", eventually(lambda: addresses(node, "web") == (3, [])))
    after.signal(signal.SIGTERM)
    suite.equal("an upstream that ends says so", after.exit_code(), 0)
    suite.check("and is left", eventually(lambda: followed(node)[1] == 0))


def without(suite, lab, cluster, upstream, node):
    """An upstream that tells of nothing is asked as ever."""
    server = Server(CLUSTER.replace("PUSH", "push off"), lab.kubeconfig).wait_for(f"other.{ZONE}")
    node = Server(NODE.replace("UPSTREAM", str(server.port))).wait_for(f"other.{ZONE}")
    suite.check("it is asked once whether it tells", eventually(lambda: followed(node)[1] == 0))
    suite.equal("and answers are kept for their lifetime", addresses(node, "other"), (0, ["10.96.7.60"]))
    scripted = ScriptedUpstream(0)
    node = Server(NODE.replace("UPSTREAM", str(scripted.port))).wait_for("a.test")
    suite.equal("one that answers everything alike changes nothing", dig(node.port, "b.test").data, ["a 192.0.2.1"])
    for program in (server, node):
        program.kill()


def body(suite):
    lab = Lab()
    cluster = Cluster(lab)
    cluster.namespace("shop")
    cluster.service("web", "10.96.7.1")
    cluster.service("other", "10.96.7.60")
    cluster.service("set", "None")
    upstream = Server(CLUSTER.replace("PUSH", ""), lab.kubeconfig).wait_for(f"web.{ZONE}")
    node = Server(NODE.replace("UPSTREAM", str(upstream.port)))
    suite.check("the node begins", eventually(lambda: followed(node)[1] == 1), node.log)
    changes(suite, cluster, upstream, node)
    latency(suite, cluster, node)
    outages(suite, lab, cluster, upstream, node)
    without(suite, lab, cluster, upstream, node)


if __name__ == "__main__":
    Suite("follow").run(body)
