#!/usr/bin/env python3
"""An API server that sends elsewhere, too much, too slowly or nonsense, and one that is away for long.

What was known is answered all the time, the token goes to nobody else, and memory stays what it was.
"""

import gzip
import http.server
import json
import socket
import ssl
import threading
import time
from api_faults import DATA, KNOWN, NOT_READY, create_service, follows, start
from faulty_proxy import RequestProxy, TunnelProxy, Upstream, make_certificate
from live import EXAMPLES, Lab, Suite, dig, eventually, extent, work

TOKEN = "secret-of-the-test"


def resident(server):
    """MiB that the process has in memory, and had at most."""
    with open(f"/proc/{server.pid}/status") as file:
        fields = dict(line.split(":", 1) for line in file)
    return int(fields["VmRSS"].split()[0]) >> 10, int(fields["VmHWM"].split()[0]) >> 10


def relists(proxy):
    """From now on every kind is listed anew: what goes on from a version has expired."""
    gone = json.dumps({"kind": "Status", "apiVersion": "v1", "code": 410, "reason": "Expired", "status": "Failure"}).encode()
    return 410, {"Content-Type": "application/json"}, gone


def is_list(query):
    return "watch" not in query or "sendInitialEvents" in query


# Elsewhere


class Witness:
    """An HTTPS server that notes what it is asked with, and answers by `reply`."""

    def __init__(self, name, reply):
        certificate, key = make_certificate(name)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        self.certificate, self.seen, self.connections = certificate, [], 0
        witness = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def log_message(self, *arguments):
                pass

            def do_GET(self):
                witness.seen.append((self.path, self.headers["Authorization"]))
                status, headers = reply()
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", "0")
                self.end_headers()

        class Listener(http.server.ThreadingHTTPServer):
            daemon_threads = True

            def get_request(self):
                witness.connections += 1
                return super().get_request()

            def handle_error(self, request, client_address):
                pass

        self.server = Listener(("127.0.0.1", 0), Handler)
        self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        self.url = f"https://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


def kubeconfig_of(name, url, authority):
    (work / f"{name}.token").write_text(TOKEN)
    file = work / f"{name}.kubeconfig"
    file.write_text(f"""apiVersion: v1
kind: Config
current-context: it
clusters: [{{name: it, cluster: {{server: "{url}", certificate-authority: "{authority}"}}}}]
users: [{{name: it, user: {{tokenFile: "{work / f'{name}.token'}"}}}}]
contexts: [{{name: it, context: {{cluster: it, user: it}}}}]
""")
    return file


def redirected(suite, upstream):
    other = Witness("other", lambda: (200, {}))
    codes = iter([301, 302, 303, 307, 308] * 1000)
    first = Witness("first", lambda: (next(codes), {"Location": other.url + "/api/v1/services"}))
    # Either would be trusted: what keeps the token is that nobody follows.
    both = work / "both.crt"
    both.write_bytes(first.certificate.read_bytes() + other.certificate.read_bytes())
    server = start("kubeconfig @KUBECONFIG@", kubeconfig_of("redirected", first.url, both))
    suite.check("redirected: asked with the token", eventually(lambda: len(first.seen) >= 5), len(first.seen))
    suite.equal("redirected: every request had it", {token for _, token in first.seen}, {f"Bearer {TOKEN}"})
    suite.equal("redirected: the other server is not even connected to", (other.connections, other.seen), (0, []))
    suite.check("redirected: the log says what was answered", eventually(lambda: "30" in server.log), server.log_end())
    suite.check("redirected: the log holds no token", TOKEN not in server.log)
    answer = dig(server.port, KNOWN)
    suite.equal("redirected: names are unknown, not missing", (answer.rcode, answer.extended_errors), ("SERVFAIL", [NOT_READY]))
    server.stop()


def unusable_tokens(suite, upstream):
    """The file of the token is taken away, emptied, made too long, or says what no token says; then it is well again."""
    proxy = TunnelProxy(upstream, "tokens")
    server = start("kubeconfig @KUBECONFIG@", proxy.kubeconfig).wait_for(KNOWN)
    for number, (label, spoil, named) in enumerate((
        ("no file", lambda file: file.unlink(), "no such file"),
        ("an empty one", lambda file: file.write_bytes(b""), "an empty file"),
        ("ten megabytes", lambda file: file.write_bytes(b"x" * (10 << 20)), "octets"),
        ("octets of no token", lambda file: file.write_bytes(bytes(range(1, 32)) + b"a\nb"), "octets that no token has"),
        ("a folder", lambda file: (file.unlink(), file.mkdir()), "a folder"),
    ), 2):
        # The old one is refused, so that the file is read.
        proxy.token = f"tokens-token-{number}"
        spoil(proxy.token_file)
        proxy.cut()
        suite.check(f"a token file that is {label}: said", eventually(lambda: named in server.log), server.log_end())
        suite.equal(f"a token file that is {label}: known names stay", dig(server.port, KNOWN).data, DATA)
        suite.equal(f"a token file that is {label}: ready, and healthy", (
            server.page(server.ready_port, "/ready")[0], server.page(server.health_port, "/health")[0]), (200, 200))
        if proxy.token_file.is_dir():
            proxy.token_file.rmdir()
        draft = proxy.token_file.with_suffix(".new")
        draft.write_text(proxy.token)
        draft.replace(proxy.token_file)
        follows(suite, f"a token file that was {label}", server, upstream, 60)
    suite.check("unusable tokens: few lines", len(server.log.splitlines()) < 100, len(server.log.splitlines()))
    suite.check("unusable tokens: no token is logged", "tokens-token" not in server.log)
    server.stop()


# Too much, too slowly, nonsense


def endless(first, piece, count, last=b""):
    """A body's pieces in the place of those of the embedded cluster: `first`, `count` times `piece`, and the `last`."""
    def pieces(_):
        yield first
        for _ in range(count):
            yield piece
        yield last
    return pieces


def too_much(suite, upstream):
    """Lists of hundreds of megabytes, of one object or of many, compressed ones, nesting without end."""
    proxy = RequestProxy(upstream)
    server = start(f"endpoint {proxy.url}").wait_for(KNOWN)
    usual, _ = resident(server)
    size = extent(96, 600)
    head = b'{"kind":"ServiceList","apiVersion":"v1","metadata":{"resourceVersion":"9"},"items":['
    event = b'{"type":"ADDED","object":{"kind":"Service","apiVersion":"v1","metadata":{"name":"'
    bomb = gzip.compress(b'{"items":[' + bytes(64 << 20))
    bodies = {
        f"one object of {size} MiB": lambda streamed: endless((event if streamed else head) + b"x", b"x" * (1 << 20), size),
        f"one key of {size} MiB": lambda streamed: endless((b"" if streamed else head) + b'{"', b"k" * (1 << 20), size),
        f"{size} MiB of spaces": lambda streamed: endless(b"" if streamed else head, b" " * (1 << 20), size),
        "nesting without end": lambda streamed: endless(event if streamed else head, b"[" * (1 << 20), 16),
        "a compressed list": lambda streamed: (200, {"Content-Type": "application/json", "Content-Encoding": "gzip"}, bomb),
        "a list of another thing": lambda streamed: (200, {"Content-Type": "text/html"}, b"<html>" + b"x" * (1 << 20)),
    }
    for label, body in bodies.items():
        served = []

        def rule(path, query):
            if not is_list(query) or "probe" in str(query):
                return relists(proxy)
            served.append(path)
            return body("watch" in query)
        proxy.rule = rule
        proxy.cut()
        wrong, until = [], time.monotonic() + 60
        while len(served) < 3 and time.monotonic() < until:
            if (answer := dig(server.port, KNOWN)).data != DATA:
                wrong.append((answer.rcode, answer.data))
            time.sleep(0.05)
        suite.check(f"{label}: lists are asked for again", len(served) >= 3, len(served))
        suite.equal(f"{label}: what was known stays", wrong, [])
        suite.check(f"{label}: the process lives", server.is_alive, server.log_end())
    now, most = resident(server)
    print(f"  {suite.name}: lists of {size} MiB: {usual} MiB resident before, {most} at most", flush=True)
    suite.check("too much: memory stays far below what was sent", most <= usual + 48, (usual, now, most))
    proxy.rule = lambda path, query: None
    proxy.cut()
    follows(suite, "too much is over", server, upstream, 75)
    server.stop()


def trickle(suite, upstream):
    """A new list that comes by a few octets a second: the old one is answered from, and whoever else is served is."""
    proxy = RequestProxy(upstream)
    server = start(f"endpoint {proxy.url}").wait_for(KNOWN)
    begun = []

    def slowly(pieces):
        begun.append(time.monotonic())
        for piece in pieces:
            for octet in piece:
                yield bytes([octet])
                time.sleep(0.05)
    proxy.rule = lambda path, query: slowly if is_list(query) and "probe" not in str(query) else relists(proxy)
    proxy.cut()
    suite.check("a trickling list: it has begun", eventually(lambda: len(begun) >= 3), len(begun))
    wrong, until = [], time.monotonic() + extent(10, 100)
    while time.monotonic() < until:
        if (answer := dig(server.port, KNOWN)).data != DATA:
            wrong.append((answer.rcode, answer.data))
        time.sleep(0.1)
    suite.equal("a trickling list: what was known stays", wrong, [])
    suite.equal("a trickling list: ready", server.page(server.ready_port, "/ready")[0], 200)
    proxy.rule = lambda path, query: None
    proxy.cut()
    follows(suite, "lists are quick again", server, upstream, 75)
    server.stop()


def odd_events(suite, upstream):
    """Events that are doubled, in a wrong order, of unknown kinds, huge, or without what they need."""
    proxy = RequestProxy(upstream)
    version = "%d" % (1 << 40)

    def event(kind, name, address="10.96.77.1", **more):
        return json.dumps({"type": kind, "object": {
            "kind": "Service", "apiVersion": "v1", "spec": {"clusterIP": address, "ports": [{"port": 80}]},
            "metadata": {"name": name, "namespace": "shop", "resourceVersion": version, **more}}}).encode() + b"\n"
    huge = {"annotations": {"note": "x" * 1_500_000}}
    sent = {
        "doubled": event("ADDED", "odd") * 3,
        "deleted before it was there": event("DELETED", "never") + event("ADDED", "odd"),
        "deleted and added": event("ADDED", "odd") + event("DELETED", "odd") + event("ADDED", "odd"),
        "of 1.5 megabytes": event("ADDED", "odd", **huge),
        "modified before it was added": event("MODIFIED", "odd"),
        "an unknown kind of event": event("ADDED", "odd") + event("RENAMED", "odd"),
        "a bookmark without a version": event("ADDED", "odd") + b'{"type":"BOOKMARK","object":{"kind":"Service","metadata":{}}}\n',
        "an object without a name": event("ADDED", "odd") + event("ADDED", ""),
    }
    server = None
    for label, octets in sent.items():
        waiting = [True]

        def rule(path, query):
            if not path.endswith("/services") or "watch" not in query or "sendInitialEvents" in query or not waiting:
                return None
            waiting.clear()

            def pieces(real):
                yield octets
                yield from real
            return pieces
        proxy.rule = lambda path, query: (422, {}, b"") if "sendInitialEvents" in query else rule(path, query)
        server = server or start(f"endpoint {proxy.url}").wait_for(KNOWN)
        proxy.cut()
        suite.check(f"an event that is {label}: it was sent", eventually(lambda: not waiting))
        seen = eventually(lambda: dig(server.port, "odd.shop.svc.cluster.local.").data == ["a 10.96.77.1"], 2)
        known = dig(server.port, KNOWN)
        suite.equal(f"an event that is {label}: known names stay", known.data, DATA)
        suite.equal(f"an event that is {label}: it made no other name", dig(server.port, "never.shop.svc.cluster.local.").rcode, "NXDOMAIN")
        # A new list, which the next break leads to where an event could not be read, takes away what is not there.
        proxy.rule = lambda path, query: None if is_list(query) else relists(proxy)
        proxy.cut()
        suite.check(f"an event that is {label}: a list puts it right", eventually(
            lambda: dig(server.port, "odd.shop.svc.cluster.local.").rcode == "NXDOMAIN", 40), (seen, server.log_end()))
    proxy.rule = lambda path, query: None
    proxy.cut()
    follows(suite, "odd events are over", server, upstream, 75)
    server.stop()


# Away


def unreachable_at_start(suite, upstream):
    """A name that nobody knows, and an address that takes connections and never answers: each attempt has an end."""
    full = socket.socket()
    full.bind(("127.0.0.1", 0))
    full.listen(0)
    # Once the queue is full the kernel drops what comes, as a network that swallows packets does.
    fillers = [socket.socket() for _ in range(4)]
    for filler in fillers:
        filler.setblocking(False)
        filler.connect_ex(full.getsockname())
    for label, url in (("a host that is not there", "https://nowhere.invalid:6443"),
                       ("packets that are swallowed", f"https://127.0.0.1:{full.getsockname()[1]}")):
        begun = time.monotonic()
        server = start(f"endpoint {url}")
        answer = eventually(lambda: (found := dig(server.port, KNOWN, "A", "+time=1")).rcode != "NONE" and found)
        suite.check(f"{label}: listening soon", time.monotonic() - begun < 10, time.monotonic() - begun)
        suite.equal(f"{label}: names are unknown, not missing", (answer.rcode, answer.extended_errors), ("SERVFAIL", [NOT_READY]))
        suite.equal(f"{label}: not ready, but healthy", (
            server.page(server.ready_port, "/ready")[0], server.page(server.health_port, "/health")[0]), (503, 200))
        suite.check(f"{label}: each attempt ends, and is said", eventually(lambda: "cannot follow services" in server.log, 30), server.log_end())
        suite.equal(f"{label}: SIGTERM ends it", server.stop(), 0)


def outage(suite, upstream):
    """The API server is away: known names are answered, and it is tried ever more rarely."""
    proxy = RequestProxy(upstream)
    server = start(f"endpoint {proxy.url}").wait_for(KNOWN)
    length = extent(30, 1100)
    proxy.rule = lambda path, query: ()
    away = proxy.answer

    def refuse(handler):
        with proxy.lock:
            proxy.seen.append((time.monotonic(), handler.path))
        handler.close_connection = True
        proxy.hang_up(handler.connection)
    proxy.answer = refuse
    proxy.cut()
    begun, asked, failed, ready = time.monotonic(), 0, [], set()
    while time.monotonic() < begun + length:
        asked += 1
        answer = dig(server.port, KNOWN)
        if answer.data != DATA:
            failed.append((answer.rcode, answer.data))
        ready.add(server.page(server.ready_port, "/ready")[0])
        time.sleep(0.1)
    late = [1 for when, _ in proxy.requests() if when > begun + length / 2]
    suite.gate("G10", "an outage of the API server: known names that fail", len(failed), "0", not failed, f"{length} s, {asked} questions")
    suite.equal("outage: ready all the time", ready, {200})
    # Three kinds, each tried every 30 to 60 seconds in the end.
    suite.check("outage: few requests", len(late) <= extent(18, 3 * length / 2 / 30 + 6), len(late))
    suite.check("outage: few lines", len(server.log.splitlines()) <= 20 + length / 60, len(server.log.splitlines()))
    proxy.answer = away
    proxy.rule = lambda path, query: None
    took = follows(suite, "the outage is over", server, upstream, 75)
    print(f"  {suite.name}: away for {length} s: {len(late)} requests in the second half; a change arrives {took:.1f} s after the end", flush=True)
    server.stop()


def resets(suite, upstream):
    """A balancer that resets every connection every few seconds."""
    proxy = TunnelProxy(upstream, "resets")
    server = start("kubeconfig @KUBECONFIG@", proxy.kubeconfig).wait_for(KNOWN)
    wrong = []
    for _ in range(extent(4, 40)):
        proxy.cut()
        name, data = create_service(upstream)
        suite.check("connections reset: a change arrives", eventually(lambda: dig(server.port, name).data == data, 40, 0.1), server.log_end())
        if (answer := dig(server.port, KNOWN)).data != DATA:
            wrong.append((answer.rcode, answer.data))
    suite.equal("connections reset: known names stay", wrong, [])
    server.stop()


def body(suite):
    upstream = Upstream(Lab(manifests=EXAMPLES).kubeconfig)
    scenarios = [outage, unusable_tokens, too_much, odd_events, trickle, redirected, resets, unreachable_at_start]
    suite.run_together(scenarios, 4, upstream)


if __name__ == "__main__":
    Suite("api-hostile").run(body)
