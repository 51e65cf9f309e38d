#!/usr/bin/env python3
"""What a running lab's cluster DNS has to answer, for the tools that ask and for NSD.

    cluster.py KUBECONFIG QUERIES ZONE   every Service with a ClusterIP as dnsperf queries and as a zone cluster.local
    cluster.py --fault KUBECONFIG [FAULT...]
                                         sets the lab's faults; none ends them
    cluster.py --first-answer PORT NAME ADDRESS LIMIT
                                         asks until NAME has ADDRESS; prints "asking" when it begins, and the
                                         seconds since the epoch of that answer
"""

import base64
import json
import pathlib
import random
import re
import socket
import ssl
import struct
import sys
import time
import urllib.request


def request(kubeconfig, path, body=None):
    """The response of the API server; with a body, to PUT."""
    text = pathlib.Path(kubeconfig).read_text()

    def value(key):
        return re.search(rf"^\s*{key}: (\S+)$", text, re.MULTILINE).group(1).strip('"')

    context = ssl.create_default_context(cadata=base64.b64decode(value("certificate-authority-data")).decode())
    message = urllib.request.Request(
        value("server") + path, data=body, method="GET" if body is None else "PUT",
        headers={"Authorization": "Bearer " + value("token"), "Accept": "application/json", "Content-Type": "text/plain"})
    return urllib.request.urlopen(message, context=context, timeout=120)


def services(kubeconfig):
    """Names and IPv4 ClusterIPs, as the API lists them."""
    with request(kubeconfig, "/api/v1/services") as response:
        items = json.load(response)["items"]
    for item in items:
        address = item["spec"].get("clusterIP") or ""
        if re.fullmatch(r"[\d.]+", address):
            yield f"{item['metadata']['name']}.{item['metadata']['namespace']}.svc.cluster.local.", address


def write(kubeconfig, queries, zone):
    found = sorted(services(kubeconfig))
    shuffled = found[:]
    random.Random(1).shuffle(shuffled)
    pathlib.Path(queries).write_text("".join(f"{name} A\n" for name, _ in shuffled))
    head = "$ORIGIN cluster.local.\n$TTL 30\n@ IN SOA ns.dns hostmaster 1 7200 1800 86400 30\n"
    pathlib.Path(zone).write_text(head + "".join(f"{name} IN A {address}\n" for name, address in found))
    name, address = found[len(found) // 2]
    print(len(found), name, address)


def first_answer(port, name, address, limit):
    labels = b"".join(bytes([len(label)]) + label.encode() for label in name.rstrip(".").split("."))
    query = struct.pack("!HHHHHH", 7, 0x100, 1, 0, 0, 0) + labels + b"\0\0\1\0\1"
    wanted = socket.inet_aton(address)
    deadline = time.time() + float(limit)
    with socket.socket(type=socket.SOCK_DGRAM) as client:
        client.settimeout(0.01)
        client.connect(("127.0.0.1", int(port)))
        print("asking", flush=True)
        while time.time() < deadline:
            try:
                client.send(query)
                reply = client.recv(65535)
                if reply[3] & 15 == 0 and reply[6:8] == b"\0\1" and reply.endswith(wanted):
                    print(f"{time.time():.4f}")
                    return 0
                time.sleep(0.002)
            except ConnectionRefusedError:
                time.sleep(0.002)
            except TimeoutError:
                pass
    return 1


if __name__ == "__main__":
    if sys.argv[1] == "--first-answer":
        sys.exit(first_answer(*sys.argv[2:6]))
    if sys.argv[1] == "--fault":
        request(sys.argv[2], "/lab/fault", "\n".join(sys.argv[3:]).encode()).close()
        sys.exit()
    write(*sys.argv[1:4])
