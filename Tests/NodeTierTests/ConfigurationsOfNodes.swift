import Corefile
import NodeTier
import Plugins
import Testing

/// A ConfigMap and a template on the page, and what is served.
@Suite("node: what is served while files change") struct ConfigurationsOfNodes {
    private static let template = """
        cluster.local:53 {
            bind __PILLAR__LOCAL__DNS__
            forward . __PILLAR__CLUSTER__DNS__ {
                    force_tcp
            }
        }
        .:53 {
            bind __PILLAR__LOCAL__DNS__
            forward . __PILLAR__UPSTREAM__SERVERS__
        }

        """

    private var node: NodeConfiguration

    init() throws {
        node = NodeConfiguration(
            try CommandLines.settings("-localip=169.254.20.10,10.0.0.10", "-kubednscm=/cm"), clusterDNS: "10.0.0.11")
    }

    private func files(_ keys: [String: String], template: String = template) -> NodeConfiguration.Files {
        struct NotThere: Error {}
        return NodeConfiguration.Files(
            template: template, templateFile: "base",
            keys: KubeDNSConfiguration("/cm") { path in
                guard let text = keys[String(path.dropFirst(4))] else { throw NotThere() }
                return text
            })
    }

    /// A reader for which a zone may be served once.
    private static let reader = NodeConfiguration.Reader(
        parse: { (text, file) throws(ConfigurationErrors) in
            try CorefileSyntax.parse(
                text: text, file: file, sources: .init(read: { _ in "" }, glob: { _ in [] }, environment: { _ in nil }))
        },
        judge: { (blocks) throws(ConfigurationErrors) in
            var known: Set<String> = []
            for key in blocks.flatMap(\.keys) {
                for zone in key.zones where !known.insert("\(zone):\(key.port ?? 53)").inserted {
                    throw ConfigurationErrors([
                        ConfigurationError(
                            at: key.at, directive: "server block", found: "\(zone) again", expected: "it once")
                    ])
                }
            }
        })

    private func zones(_ outcome: NodeConfiguration.Outcome) -> [String] { outcome.blocks.flatMap(\.keys).map(\.text) }

    @Test("without a ConfigMap the template is served") mutating func alone() throws {
        let outcome = try node.read(files([:]), by: Self.reader)
        #expect(
            outcome.text == """
                cluster.local:53 {
                    bind 169.254.20.10 10.0.0.10
                    forward . 10.0.0.11 {
                            force_tcp
                    }
                }
                .:53 {
                    bind 169.254.20.10 10.0.0.10
                    forward . /etc/resolv.conf
                }

                """)
        #expect(outcome.summary == "base with 0 stub domains, upstreams of /etc/resolv.conf")
        #expect(outcome.fault == nil && outcome.remarks == [])
    }

    @Test("what is forwarded over TCP alone is followed, and nothing else") mutating func following() throws {
        let template = """
            cluster.local:53 {
                cache {
                        denial 9984 5
                }
                forward . __PILLAR__CLUSTER__DNS__ {
                        force_tcp
                }
            }
            in-addr.arpa:53 {
                cache 30
                forward . __PILLAR__CLUSTER__DNS__ {
                        force_tcp
                }
            }
            .:53 {
                cache 30
                forward . __PILLAR__UPSTREAM__SERVERS__
            }

            """
        let outcome = try node.read(files([:], template: template), by: Self.reader)
        let options = outcome.blocks.map { block in
            block.directives.first { $0.name == "cache" }?.block.map(\.name) ?? []
        }
        #expect(options == [["denial", "follow"], ["follow"], []])
    }

    @Test("each stub domain is a server block behind the template's") mutating func stubs() throws {
        let outcome = try node.read(
            files([
                "stubDomains": #"{"corp.test": ["10.1.0.1", "10.1.0.2:5353"], "a.corp.test": ["fd00::1"]}"#,
                "upstreamNameservers": #"["10.2.0.1"]"#,
            ]), by: Self.reader)
        #expect(zones(outcome) == ["cluster.local:53", ".:53", "a.corp.test:53", "corp.test:53"])
        #expect(outcome.text.contains("    forward . 10.2.0.1\n"))
        #expect(
            outcome.text.hasSuffix(
                """

                corp.test:53 {
                    errors
                    cache 30
                    bind 169.254.20.10 10.0.0.10
                    forward . 10.1.0.1 10.1.0.2:5353
                }

                """))
        #expect(outcome.summary == "base with 2 stub domains, upstreams 10.2.0.1")
    }

    @Test(
        "a wrong ConfigMap leaves what was served, and is named with its file",
        arguments: [
            ("stubDomains", "{", "/cm/stubDomains:1: stubDomains: found a text that is not JSON at octet"),
            ("stubDomains", "[]", "/cm/stubDomains:1: stubDomains: found no object, expected an object of domains"),
            ("stubDomains", #"{"a.test": []}"#, "/cm/stubDomains:1: stubDomains: found no servers of a.test, expected"),
            (
                "stubDomains", #"{"a.test": ["ns.test"]}"#,
                #"/cm/stubDomains:1: stubDomains: found the server "ns.test", expected"#
            ),
            (
                "upstreamNameservers", "10.0.0.1",
                "/cm/upstreamNameservers:1: upstreamNameservers: found a text that is not JSON"
            ),
            (
                "upstreamNameservers", #"["1.1.1.1", "1.1.1.2", "1.1.1.3", "1.1.1.4"]"#,
                "/cm/upstreamNameservers:1: upstreamNameservers: found 4 addresses"
            ),
            (
                "stubDomains", #"{"Cluster.Local.": ["10.0.0.1"]}"#,
                "/cm/stubDomains:2: server block: found cluster.local. again"
            ),
        ])
    mutating func wrong(_ key: String, _ text: String, _ said: String) throws {
        // Without anything before it, the template alone.
        let first = try node.read(files([key: text]), by: Self.reader)
        #expect(zones(first) == ["cluster.local:53", ".:53"])
        #expect(first.fault?.description.hasPrefix(said) == true, "\(first.fault?.description ?? "no fault")")

        let good = ["stubDomains": #"{"corp.test": ["10.1.0.1"]}"#]
        #expect(try node.read(files(good), by: Self.reader).fault == nil)
        let second = try node.read(files([key: text]), by: Self.reader)
        #expect(zones(second) == ["cluster.local:53", ".:53", "corp.test:53"])
        #expect(second.fault == first.fault)
        #expect(zones(try node.read(files([:]), by: Self.reader)) == ["cluster.local:53", ".:53"])
    }

    @Test("a new template is taken with the ConfigMap that was right") mutating func newTemplate() throws {
        _ = try node.read(files(["stubDomains": #"{"corp.test": ["10.1.0.1"]}"#]), by: Self.reader)
        let outcome = try node.read(files(["stubDomains": "{"], template: "a.test {\n    whoami\n}\n"), by: Self.reader)
        #expect(zones(outcome) == ["a.test", "corp.test:53"] && outcome.fault != nil)
    }

    @Test("a template that is no Corefile, or empty, is refused with its line") mutating func broken() {
        for (template, said) in [("a.test {\n    whoami\n", "base:"), ("\n", "base:1: file: found nothing, expected")] {
            let error = #expect(throws: ConfigurationErrors.self) {
                try node.read(files([:], template: template), by: Self.reader)
            }
            #expect(error?.description.hasPrefix(said) == true, "\(error?.description ?? "")")
        }
    }

    @Test("what the environment has has to be an address") func noAddress() throws {
        var node = NodeConfiguration(try CommandLines.settings("-localip=169.254.20.10"), clusterDNS: "None")
        #expect(throws: ConfigurationErrors.self) { try node.read(files([:]), by: Self.reader) }
    }
}
