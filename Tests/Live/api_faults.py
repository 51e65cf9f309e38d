#!/usr/bin/env python3
"""What API servers and the networks before them do on bad days: answers stay, and follow again once it is over.

The scenarios run at the same time, each with a server of its own behind a proxy of its own in front of one cluster.
"""

import itertools
import json
import os
import threading
import time
import urllib.request
from faulty_proxy import RequestProxy, TunnelProxy, Upstream
from live import EXAMPLES, Lab, Server, Suite, dig, eventually, extent

KNOWN, DATA = "kube-dns.kube-system.svc.cluster.local.", ["a 10.96.0.10"]
NOT_READY, STALE = 14, 3  # RFC 8914 §4.15, §4.4
COREFILE = """
.:@PORT@ {
    bind 127.0.0.1
    errors
    health 127.0.0.1:@HEALTH@
    ready 127.0.0.1:@READY@
    kubernetes cluster.local {
        %s
    }
    prometheus 127.0.0.1:@METRICS@
}
"""
numbers = itertools.count(1)
starting = threading.Lock()


def start(connection, kubeconfig=None):
    with starting:
        return Server(COREFILE % connection, *([kubeconfig] if kubeconfig else []))


def send(upstream, method, path, body=None, content_type="application/json"):
    request = urllib.request.Request(
        upstream.server + path, method=method, data=json.dumps(body).encode() if body else None,
        headers={"Authorization": "Bearer " + upstream.token, "Content-Type": content_type})
    with urllib.request.urlopen(request, context=upstream.context(), timeout=30) as response:
        return json.load(response)


def create_service(upstream):
    """A Service that was not there before; its name and what it is answered with."""
    number = next(numbers)
    address = f"10.96.{200 + number // 250}.{number % 250 + 1}"
    send(upstream, "POST", "/api/v1/namespaces/shop/services", {
        "apiVersion": "v1", "kind": "Service", "metadata": {"name": f"late-{number}"},
        "spec": {"clusterIP": address, "ports": [{"port": 80}]}})
    return f"late-{number}.shop.svc.cluster.local.", [f"a {address}"]


def follows(suite, label, server, upstream, seconds):
    """A change made now is in the answers within `seconds`; what was known stays in them all the time."""
    name, data = create_service(upstream)
    begin, lost = time.monotonic(), []

    def arrived():
        known = dig(server.port, KNOWN)
        if known.data != DATA:
            lost.append((known.rcode, known.data))
        return dig(server.port, name).data == data

    suite.check(f"{label}: a change arrives within {seconds} s", eventually(arrived, seconds, 0.2), server.log_end())
    suite.equal(f"{label}: known names stay meanwhile", lost, [])
    return time.monotonic() - begin


# Connections


def silent_watch(suite, upstream):
    proxy = TunnelProxy(upstream, "silent")
    server = start("kubeconfig @KUBECONFIG@", proxy.kubeconfig).wait_for(KNOWN)
    suite.check("silent watch: connections were open", proxy.stall() > 0)
    took = follows(suite, "silent watch", server, upstream, 75)
    # After 55 s; where the machine is busy with other suites, whenever it comes to it.
    if os.environ.get("GATES"):
        suite.gate("G10", "a half-open watch: noticed", f"{took:.1f} s", "60 s", took <= 60, "one watch of each kind")


def closed_connections(suite, upstream):
    proxy = TunnelProxy(upstream, "closing")
    server = start("kubeconfig @KUBECONFIG@", proxy.kubeconfig).wait_for(KNOWN)
    before = proxy.accepted
    proxy.cut()
    follows(suite, "connections closed by the server", server, upstream, 30)
    suite.check("connections closed by the server: new ones are made", proxy.accepted > before)


def garbage(suite, upstream):
    proxy = TunnelProxy(upstream, "garbage")
    server = start("kubeconfig @KUBECONFIG@", proxy.kubeconfig).wait_for(KNOWN)
    for octets in (os.urandom(65536), b"\xff" * 100, b"HTTP/1.1 400 Bad Request\r\n\r\n"):
        suite.check("garbage: connections were open", eventually(lambda: proxy.inject(octets) > 0))
        follows(suite, f"garbage of {len(octets)} octets", server, upstream, 40)
    suite.check("garbage: the server runs", server.is_alive)


def hanging_handshake(suite, upstream):
    proxy = TunnelProxy(upstream, "handshake")
    proxy.mode = "no handshake"
    server = start("kubeconfig @KUBECONFIG@", proxy.kubeconfig)
    suite.check("hanging handshake: it is tried", eventually(lambda: proxy.accepted > 0))
    answer = eventually(lambda: (found := dig(server.port, KNOWN, "A", "+time=1")).rcode != "NONE" and found)
    suite.equal("hanging handshake: names are unknown, not missing",
        (answer.rcode, answer.extended_errors), ("SERVFAIL", [NOT_READY]))
    suite.equal("hanging handshake: /health", server.page(server.health_port, "/health")[0], 200)
    proxy.mode = "pass"
    suite.check("hanging handshake: given up, and tried again",
        eventually(lambda: dig(server.port, KNOWN).data == DATA), server.log_end())


def rotated_authority(suite, upstream):
    proxy = TunnelProxy(upstream, "rotation")
    server = start("kubeconfig @KUBECONFIG@", proxy.kubeconfig).wait_for(KNOWN)
    proxy.rotate(tell=False)
    proxy.cut()
    suite.check("another authority: the log says so",
        eventually(lambda: "not signed by the trusted authorities" in server.log), server.log_end())
    suite.equal("another authority: known names stay", dig(server.port, KNOWN).data, DATA)
    suite.equal("another authority: nothing is followed", len(proxy.links), 0)
    proxy.publish_authority()
    follows(suite, "the authority's file is replaced", server, upstream, 40)


def rotated_token(suite, upstream):
    proxy = TunnelProxy(upstream, "token")
    server = start("kubeconfig @KUBECONFIG@", proxy.kubeconfig).wait_for(KNOWN)
    proxy.token = "token-token-2"
    proxy.cut()
    suite.check("another token: the log says so", eventually(lambda: "answered 401" in server.log), server.log_end())
    suite.equal("another token: known names stay", dig(server.port, KNOWN).data, DATA)
    suite.check("another token: nobody is told the old one", "token-token-1" not in server.log)
    draft = proxy.token_file.with_suffix(".new")
    draft.write_text(proxy.token)
    draft.replace(proxy.token_file)
    follows(suite, "the token's file is replaced", server, upstream, 30)


# Requests


def refusal(code, headers=None, reason="", text="refused by the test"):
    body = {"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": code, "reason": reason, "message": text}
    return code, {"Content-Type": "application/json", **(headers or {})}, json.dumps(body).encode()


def forbidden_kind(suite, upstream):
    proxy = RequestProxy(upstream)
    proxy.rule = lambda path, query: refusal(403, reason="Forbidden") if "endpointslices" in path else None
    server = start(f"endpoint {proxy.url}").wait_for(KNOWN)
    suite.equal("forbidden EndpointSlices: other Services are missing", dig(server.port, "x.shop.svc.cluster.local.").rcode, "NXDOMAIN")
    answer = dig(server.port, "db.shop.svc.cluster.local.")
    suite.equal("forbidden EndpointSlices: headless names are unknown", (answer.rcode, answer.extended_errors), ("SERVFAIL", [NOT_READY]))
    status, text = server.page(server.ready_port, "/ready")
    suite.equal("forbidden EndpointSlices: /ready names them", (status, text.strip()), (503, "kubernetes (forbidden to list endpointslices)"))
    suite.check("forbidden EndpointSlices: the log names the right", "grant list and watch on endpointslices" in server.log, server.log_end())
    suite.equal("forbidden EndpointSlices: said once", server.log.count("cannot follow endpointslices"), 1)
    proxy.rule = lambda path, query: None
    suite.check("once allowed: headless names", eventually(lambda: dig(server.port, "db.shop.svc.cluster.local.").rcode == "NOERROR", 75, 0.5), server.log_end())
    suite.equal("once allowed: /ready", server.page(server.ready_port, "/ready")[0], 200)
    # What is forbidden later takes nothing away.
    proxy.rule = lambda path, query: refusal(403, reason="Forbidden")
    proxy.cut()
    eventually(lambda: server.log.count("cannot follow services") > 0)
    suite.equal("forbidden later: known names stay", dig(server.port, KNOWN).data, DATA)
    suite.equal("forbidden later: still ready", server.page(server.ready_port, "/ready")[0], 200)


def overload(suite, upstream):
    proxy = RequestProxy(upstream)
    refusals = [(429, {"Retry-After": "3"}, b"too many"), refusal(503), refusal(429, reason="TooManyRequests")]
    left = {}
    def rule(path, query):
        todo = left.setdefault(path, list(refusals))
        return todo.pop(0) if todo else None
    proxy.rule = rule
    server = start(f"endpoint {proxy.url}").wait_for(KNOWN)
    for kind in ("services", "endpointslices", "namespaces"):
        times = [when for when, path in proxy.requests(f"/{kind}?")][:4]
        gaps = [later - earlier for earlier, later in zip(times, times[1:])]
        suite.check(f"overload, {kind}: Retry-After is kept to", gaps and 3.0 <= gaps[0] <= 15, gaps)
        suite.check(f"overload, {kind}: without it the waits are our own", len(gaps) == 3 and min(gaps) >= 0.75, gaps)
    proxy.rule = lambda path, query: refusal(500)
    proxy.cut()
    time.sleep(3)
    suite.check("overload: few requests while everything is refused", len([1 for when, _ in proxy.requests() if when > time.monotonic() - 3]) <= 12)
    proxy.rule = lambda path, query: None
    follows(suite, "overload is over", server, upstream, 40)


def expiry_storm(suite, upstream):
    proxy = RequestProxy(upstream)
    server = start(f"endpoint {proxy.url}").wait_for(KNOWN)
    expired = json.dumps({"type": "ERROR", "object": json.loads(refusal(410, reason="Expired")[2])}).encode()
    is_event = itertools.cycle([True, False])

    def rule(path, query):
        # Lists of either kind come through: only what continues from a version has expired.
        if "watch" not in query or "sendInitialEvents" in query:
            return None
        return (200, {"Content-Type": "application/json"}, expired) if next(is_event) else refusal(410, reason="Expired")

    proxy.rule = rule
    begin, cuts, wrong, asked = time.monotonic(), 0, [], 0
    while time.monotonic() < begin + extent(30, 300):
        # A stream that is both list and watch is cut, so that it has to go on from a version.
        if time.monotonic() > begin + 2 * cuts:
            proxy.cut()
            cuts += 1
        asked += 1
        if (answer := dig(server.port, KNOWN)).data != DATA:
            wrong.append(answer.rcode)
        time.sleep(0.1)
    suite.gate("G10", "answers from an empty or partial snapshot while every watch expires", len(wrong), "0", not wrong,
        f"{len(proxy.requests('watch'))} watches, {asked} questions")
    for kind in ("services", "endpointslices", "namespaces"):
        lists = [1 for when, path in proxy.requests(f"/{kind}?") if when > begin and ("watch=true" not in path or "sendInitial" in path) and "probe" not in path]
        suite.check(f"every watch expires, {kind}: at most ten lists a minute", len(lists) <= (extent(30, 300) / 6 + 2), len(lists))
    proxy.rule = lambda path, query: None
    follows(suite, "watches work again", server, upstream, 60)


def slow_and_torn_lists(suite, upstream):
    proxy = RequestProxy(upstream)
    torn = {}

    def tear(pieces):
        first = next(pieces)
        yield first[:len(first) // 2]
        raise OSError("cut")

    def trickle(pieces):
        for piece in pieces:
            for start in range(0, len(piece), 2048):
                time.sleep(0.1)
                yield piece[start:start + 2048]

    def rule(path, query):
        torn[path] = torn.get(path, 0) + 1
        return tear if torn[path] <= 2 else trickle

    proxy.rule = rule
    server = start(f"endpoint {proxy.url}")
    seen = set()

    def is_known():
        answer = dig(server.port, KNOWN, "A", "+time=1")
        seen.add((answer.rcode, *answer.extended_errors))
        return answer.data == DATA

    suite.check("torn lists, then slow ones: complete in the end", eventually(is_known), server.log_end())
    suite.check("torn lists: a part of a list is never answered from",
        seen <= {("NONE",), ("SERVFAIL", NOT_READY), ("NOERROR",)}, seen)
    suite.equal("torn lists: every headless endpoint is there", len(dig(server.port, "db.shop.svc.cluster.local.").data), 3)


def no_streamed_lists(suite, upstream):
    proxy = RequestProxy(upstream)
    proxy.rule = lambda path, query: refusal(422, reason="Invalid") if "sendInitialEvents" in query else None
    server = start(f"endpoint {proxy.url}").wait_for(KNOWN)
    suite.check("a server without WatchList: pages", len(proxy.requests("limit=500")) >= 3)
    follows(suite, "a server without WatchList", server, upstream, 30)
    suite.check("a server without WatchList: asked once for each kind", len(proxy.requests("sendInitialEvents")) <= 3)


def restored_backup(suite, upstream):
    with starting:
        labs = [Lab(manifests=EXAMPLES), Lab(manifests=EXAMPLES)]
    old, restored = (Upstream(lab.kubeconfig) for lab in labs)
    version = lambda server: int(send(server, "GET", "/api/v1/services?limit=1")["metadata"]["resourceVersion"])
    gone, _ = create_service(old)
    while version(old) < version(restored) + 50:
        create_service(old)
    proxy = RequestProxy(old)
    server = start(f"endpoint {proxy.url}").wait_for(KNOWN).wait_for(gone)
    proxy.upstream = restored
    proxy.cut()
    follows(suite, "an API server restored to an older version", server, restored, 30)
    suite.check("an API server restored to an older version: what it does not know is gone",
        eventually(lambda: dig(server.port, gone).rcode == "NXDOMAIN"), server.log_end())


def stale_answers(suite, upstream):
    proxy = RequestProxy(upstream)
    server = start(f"endpoint {proxy.url}\n        stale_after 3s").wait_for(KNOWN)
    suite.equal("fresh answers say nothing", dig(server.port, KNOWN).extended_errors, [])
    proxy.rule = lambda path, query: refusal(503)
    proxy.cut()
    suite.check("API server lost: answers are called stale after the limit",
        eventually(lambda: dig(server.port, KNOWN).extended_errors == [STALE]), server.log_end())
    suite.equal("API server lost: known names stay", dig(server.port, KNOWN).data, DATA)
    missing = dig(server.port, "x.shop.svc.cluster.local.")
    suite.equal("API server lost: missing names too", (missing.rcode, missing.extended_errors), ("NXDOMAIN", [STALE]))
    suite.equal("API server lost: still ready", server.page(server.ready_port, "/ready")[0], 200)
    suite.check("API server lost: the data's age is a metric", (server.metric("coredns_kubernetes_data_age_seconds") or 0) >= 3)
    proxy.rule = lambda path, query: None
    name, data = create_service(upstream)
    suite.check("API server back: changes arrive", eventually(lambda: dig(server.port, name).data == data), server.log_end())


def paced_and_measured(suite, upstream):
    proxy, begun = RequestProxy(upstream), time.monotonic()
    server = start(f"endpoint {proxy.url}\n        apiserver_qps 2\n        apiserver_burst 1\n        apiserver_max_inflight 1")
    server.wait_for(KNOWN)
    # Counted from the start: a busy machine makes requests come later, and nothing makes them come earlier.
    times = [when - begun for when, _ in proxy.requests()]
    suite.check("apiserver_qps 2: half a second between requests",
        len(times) > 2 and all(when >= 0.5 * place for place, when in enumerate(times)), times)
    prefix = "coredns_kubernetes_rest_client_"
    text = server.page(server.metrics_port, "/metrics")[1]
    host = proxy.url.split("//")[1]
    suite.check("requests are counted", f'{prefix}requests_total{{code="200",host="{host}",method="GET"}}' in text, text)
    suite.check("and timed", f'{prefix}request_duration_seconds_count{{host="{host}",verb="GET"}}' in text)
    suite.check("and their waiting", (server.metric(prefix + "rate_limiter_duration_seconds_sum") or 0) >= 0.8)
    before = {kind: programmed(server, kind) for kind in ("cluster_ip", "headless_with_selector", "headless_without_selector")}
    suite.check("programming durations of every kind of service", None not in before.values(), before)
    pods = {pod["metadata"]["labels"].get("app"): pod["metadata"]["name"]
        for pod in send(upstream, "GET", "/api/v1/namespaces/shop/pods")["items"]}
    for app, kind in (("back-end", "cluster_ip"), ("db", "headless_with_selector")):
        for ready in ("false", "true"):
            send(upstream, "PATCH", f"/api/v1/namespaces/shop/pods/{pods[app]}",
                {"metadata": {"annotations": {"cluster-dns/ready": ready}}}, "application/merge-patch+json")
        suite.check(f"a changed endpoint is timed, {kind}", eventually(lambda: programmed(server, kind) > before[kind]),
            (before[kind], programmed(server, kind)))


def programmed(server, kind):
    mark = f'coredns_kubernetes_dns_programming_duration_seconds_count{{service_kind="{kind}"}} '
    values = [line[len(mark):] for line in server.page(server.metrics_port, "/metrics")[1].splitlines() if line.startswith(mark)]
    return float(values[0]) if values else None


def body(suite):
    lab = Lab(manifests=EXAMPLES)
    upstream = Upstream(lab.kubeconfig)
    scenarios = [
        silent_watch, forbidden_kind, expiry_storm, overload, slow_and_torn_lists, rotated_authority, rotated_token, hanging_handshake,
        garbage, closed_connections, restored_backup, stale_answers, no_streamed_lists, paced_and_measured,
    ]
    # The first lasts as long as all others, four at a time, together.
    suite.run_together(scenarios, 5, upstream)


if __name__ == "__main__":
    Suite("api-faults").run(body)
