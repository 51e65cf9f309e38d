import Corefile
import Testing

/// What may stand in front of a server block.
@Suite("Keys") struct Keys {
    struct Key: Sendable, CustomTestStringConvertible {
        let text: String
        let reading: String
        var testDescription: String { text }
        init(_ text: String, _ reading: String) { (self.text, self.reading) = (text, reading) }
    }

    @Test(arguments: [
        Key(".", "dns://."),
        Key(".:53", "dns://.:53"),
        Key(":53", "dns://.:53"),
        Key(".:0", "dns://.:0"),
        Key("Example.ORG", "dns://example.org."),
        Key("example.org.", "dns://example.org."),
        Key("example.org:1053", "dns://example.org.:1053"),
        Key("dns://example.org", "dns://example.org."),
        Key("tls://.:853", "tls://.:853"),
        Key("tls://", "tls://."),
        Key("https://example.org", "https://example.org."),
        Key("grpc://:443", "grpc://.:443"),
        Key("quic://.", "quic://."),
        Key("https3://.", "https3://."),
        Key("ftp://x", "dns://ftp://x."),
        Key("example.org:http", "dns://example.org:http."),
        Key("_tcp.x-1.example", "dns://_tcp.x-1.example."),
        Key(#"a\.b\032c.example"#, #"dns://a\.b\032c.example."#),
        Key(#"a\."#, #"dns://a\.."#),
        Key("0/25.2.0.192.in-addr.arpa", "dns://0/25.2.0.192.in-addr.arpa."),
        Key("10.0.0.0/24", "dns://0.0.10.in-addr.arpa."),
        Key("10.1.2.3/8:5353", "dns://10.in-addr.arpa.:5353"),
        Key("tls://10.0.0.0/16", "tls://0.10.in-addr.arpa."),
        Key("10.0.0.0/15", "dns://0.10.in-addr.arpa.|1.10.in-addr.arpa."),
        Key("10.0.0.255/31", "dns://254.0.0.10.in-addr.arpa.|255.0.0.10.in-addr.arpa."),
        Key("0.0.0.0/0", "dns://in-addr.arpa."),
        Key("2001:db8::/32", "dns://8.b.d.0.1.0.0.2.ip6.arpa."),
        Key("2001:DB8::/32:53", "dns://8.b.d.0.1.0.0.2.ip6.arpa.:53"),
        Key("fd00::/7", "dns://c.f.ip6.arpa.|d.f.ip6.arpa."),
        Key("2001:db8::/31", "dns://8.b.d.0.1.0.0.2.ip6.arpa.|9.b.d.0.1.0.0.2.ip6.arpa."),
    ])
    func reads(_ key: Key) {
        #expect(CorefileText("\(key.text) {\n}").tree == key.reading + "\n")
    }

    @Test("a prefix between octets stands for all zones at the next octet") func expansion() throws {
        let zones = try CorefileText("10.0.0.70/27 {\n}").blocks()[0].keys[0].zones
        #expect(zones == (64..<96).map { "\($0).0.0.10.in-addr.arpa." })
        #expect(try CorefileText("10.128.0.0/9 {\n}").blocks()[0].keys[0].zones.count == 128)
    }

    @Test(arguments: [
        Key("example.org:", "example.org:, expected a port after the last colon"),
        Key(":", ":, expected a port after the last colon"),
        Key("2001:db8::", "2001:db8::, expected a port after the last colon"),
        Key(".:65536", ".:65536, expected a port from 0 to 65535"),
        Key(".:99999999999999999999", ".:99999999999999999999, expected a port from 0 to 65535"),
        Key("a..b", "a..b, expected a domain name or a network like 10.0.0.0/24"),
        Key(".a", ".a, expected a domain name or a network like 10.0.0.0/24"),
        Key(#"a\300"#, #"a\300, expected a domain name or a network like 10.0.0.0/24"#),
        Key("10.0.0.0/33", "10.0.0.0/33, expected a prefix length from 0 to 32"),
        Key("2001:db8::/129", "2001:db8::/129, expected a prefix length from 0 to 128"),
        Key("::/0", "::/0, expected an IPv6 network that starts with neither : nor 0"),
        Key("0:1::/32", "0:1::/32, expected an IPv6 network that starts with neither : nor 0"),
    ])
    func rejects(_ key: Key) {
        #expect(CorefileText("\(key.text) {\n}").errors == "Corefile:1: server block: found \(key.reading)")
    }

    @Test("length of labels and names") func lengths() {
        let label = String(repeating: "a", count: 63)
        #expect(CorefileText("\(label) {\n}").tree == "dns://\(label).\n")
        #expect(CorefileText("\(label)a {\n}").errors.hasSuffix("expected a domain name or a network like 10.0.0.0/24"))
        let name = [label, label, label, String(repeating: "a", count: 61)].joined(separator: ".")
        #expect(CorefileText("\(name) {\n}").tree == "dns://\(name).\n")
        #expect(CorefileText("\(name)a {\n}").errors.hasSuffix("expected a domain name or a network like 10.0.0.0/24"))
        #expect(CorefileText("\(name)aaa {\n}").errors.hasSuffix("expected a zone of at most 255 characters"))
        // An octet that is written as four characters.
        let escaped = String(repeating: "\\097", count: 63)
        #expect(CorefileText("\(escaped).a {\n}").errors == "no errors")
        #expect(CorefileText("\(escaped).aa {\n}").errors == "no errors")
        #expect(CorefileText("\(escaped).aaa {\n}").errors.hasSuffix("expected a zone of at most 255 characters"))
    }

    @Test(arguments: [
        Key("a b {\n}", "dns://a. dns://b."),
        Key("a, b {\n}", "dns://a. dns://b."),
        Key("a,b {\n}", "dns://a. dns://b."),
        Key("a , b {\n}", "dns://a. dns://b."),
        Key("a,\nb,\n\nc {\n}", "dns://a. dns://b. dns://c."),
        Key("a b\n{\n}", "dns://a. dns://b."),
        Key("a # one\n# two\n\n{\n}", "dns://a."),
        Key("\"\" a {\n}", "dns://a."),
    ])
    func separators(_ key: Key) {
        #expect(CorefileText(key.text).tree == key.reading + "\n")
    }

    @Test("a comma needs another key") func danglingComma() {
        #expect(
            CorefileText("a, {\n}").errors == """
                Corefile:1: server block: found { after a comma, expected another zone
                """)
        #expect(
            CorefileText("a,").errors == """
                Corefile:1: server block: found nothing after a comma, expected another zone
                """)
    }

    @Test("default ports") func defaultPorts() {
        let ports = ServerScheme.allCases.map { "\($0.rawValue) \($0.defaultPort)" }
        #expect(ports == ["dns 53", "tls 853", "https 443", "grpc 443", "quic 853", "https3 443"])
    }
}
