import DNSServer
import DNSWire
import TestKit
import Testing

@Suite("copying records: names are compressed anew where that is allowed") struct RecordCopying {
    /// Data of a type, `@` for the name `host.a.test.`, as it comes and as it goes out.
    struct Layout: Sendable, CustomTestStringConvertible {
        let type: RecordType
        let before: [UInt8]
        let names: Int
        let behind: [UInt8]
        let compresses: Bool
        var testDescription: String { "\(type)" }

        init(_ type: UInt16, before: [UInt8] = [], names: Int = 1, behind: [UInt8] = [], compresses: Bool) {
            self.type = RecordType(rawValue: type)
            (self.before, self.names, self.behind, self.compresses) = (before, names, behind, compresses)
        }

        func data(_ name: [UInt8]) -> [UInt8] { before + (0..<names).flatMap { _ in name } + behind }
    }

    private static let numbers = [UInt8](1...20)

    static let layouts = [
        Layout(2, compresses: true), Layout(3, compresses: true), Layout(4, compresses: true),
        Layout(5, compresses: true),
        Layout(6, names: 2, behind: numbers, compresses: true), Layout(7, compresses: true),
        Layout(8, compresses: true),
        Layout(9, compresses: true), Layout(12, compresses: true), Layout(14, names: 2, compresses: true),
        Layout(15, before: [0, 10], compresses: true), Layout(17, names: 2, compresses: false),
        Layout(18, before: [0, 1], compresses: false), Layout(21, before: [0, 1], compresses: false),
        Layout(33, before: [0, 1, 0, 2, 0, 80], compresses: false), Layout(36, before: [0, 1], compresses: false),
        Layout(39, compresses: false), Layout(26, before: [0, 1], names: 2, compresses: false),
        // Order, preference, then flags, service and an empty expression (RFC 3403 §4.1).
        Layout(35, before: [0, 1, 0, 2, 1, 0x53, 3, 0x53, 0x49, 0x50, 0], compresses: false),
        // Priority, target, and the parameter `port` (RFC 9460 §2.2).
        Layout(64, before: [0, 1], behind: [0, 3, 0, 2, 1, 0xBB], compresses: false),
        Layout(65, before: [0, 1], behind: [0, 3, 0, 2, 1, 0xBB], compresses: false),
    ]

    /// The data of the first record that a client is sent, whose upstream said `data` of `a.test.`.
    private static func copied(_ type: RecordType, _ data: [UInt8]) throws -> [UInt8]? {
        let question = "a.test. \(type == .cname ? "CNAME" : "TYPE\(type.rawValue)")"
        let query = ReceivedQuery(octets: WireText.query(question, id: 7), transport: .udp, peer: nil, number: 0)
        let reply = query.reply([TestRecord(name: "a.test.", type: type, ttl: 60, data: data)])
        guard let response = try? UpstreamResponse(reply, to: query.octets) else { return nil }
        let waiting = Waiting()
        let dns = try MemoryServer(Script { _ in waiting.park() }, waiting: waiting)
        let asked = dns.begin(question, over: .tcp)
        waiting.go(.response(response))
        return asked.octets.flatMap { octets in
            withBytes(octets) { message in
                var reader = MessageReader(message, at: 24)
                return (try? reader.next()).map { message.slice($0.dataOffset, $0.dataLength).array }
            }
        }
    }

    private static let name = Name.wireKeepingCase("host.a.test.") ?? []
    /// `host` and a pointer to the question's name.
    private static let short: [UInt8] = [4, 0x68, 0x6F, 0x73, 0x74, 0xC0, 12]

    @Test("names in data that may be compressed point at the question", arguments: layouts) func compressed(
        _ layout: Layout
    )
        throws
    {
        // The record's owner is a pointer and ten octets of fixed fields follow it: data begins at 24 + 12.
        let wanted =
            switch (layout.compresses, layout.names) {
            case (false, _): layout.data(Self.name)
            case (true, 1): layout.data(Self.short)
            default: layout.before + Self.short + [0xC0, UInt8(36 + layout.before.count)] + layout.behind
            }
        #expect(try Self.copied(layout.type, layout.data(Self.name)) == wanted)
    }

    @Test("names in data that came compressed are expanded first", arguments: layouts) func expanded(_ layout: Layout)
        throws
    {
        let expanded = try Self.copied(layout.type, layout.data(Self.name))
        #expect(expanded != nil)
        #expect(try Self.copied(layout.type, layout.data(Self.short)) == expanded)
    }

    @Test("names that are cut, or too long for the data, are malformed", arguments: layouts) func cut(_ layout: Layout)
        throws
    {
        for length in 0..<layout.before.count + 3 {
            #expect(try Self.copied(layout.type, Array(layout.data(Self.name).prefix(length))) == nil)
        }
        // A pointer forwards.
        #expect(try Self.copied(layout.type, layout.data([0xC0, 0xFF])) == nil)
    }

    @Test(
        "data with octets too many or too few is malformed",
        arguments: [
            (RecordType.a, [1, 2, 3]), (.a, [1, 2, 3, 4, 5]), (.a, []), (.aaaa, [UInt8](repeating: 0, count: 15)),
            (.aaaa, [UInt8](repeating: 0, count: 17)), (.ns, [0, 0]), (.cname, [0, 0]), (.ptr, [0, 0]),
            (.dname, [0, 0]),
            (.mx, [0, 1, 0, 0]), (.srv, [0, 1, 0, 1, 0, 1, 0, 0]), (.soa, [0, 0] + [UInt8](repeating: 0, count: 19)),
            (.soa, [0, 0] + [UInt8](repeating: 0, count: 21)),
        ])
    func length(_ type: RecordType, _ data: [UInt8]) throws {
        #expect(try Self.copied(type, data) == nil)
    }

    @Test("data of other types goes as it came", arguments: [16, 13, 43, 99, 257, 65280] as [UInt16])
    func opaque(_ type: UInt16) throws {
        for data: [UInt8] in [[], [0xC0, 12], [3, 1, 2, 3], [UInt8](repeating: 0xFF, count: 300)] {
            #expect(try Self.copied(RecordType(rawValue: type), data) == data)
        }
    }

    @Test("letter case is kept: a name is not compressed against one in other letters") func letterCase() throws {
        let other = Name.wireKeepingCase("host.A.TEST.") ?? []
        #expect(try Self.copied(.ns, other) == other)
    }
}
