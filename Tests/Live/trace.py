#!/usr/bin/env python3
"""Spans of queries, as collectors of Zipkin's and of OpenTelemetry's form receive them over HTTP."""

import http.server
import json
import threading
import time
from live import PATIENCE, Server, Suite, dig, eventually, free_port

COREFILE = """
.:@PORT@ {
    bind 127.0.0.1
    prometheus 127.0.0.1:@METRICS@
    metadata
    log . "{name} {/trace/traceid}"
    trace %s
    template IN A broken.test {
        rcode SERVFAIL
    }
    whoami
}
"""


class Collector:
    """Takes spans and keeps the requests: path, content type, document."""

    def __init__(self, status=202):
        self.requests, self.status = [], status
        collector = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                collector.requests.append((self.path, self.headers["Content-Type"], json.loads(body)))
                self.send_response(collector.status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *words):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def zipkin_spans(self):
        return [span for _, _, document in self.requests for span in document]

    def otlp_spans(self):
        return [span for _, _, document in self.requests for resource in document["resourceSpans"]
            for scope in resource["scopeSpans"] for span in scope["spans"]]


def ask(server, *names):
    for name in names:
        dig(server.port, name)


def zipkin(suite):
    collector = Collector()
    before = time.time()
    server = Server(COREFILE % f"zipkin 127.0.0.1:{collector.port}").wait_for("whoami.test.")
    ask(server, "a.test.", "broken.test.")

    def named():
        return {span["tags"]["coredns.io/name"]: span for span in collector.zipkin_spans()}

    suite.check("every query has its span", eventually(lambda: {"a.test.", "broken.test."} <= named().keys()), str(collector.requests))
    span = named()["a.test."]
    suite.equal("where spans are sent, and as what", {request[:2] for request in collector.requests}, {("/api/v2/spans", "application/json")})
    suite.equal("what a span says", (span["name"], span["kind"], span["localEndpoint"]["serviceName"], span["tags"]), (
        "servedns", "SERVER", "coredns", {
            "coredns.io/name": "a.test.", "coredns.io/type": "A", "coredns.io/rcode": "NOERROR", "coredns.io/proto": "udp",
            "coredns.io/remote": "127.0.0.1", "coredns.io/plugin": "whoami"}))
    suite.equal("a failure", named()["broken.test."]["tags"]["coredns.io/rcode"], "SERVFAIL")
    suite.check("times are microseconds of now", before - 5 < span["timestamp"] / 1e6 < time.time() + 5 and 0 < span["duration"] < PATIENCE * 1e6, str(span))
    spans = collector.zipkin_spans()
    suite.equal("ids are 16 and 8 octets, each its own", (
        {(len(one["traceId"]), len(one["id"])) for one in spans}, len({one["traceId"] for one in spans}), len({one["id"] for one in spans})),
        ({(32, 16)}, len(spans), len(spans)))
    suite.check("the log has the trace's id", eventually(lambda: f"a.test. {span['traceId']}" in server.log), server.log_end())
    server.kill()


def otlp(suite):
    collector = Collector(200)
    server = Server(COREFILE % f"otlp http://127.0.0.1:{collector.port} {{\n        service dns.test\n    }}").wait_for("whoami.test.")
    ask(server, "a.test.", "broken.test.")

    def named():
        return {next(one["value"]["stringValue"] for one in span["attributes"] if one["key"] == "coredns.io/name"): span
            for span in collector.otlp_spans()}

    suite.check("every query has its span", eventually(lambda: {"a.test.", "broken.test."} <= named().keys()), str(collector.requests))
    suite.equal("where spans are sent, and as what", {request[:2] for request in collector.requests}, {("/v1/traces", "application/json")})
    resource = collector.requests[0][2]["resourceSpans"][0]["resource"]
    suite.equal("of what service", resource["attributes"], [{"key": "service.name", "value": {"stringValue": "dns.test"}}])
    span = named()["a.test."]
    suite.equal("what a span says", (span["name"], span["kind"], int(span["startTimeUnixNano"]) <= int(span["endTimeUnixNano"])), ("servedns", 2, True))
    server.kill()


def sampled(suite):
    collector = Collector()
    server = Server(COREFILE % f"127.0.0.1:{collector.port} {{\n        every 4\n    }}").wait_for("whoami.test.")
    ask(server, *(f"n{index}.test." for index in range(200)))
    server.signal(15)
    suite.equal("the process ends by SIGTERM", server.exit_code(), 0)
    count = len(collector.zipkin_spans())
    # Each is one of four by chance: fewer than 20 or more than 90 of 200 is once in ten million runs.
    suite.check("one query in four, and those that waited are sent at the end", 20 <= count <= 90, str(count))


def reloaded(suite):
    """Spans that wait are sent by the next configuration, or before it; at the end by a task that still may."""
    collector, second = Collector(), Collector()
    settings = f"127.0.0.1:{collector.port} {{\n        zipkin_max_batch_interval 1h\n    }}"
    server = Server(COREFILE % settings).wait_for("whoami.test.")

    def reload(text):
        count = server.log.count("Reloading complete")
        server.write(text)
        server.signal(10)
        eventually(lambda: server.log.count("Reloading complete") > count)

    for index in range(3):
        ask(server, f"r{index}.test.")
        reload(COREFILE % settings + f"# {index}\n")
    suite.equal("a reload that changes nothing about it lets spans wait on", collector.requests, [])
    reload(COREFILE % settings.replace(str(collector.port), str(second.port)))
    names = {span["tags"]["coredns.io/name"] for span in collector.zipkin_spans()}
    suite.check("another collector: the one before gets what waited", {f"r{index}.test." for index in range(3)} <= names, str(names))
    ask(server, "last.test.")
    server.signal(15)
    suite.equal("the process ends", server.exit_code(), 0)
    names = {span["tags"]["coredns.io/name"] for span in second.zipkin_spans()}
    suite.check("what waits at the end is sent", "last.test." in names, str(names))
    suite.check("and no collector is blamed", "plugin/trace" not in server.log, server.log_end())


def unreachable(suite):
    server = Server(COREFILE % f"127.0.0.1:{free_port()} {{\n        zipkin_max_backlog_size 10\n    }}").wait_for("whoami.test.")
    suite.equal("answers do not wait for the collector", dig(server.port, "a.test.").rcode, "NOERROR")
    suite.check("what is wrong is said", eventually(lambda: "takes no spans" in server.log), server.log_end())
    suite.check("and dropped spans are counted", eventually(lambda: server.metric("coredns_trace_dropped_spans_total")))
    server.kill()
    collector = Collector(503)
    server = Server(COREFILE % f"127.0.0.1:{collector.port}").wait_for("whoami.test.")
    suite.check("a refusal is said", eventually(lambda: "takes no spans: HTTP 503" in server.log), server.log_end())
    collector.status = 202
    suite.check("and its end", eventually(lambda: dig(server.port, "b.test.") and "takes spans again" in server.log), server.log_end())


def body(suite):
    for part in [zipkin, otlp, sampled, reloaded, unreachable]:
        part(suite)


if __name__ == "__main__":
    Suite("trace").run(body)
