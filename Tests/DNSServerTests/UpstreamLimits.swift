import DNSServer
import DNSWire
import TestKit
import Testing

/// One below, at, and one above the most that is taken.
@Suite("how much is said to an upstream, and taken of it") struct UpstreamLimits {
    private static let taken = [true, true, false]

    @Test("a reply has up to 4,096 records in answer and authority", arguments: [0, 1, 2000])
    func records(_ authority: Int) {
        let query = WireText.query("www.test. A", id: 7)
        let reply = ReceivedQuery(octets: query, transport: .udp, peer: nil, number: 0)
            .reply([.a("www.test.", "192.0.2.1")])
        let other = TestRecord(name: ".", type: RecordType(rawValue: 0xFF00), ttl: 60, data: []).octets
        func isTaken(_ count: Int) -> Bool {
            var octets = reply + (1..<count).flatMap { _ in other }
            let counts = [count - authority, authority].flatMap { [UInt8($0 >> 8), UInt8($0 & 0xFF)] }
            octets.replaceSubrange(6..<10, with: counts)
            return (try? UpstreamResponse(octets, to: query)) != nil
        }
        #expect((4095...4097).map(isTaken) == Self.taken)
    }

    @Test("options of a question have up to 512 octets") func options() {
        let taken = (511...513).map { count in
            UpstreamOptions([UInt8](repeating: 0, count: count), reverted: [:]) != nil
        }
        #expect(taken == Self.taken)
    }
}
