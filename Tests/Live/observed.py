#!/usr/bin/env python3
"""What operators look at: log lines and metrics, in CoreDNS' words.

METRICS is what CoreDNS' dashboards and alerts may name, type and labels with it; each must be there after one query of
every kind. What this server has beyond it stands in OURS, so that nothing appears unnoticed.
"""

import base64
import re
import shutil
import socket
import ssl
import struct
import subprocess
import urllib.request

import live
from live import EXAMPLES, Lab, ScriptedUpstream, Server, Suite, dig, encoded_name, eventually, framed, receive_framed
from secure_clients import Authority

METRICS = """
coredns_build_info                                gauge      version revision goversion
coredns_panics_total                              counter
coredns_dns_https_responses_total                 counter    server status
coredns_plugin_enabled                            gauge      server zone view name
coredns_dns_requests_total                        counter    server zone view proto family type
coredns_dns_responses_total                       counter    server zone view rcode plugin
coredns_dns_request_duration_seconds              histogram  server zone view
coredns_dns_request_size_bytes                    histogram  server zone view proto
coredns_dns_response_size_bytes                   histogram  server zone view proto
coredns_dns_do_requests_total                     counter    server zone view
coredns_health_request_duration_seconds           histogram
coredns_health_request_failures_total             counter
coredns_reload_failed_total                       counter
coredns_reload_version_info                       gauge      hash value
coredns_cache_entries                             gauge      server type zones view
coredns_cache_hits_total                          counter    server type zones view
coredns_cache_misses_total                        counter    server zones view
coredns_cache_requests_total                      counter    server zones view
coredns_cache_prefetch_total                      counter    server zones view
coredns_cache_drops_total                         counter    server zones view
coredns_cache_served_stale_total                  counter    server zones view
coredns_cache_evictions_total                     counter    server type zones view
coredns_forward_healthcheck_broken_total          counter
coredns_forward_max_concurrent_rejects_total      counter
coredns_proxy_request_duration_seconds            histogram  proxy_name to rcode
coredns_proxy_healthcheck_failures_total          counter    proxy_name to
coredns_proxy_conn_cache_hits_total               counter    proxy_name to proto
coredns_proxy_conn_cache_misses_total             counter    proxy_name to proto
coredns_hosts_entries                             gauge      hostsfile
coredns_hosts_reload_timestamp_seconds            gauge
coredns_acl_allowed_requests_total                counter    server view
coredns_acl_blocked_requests_total                counter    server zone view
coredns_acl_filtered_requests_total               counter    server zone view
coredns_acl_dropped_requests_total                counter    server zone view
coredns_dns64_requests_translated_total           counter    server
coredns_template_matches_total                    counter    server zone view class type
coredns_autopath_success_total                    counter    server
coredns_kubernetes_dns_programming_duration_seconds  histogram  service_kind
coredns_kubernetes_rest_client_request_duration_seconds  histogram  verb host
coredns_kubernetes_rest_client_rate_limiter_duration_seconds  histogram  verb host
coredns_kubernetes_rest_client_requests_total     counter    code method host
"""
OURS = """
coredns_dns_dropped_total coredns_dns_rejected_total coredns_dns_shed_connections_total
coredns_dns_queue_dropped_total coredns_dns_limited_clients
coredns_forward_coalesced_total coredns_forward_mismatched_replies_total coredns_kubernetes_data_age_seconds
coredns_log_dropped_lines_total coredns_loop_detected_total
coredns_push_names coredns_push_notifications_total coredns_push_sessions coredns_push_slow_clients_total
coredns_push_subscriptions
coredns_memory_budget_bytes coredns_memory_evictions_total coredns_memory_level coredns_memory_shed_total
"""
TIME = [0.00025 * 2 ** k for k in range(16)]
SLIM = [0.00025 * 10 ** k for k in range(5)]
SIZE = [0, 100, 200, 300, 400, 511, 1023, 2047, 4095, 8291, 16000, 32000, 48000, 64000]
PROGRAMMING = [0.001 * 2 ** k for k in range(20)]
BUCKETS = {
    "coredns_dns_request_duration_seconds": TIME, "coredns_proxy_request_duration_seconds": TIME,
    "coredns_dns_request_size_bytes": SIZE, "coredns_dns_response_size_bytes": SIZE,
    "coredns_health_request_duration_seconds": SLIM,
    "coredns_kubernetes_dns_programming_duration_seconds": PROGRAMMING,
}
COREFILE = """
.:@PORT@ {
    bind 127.0.0.1
    errors
    log
    health 127.0.0.1:@HEALTH@
    ready 127.0.0.1:@READY@
    reload
    loadbalance
    metadata
    autopath @kubernetes
    acl blocked.example filtered.example dropped.example {
        block type A
        filter type AAAA
        drop type MX
    }
    dns64 {
        allow_ipv4
    }
    template IN TXT made.example {
        answer "{{ .Name }} 60 IN TXT made"
    }
    cache 30
    hosts {
        192.0.2.7 printer.example
        fallthrough
    }
    kubernetes cluster.local in-addr.arpa {
        kubeconfig @KUBECONFIG@
        pods verified
        fallthrough in-addr.arpa
    }
    loop
    prometheus 127.0.0.1:@METRICS@
    forward broken.example 127.0.0.1:1 {
        health_check 100ms
    }
    forward stream.example 127.0.0.1:%(upstream)d {
        force_tcp
    }
    forward . 127.0.0.1:%(upstream)d
}
https://.:%(https)d {
    bind 127.0.0.1
    hosts {
        192.0.2.7 printer.example
    }
}
"""

# What the queries of the public dashboards for CoreDNS (its mixin, and Grafana's 14981) sum and group by, as far as CoreDNS
# 1.13 has it itself: of its time as `coredns_forward_requests_total` nothing is left, and there is no Go here.
DASHBOARDS = """
coredns_build_info
coredns_panics_total
coredns_dns_responses_total                             rcode
coredns_dns_request_duration_seconds_bucket             server zone le
coredns_dns_requests_total                              type zone proto
coredns_dns_do_requests_total
coredns_dns_request_size_bytes_bucket                   server zone proto le
coredns_dns_response_size_bytes_bucket                  server zone proto le
coredns_plugin_enabled                                  name
coredns_cache_hits_total                                type
coredns_cache_misses_total
coredns_cache_entries                                   type
coredns_kubernetes_dns_programming_duration_seconds_bucket service_kind le
coredns_proxy_request_duration_seconds_bucket           to rcode le
process_resident_memory_bytes
process_cpu_seconds_total
"""


def series(page):
    """Metric to the list of its series' labels, and metric to its type."""
    types = dict(re.findall(r"^# TYPE (\S+) (\S+)$", page, re.MULTILINE))
    found = {}
    for name, labels in re.findall(r"^([a-z_0-9]+)(?:\{(.*)\})? \S+$", page, re.MULTILINE):
        base = next((name[:-len(end)] for end in ("_bucket", "_sum", "_count")
                     if name.endswith(end) and types.get(name[:-len(end)]) == "histogram"), name)
        found.setdefault(base, []).append(dict(re.findall(r'([a-z_]+)="((?:[^"\\]|\\.)*)"', labels)))
    return types, found


def metrics(suite, server, lab, https):
    dig(server.port, "frontend.shop.svc.cluster.local.", "A", "+dnssec")
    for name, kind in [("far.example.", "A"), ("far.example.", "A"), ("printer.example.", "A"), ("made.example.", "TXT"),
                       ("x.blocked.example.", "A"), ("x.blocked.example.", "AAAA"), ("v4.example.", "AAAA"),
                       ("x.broken.example.", "A")]:
        dig(server.port, name, kind)
    # Each core has connections of its own: some question finds one that is open.
    for number in range(50):
        dig(server.port, f"n{number}.stream.example.", "A")
        if server.metric("coredns_proxy_conn_cache_hits_total"):
            break
    dig(server.port, "far.example.", "A", "+tcp")
    question = base64.urlsafe_b64encode(query("printer.example.", 1, 0)).decode().rstrip("=")
    with urllib.request.urlopen(f"http://127.0.0.1:{https}/dns-query?dns={question}", timeout=30) as response:
        suite.equal("DNS over HTTP", (response.status, response.read()[-4:]), (200, bytes([192, 0, 2, 7])))
    # A change whose time is known: the slice of a Service is written anew.
    lab.kubectl("-n", "shop", "scale", "deployment", "frontend", "--replicas=3")
    eventually(lambda: server.metric("coredns_kubernetes_dns_programming_duration_seconds_count"))
    eventually(lambda: server.metric("coredns_proxy_healthcheck_failures_total"))
    eventually(lambda: server.metric("coredns_health_request_duration_seconds_count"))
    status, page = server.page(server.metrics_port, "/metrics")
    suite.equal("the page is there", status, 200)
    types, found = series(page)
    judged = subprocess.run(["promtool", "check", "metrics"], input=page, capture_output=True, text=True)
    suite.equal("promtool has nothing to say about the page", (judged.returncode, judged.stdout + judged.stderr), (0, ""))
    for line in DASHBOARDS.strip().splitlines():
        name, *grouped = line.split()
        rows = re.findall(rf"^{name}(?:\{{(.*)\}})? \S+$", page, re.MULTILINE)
        suite.check(f"dashboards find {name}", bool(rows) and all(f'{label}="' in row for row in rows for label in grouped), rows[:2])
    wanted = {}
    for line in METRICS.strip().splitlines():
        name, kind, *labels = line.split()
        wanted[name] = kind
        suite.equal(f"{name}: type", types.get(name), kind)
        for got in found.get(name, []):
            got.pop("le", None)
        labels_found = {tuple(sorted(got)) for got in found.get(name, [])}
        suite.equal(f"{name}: labels", labels_found, {tuple(sorted(labels))})
    for name, limits in BUCKETS.items():
        bounds = re.findall(rf'^{name}_bucket\{{.*?le="([^"]+)"\}}', page, re.MULTILINE)
        suite.equal(f"{name}: buckets", sorted({float(bound) for bound in bounds}), sorted({*limits, float("inf")}))
    extra = {name for name in found if name.startswith("coredns_")} - set(wanted) - set(OURS.split())
    suite.equal("no metric that nobody wrote down", sorted(extra), [])
    has = {name: found.get(name, []) for name in wanted}
    label = f"dns://127.0.0.1:{server.port}"
    suite.check("server is scheme and address", all(
        each["server"] in (label, f"https://127.0.0.1:{https}") for name in wanted for each in has[name] if "server" in each), label)
    suite.equal("plugins that answered", {each["plugin"] for each in has["coredns_dns_responses_total"]} >= {
        "kubernetes", "forward", "hosts", "cache", "acl", "template"}, True)
    suite.equal("families and transports", {(each["proto"], each["family"]) for each in has["coredns_dns_requests_total"]},
                {("udp", "1"), ("tcp", "1")})
    suite.equal("proxies are named after their plugin", {each["proxy_name"] for each in has["coredns_proxy_request_duration_seconds"]},
                {"forward"})
    suite.equal("codes by name", {each["rcode"] for each in has["coredns_dns_responses_total"]} <= {
        "NOERROR", "NXDOMAIN", "REFUSED", "SERVFAIL"}, True)


def query(name, kind, id, flags=0x0100, edns=None):
    opt = b"" if edns is None else b"\0" + struct.pack("!HHIH", 41, edns[0], edns[1] << 15, 0)
    return struct.pack("!HHHHHH", id, flags, 1, 0, 0, 1 if opt else 0) + encoded_name(name) + struct.pack("!HH", kind, 1) + opt


def logged(server, port, id):
    """The line of one query, without its level; None when there is none yet."""
    found = re.search(rf"^\[INFO\] (127\.0\.0\.1:{port} - {id} .*)$", server.log, re.MULTILINE)
    return found and found[1]


def log_lines(suite, server):
    name = "Frontend.shop.svc.cluster.local."
    cases = [
        ("plain", query(name, 1, 4711), "udp", '"A IN frontend.shop.svc.cluster.local. udp {size} false 512" NOERROR qr,aa,rd,ra'),
        ("EDNS and DO", query(name, 15, 4712, edns=(4096, 1)), "udp",
         '"MX IN frontend.shop.svc.cluster.local. udp {size} true 4096" NOERROR qr,aa,rd,ra'),
        ("no recursion desired, a missing name", query("ghost.shop.svc.cluster.local.", 1, 4713, 0), "udp",
         '"A IN ghost.shop.svc.cluster.local. udp {size} false 512" NXDOMAIN qr,aa,ra'),
        ("checking disabled", query("far.example.", 1, 4714, 0x0110), "udp",
         '"A IN far.example. udp {size} false 512" NOERROR qr,rd,ra,cd'),
        ("over TCP", query(name, 33, 4715), "tcp", '"SRV IN frontend.shop.svc.cluster.local. tcp {size} false 65535" NOERROR qr,aa,rd,ra'),
        ("a type without a name", query(name, 65280, 4716), "udp",
         '"TYPE65280 IN frontend.shop.svc.cluster.local. udp {size} false 512" NOERROR qr,aa,rd,ra'),
    ]
    for label, octets, proto, wanted in cases:
        if proto == "tcp":
            stream = socket.create_connection(("127.0.0.1", server.port), timeout=30)
            port = stream.getsockname()[1]
            stream.sendall(framed(octets))
            response = receive_framed(stream)
        else:
            datagrams = socket.socket(type=socket.SOCK_DGRAM)
            datagrams.settimeout(30)
            datagrams.connect(("127.0.0.1", server.port))
            port = datagrams.getsockname()[1]
            datagrams.send(octets)
            response = datagrams.recv(4096)
        id = int.from_bytes(octets[:2], "big")
        line = eventually(lambda: logged(server, port, id))
        head = f"127.0.0.1:{port} - {id} " + wanted.format(size=len(octets)) + f" {len(response)} "
        suite.check(f"log: {label}", line and line.startswith(head) and re.fullmatch(r"\d+\.\d{9}s", line[len(head):]),
                    f"wanted {head!r}, got {line!r}")


def formats(suite, kubeconfig, upstream):
    server = Server("""
.:@PORT@ {
    bind 127.0.0.1
    errors
    log far.example {
        class denial
    }
    log example "{type} {class} {name} {>opcode} {/forward/upstream} {nothing} {combined}" {
        class success
    }
    rewrite name old.example far.example
    hosts {
        192.0.2.7 printer.example
        fallthrough
    }
    forward broken.example 127.0.0.1:1
    forward . 127.0.0.1:%d
}
""" % upstream.port, kubeconfig)
    server.wait_for("printer.example.")
    dig(server.port, "far.example.", "A")
    dig(server.port, "printer.example.", "AAAA")
    dig(server.port, "OLD.example.", "A")
    dig(server.port, "x.broken.example.", "TXT")
    eventually(lambda: " old.example. " in server.log and "plugin/errors" in server.log)
    lines = re.findall(r"^\[INFO\] (.*)$", server.log, re.MULTILINE)
    suite.check("the first rule for a name decides, and its class", not any("far.example" in line for line in lines), lines)
    found = next((line for line in lines if line.startswith("A IN printer.example. 0 - {nothing} 127.0.0.1:")), None)
    suite.check("fields, labels without value, and text in braces", found and found.endswith('s "0"'), lines)
    suite.check("the log has the client's name, not what it was rewritten to",
                any(line.startswith("A IN old.example. 0 ") for line in lines), lines)
    suite.check("answers without records are no success", not any("AAAA IN printer" in line for line in lines), lines)
    errors = re.findall(r"^\[ERROR\] (plugin/errors: .*)$", server.log, re.MULTILINE)
    suite.check("an error has code, name, type and reason", any(
        re.fullmatch(r"plugin/errors: 2 x\.broken\.example\. TXT: read udp 127\.0\.0\.1:1: .*", line) for line in errors), errors)
    server.stop()


def over_https(port, context):
    """Status, first words and certificate of the page of metrics; (0, reason, None) when there is none."""
    try:
        with socket.create_connection(("127.0.0.1", port), 30) as plain:
            with context.wrap_socket(plain, server_hostname="127.0.0.1") as stream:
                stream.sendall(b"GET /metrics HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n")
                text = b""
                while part := stream.recv(65536):
                    text += part
                return int(text.split()[1]), text.decode(), stream.getpeercert(True)
    except OSError as error:
        return 0, str(error), None


def encrypted(suite, kubeconfig):
    authority = Authority("metrics")
    first, second, scraper = (authority.issue(name) for name in ("first", "second", "scraper"))
    folder = live.work / "metrics-tls"
    folder.mkdir()
    for source, name in zip(first, ("tls.crt", "tls.key")):
        shutil.copy(source, folder / name)
    (folder / "web.yaml").write_text("tls_server_config:\n  cert_file: tls.crt\n  key_file: tls.key\n")
    server = Server(f"""
.:@PORT@ {{
    bind 127.0.0.1
    root {folder}
    prometheus 127.0.0.1:@METRICS@ {{
        tls web.yaml
    }}
    hosts {{
        192.0.2.7 printer.example
    }}
}}
b.test:@PORT@ {{
    bind 127.0.0.1
    prometheus 127.0.0.1:@HEALTH@ {{
        tls {folder}/tls.crt {folder}/tls.key {authority.certificate}
    }}
    whoami
}}
""", kubeconfig)
    server.wait_for("printer.example.")
    status, text, shown = over_https(server.metrics_port, authority.trust())
    suite.equal("metrics over HTTPS", (status, "coredns_dns_requests_total" in text), (200, True))
    suite.equal("no metrics in clear text there", server.page(server.metrics_port, "/metrics")[0], 0)
    suite.equal("metrics for who shows a certificate",
                (over_https(server.health_port, authority.trust(scraper))[0], over_https(server.health_port, authority.trust())[0]),
                (200, 0))
    for source, name in zip(second, ("tls.crt", "tls.key")):
        shutil.copy(source, folder / name)
    wanted = ssl.PEM_cert_to_DER_cert(second[0].read_text())
    suite.check("a renewed certificate is shown without a reload",
                shown != wanted and eventually(lambda: over_https(server.metrics_port, authority.trust())[2] == wanted, pause=0.5))
    server.stop()


def run(suite):
    lab = Lab(manifests=EXAMPLES)
    upstream = ScriptedUpstream(0)
    https = live.free_port()
    server = Server(COREFILE % {"upstream": upstream.port, "https": https}, lab.kubeconfig)
    server.wait_for("frontend.shop.svc.cluster.local.")
    log_lines(suite, server)
    for _ in range(2):
        lab.kubectl("-n", "shop", "create", "service", "externalname", "ip-name", "--external-name=10.9.9.9")
        lab.kubectl("-n", "shop", "label", "service", "ip-name", "seen=yes", "--overwrite")
    warning = re.compile(r"^\[WARNING\] plugin/kubernetes: Service (\S+): externalName is the address 10\.9\.9\.9", re.MULTILINE)
    eventually(lambda: warning.search(server.log))
    suite.equal("an ExternalName that is an address is said once", warning.findall(server.log), ["shop/ip-name"])
    metrics(suite, server, lab, https)
    server.stop()
    formats(suite, lab.kubeconfig, upstream)
    encrypted(suite, lab.kubeconfig)


if __name__ == "__main__":
    Suite("observed").run(run)
