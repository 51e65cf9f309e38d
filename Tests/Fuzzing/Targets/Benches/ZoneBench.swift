import DNSWire
import FuzzDriver
import ZoneData

/// A zone with everything that answers have to step over.
final class ZoneBench {
    private static let zone = """
        $TTL 60
        @ SOA ns host 1 2 3 4 5
        @ NS ns
        ns A 192.0.2.53
        *.wild TXT any
        *.loop CNAME x.loop
        a.chain CNAME b.chain
        b.chain CNAME c.chain
        c.chain CNAME a.chain
        out CNAME far.example.
        dn DNAME target.sub
        target.sub A 192.0.2.2
        self DNAME self
        cut NS ns.cut
        ns.cut A 192.0.2.3
        cut DS 1 13 2 0000000000000000000000000000000000000000000000000000000000000000
        ent.below.deep MX 10 target.sub
        """
    private let table: ZoneTable
    private let answering = ZoneAnswering()
    private let buffer = ByteBlock(capacity: 65_535)
    private let scratch = ByteBlock(capacity: 255)

    init() throws { table = try FuzzTarget.zone(Self.zone) }

    /// - Parameter octets: flags, a type, and labels of a name before the zone's.
    func check(_ octets: [UInt8]) {
        var input = FuzzInput(octets)
        let flags = input.octet()
        let type = UInt16(input.octet()) << 8 | UInt16(input.octet())
        let text = String(decoding: input.remaining(), as: UTF8.self)
        guard let name = Name.wireKeepingCase(text.isEmpty ? "zone.test" : "\(text).zone.test") else { return }
        let opt: [UInt8] = [0, 0, 41, 4, 208, 0, 0, flags & 1 == 1 ? 0x80 : 0, 0, 0, 0]
        let message: [UInt8] =
            [0, 1, 0, 0, 0, 1, 0, 0, 0, 0, 0, 1] + name + [UInt8(type >> 8), UInt8(type & 0xFF), 0, 1] + opt
        withBytes(message) { asked in
            var query = Query()
            let acceptance = QuestionParser.parse(asked, into: &query, scratch: scratch.bytes)
            guard acceptance == .accepted else { return }
            let size = flags & 2 == 0 ? 65_535 : 512
            var response = MessageWriter(buffer.bytes)
            response.begin(asked, query, size: size)
            let question = ZoneQuestion(
                name: query.name, folded: query.folded, type: query.type, nameOffset: 12, dnssecOK: flags & 1 == 1,
                rotation: Int(flags >> 4))
            _ = answering.answer(question, from: table, deniesMissing: flags & 4 == 0, to: &response)
            let octets = buffer.bytes.view(response.finish(query)).array
            ResponseClaims(query: message, parsed: query, acceptance: acceptance).check(octets, most: size)
        }
    }
}
