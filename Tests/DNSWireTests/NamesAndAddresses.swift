import DNSWire
import Testing

@Suite("names: presentation and wire form (RFC 1035 §3.1 and §5.1, RFC 4343)")
struct Names {
    @Test(
        "text to wire and back",
        arguments: [
            ("cluster.local", "cluster.local."), ("Cluster.LOCAL.", "cluster.local."), (".", "."),
            ("a\\.b.c.", "a\\.b.c."), ("a\\032b.", "a\\032b."), ("_http._tcp.x.", "_http._tcp.x."),
        ])
    func roundTrip(_ text: String, _ expected: String) throws {
        let name = try #require(Name(text))
        #expect(name.description == expected)
        #expect(Name(name.description) == name)
    }

    @Test("what is no name", arguments: ["", "..", "a..b", "\\25", "\\256.", String(repeating: "a", count: 64)])
    func refused(_ text: String) {
        #expect(Name(text) == nil)
    }

    @Test("a subdomain ends at a label's border")
    func subdomains() throws {
        let zone = try #require(Name("local"))
        #expect(try #require(Name("cluster.local")).isSubdomain(of: zone))
        #expect(try #require(Name("local")).isSubdomain(of: zone))
        #expect(try #require(Name("xlocal")).isSubdomain(of: zone) == false)
        #expect(try #require(Name("anything")).isSubdomain(of: .root))
    }
}

@Suite("addresses: text forms (RFC 4291 §2.2, RFC 5952)")
struct Addresses {
    @Test(
        "read and print",
        arguments: [
            ("10.96.0.1", "10.96.0.1"), ("010.096.000.001", "10.96.0.1"), ("::", "::"), ("::1", "::1"),
            ("2001:DB8:0:0:1:0:0:1", "2001:db8::1:0:0:1"), ("fd00::", "fd00::"), ("::ffff:1.2.3.4", "1.2.3.4"),
            ("1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7:8"), ("2001:db8::1", "2001:db8::1"),
        ])
    func text(_ text: String, _ canonical: String) throws {
        let address = try #require(IPAddress(text))
        #expect(address.description == canonical)
        #expect(IPAddress(octets: address.octets) == address)
    }

    @Test(
        "what is no address",
        arguments: [
            "", "1.2.3", "1.2.3.4.5", "256.1.1.1", "a.b.c.d", ":", ":::", "1::2::3", "1:2:3:4:5:6:7:8:9", "12345::",
            "1:2:3:4:5:6:7:",
        ])
    func refused(_ text: String) {
        #expect(IPAddress(text) == nil)
    }
}
