#!/usr/bin/env python3
"""The API server cannot be reached, refuses, or goes away: cluster names say so, forwarding never stops."""

import re
from live import EXAMPLES, NOWHERE, ROOT, Lab, Server, Suite, dig, eventually, serve_zone, work

NAME = "kube-dns.kube-system.svc.cluster.local."
NOT_READY = 14  # RFC 8914 §4.15
COREFILE = """
.:@PORT@ {
    bind 127.0.0.1
    errors
    health 127.0.0.1:@HEALTH@
    ready 127.0.0.1:@READY@
    kubernetes cluster.local {
        kubeconfig @KUBECONFIG@
    }
    prometheus 127.0.0.1:@METRICS@
    forward . 127.0.0.1:%d
}
"""


def body(suite):
    upstream = serve_zone("example.test", ROOT / "Tests/Conformance/example.test.zone")
    corefile = COREFILE % upstream

    def says_not_ready(label, server):
        # Forwarding is asked for first: it must work before the cluster is known.
        server.wait_for("db.example.test.")
        suite.equal(f"{label}: forwarding works", dig(server.port, "db.example.test.").data, ["a 192.0.2.10"])
        for name in (NAME, "missing.shop.svc.cluster.local."):
            for transport in ("+notcp", "+tcp"):
                answer = dig(server.port, name, "A", transport)
                suite.equal(f"{label}: {name} {transport}", (answer.rcode, answer.extended_errors), ("SERVFAIL", [NOT_READY]))
        status, text = server.page(server.ready_port, "/ready")
        suite.equal(f"{label}: /ready names the plugin", (status, text.strip()), (503, "kubernetes"))
        suite.equal(f"{label}: /health", server.page(server.health_port, "/health"), (200, "OK"))

    says_not_ready("unreachable", server := Server(corefile, NOWHERE))
    suite.check("unreachable: the log says where", eventually(lambda: "127.0.0.1:1" in server.log), server.log_end())
    server.stop()

    # A token that is not there yet, then is.
    lab = Lab(manifests=EXAMPLES)
    text = lab.kubeconfig.read_text()
    token = re.search(r"token: (\S+)", text).group(1).strip('"')
    file = work / "token"
    kubeconfig = work / "kubeconfig.token-file"
    kubeconfig.write_text(re.sub(r"token: \S+", f"tokenFile: {file}", text))
    says_not_ready("no token", server := Server(corefile, kubeconfig))
    suite.check("no token: the log names the file", eventually(lambda: str(file) in server.log), server.log_end())
    suite.check("no token: the log holds no token", token not in server.log)
    file.write_text(token)
    suite.check("a token that appears is used",
        eventually(lambda: dig(server.port, NAME).data == ["a 10.96.0.10"]), server.log_end())
    suite.check("and the server is ready", eventually(lambda: server.page(server.ready_port, "/ready")[0] == 200))

    # Losing the API server afterwards takes nothing away.
    lab.kill()
    eventually(lambda: not lab.is_alive)
    for _ in range(50):
        answer = dig(server.port, NAME)
        if answer.data != ["a 10.96.0.10"]:
            break
    suite.equal("API server gone: known names stay", answer.data, ["a 10.96.0.10"])
    suite.check("API server gone: the data's age is a metric",
        eventually(lambda: (server.metric("coredns_kubernetes_data_age_seconds") or 0) >= 1),
        server.metric("coredns_kubernetes_data_age_seconds"))
    suite.equal("API server gone: still ready", server.page(server.ready_port, "/ready")[0], 200)
    suite.equal("API server gone: unknown names", dig(server.port, "missing.shop.svc.cluster.local.").rcode, "NXDOMAIN")


if __name__ == "__main__":
    Suite("api-server").run(body)
