import Corefile
import Testing
import Text

/// How plugins read the words of a line, and what is said when a word is wrong.
@Suite("Arguments") struct Arguments {
    @Test("errors name line, plugin, what was found and what was expected") func errorText() throws {
        let cache = try directive("cache abc")
        #expect(
            error { _ = try cache.integer(0, in: 0...3600) } == """
                Corefile:2: cache: found abc, expected a number from 0 to 3600
                """)
        let ttl = try property("ttl \"a b\"", of: "kubernetes")
        #expect(
            error { _ = try ttl.integer(0, in: 0...3600) } == """
                Corefile:3: kubernetes: found ttl "a b", expected a number from 0 to 3600
                """)
        #expect(
            error { _ = try ttl.integer(1, in: 0...Int.max) } == """
                Corefile:3: kubernetes: found ttl nothing after argument 1, expected a number from 0
                """)
        #expect(
            ttl.unknownProperty(known: ["pods", "endpoints", "noendpoints"]).description == """
                Corefile:3: kubernetes: found ttl, expected pods, endpoints or noendpoints
                """)
        #expect(ttl.unknownProperty(known: []).expected == "no properties")
        let errors = ConfigurationErrors([cache.error(found: "a", expected: "b"), ttl.error(found: "c", expected: "d")])
        #expect(
            errors.description == """
                Corefile:2: cache: found a, expected b
                Corefile:3: kubernetes: found c, expected d
                """)
        let many = ConfigurationErrors(Array(repeating: cache.error(found: "a", expected: "b"), count: 23))
        #expect(many.description.split(separator: "\n").count == 21)
        #expect(many.description.hasSuffix("\nand 3 more"))
    }

    @Test(
        "words are shown as they are when they read as one word",
        arguments: [
            ("abc", "abc"), ("", "\"\""), ("a b", "\"a b\""), ("a,b", "\"a,b\""), ("a\"b", #""a\"b""#),
            ("a\nb", #""a\nb""#), ("\u{1B}[2J", "\\u{1b}[2J"),
            (String(repeating: "a", count: 65), String(repeating: "a", count: 64) + "…"),
        ])
    func shown(_ word: String, _ expected: String) {
        #expect(ConfigurationError.shown(word) == expected)
    }

    @Test("counts and blocks") func counts() throws {
        let loop = try directive("loop a b")
        try loop.expectCount(2)
        try loop.expectCount(1...2)
        try loop.expectCount(1...)
        #expect(error { try loop.expectCount(0) } == "Corefile:2: loop: found 2 arguments, expected no arguments")
        #expect(
            error { try loop.expectCount(0...1) } == "Corefile:2: loop: found 2 arguments, expected at most 1 argument")
        #expect(
            error { try loop.expectCount(3...4) } == "Corefile:2: loop: found 2 arguments, expected 3 to 4 arguments")
        #expect(
            error { try loop.expectCount(3...) } == "Corefile:2: loop: found 2 arguments, expected at least 3 arguments"
        )
        #expect(error { try directive("loop {\n}").noBlock() } == "Corefile:2: loop: found a block, expected no block")
        let ttl = try property("ttl", of: "hosts")
        #expect(
            error { try ttl.expectCount(1) } == "Corefile:3: hosts: found ttl with no arguments, expected 1 argument")
        #expect(error { _ = try ttl.argument(0, "a ttl") } == "Corefile:3: hosts: found ttl nothing, expected a ttl")
    }

    @Test("durations of directives") func durations() throws {
        #expect(try directive("reload 30s").duration(0) == .seconds(30))
        #expect(
            error { _ = try directive("reload 30").duration(0, in: .seconds(2) ... .seconds(3600)) } == """
                Corefile:2: reload: found 30, expected a duration like 5s or 1h30m from 2s to 1h
                """)
        #expect(
            error { _ = try directive("reload 1s").duration(0, in: .seconds(2)...Directive.anyDuration.upperBound) }
                == """
                Corefile:2: reload: found 1s, expected a duration like 5s or 1h30m from 2s
                """)
    }

    @Test("words from a list") func words() throws {
        #expect(try directive("pods verified").oneOf(0, ["disabled", "insecure", "verified"]) == "verified")
        #expect(
            error { _ = try directive("pods").oneOf(0, ["disabled", "insecure", "verified"]) } == """
                Corefile:2: pods: found nothing, expected disabled, insecure or verified
                """)
    }

    @Test("zones of plugins follow the rules of keys") func zones() throws {
        let kubernetes = try directive("kubernetes Cluster.Local 10.0.0.0/15")
        #expect(try kubernetes.zones(kubernetes.arguments[0]) == ["cluster.local."])
        #expect(try kubernetes.zones(kubernetes.arguments[1]) == ["0.10.in-addr.arpa.", "1.10.in-addr.arpa."])
        let only = try property("only a..b", of: "cache")
        #expect(
            error { _ = try only.zones(only.arguments[0]) } == """
                Corefile:3: cache: found only a..b, expected a domain name or a network like 10.0.0.0/24
                """)
    }

    @Test("addresses") func endpoints() throws {
        func endpoint(_ text: String) -> EndpointText? { EndpointText(text) }
        let four = try #require(IPLiteral("10.0.0.1"))
        let six = try #require(IPLiteral("2001:db8::1"))
        #expect(four.bytes == [10, 0, 0, 1])
        #expect(six.bytes == [0x20, 1, 0x0D, 0xB8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1])
        #expect(endpoint("10.0.0.1") == EndpointText(scheme: nil, host: .address(four), port: nil))
        #expect(endpoint("10.0.0.1:53") == EndpointText(scheme: nil, host: .address(four), port: 53))
        #expect(endpoint("2001:db8::1") == EndpointText(scheme: nil, host: .address(six), port: nil))
        #expect(endpoint("[2001:DB8::1]") == EndpointText(scheme: nil, host: .address(six), port: nil))
        #expect(endpoint("tls://[2001:db8::1]:853") == EndpointText(scheme: .tls, host: .address(six), port: 853))
        #expect(endpoint(":9153") == EndpointText(scheme: nil, host: .any, port: 9153))
        #expect(endpoint("DNS.example:53") == EndpointText(scheme: nil, host: .name("dns.example."), port: 53))
        for text in [
            "", "10.0.0.256", ":", "a:", "a:b", "a:65536", "[a]:53", "[10.0.0.1]:53", "/etc/resolv.conf", "1.2.3",
            "a..b",
            "ftp://a",
        ] {
            #expect(endpoint(text) == nil, "\(text)")
        }
    }
}
