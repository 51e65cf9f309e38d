"""What the cases need to be there: Services with as many endpoints as messages of exact sizes take, and the same as a zone."""

from live import work

# Names of Services in the namespace `sizes`, and how many addresses each has. A question for one of them has 31 octets
# and the name's, an address has 16: `at-512` fills 512 octets, `at-512b` one more.
SIZES = {"at-512": 29, "at-512b": 29, "at-1232-abc": 73, "at-1232-abcd": 73, "at-1220-abcdefg": 72, "at-1220-abcdefgh": 72,
         "many": 330, "huge": 4200, "six": 2400, "at-72": 28, "most": 4092}
PORTED = ("many", "huge")  # They have a named port, and so SRV records.


def addresses(service):
    if service == "six":
        return [f"fd00::{index + 1:x}" for index in range(SIZES[service])]
    return [f"10.{201 + list(SIZES).index(service)}.{index // 250}.{index % 250 + 1}" for index in range(SIZES[service])]


def manifests():
    file = work / "sizes.yaml"
    parts = ["apiVersion: v1\nkind: Namespace\nmetadata: {name: sizes}\n"]
    for service in SIZES:
        ports = "[{name: http, port: 80, protocol: TCP}]" if service in PORTED else "[]"
        families = "ipFamilies: [IPv6], " if service == "six" else ""
        parts.append("apiVersion: v1\nkind: Service\n"
            f"metadata: {{name: {service}, namespace: sizes}}\nspec: {{clusterIP: None, {families}ports: {ports}}}\n")
        every = addresses(service)
        for start in range(0, len(every), 100):
            endpoints = "".join(f"- {{addresses: ['{address}'], conditions: {{ready: true}}}}\n" for address in every[start:start + 100])
            parts.append("apiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\nmetadata:\n"
                f"  name: {service}-{start}\n  namespace: sizes\n  labels: {{kubernetes.io/service-name: {service}}}\n"
                f"addressType: {'IPv6' if service == 'six' else 'IPv4'}\nports: {ports}\nendpoints:\n{endpoints}")
    file.write_text("---\n".join(parts))
    return file


def zone_file():
    """cluster.local for servers that read zone files."""
    file = work / "cluster.local.zone"
    lines = ["$ORIGIN cluster.local.", "$TTL 5",
             "@ SOA ns.dns hostmaster 1 7200 1800 86400 5", "@ NS ns.dns", "ns.dns A 10.96.0.10",
             "kube-dns.kube-system.svc A 10.96.0.10", "kubernetes.default.svc A 10.96.0.1"]
    lines += [f"{service}.sizes.svc {'AAAA' if service == 'six' else 'A'} {address}" for service in SIZES for address in addresses(service)]
    for service in PORTED:
        for address in addresses(service):
            target = f"{address.replace('.', '-')}.{service}.sizes.svc"
            lines += [f"_http._tcp.{service}.sizes.svc SRV 0 1 80 {target}", f"{target} A {address}"]
    file.write_text("\n".join(lines) + "\n")
    return file


def large_zone_file():
    """large.test, whose copy is several messages."""
    file = work / "large.test.zone"
    lines = ["$ORIGIN large.test.", "$TTL 60", "@ SOA ns hostmaster 2 3600 600 86400 60", "@ NS ns", "ns A 192.0.2.53"]
    file.write_text("\n".join([*lines, *(f"n{number} A 192.0.2.1" for number in range(2000)), ""]))
    return file


def small_zone_file():
    """zone.test, whose copy is one message."""
    file = work / "zone.test.zone"
    file.write_text("""$ORIGIN zone.test.
$TTL 60
@ SOA ns hostmaster 1 3600 600 86400 60
@ NS ns
ns A 192.0.2.53
near CNAME ns
cluster CNAME kube-dns.kube-system.svc.cluster.local.
far CNAME far.example.test.
broken CNAME broken
""")
    return file
