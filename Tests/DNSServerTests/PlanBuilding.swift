import Corefile
import DNSServer
import DNSWire
import EventLoop
import Telemetry
import Testing

@Suite("plans: what a Corefile comes to") struct PlanBuilding {
    // MARK: Plugins of these tests

    /// Notes what its block settled.
    private final class Noting: Plugin {
        static let directive = "noting"
        let settings: BlockSettings
        let lines: [String]

        init(_ directives: [Directive], in block: BlockSettings) throws(ConfigurationErrors) {
            settings = block
            lines = directives.map { $0.words.joined(separator: " ") }
        }

        var offersRecursion: Bool { lines.contains("recursion") }
    }

    /// Never content with its line, nor with its block.
    private final class Strict: Plugin {
        static let directive = "strict"
        private let line: Directive

        init(_ directives: [Directive], in block: BlockSettings) throws(ConfigurationErrors) {
            let wrong = directives.flatMap { line in
                line.arguments.filter { $0.text == "wrong" }.map { line.error($0, expected: "nothing wrong") }
            }
            guard wrong.isEmpty else { throw ConfigurationErrors(wrong) }
            line = directives[0]
        }

        func join(_ block: [any Plugin]) throws(ConfigurationErrors) {
            guard !block.contains(where: { $0 is Noting }) else { return }
            throw ConfigurationErrors([line.error(found: "no \"noting\" beside it", expected: "one")])
        }
    }

    private final class Certificate: CredentialsProvider {
        static let directive = "tls"
        let credentials: TransportCredentials

        init(_ directives: [Directive], in block: BlockSettings) throws(ConfigurationErrors) {
            let words = directives[0].words
            credentials = TransportCredentials(
                certificateFile: words.first ?? "", keyFile: words.last ?? "", authorityFile: nil,
                clientAuthentication: .nothing)
        }
    }

    /// Their lines mean something to the builder itself.
    private final class Bind: Plugin {
        static let directive = "bind"
        init(_ directives: [Directive], in block: BlockSettings) throws(ConfigurationErrors) {}
    }

    private final class View: Plugin {
        static let directive = "view"
        init(_ directives: [Directive], in block: BlockSettings) throws(ConfigurationErrors) {}
    }

    private static func plan(
        _ corefile: String, change: (inout PlanBuilder) -> Void = { _ in }
    ) throws -> ServingPlan {
        let sources = CorefileSyntax.Sources(read: { _ in "" }, glob: { _ in [] }, environment: { _ in nil })
        let blocks = try CorefileSyntax.parse(text: corefile, file: "Corefile", sources: sources)
        var builder = PlanBuilder(
            order: [Bind.self, View.self, Certificate.self, Noting.self, Strict.self], metrics: MetricRegistry(),
            files: FileAccess { path in "text of \(path)" },
            interfaceAddresses: { name in
                switch name {
                case "lo": [IPAddress("127.0.0.1"), IPAddress("::1")].compactMap(\.self)
                case "eth0": [IPAddress("192.0.2.53"), IPAddress("2001:db8::53")].compactMap(\.self)
                default: []
                }
            })
        change(&builder)
        return try builder.build(blocks, hash: "the hash")
    }

    private static func errors(_ corefile: String, change: (inout PlanBuilder) -> Void = { _ in }) throws -> String {
        do {
            _ = try plan(corefile, change: change)
            return "no errors"
        } catch let errors as ConfigurationErrors {
            return errors.description
        }
    }

    private static func listens(_ corefile: String, change: (inout PlanBuilder) -> Void = { _ in }) throws -> [String] {
        try plan(corefile, change: change).blocks.flatMap(\.listens).map { listen in
            "\(listen.scheme.rawValue) \(listen.zone) \(listen.address)"
        }
    }

    // MARK: Where blocks listen

    @Test("without more: all addresses of both families, at port 53") func wildcard() throws {
        #expect(try Self.listens("a.test {\nnoting\n}\n") == ["dns a.test. [::]:53"])
        #expect(try Self.listens("a.test {\nnoting\n}\n") { $0.supportsIPv6 = false } == ["dns a.test. 0.0.0.0:53"])
        #expect(try Self.listens("a.test {\nnoting\n}\n") { $0.defaultPort = 1053 } == ["dns a.test. [::]:1053"])
    }

    @Test("each key has a port of its own, and one for its transport where it says none") func ports() throws {
        let corefile = "a.test:5353 b.test tls://c.test https://d.test grpc://e.test:50051 {\nnoting\n}\n"
        #expect(
            try Self.listens(corefile) { $0.defaultPort = 54 } == [
                "dns a.test. [::]:5353", "dns b.test. [::]:54", "tls c.test. [::]:853", "https d.test. [::]:443",
                "grpc e.test. [::]:50051",
            ])
    }

    @Test("a network as key is its reverse zone, or zones") func reverse() throws {
        #expect(try Self.listens("192.0.2.0/24 {\nnoting\n}\n") == ["dns 2.0.192.in-addr.arpa. [::]:53"])
        #expect(
            try Self.listens("10.0.0.0/23 {\nnoting\n}\n").map { $0.split(separator: " ")[1] } == [
                "0.0.10.in-addr.arpa.", "1.0.10.in-addr.arpa.",
            ])
    }

    @Test("bind: the addresses it names, and those of interfaces, each once") func bind() throws {
        #expect(
            try Self.listens("a.test {\nbind 192.0.2.1 lo 127.0.0.1\n}\n") == [
                "dns a.test. 192.0.2.1:53", "dns a.test. 127.0.0.1:53", "dns a.test. [::1]:53",
            ])
        #expect(
            try Self.listens("a.test {\nbind 192.0.2.1\nbind 192.0.2.2 192.0.2.1\n}\n") == [
                "dns a.test. 192.0.2.1:53", "dns a.test. 192.0.2.2:53",
            ])
    }

    @Test("bind: but not those that are excepted on the same line") func except() throws {
        #expect(
            try Self.listens("a.test {\nbind lo eth0 {\nexcept ::1 192.0.2.53\n}\n}\n") == [
                "dns a.test. 127.0.0.1:53", "dns a.test. [2001:db8::53]:53",
            ])
        #expect(
            try Self.listens("a.test {\nbind ::1\nbind lo {\nexcept ::1\n}\n}\n") == [
                "dns a.test. [::1]:53", "dns a.test. 127.0.0.1:53",
            ])
    }

    @Test("each zone is served at each address") func product() throws {
        #expect(
            try Self.listens("a.test b.test {\nbind 192.0.2.1 192.0.2.2\n}\n") == [
                "dns a.test. 192.0.2.1:53", "dns a.test. 192.0.2.2:53", "dns b.test. 192.0.2.1:53",
                "dns b.test. 192.0.2.2:53",
            ])
    }

    static let bindMistakes = [
        ("bind", "Corefile:2: bind: found no argument, expected at least one IP address or interface"),
        ("bind eth9", "Corefile:2: bind: found eth9, expected an IP address or the name of an interface that has one"),
        (
            "bind lo {\nexcept eth9\n}",
            "Corefile:3: bind: found except eth9, expected an IP address or the name of an interface that has one"
        ),
        ("bind lo {\nexcept lo\n}", "Corefile:2: bind: found no address that is not excepted, expected at least one"),
    ]

    @Test("bind says what is wrong with it", arguments: bindMistakes)
    func bindMistake(_ line: String, _ error: String) throws {
        #expect(try Self.errors("a.test {\n\(line)\n}\n") == error)
    }

    // MARK: Zones

    @Test("a zone is served at one address by one block, whatever its letters") func duplicates() throws {
        #expect(
            try Self.errors("a.test {\nnoting\n}\nA.TEST. {\nnoting\n}\n")
                == "Corefile:4: server block: found a.test. on [::]:53, already served by the block at Corefile:1, "
                + "expected a zone and address of its own")
    }

    @Test("within one block, too") func duplicateKeys() throws {
        #expect(try Self.errors("a.test a.test {\nnoting\n}\n").contains("already served by the block at Corefile:1"))
    }

    @Test("the same zone at another port, address or transport is another place") func notDuplicates() throws {
        let corefile = """
            a.test {
            bind 192.0.2.1
            }
            a.test:54 {
            bind 192.0.2.1
            }
            a.test {
            bind 192.0.2.2
            }
            tls://a.test {
            bind 192.0.2.1
            }

            """
        #expect(try Self.plan(corefile).blocks.count == 4)
    }

    @Test("blocks with views may repeat what others serve") func views() throws {
        let corefile = "a.test {\nview one\nnoting\n}\na.test {\nview two\nnoting\n}\na.test {\nnoting\n}\n"
        let plan = try Self.plan(corefile)
        #expect(plan.blocks.map(\.view) == ["one", "two", ""])
        #expect(plan.plugins.compactMap { ($0 as? Noting)?.settings.view } == ["one", "two", ""])
    }

    // MARK: Plugins

    @Test("plugins come in the order of the list, each with all of its lines") func order() throws {
        let plan = try Self.plan("a.test {\nstrict\nnoting one\nbind lo\nnoting two recursion\n}\n")
        #expect(plan.plugins.map(\.directive) == ["bind", "noting", "strict"])
        #expect(plan.plugins.compactMap { ($0 as? Noting)?.lines } == [["one", "two recursion"]])
    }

    @Test("a block offers recursion where one of its plugins does") func recursion() throws {
        let plan = try Self.plan("a.test {\nnoting recursion\n}\nb.test {\nnoting\n}\n")
        #expect(plan.blocks.map(\.offersRecursion) == [true, false])
    }

    @Test("a plugin knows its block: zones and addresses once each, what is beside it, files") func settings() throws {
        let plan = try Self.plan("a.test:53 a.test:54 b.test {\nbind 192.0.2.1 192.0.2.2\nnoting\nstrict\n}\n") {
            $0.hostAddresses = [IPAddress("192.0.2.9")].compactMap(\.self)
        }
        let settings = try #require(plan.plugins.compactMap { $0 as? Noting }.first?.settings)
        #expect(settings.zones.map(\.description) == ["a.test.", "b.test."])
        #expect(
            settings.addresses.map(\.description) == ["192.0.2.1:53", "192.0.2.2:53", "192.0.2.1:54", "192.0.2.2:54"])
        #expect(settings.directives == ["bind", "noting", "strict"])
        #expect(settings.serverLabel == "dns://192.0.2.1:53")
        #expect(settings.reachableAddresses.map(\.description) == ["192.0.2.1", "192.0.2.2"])
        #expect(try settings.files.read("hosts") == "text of hosts")
        #expect(settings.listensPlainly)
    }

    @Test("others reach a block at its addresses, and at all of the host's where it is bound to none")
    func reachable() throws {
        func addresses(_ corefile: String) throws -> [String] {
            let plan = try Self.plan(corefile) { $0.hostAddresses = [IPAddress("192.0.2.9")].compactMap(\.self) }
            let settings = try #require(plan.plugins.compactMap { $0 as? Noting }.first?.settings)
            return settings.reachableAddresses.map(\.description)
        }
        #expect(try addresses("a.test {\nnoting\n}\n") == ["192.0.2.9"])
        #expect(try addresses("a.test {\nbind lo\nnoting\n}\n") == [])
        #expect(try addresses("a.test:53 a.test:54 {\nbind 192.0.2.1 lo\nnoting\n}\n") == ["192.0.2.1"])
    }

    @Test(
        "the label of metrics is that of the first key",
        arguments: [
            ("a.test", "dns://:53"), ("a.test:54", "dns://:54"), ("tls://a.test", "tls://:853"),
            ("https://a.test:8443 b.test", "https://:8443"),
        ])
    func label(_ keys: String, _ label: String) throws {
        let plan = try Self.plan("\(keys) {\nnoting\n}\n")
        #expect(plan.plugins.compactMap { ($0 as? Noting)?.settings.serverLabel } == [label])
    }

    @Test("a plugin that there is not") func unknown() throws {
        #expect(
            try Self.errors("a.test {\nnothing here\n}\n")
                == "Corefile:2: nothing: found a plugin this version does not have, "
                + "expected one of bind, noting, strict, tls, view")
    }

    @Test("all that is wrong is said together, block by block") func together() throws {
        let corefile = """
            a.test {
            bind eth9
            strict wrong
            strict fine wrong
            }
            quic://b.test {
            strict
            }
            c.test {
            noting
            }
            c.test {
            nothing
            }

            """
        #expect(
            try Self.errors(corefile) == """
                Corefile:2: bind: found eth9, expected an IP address or the name of an interface that has one
                Corefile:3: strict: found wrong, expected nothing wrong
                Corefile:4: strict: found wrong, expected nothing wrong
                Corefile:6: server block: found the transport of "quic://b.test", expected dns://, tls://, https:// or \
                grpc://: this server does not speak QUIC
                Corefile:7: strict: found no "noting" beside it, expected one
                Corefile:12: server block: found c.test. on [::]:53, already served by the block at Corefile:9, \
                expected a zone and address of its own
                Corefile:13: nothing: found a plugin this version does not have, expected one of bind, noting, strict, \
                tls, view
                """)
    }

    @Test("the plan has the hash it was given") func hash() throws {
        #expect(try Self.plan("a.test {\nnoting\n}\n").hash == "the hash")
    }

    @Test("plain addresses are listened at, each once; those of other transports are not among them")
    func addresses() throws {
        let corefile = "a.test b.test {\nnoting\n}\nc.test:54 {\nnoting\n}\ntls://d.test {\nnoting\n}\n"
        #expect(try Self.plan(corefile).addresses.map(\.description) == ["[::]:53", "[::]:54"])
    }

    // MARK: Transports

    @Test("places of other transports, each once, with what they show") func endpoints() throws {
        let corefile = """
            tls://a.test tls://b.test https://a.test:8443 {
            tls one.pem one.key
            }
            tls://c.test {
            tls one.pem one.key
            }
            grpc://d.test:50051 {
            noting
            }

            """
        let endpoints = try Self.plan(corefile).secureEndpoints
        #expect(endpoints.map(\.place.label) == ["tls://:853", "https://:8443", "grpc://:50051"])
        #expect(endpoints.map { $0.credentials?.keyFile } == ["one.key", "one.key", nil])
    }

    @Test("one address has one certificate") func certificates() throws {
        let corefile = "tls://a.test {\ntls one.pem one.key\n}\ntls://b.test {\ntls two.pem two.key\n}\n"
        #expect(
            try Self.errors(corefile)
                == "Corefile:5: tls: found other settings for tls://:853 than at Corefile:2, "
                + "expected the same ones: one address has one certificate")
    }

    @Test("a block that says nothing of certificates takes those of its address") func shared() throws {
        let corefile = "tls://a.test {\nnoting\n}\ntls://b.test {\ntls two.pem two.key\n}\n"
        #expect(try Self.plan(corefile).secureEndpoints.map { $0.credentials?.certificateFile } == ["two.pem"])
    }

    @Test("one port speaks one transport") func sharedPort() throws {
        #expect(
            try Self.errors("tls://a.test:853 {\nnoting\n}\nhttps://b.test:853 {\nnoting\n}\n")
                == "Corefile:4: server block: found https:// on [::]:853, where tls:// is served, "
                + "expected another port: one port speaks one transport")
    }

    @Test("files of certificates are looked at, and what is wrong with one is said where it is named")
    func files() throws {
        let error = try Self.errors("tls://a.test {\nnoting\ntls one.pem one.key\n}\n") { builder in
            builder.examineCredentials = { credentials throws(CredentialsFailure) in
                throw CredentialsFailure(
                    file: credentials.certificateFile, found: "no certificate", expected: "one in PEM")
            }
        }
        #expect(error == "Corefile:3: tls: found one.pem: no certificate, expected one in PEM")
    }

    // MARK: One plan after another

    @Test("the block that another takes the place of: same zones, addresses and view, in any order")
    func predecessor() throws {
        let old = try Self.plan("a.test b.test {\nnoting\n}\nc.test {\nview inside\nnoting\n}\nc.test {\nnoting\n}\n")
        let new = try Self.plan(
            "c.test {\nnoting\n}\nb.test a.test {\nnoting\n}\nc.test:54 {\nnoting\n}\nc.test {\nview inside\n}\n"
        )
        let found = new.blocks.map { block in
            old.predecessor(of: block).flatMap { same in old.blocks.firstIndex { $0 === same } }
        }
        #expect(found == [2, 0, nil, 1])
    }
}
