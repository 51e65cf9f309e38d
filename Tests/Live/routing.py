"""Which server block answers: longest zone, DS at the parent, CIDR keys, and the spread of cached addresses."""

import re

from live import Suite, Server, dig, serve_zone, work

COREFILE = """
.:@PORT@ {
    bind 127.0.0.1
    forward . 127.0.0.1:@UPSTREAM@
    cache 30
    loadbalance
}
deep.example.test:@PORT@ {
    bind 127.0.0.1
    hosts /dev/null {
        192.0.2.77 deep.example.test x.deep.example.test
    }
}
192.0.2.64/27:@PORT@ {
    bind 127.0.0.1
    hosts /dev/null example.test {
        192.0.2.65 in-range.example.test
    }
}
"""

ZONE = """$ORIGIN example.test.
$TTL 300
@    IN SOA ns hostmaster 1 7200 1800 86400 60
@    IN NS  ns
ns   IN A   192.0.2.53
many IN A   192.0.2.1
many IN A   192.0.2.2
many IN A   192.0.2.3
"""


def body(suite):
    zone = work / "zone"
    zone.write_text(ZONE)
    upstream = serve_zone("example.test", zone)
    server = Server(COREFILE.replace("@UPSTREAM@", str(upstream))).wait_for("ns.example.test.")

    suite.equal("the longest zone answers", dig(server.port, "x.deep.example.test.").data, ["a 192.0.2.77"])
    suite.equal("its apex too, in any letter case", dig(server.port, "DEEP.example.TEST.").data, ["a 192.0.2.77"])
    suite.equal("a name that only ends in the same letters is not of the zone",
        dig(server.port, "xdeep.example.test.").rcode, "NXDOMAIN")
    suite.equal("DS of the zone's apex is asked of the parent",
        dig(server.port, "deep.example.test.", "DS").rcode, "NXDOMAIN")
    suite.equal("a CIDR key answers for its addresses",
        dig(server.port, "65.2.0.192.in-addr.arpa.", "PTR").data, ["ptr in-range.example.test."])
    suite.equal("an address outside of the range goes upstream",
        dig(server.port, "1.2.0.192.in-addr.arpa.", "PTR").rcode, "REFUSED")

    def first_address():
        return re.search(r"\d\s+IN\s+A\s+([\d.]+)", dig(server.port, "many.example.test.").text).group(1)

    first = {first_address() for _ in range(30)}
    suite.equal("cached addresses take turns in coming first", len(first), 3)


if __name__ == "__main__":
    Suite("routing").run(body)
