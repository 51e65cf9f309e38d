#!/usr/bin/env python3
"""Clients that send nonsense, too much, or never read: answered or limited as by an API server; nothing ends the lab."""

import gzip
import json
import os
import re
import socket
import ssl
import threading
import time
from live import EXAMPLES, Lab, Suite, eventually
from replay import Client
from traffic import resident

CONFIG_MAPS = "/api/v1/namespaces/default/configmaps"
WATCHERS = 500


def raw(client, request, read=True, timeout=10.0):
    """Sends octets over TLS and gives what comes back; with `read` false the open stream."""
    host, port = client.address.split(":")
    stream = socket.create_connection((host, int(port)), timeout)
    stream = client.context.wrap_socket(stream, server_hostname=host)
    try:
        stream.sendall(request)
    except OSError:
        pass  # The server may have answered and closed before everything was sent.
    if not read:
        return stream
    answer = b""
    try:
        while piece := stream.recv(65536):
            answer += piece
    except OSError:
        pass
    stream.close()
    return answer


def request(client, method, path, body=b"", *headers):
    head = [f"{method} {path} HTTP/1.1", f"Host: {client.address}", f"Authorization: Bearer {client.token}",
            "Connection: close", *headers]
    if not any(header.startswith("Transfer-Encoding") for header in headers):
        head.append(f"Content-Length: {len(body)}")
    return "\r\n".join(head).encode() + b"\r\n\r\n" + body


def body(suite):
    lab = Lab(manifests=EXAMPLES)
    client = Client(lab)

    def send(method, path, body, content_type="application/json", *headers):
        """Status and Status object of the answer; (0, {}) when the connection just ends."""
        answer = raw(client, request(client, method, path, body, f"Content-Type: {content_type}", *headers))
        head, _, text = answer.partition(b"\r\n\r\n")
        found = re.match(rb"HTTP/1.1 (\d+)", head)
        try:
            return int(found.group(1)) if found else 0, json.loads(text)
        except ValueError:
            return int(found.group(1)) if found else 0, {"text": text}

    def refused(label, answer, code, reason):
        status, said = answer
        suite.equal(label, (status, said.get("reason"), said.get("code")), (code, reason, code))

    good = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "good"}, "data": {"a": "b"}}

    # Malformed bodies.
    for label, text in {
        "nothing": b"", "no JSON": b"{", "text": b"hello", "a number": b"7", "a list": b"[]", "null": b"null",
        "octets": bytes(range(256)), "half an object": json.dumps(good).encode()[:40],
        "a lone surrogate": b'{"kind":"ConfigMap","metadata":{"name":"\\ud800"}}',
        "nested 100,000 deep": b"[" * 100_000, "objects nested 50,000 deep": b'{"a":' * 50_000,
        "a number too large": b'{"metadata":{"name":1e99999}}',
        "a name that is a list": b'{"metadata":{"name":["x"]}}',
        "metadata that is text": b'{"metadata":"x"}',
        "labels that are numbers": b'{"metadata":{"name":"x","labels":{"a":1}}}',
        "data that is a list": b'{"metadata":{"name":"x"},"data":["a"]}',
    }.items():
        status, said = send("POST", CONFIG_MAPS, text)
        suite.check(f"body: {label}", status in (400, 422) and said.get("kind") == "Status", (status, said))
    refused("another kind", send("POST", CONFIG_MAPS, b'{"apiVersion":"v1","kind":"Pod","metadata":{"name":"x"}}'),
        400, "BadRequest")
    refused("another media type", send("POST", CONFIG_MAPS, b"a=b", "application/x-www-form-urlencoded"),
        415, "UnsupportedMediaType")
    protobuf = "application/vnd.kubernetes.protobuf"
    for label, text in {
        "no magic": b"\x0a\x01a", "only magic": b"k8s\0", "a length past the end": b"k8s\0\x0a\xff\xff\xff\xff\x0f",
        "an endless number": b"k8s\0" + b"\xff" * 64, "an unknown kind": b"k8s\0\x0a\x08\x0a\x02v1\x12\x02No\x12\0",
        "nested groups": b"k8s\0" + b"\x0b" * 50_000,
    }.items():
        refused(f"protobuf: {label}", send("POST", CONFIG_MAPS, text, protobuf), 400, "BadRequest")
    send("POST", CONFIG_MAPS, json.dumps(good).encode())
    for label, kind, text in (
        ("no JSON", "merge-patch", b"{"), ("a list as merge patch", "merge-patch", b"[]"),
        ("an object as JSON patch", "json-patch", b"{}"),
        ("a pointer to nowhere", "json-patch", b'[{"op":"remove","path":"/data/none"}]'),
        ("an unknown operation", "json-patch", b'[{"op":"explode","path":"/data"}]'),
        ("a copy into itself", "json-patch", b'[{"op":"move","from":"/data","path":"/data/a/b"}]'),
        ("a far index", "json-patch", b'[{"op":"add","path":"/metadata/finalizers/99999999999999999999","value":"x"}]'),
        ("metadata taken away", "merge-patch", b'{"metadata":7}'),
    ):
        status, said = send("PATCH", f"{CONFIG_MAPS}/good", text, f"application/{kind}+json")
        suite.check(f"patch: {label}", status in (400, 422), (status, said))

    # Unknown kinds, paths, methods and parameters.
    for path in ("/api/v1/wheels", "/apis/none/v1/wheels", "/api/v2/pods", "/nothing", "/apis/apps/v1/deployments/x/y/z",
                 "/api/v1/namespaces/default/pods/x/none", "/%00", "/api/v1/%ff%fe"):
        suite.equal(f"unknown path {path}", client.ask("GET", path)[0], 404)
    suite.equal("an unknown method", send("PUT", CONFIG_MAPS, b"{}")[0], 405)
    for query in ("limit=x", "limit=-1", "limit=99999999999999999999", "continue=%00", "watch=maybe",
                  "timeoutSeconds=-5", "labelSelector=a%20in%20(", "labelSelector=%3D%3D%3D"):
        status = client.ask("GET", f"/api/v1/pods?{query}")[0]
        suite.check(f"?{query}", status in (400, 422), status)
    # A field that no kind can be selected by.
    suite.equal("?fieldSelector=spec.none=1", client.ask("GET", "/api/v1/pods?fieldSelector=spec.none%3D1")[0], 400)
    suite.equal("nothing acceptable", client.ask("GET", "/api/v1/pods", "image/png")[0], 406)
    suite.equal("a wrong token", client.ask("GET", "/api/v1/pods", headers={"Authorization": "Bearer x"})[0], 401)

    # Stale and future versions.
    old = json.loads(client.ask("GET", f"{CONFIG_MAPS}/good")[2])
    client.ask("PUT", f"{CONFIG_MAPS}/good", body={**old, "data": {"a": "new"}})
    refused("a stale version", send("PUT", f"{CONFIG_MAPS}/good", json.dumps({**old, "data": {"a": "x"}}).encode()),
        409, "Conflict")
    refused("a stale precondition", send("DELETE", f"{CONFIG_MAPS}/good", json.dumps(
        {"preconditions": {"resourceVersion": old["metadata"]["resourceVersion"]}}).encode()), 409, "Conflict")
    refused("a version from the future",
        send("GET", "/api/v1/pods?resourceVersion=99999999&resourceVersionMatch=NotOlderThan", b""), 504, "Timeout")
    suite.check("a version that is no number", client.ask("GET", "/api/v1/pods?resourceVersion=x")[0] in (400, 422))

    # Too much.
    before = resident(lab)
    huge = json.dumps({**good, "metadata": {"name": "huge"}, "data": {"a": "x" * 10_000_000}}).encode()
    refused("10 MB", send("POST", CONFIG_MAPS, huge), 413, "RequestEntityTooLarge")
    chunks = b"".join(b"%x\r\n%s\r\n" % (len(huge[at:at + 65536]), huge[at:at + 65536]) for at in range(0, len(huge), 65536))
    status, said = send("POST", CONFIG_MAPS, chunks + b"0\r\n\r\n", "application/json", "Transfer-Encoding: chunked")
    suite.equal("10 MB in chunks", status, 413)
    suite.equal("nothing of it is kept", client.ask("GET", f"{CONFIG_MAPS}/huge")[0], 404)
    large = {**good, "metadata": {"name": "large"}, "data": {"a": "x" * 900_000}}
    suite.equal("0.9 MB is taken", send("POST", CONFIG_MAPS, json.dumps(large).encode())[0], 201)
    # Large answers are compressed for clients that accept it, as by an API server; small ones are not.
    for path in (CONFIG_MAPS, f"{CONFIG_MAPS}/large"):
        plain = client.ask("GET", path)[2]
        _, headers, packed = client.ask("GET", path, headers={"Accept-Encoding": "gzip"})
        suite.check(f"gzip of {path}", headers["Content-Encoding"] == "gzip" and len(packed) < len(plain) / 10
            and gzip.decompress(packed) == plain, (headers["Content-Encoding"], len(packed), len(plain)))
    _, headers, packed = client.ask("GET", f"{CONFIG_MAPS}/good", headers={"Accept-Encoding": "gzip"})
    suite.equal("a small answer goes as it is", headers["Content-Encoding"], None)
    status = client.ask("GET", "/api/v1/pods?labelSelector=" + "a," * 100_000)[0]
    suite.check("a target of 200 kB", status in (400, 414, 431), status)
    answer = raw(client, request(client, "GET", "/api/v1/pods", b"", *(f"X-{n}: {'y' * 1000}" for n in range(2000))))
    suite.check("2 MB of headers", answer == b"" or re.match(rb"HTTP/1.1 4\d\d", answer), answer[:80])
    for label, octets in {
        "no HTTP": b"\x00\x01\x02\x03" * 100 + b"\r\n\r\n", "a wrong version": b"GET / HTTP/9.9\r\n\r\n",
        "a negative length": request(client, "POST", CONFIG_MAPS, b"", "Transfer-Encoding: x", "Content-Length: -1"),
        "two lengths": request(client, "POST", CONFIG_MAPS, b"{}", "Content-Length: 5"),
    }.items():
        answer = raw(client, octets, timeout=5)
        suite.check(f"{label}", answer == b"" or re.match(rb"HTTP/1.[01] (4|5)\d\d", answer), answer[:80])
    suite.check("the lab lives", lab.is_alive and client.ask("GET", "/readyz")[0] == 200, lab.log_end())
    suite.check("its memory stays small", resident(lab) < before + 150, f"{before:.0f} to {resident(lab):.0f} MiB")

    # Watchers that never read, while much happens.
    before = resident(lab)
    line = request(client, "GET", f"{CONFIG_MAPS}?watch=true&timeoutSeconds=3600")
    watchers = []

    def open_watchers(count):
        for _ in range(count):
            watchers.append(raw(client, line, read=False, timeout=30))
    threads = [threading.Thread(target=open_watchers, args=(WATCHERS // 10,)) for _ in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    suite.equal(f"{WATCHERS} watchers connect", len(watchers), WATCHERS)
    for number in range(60):
        data = {"data": {"a": f"{number} " + "x" * 200_000}}
        status = send("PATCH", f"{CONFIG_MAPS}/good", json.dumps(data).encode(), "application/merge-patch+json")[0]
        if status != 200:
            break
    suite.equal("writes go on", status, 200)
    begin = time.monotonic()
    suite.equal("reads go on", client.ask("GET", "/api/v1/services")[0], 200)
    suite.check("within seconds", time.monotonic() - begin < 30, f"{time.monotonic() - begin:.1f} s")
    # 500 × 60 × 200 kB would be 6 GB.
    suite.check("memory is bounded", resident(lab) < before + 250, f"{before:.0f} to {resident(lab):.0f} MiB")
    print(f"  hostile-clients: {WATCHERS} watchers: {before:.0f} to {resident(lab):.0f} MiB", flush=True)
    reader = raw(client, request(client, "GET", f"{CONFIG_MAPS}?watch=true&timeoutSeconds=2&resourceVersion=0"))
    suite.check("another watcher sees all", b"60 xx" in reader or b"59 xx" in reader, reader[:200])
    # As the API server's cache does, the lab ends the watch of a client that has taken nothing for long.
    def connections():
        return len(os.listdir(f"/proc/{lab.pid}/fd"))
    suite.check("watches that lag are ended", eventually(lambda: connections() < WATCHERS // 10), connections())
    for watcher in watchers:
        watcher.close()
    suite.check("the lab lives to the end", eventually(
        lambda: lab.is_alive and client.ask("GET", "/readyz")[0] == 200), lab.log_end())


if __name__ == "__main__":
    Suite("hostile-clients").run(body)
