#!/usr/bin/env python3
"""Every fault of the embedded cluster as a client sees it, from the command line and switched while it runs."""

import http.client
import json
import re
import subprocess
import threading
import time
from live import BINARY, EXAMPLES, Lab, Suite, eventually
from replay import Client, documents

MAPS = "/api/v1/namespaces/default/configmaps"
SERVICES = "/api/v1/services"


def body(suite):
    lab = Lab("--fault", "429=7", manifests=EXAMPLES)
    client = Client(lab)

    def status(path, **options):
        return client.ask("GET", path, **options)[0]

    def change(name):
        """Makes an object; the version before it was there."""
        version = json.loads(client.ask("GET", MAPS)[2])["metadata"]["resourceVersion"]
        client.ask("POST", MAPS, body={"metadata": {"name": name}})
        return version

    def watched(version, seconds=2):
        """Status, and the events' types, of a watch that ends by itself; IncompleteRead when it is cut."""
        code, _, content = client.ask("GET", f"{MAPS}?watch=true&resourceVersion={version}&timeoutSeconds={seconds}")
        found = documents(content)
        return (code, found) if code != 200 else (code, [event["type"] for event in found])

    def is_cut(read):
        try:
            read()
            return False
        except (http.client.HTTPException, ConnectionError):
            return True

    # From the command line.
    code, headers, content = client.ask("GET", SERVICES)
    suite.equal("--fault 429=7", (code, headers["Retry-After"], headers["Content-Type"]),
        (429, "7", "text/plain; charset=utf-8"))
    suite.equal("its body is no Status", content, b"Too many requests, please try again later.\n")
    suite.equal("the switch itself is spared", client.ask("GET", "/lab/fault")[2], b"429=7\n")
    for wrong in ("nonsense", "429=soon", "slow-list", "slow-list=-1", "410=maybe", "500=1", "forbidden="):
        done = subprocess.run([BINARY, "lab", "--fault", wrong], capture_output=True, text=True, timeout=20)
        suite.check(f"--fault {wrong} is refused", done.returncode != 0 and f"--fault: found {wrong}" in done.stderr,
            done.stderr)

    # Switching.
    lab.fault()
    suite.equal("without faults", status(SERVICES), 200)
    lab.fault("slow-list=0.2", "forbidden=pods")
    suite.equal("two faults", client.ask("GET", "/lab/fault")[2], b"slow-list=0.2\nforbidden=pods\n")
    suite.equal("DELETE ends them", (client.ask("DELETE", "/lab/fault")[2], status("/api/v1/pods")), (b"", 200))
    with_error = client.ask("PUT", "/lab/fault", body="slow-list")
    suite.equal("an unknown fault is refused", (with_error[0], json.loads(with_error[2])["reason"]), (400, "BadRequest"))
    suite.equal("not for others", status("/lab/fault", headers={"Impersonate-User": "nobody"}), 403)
    suite.equal("not without a token", status("/lab/fault", headers={"Authorization": None}), 401)

    # Refusals.
    lab.fault("429")
    code, headers, _ = client.ask("GET", SERVICES)
    suite.equal("429 without Retry-After", (code, headers["Retry-After"]), (429, None))
    lab.fault("500")
    code, _, content = client.ask("GET", SERVICES)
    suite.equal("500", (code, json.loads(content)["reason"]), (500, "InternalError"))
    lab.fault("forbidden")
    code, _, content = client.ask("GET", SERVICES)
    suite.equal("forbidden", (code, json.loads(content)["message"]), (403,
        'services is forbidden: User "lab-admin" cannot list resource "services" in API group "" at the cluster scope'))
    lab.fault("forbidden=services")
    suite.equal("forbidden=services", (status(SERVICES), status("/api/v1/pods")), (403, 200))
    suite.equal("discovery goes on", status("/api/v1"), 200)
    lab.fault()

    # Watches.
    version = change("silent")
    lab.fault("silent-watch")
    suite.equal("silent-watch: open, and nothing comes", watched(version), (200, []))
    lab.fault()
    suite.equal("afterwards it does", watched(version), (200, ["ADDED"]))
    cut = []
    thread = threading.Thread(target=lambda: cut.append(is_cut(lambda: watched(version, 30))), daemon=True)
    thread.start()
    lab.fault("dropped-watch")
    thread.join(60)
    suite.equal("dropped-watch cuts what runs", cut, [True])
    suite.check("and what starts", is_cut(lambda: watched(version, 30)))
    suite.equal("lists go on", status(MAPS), 200)

    # Too old.
    lab.fault("410")
    code, found = watched(version)
    suite.equal("410 as an event", (code, found), (200, ["ERROR"]))
    page = json.loads(client.ask("GET", f"{SERVICES}?limit=1")[2])["metadata"]["continue"]
    suite.equal("410 for the next page", status(f"{SERVICES}?limit=1&continue={page}"), 410)
    suite.equal("a fresh list is well", status(SERVICES), 200)
    lab.fault("410=status")
    code, found = watched(version)
    suite.equal("410 as a status", (code, found[0]["reason"], found[0]["code"]), (410, "Expired", 410))
    lab.fault()

    # Slow and torn.
    lab.fault("slow-list=0.7")
    begin = time.monotonic()
    suite.equal("slow-list answers", status(SERVICES), 200)
    took = time.monotonic() - begin
    suite.check("late", took >= 0.7, f"{took:.2f} s")
    lab.fault("torn-chunk")
    suite.check("torn-chunk: a list breaks off", is_cut(lambda: client.ask("GET", SERVICES)))
    suite.check("a watch breaks off", is_cut(lambda: watched(version)))
    lab.fault()

    # History.
    version = int(change("before"))
    lab.fault("restarted-history")
    suite.equal("it happens once", client.ask("GET", "/lab/fault")[2], b"")
    now = int(json.loads(client.ask("GET", SERVICES)[2])["metadata"]["resourceVersion"])
    suite.check("restarted-history: versions jump back", now < version, (now, version))
    code, _, content = client.ask("GET", f"{SERVICES}?resourceVersion={version}&resourceVersionMatch=NotOlderThan")
    suite.equal("the old version is too large", (code, json.loads(content)["reason"]), (504, "Timeout"))
    suite.equal("and what was before it is gone", watched(max(1, now - 1))[1], ["ERROR"])
    suite.equal("from now on all is well", (change("after"), watched(now)[1])[1], ["ADDED"])

    # The token.
    old = client.token
    lab.fault("token-rotation")
    suite.equal("token-rotation: the old one is refused", status(SERVICES), 401)
    new = re.search(r"token: (\S+)", lab.kubeconfig.read_text()).group(1)
    suite.check("the kubeconfig has another", new != old)
    client.token = new
    suite.equal("which is taken", status(SERVICES), 200)
    suite.check("the lab lives", lab.is_alive, lab.log_end())


if __name__ == "__main__":
    Suite("faults").run(body)
