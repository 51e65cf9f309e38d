#!/usr/bin/env python3
"""Changes a Service again and again and says how long DNS takes to show it: changes.py KUBECONFIG PORT COUNT

Measured from the moment at which the API server has confirmed the change, asking without pause until the answer is new.
"""

import base64
import http.client
import json
import re
import socket
import ssl
import sys
import time

PATH = "/api/v1/namespaces/default/services"


def connection(path):
    text = open(path).read()

    def value(key):
        return re.search(rf"^\s*{key}: (\S+)$", text, re.MULTILINE)[1].strip('"')
    authority = base64.b64decode(value("certificate-authority-data")).decode()
    host, port = value("server").removeprefix("https://").rsplit(":", 1)
    api = http.client.HTTPSConnection(host, int(port), context=ssl.create_default_context(cadata=authority))
    api.connect()
    api.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def send(verb, path, body):
        kind = "application/merge-patch+json" if verb == "PATCH" else "application/json"
        api.request(verb, path, json.dumps(body), {"Authorization": "Bearer " + value("token"), "Content-Type": kind})
        response = api.getresponse()
        response.read()
        return response.status
    return send


def main():
    send = connection(sys.argv[1])
    port, count = int(sys.argv[2]), int(sys.argv[3])
    send("POST", PATH, {"metadata": {"name": "measured"}, "spec": {"type": "ExternalName", "externalName": "v0.test"}})
    name = b"".join(bytes([len(label)]) + label for label in b"measured.default.svc.cluster.local".split(b".")) + b"\0"
    query = b"\x12\x34\1\0\0\1\0\0\0\0\0\0" + name + b"\0\5\0\1"  # CNAME
    client = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    client.connect(("127.0.0.1", port))
    client.settimeout(1)
    took = []
    for number in range(1, count + 1):
        label = b"v%d" % number
        wanted = bytes([len(label)]) + label + b"\4test"
        if send("PATCH", f"{PATH}/measured", {"spec": {"externalName": f"v{number}.test"}}) != 200:
            sys.exit("the API server refused a change")
        begin = time.perf_counter()
        while True:
            client.send(query)
            if wanted in client.recv(512):
                break
            if time.perf_counter() - begin > 10:
                sys.exit(f"change {number} is not shown after 10 s")
        took.append((time.perf_counter() - begin) * 1000)
        time.sleep(0.02)
    took.sort()
    print(f"{count} changes: p50 {took[count // 2]:.2f} ms  p99 {took[count * 99 // 100]:.2f} ms  most {took[-1]:.2f} ms")


if __name__ == "__main__":
    main()
