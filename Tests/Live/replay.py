#!/usr/bin/env python3
"""The requests recorded from an API server, asked of the embedded cluster: same status, headers and shape.

The lab holds the recorded objects. Versions and the continue token of a request are those of the recorded cluster; they
are replaced by the lab's own. What happened during the recorded watches is done again.
"""

import base64
import http.client
import json
import re
import ssl
import threading
from live import ROOT, Lab, Suite, eventually, work

FIXTURES = ROOT / "Tests/Fixtures/apiserver-recordings"
RECORDED_VERSION = 1865
JSON_TYPE = "application/json"


class Client:
    """One connection per request, HTTP/1.1, headers as they come."""

    def __init__(self, lab):
        text = lab.kubeconfig.read_text()
        def value(key):
            return re.search(rf"^\s*{key}: (\S+)$", text, re.MULTILINE).group(1).strip('"')
        self.address = value("server").removeprefix("https://")
        self.token = value("token")
        self.context = ssl.create_default_context(
            cadata=base64.b64decode(value("certificate-authority-data")).decode())

    def ask(self, method, path, accept=JSON_TYPE, body=None, headers=None):
        connection = http.client.HTTPSConnection(self.address, context=self.context, timeout=30)
        headers = {"Authorization": f"Bearer {self.token}", "Accept": accept, **(headers or {})}
        if body is not None:
            body, headers["Content-Type"] = json.dumps(body), JSON_TYPE
        connection.request(method, path, body, {name: value for name, value in headers.items() if value is not None})
        response = connection.getresponse()
        content = response.read()
        connection.close()
        return response.status, response.headers, content


# Shapes: the kinds of values by path; what differs between two objects of a list is put together.


def shape(value, path="", found=None):
    """Path → kinds of value; list elements share a path, and so do the free names of maps."""
    found = {} if found is None else found
    found.setdefault(path, set()).add(type(value).__name__)
    if isinstance(value, dict):
        is_map = re.search(r"(labels|annotations|matchLabels|selector|capacity|allocatable|data|fieldsV1|nodeSelector)$", path)
        for name, member in value.items():
            if not path.endswith("fieldsV1"):
                shape(member, f"{path}.{'*' if is_map else name}", found)
    elif isinstance(value, list):
        for element in value:
            shape(element, path + "[]", found)
    return found


def documents(content):
    """The JSON documents of a stream."""
    decoder, text, position, found = json.JSONDecoder(), content.decode(), 0, []
    while position < len(text):
        if text[position].isspace():
            position += 1
            continue
        value, position = decoder.raw_decode(text, position)
        found.append(value)
    return found


def fields(content, depth=0):
    """A protobuf message as (number, wire type) pairs and the contents of delimited fields; None when it is none."""
    position, found = 0, []
    def varint():
        nonlocal position
        value, shift = 0, 0
        while True:
            byte = content[position]
            position += 1
            value |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return value
    while position < len(content):
        key = varint()
        if key & 7 == 2:
            length = varint()
            found.append((key >> 3, content[position:position + length]))
            position += length
        elif key & 7 == 0:
            found.append((key >> 3, varint()))
        else:
            raise ValueError(f"wire type {key & 7}")
    return found


def unwrapped(content):
    """apiVersion, kind and message of an enveloped object."""
    assert content[:4] == b"k8s\0", content[:8]
    envelope = fields(content[4:])
    kind = dict(fields(dict(envelope)[1]))
    return kind[1].decode(), kind[2].decode(), dict(envelope)[2]


def frames(content):
    """The events of a protobuf watch as (type, apiVersion, kind, numbers of the object's fields)."""
    position, found = 0, []
    while position < len(content):
        length = int.from_bytes(content[position:position + 4], "big")
        event = dict(fields(content[position + 4:position + 4 + length]))
        version, kind, message = unwrapped(dict(fields(event[2]))[1])
        found.append((event[1].decode(), version, kind, tuple(number for number, _ in fields(message))))
        position += 4 + length
    return found


def summary(content, accept, is_watch):
    """What two answers to the same request have in common."""
    if "protobuf" in accept:
        if is_watch:
            return [event[:3] for event in frames(content)]
        version, kind, message = unwrapped(content)
        numbers = [number for number, _ in fields(message)]
        return version, kind, numbers
    if is_watch:
        return [(event["type"], event["object"]["kind"], event["object"]["apiVersion"]) for event in documents(content)]
    return None


def recorded_cluster():
    """The recorded lists as manifests."""
    folder = work / "recorded"
    folder.mkdir()
    for kind in ("namespaces", "nodes", "services", "pods", "endpointslices"):
        (folder / f"{kind}.json").write_bytes((FIXTURES / f"list-{kind}.json").read_bytes())
    return folder


def churn(client, recording):
    """Does during a watch what was done in the recorded one: makes, changes and deletes an object of its kind."""
    path = FIXTURES / recording
    events = [event for event in documents(path.with_suffix(".json").read_bytes()) if event["type"] != "BOOKMARK"]
    if path.suffix == ".pb":
        # The same was done more often while this one was recorded.
        events *= sum(event[0] != "BOOKMARK" for event in frames(path.read_bytes())) // len(events)
    for kind, given in ((event["type"], event["object"]) for event in events):
        metadata = {name: value for name, value in given["metadata"].items() if name not in ("resourceVersion", "uid")}
        plural = given["kind"].lower() + "s"
        group = "/api/v1" if given["apiVersion"] == "v1" else f"/apis/{given['apiVersion']}"
        collection = f"{group}/namespaces/{metadata['namespace']}/{plural}"
        sent = {**given, "metadata": metadata}
        if kind == "ADDED":
            client.ask("POST", collection, body=sent)
        elif kind == "MODIFIED":
            client.ask("PUT", f"{collection}/{metadata['name']}", body=sent)
        else:
            client.ask("DELETE", f"{collection}/{metadata['name']}")


def body(suite):
    lab = Lab("--as-stored", manifests=recorded_cluster())
    client = Client(lab)
    version = json.loads(client.ask("GET", "/api/v1/services")[2])["metadata"]["resourceVersion"]

    index = json.loads((FIXTURES / "index.json").read_text())
    suite.check("the index is whole", len(index) == 29 and all((FIXTURES / item["file"]).exists() for item in index), len(index))
    for item in index:
        name, accept = item["file"], item["accept"]
        method, path = item["request"].split(" ")
        recorded = (FIXTURES / name).read_bytes()
        is_watch = "watch=true" in path
        headers = {}
        if "unauthorized" in name:
            headers["Authorization"] = None
        if "forbidden" in name:
            headers["Impersonate-User"] = "nobody"
        path = path.replace(f"resourceVersion={RECORDED_VERSION}", f"resourceVersion={version}")
        if "bad-continue" not in name and "continue=" in path:
            first = json.loads(client.ask("GET", path.split("&continue=")[0])[2])
            path = re.sub("continue=.*", "continue=" + first["metadata"]["continue"], path)
        if is_watch and f"resourceVersion={version}" in path:
            version = json.loads(client.ask("GET", "/api/v1/services")[2])["metadata"]["resourceVersion"]
            path = re.sub(r"resourceVersion=\d+", f"resourceVersion={version}", path)
            timer = threading.Timer(0.5, churn, (client, name))
            timer.start()
        status, got_headers, content = client.ask(method, path, accept, headers=headers)

        suite.equal(f"{name}: status", status, item["status"])
        for header, value in item["headers"].items():
            suite.equal(f"{name}: {header}", got_headers.get(header), value)
        if "Transfer-Encoding" not in item["headers"]:
            suite.equal(f"{name}: not chunked", got_headers.get("Transfer-Encoding"), None)
        if item["bytes"] == 0 or "text/plain" in got_headers.get("Content-Type", ""):
            suite.equal(f"{name}: body", content, recorded)
            continue
        common = summary(content, accept, is_watch), summary(recorded, accept, is_watch)
        if "watchlist" in name or not is_watch or "expired" in name:
            suite.equal(f"{name}: kinds", *(str(part)[:200] for part in common))
        else:
            # Bookmarks come when they come; other kinds of objects may be recorded between them.
            suite.equal(f"{name}: events", *([event for event in part if event[0] != "BOOKMARK"] for part in common))
        if accept == JSON_TYPE:
            got, wanted = documents(content), documents(recorded)
            if is_watch:
                got, wanted = ([event for event in part if event["type"] != "BOOKMARK"] for part in (got, wanted))
            got, wanted = shape(got), shape(wanted)
            same = {place for place in got | wanted if "managedFields" not in place and "lastTransitionTime" not in place}
            differences = {place: (got.get(place), wanted.get(place)) for place in same if got.get(place) != wanted.get(place)}
            suite.equal(f"{name}: shape", differences, {})
        if status >= 400 and accept == JSON_TYPE:
            got, wanted = json.loads(content), json.loads(recorded)
            suite.equal(f"{name}: reason", (got["reason"], got["code"]), (wanted["reason"], wanted["code"]))
            suite.check(f"{name}: message", wanted["message"].startswith(got["message"]), got["message"])


if __name__ == "__main__":
    Suite("replay").run(body)
