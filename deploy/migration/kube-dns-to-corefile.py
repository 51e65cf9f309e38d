#!/usr/bin/env python3
"""Turns kube-dns' ConfigMap into the ConfigMap `coredns` with its Corefile, for deploy/:

    kubectl -n kube-system get configmap kube-dns -o json | deploy/migration/kube-dns-to-corefile.py | kubectl apply -f -

`upstreamNameservers` become the root block's upstreams, each of `stubDomains` a block of its own. What cannot be said
in a Corefile is an error that names key, finding and expectation; nothing is printed then.
"""

import ipaddress
import json
import pathlib
import re
import sys

STOCK = pathlib.Path(__file__).resolve().parent.parent / "base/configmap.yaml"
LABEL = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")


class Problem(Exception):
    def __init__(self, key, found, expected):
        super().__init__(f"{key}: found {found}, expected {expected}")


def endpoint(text, key):
    """`IP`, `IP:port` or `[IP]:port` as a Corefile writes it."""
    expected = "an IP address or IP:port (a Corefile names upstreams by address)"
    if not isinstance(text, str):
        raise Problem(key, json.dumps(text), expected)
    found = re.fullmatch(r"\[(?P<v6>[^\]]+)\](?::(?P<port6>\d+))?|(?P<v4>[^:]+):(?P<port4>\d+)", text)
    host, port = (found["v6"] or found["v4"], found["port6"] or found["port4"]) if found else (text, None)
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        raise Problem(key, f'"{text}"', expected) from None
    if port is not None and not 1 <= int(port) <= 65535:
        raise Problem(key, f'port {port} in "{text}"', "a port from 1 to 65535")
    if port is None:
        return str(address)
    return f"[{address}]:{int(port)}" if address.version == 6 else f"{address}:{int(port)}"


def decoded(data, key, kind, expected):
    """The JSON value of a key; None when the key is missing or empty, as kube-dns takes it."""
    text = data.get(key, "")
    if not text.strip():
        return None
    try:
        value = json.loads(text)
    except ValueError as error:
        raise Problem(key, f"text that is not JSON ({error})", expected) from None
    if not isinstance(value, kind):
        raise Problem(key, json.dumps(value), expected)
    return value


def upstreams(data):
    servers = decoded(data, "upstreamNameservers", list, "a JSON array of addresses") or []
    if len(servers) > 3:
        raise Problem("upstreamNameservers", f"{len(servers)} servers", "at most 3")
    return [endpoint(server, "upstreamNameservers") for server in servers]


def stub_domains(data):
    domains = decoded(data, "stubDomains", dict, "a JSON object of domains and their servers") or {}
    blocks = {}
    for domain, servers in domains.items():
        labels = domain.rstrip(".").split(".")
        if len(domain) > 253 or not all(LABEL.fullmatch(label) for label in labels):
            raise Problem("stubDomains", f'"{domain}"', "a domain name in lower case")
        if not isinstance(servers, list) or not servers:
            raise Problem(f"stubDomains: {domain}", json.dumps(servers), "an array of at least one server")
        blocks[domain.rstrip(".")] = [endpoint(server, f"stubDomains: {domain}") for server in servers]
    return blocks


def manifest(config_map):
    data = config_map.get("data") or {}
    if data.get("federations", "").strip():
        raise Problem("federations", f'"{data["federations"].strip()}"', "no federations: Kubernetes has none any more")
    text = STOCK.read_text()
    if servers := upstreams(data):
        text = text.replace("forward . /etc/resolv.conf", "forward . " + " ".join(servers))
    for domain, servers in stub_domains(data).items():
        text += f"""\
    {domain}:53 {{
        errors
        cache 30
        loop
        forward . {" ".join(servers)} {{
           max_concurrent 1000
        }}
    }}
"""
    return text


def main():
    try:
        config_map = json.load(sys.stdin)
        if not isinstance(config_map, dict) or config_map.get("kind") != "ConfigMap":
            raise Problem("standard input", "something else", "one ConfigMap as JSON (kubectl get configmap -o json)")
        sys.stdout.write(manifest(config_map))
    except ValueError as error:
        sys.exit(f"standard input: {error}, expected one ConfigMap as JSON")
    except Problem as problem:
        sys.exit(str(problem))


if __name__ == "__main__":
    main()
