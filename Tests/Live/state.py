#!/usr/bin/env python3
"""`lab --state FILE`: what was there is there again, however the lab ended."""

import json
import random
import signal
import stat
import subprocess
import threading
import time
from live import BINARY, EXAMPLES, Lab, Suite, eventually, work
from replay import Client, documents

MAPS = "/api/v1/namespaces/default/configmaps"


def body(suite):
    file = work / "state.json"

    def start():
        lab = Lab("--state", file, manifests=EXAMPLES)
        return lab, Client(lab)

    def identities(client, path):
        """Name → uid and addresses of a kind's objects."""
        found = {}
        for item in json.loads(client.ask("GET", path)[2])["items"]:
            spec, status = item.get("spec", {}), item.get("status", {})
            found[item["metadata"]["namespace"], item["metadata"]["name"]] = (
                item["metadata"]["uid"], spec.get("clusterIPs"), [port.get("nodePort") for port in spec.get("ports", [])],
                status.get("podIPs"), status.get("loadBalancer"))
        return found

    def version(client):
        return int(json.loads(client.ask("GET", MAPS)[2])["metadata"]["resourceVersion"])

    def is_saved(text):
        return file.exists() and text in file.read_text()

    kinds = ("/api/v1/services", "/api/v1/pods", "/apis/apps/v1/deployments", "/apis/discovery.k8s.io/v1/endpointslices")
    lab, client = start()
    client.ask("POST", MAPS, body={"metadata": {"name": "kept"}, "data": {"a": "b"}})
    suite.check("saved within seconds", eventually(lambda: is_saved('"kept"')))
    suite.equal("readable by its owner only", stat.S_IMODE(file.stat().st_mode), 0o600)
    before = {path: identities(client, path) for path in kinds}
    last = version(client)

    # Killed.
    lab.signal(signal.SIGKILL)
    lab.exit_code()
    lab, client = start()
    for path in kinds:
        suite.equal(f"after a kill: {path}", identities(client, path), before[path])
    kept = json.loads(client.ask("GET", f"{MAPS}/kept")[2])
    suite.equal("and what was written last", kept.get("data"), {"a": "b"})
    suite.check("versions only rise", version(client) > last, (version(client), last))
    events = documents(client.ask("GET", f"{MAPS}?watch=true&timeoutSeconds=2&resourceVersion={last}")[2])
    suite.equal("watches from before are told to list again", [event["object"].get("code") for event in events], [410])
    fresh = json.loads(client.ask("POST", "/api/v1/namespaces/default/services", body={
        "metadata": {"name": "fresh"}, "spec": {"ports": [{"port": 80}]}})[2])
    taken = {address for _, addresses, *_ in before["/api/v1/services"].values() for address in addresses or []}
    suite.check("a new Service gets a new address", not set(fresh["spec"]["clusterIPs"]) & taken, fresh["spec"])

    # Stopped.
    client.ask("DELETE", f"{MAPS}/kept")
    last = version(client)
    suite.equal("stops cleanly", lab.stop(), 0)
    lab, client = start()
    suite.equal("what was deleted stays away", client.ask("GET", f"{MAPS}/kept")[0], 404)
    suite.check("after a clean stop, versions go on", last <= version(client) < last + 10_000, (version(client), last))
    suite.equal("custom kinds: a definition", client.ask("POST", "/apis/apiextensions.k8s.io/v1/customresourcedefinitions", body={
        "metadata": {"name": "wheels.example.com"}, "spec": {
            "group": "example.com", "scope": "Namespaced", "names": {"plural": "wheels", "kind": "Wheel"},
            "versions": [{"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": {
                "type": "object", "x-kubernetes-preserve-unknown-fields": True}}}]}})[0], 201)
    suite.equal("and an object", client.ask("POST", "/apis/example.com/v1/namespaces/default/wheels", body={
        "metadata": {"name": "front"}, "spec": {"size": 28}})[0], 201)
    suite.equal("stops again", lab.stop(), 0)
    lab, client = start()
    wheel = json.loads(client.ask("GET", "/apis/example.com/v1/namespaces/default/wheels/front")[2])
    suite.equal("are there again", wheel.get("spec"), {"size": 28})

    # Killed at any moment under writes: never a file that a later start refuses.
    chance = random.Random(7)
    for round in range(8):
        is_over = threading.Event()
        def write(client=client, round=round):
            number = 0
            while not is_over.is_set():
                number += 1
                try:
                    client.ask("POST", MAPS, body={"metadata": {"name": f"busy-{round}-{number}"}})
                except OSError:
                    return
        thread = threading.Thread(target=write, daemon=True)
        thread.start()
        time.sleep(0.9 + chance.random() * 0.5)  # The save comes about a second after the first write.
        lab.signal(signal.SIGKILL)
        lab.exit_code()
        is_over.set()
        thread.join(10)
        lab, client = start()
    suite.check("killed eight times under writes", client.ask("GET", "/readyz")[0] == 200)
    suite.equal("with the old objects", json.loads(client.ask("GET", "/apis/example.com/v1/wheels")[2])["items"][0]["spec"], {"size": 28})
    lab.stop()

    # A file that is something else.
    for label, text in {"no JSON": "hello", "another document": '{"kind":"List","apiVersion":"v1","items":[]}',
                        "half of it": file.read_text()[:2000]}.items():
        broken = work / "broken.json"
        broken.write_text(text)
        done = subprocess.run([BINARY, "lab", "--state", broken], capture_output=True, text=True, timeout=30)
        suite.check(f"{label}: refused with its name", done.returncode == 1 and f"{broken}: cannot be read: found" in done.stderr,
            done.stderr)
        suite.equal(f"{label}: left as it is", broken.read_text(), text)


if __name__ == "__main__":
    Suite("state").run(body)
