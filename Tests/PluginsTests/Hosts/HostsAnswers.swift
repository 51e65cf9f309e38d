import DNSServer
import DNSWire
import Synchronization
import Telemetry
import TestKit
import Testing

@testable import Plugins

@Suite("hosts: names from a file") struct HostsAnswers {
    private static let file = """
        # names of the office
        10.0.0.1 printer.lan  Copier.LAN # two names
        10.0.0.2 printer.lan
        fe80::1%eth0 printer.lan
        10.0.0.9 *.wild.lan
        not-an-address x.lan
        """

    private func server(_ block: String) throws -> MemoryServer {
        try MemoryServer("hosts /names lan {\n\(block)\n}", files: ["/names": Self.file])
    }

    @Test(arguments: [
        ("printer.lan. A", "NOERROR aa\nprinter.lan. 3600 A 10.0.0.1\nprinter.lan. 3600 A 10.0.0.2"),
        ("PRINTER.lan. AAAA", "NOERROR aa\nPRINTER.lan. 3600 AAAA fe80::1"),
        ("copier.lan. AAAA", "NOERROR aa"),
        ("copier.lan. MX", "NOERROR aa"),
        ("a.wild.lan. A", "NOERROR aa\na.wild.lan. 3600 A 10.0.0.9"),
        ("a.b.wild.lan. A", "SERVFAIL"),
        ("scanner.lan. A", "SERVFAIL"),
        (
            "1.0.0.10.in-addr.arpa. PTR",
            "NOERROR aa\n1.0.0.10.in-addr.arpa. 3600 PTR printer.lan.\n1.0.0.10.in-addr.arpa. 3600 PTR copier.lan."
        ),
    ])
    func answers(_ question: String, _ expected: String) throws {
        let server = try server("")
        #expect(server.ask(question) == expected)
    }

    @Test("unknown names and addresses fall through")
    func fallThrough() throws {
        let server = try MemoryServer(
            "hosts /names {\n10.0.0.5 inline.test\nttl 60\nfallthrough\n}\nforward . @UPSTREAM@",
            files: ["/names": Self.file]
        ) { [$0.reply(code: 3)] }
        #expect(server.ask("inline.test. A") == "NOERROR aa\ninline.test. 60 A 10.0.0.5")
        #expect(server.ask("other.test. A") == "NXDOMAIN")
        #expect(server.ask("9.9.9.9.in-addr.arpa. PTR") == "NXDOMAIN")
        #expect(server.queries.count == 2)
    }

    @Test("no_reverse leaves addresses to others")
    func noReverse() throws {
        let server = try MemoryServer(
            "hosts /names {\nno_reverse\n}\nforward . @UPSTREAM@", files: ["/names": Self.file]
        ) { [$0.reply(code: 3)] }
        #expect(server.ask("1.0.0.10.in-addr.arpa. PTR") == "NXDOMAIN")
    }

    @Test("a changed file is taken over; a missing one changes nothing")
    func reload() throws {
        let text = Mutex<String?>("10.0.0.1 a.lan")
        let hosts = try Self.plugin { _ in
            guard let text = text.withLock({ $0 }) else { throw TestPlan.NoSuchFile() }
            return text
        }
        func address() -> [UInt8]? { withBytes(Name("a.lan")?.wire ?? []) { hosts.current.find($0)?.v4 } }
        #expect(address() == [10, 0, 0, 1])
        text.withLock { $0 = "10.0.0.2 a.lan" }
        hosts.readAgain()
        #expect(address() == [10, 0, 0, 2])
        text.withLock { $0 = nil }
        hosts.readAgain()
        #expect(address() == [10, 0, 0, 2])
    }

    @Test("a file in an older encoding is read, and its names are octets") func encodings() {
        let text = HostsText.text(
            of: Array("192.0.2.1 a.test # Z".utf8) + [0xFC] + Array("rich\n192.0.2.2 ".utf8) + [0xFC])
        #expect(HostsText.pairs(in: text).map { "\($0.0) \($0.1)" } == ["192.0.2.1 a.test.", "192.0.2.2 \\252."])
        #expect(HostsText.text(of: Array("192.0.2.1 ä.test".utf8)) == "192.0.2.1 ä.test")
    }

    @Test("a file that cannot be read at a reload is as it was") func reloading() throws {
        let old = try Self.plugin { _ in "10.0.0.1 a.lan" }
        let new = try Self.plugin { _ in throw TestPlan.NoSuchFile() }
        new.adopt(old)
        #expect(new.current.count == 1)
    }

    private static func plugin(_ readFile: @escaping @Sendable (String) throws -> String) throws -> HostsPlugin {
        let block = BlockSettings(
            zones: [.root], addresses: [], directives: [], metrics: MetricRegistry(), files: FileAccess(read: readFile))
        return try HostsPlugin([], in: block)
    }

    @Test(arguments: [
        ("hosts", "no errors"), ("hosts /names lan {\nreload 0\nttl 5\nfallthrough lan\n}", "no errors"),
        ("hosts {\nttl 0\n}", "hosts: found ttl 0, expected a number from 1 to 65535"),
        (
            "hosts {\nnothing here\n}",
            "hosts: found nothing, expected an address with names, ttl, no_reverse, reload, fallthrough or "
                + "fallthrough_unsupported"
        ),
        (
            "hosts {\nfallthrough_unsupported\n}",
            "hosts: found fallthrough_unsupported alone, expected fallthrough with it"
        ),
    ])
    func settings(_ directives: String, _ expected: String) {
        #expect(TestPlan.errors(directives) == expected)
    }
}
