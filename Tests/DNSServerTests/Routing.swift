import DNSServer
import DNSWire
import TestKit
import Testing

@Suite("routing: which server block is asked") struct Routing {
    private static func block(_ zone: String, _ address: String) -> ScriptedBlock {
        ScriptedBlock(zone, scripts: [Script { $0.answer(address) }])
    }

    /// The address of the block that answered, or the code.
    private static func answer(_ dns: MemoryServer, _ question: String) -> String {
        let lines = dns.ask(question).split(separator: "\n")
        return lines.count == 2 ? String(lines[1].split(separator: " ").last ?? "") : String(lines.first ?? "")
    }

    private static var zones: [ScriptedBlock] {
        [
            block(".", "192.0.2.1"), block("test", "192.0.2.2"), block("a.test", "192.0.2.3"),
            block("b.a.test", "192.0.2.4"),
        ]
    }

    static let names = [
        (".", "192.0.2.1"), ("example.", "192.0.2.1"), ("test.", "192.0.2.2"), ("x.test.", "192.0.2.2"),
        ("a.test.", "192.0.2.3"), ("x.y.a.test.", "192.0.2.3"), ("b.a.test.", "192.0.2.4"),
        ("x.b.a.test.", "192.0.2.4"),
        // Not below, though it ends with the same octets.
        ("aa.test.", "192.0.2.2"), ("xa.test.", "192.0.2.2"), ("xtest.", "192.0.2.1"), ("b.aa.test.", "192.0.2.2"),
        // Letter case does not matter.
        ("X.B.A.TEST.", "192.0.2.4"), ("A.tesT.", "192.0.2.3"),
    ]

    @Test("the longest zone that the name is in, in whatever order the blocks stand", arguments: names)
    func longest(_ name: String, _ address: String) throws {
        let forwards = try MemoryServer(blocks: Self.zones)
        #expect(Self.answer(forwards, "\(name) A") == address)
        let backwards = try MemoryServer(blocks: Self.zones.reversed())
        #expect(Self.answer(backwards, "\(name) A") == address)
    }

    @Test("a label that looks like the end of a zone's name is not one") func octets() throws {
        // One label that holds the octets of `a.test.` with their lengths.
        let dns = try MemoryServer(blocks: [Self.block("a.test", "192.0.2.3")])
        #expect(dns.ask("x\\001a\\004test. A") == "REFUSED")
    }

    static let parents = [
        // DS of a zone's apex is its parent's to answer (RFC 4035 §3.1.4.1).
        ("b.a.test. DS", "192.0.2.3"), ("a.test. DS", "192.0.2.2"), ("test. DS", "192.0.2.1"),
        ("x.b.a.test. DS", "192.0.2.4"), ("b.a.test. DNSKEY", "192.0.2.4"), (". DS", "192.0.2.1"),
        ("B.A.test. DS", "192.0.2.3"),
    ]

    @Test("DS is for the parent of the zone", arguments: parents) func parent(_ question: String, _ address: String)
        throws
    {
        #expect(Self.answer(try MemoryServer(blocks: Self.zones), question) == address)
        // The same where a block has a condition, which every question meets.
        let conditions = Self.zones + [ScriptedBlock(".", takes: { _ in false }, scripts: [])]
        #expect(Self.answer(try MemoryServer(blocks: conditions), question) == address)
    }

    @Test("DS is for the zone itself where its parent is not here", arguments: [false, true]) func orphan(
        _ isFiltered: Bool
    )
        throws
    {
        let other = ScriptedBlock(".", takes: { _ in false }, scripts: [])
        let dns = try MemoryServer(
            blocks: [Self.block("a.test", "192.0.2.3"), Self.block("b.a.test", "192.0.2.4")]
                + (isFiltered ? [other] : []))
        #expect(Self.answer(dns, "a.test. DS") == "192.0.2.3")
        #expect(Self.answer(dns, "b.a.test. DS") == "192.0.2.3")
    }

    @Test("a block for several zones answers in each of them") func several() throws {
        let dns = try MemoryServer(blocks: [
            ScriptedBlock("a.test", "2.0.192.in-addr.arpa", scripts: [Script { $0.answer("192.0.2.1") }])
        ])
        #expect(Self.answer(dns, "x.a.test. A") == "192.0.2.1")
        #expect(Self.answer(dns, "1.2.0.192.in-addr.arpa. A") == "192.0.2.1")
        #expect(Self.answer(dns, "b.test. A") == "REFUSED")
    }

    @Test("of blocks for one zone the first is asked") func equal() throws {
        let dns = try MemoryServer(blocks: [Self.block("a.test", "192.0.2.1"), Self.block("A.TEST", "192.0.2.2")])
        #expect(Self.answer(dns, "a.test. A") == "192.0.2.1")
    }

    @Test("a server without blocks is asked in vain") func none() throws {
        let dns = try MemoryServer(blocks: [])
        #expect(dns.ask("a.test. A") == "silence")
    }

    // MARK: Conditions

    @Test("blocks for one zone with conditions: the first whose condition holds") func conditions() throws {
        func block(_ client: String, _ address: String) -> ScriptedBlock {
            ScriptedBlock(
                "a.test", takes: { "\($0.client)".hasPrefix(client) }, scripts: [Script { $0.answer(address) }])
        }
        let dns = try MemoryServer(blocks: [
            block("10.1.", "192.0.2.1"), block("10.", "192.0.2.2"), block("10.2.", "192.0.2.3"),
            Self.block("a.test", "192.0.2.4"), Self.block("a.test", "192.0.2.5"),
        ])
        func answer(_ client: String) -> String { dns.ask("x.a.test. A", from: client) }
        #expect(answer("10.1.0.1").hasSuffix(" 192.0.2.1"))
        #expect(answer("10.2.0.1").hasSuffix(" 192.0.2.2"))
        #expect(answer("198.51.100.1").hasSuffix(" 192.0.2.4"))
    }

    @Test("where no condition holds, a block for a shorter zone is asked, and in the end nobody") func fallback() throws
    {
        let never = ScriptedBlock("b.a.test", takes: { _ in false }, scripts: [Script { $0.answer("192.0.2.1") }])
        let dns = try MemoryServer(blocks: [never, Self.block("a.test", "192.0.2.2")])
        #expect(Self.answer(dns, "x.b.a.test. A") == "192.0.2.2")
        let alone = try MemoryServer(blocks: [never])
        #expect(Self.answer(alone, "x.b.a.test. A") == "REFUSED")
    }

    @Test("the longest zone goes before the order of the blocks") func longestCondition() throws {
        func always(_ zone: String, _ address: String) -> ScriptedBlock {
            ScriptedBlock(zone, takes: { _ in true }, scripts: [Script { $0.answer(address) }])
        }
        let dns = try MemoryServer(blocks: [always(".", "192.0.2.1"), always("a.test", "192.0.2.2")])
        #expect(Self.answer(dns, "x.a.test. A") == "192.0.2.2")
        #expect(Self.answer(dns, "x.b.test. A") == "192.0.2.1")
    }

    @Test("a condition is asked once for each question it may be for, before any handler") func askedOnce() throws {
        var asked: [String] = []
        let condition = ScriptedBlock(
            "a.test",
            takes: { exchange in
                asked.append(exchange.asks)
                return false
            }, scripts: [])
        let dns = try MemoryServer(blocks: [
            condition,
            ScriptedBlock(
                "a.test",
                scripts: [Script("www.a.test. A") { $0.alias("b.a.test.") }, Script { $0.answer("192.0.2.1") }]),
            Self.block(".", "192.0.2.2"),
        ])
        _ = dns.ask("www.a.test. A")
        #expect(asked == ["www.a.test. A", "b.a.test. A"])
        asked = []
        _ = dns.ask("example. A")
        #expect(asked.isEmpty)
    }

    @Test("the target of a CNAME meets the conditions anew") func targetCondition() throws {
        let dns = try MemoryServer(blocks: [
            ScriptedBlock(
                ".", takes: { $0.isFirstQuestion }, scripts: [Script { $0.alias("b.test.") }]),
            Self.block(".", "192.0.2.2"),
        ])
        #expect(dns.ask("a.test. A") == "NOERROR aa\na.test. 60 CNAME b.test.\nb.test. 60 A 192.0.2.2")
    }
}
