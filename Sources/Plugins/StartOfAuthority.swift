import DNSServer
import DNSWire

/// The SOA record that a plugin makes for a zone of its own.
struct StartOfAuthority {
    private let zoneLength: Int
    private let server: ByteBlock
    private let mailbox: ByteBlock
    /// Seconds; so are the numbers of the record.
    private let ttl: UInt32
    private let times: [UInt32]

    private static let refresh: [UInt32] = [7200, 1800, 86400]

    /// - Parameters:
    ///   - server: wire form of the first name server.
    ///   - negativeTTL: how long denials hold, in seconds.
    init(of zone: ByteView, server: ByteBlock, mailbox: ByteBlock, ttl: UInt32, negativeTTL: UInt32) {
        zoneLength = zone.count
        self.server = server
        self.mailbox = mailbox
        self.ttl = ttl
        times = Self.refresh + [negativeTTL]
    }

    /// Appends the record to the answer to a question of the zone.
    func append(serial: UInt32, in section: Section, _ exchange: inout Exchange) {
        let question = exchange.question
        let owner = question.nameOffset + question.folded.count - zoneLength
        exchange.response.beginRecord(owner: owner, type: .soa, ttl: ttl)
        exchange.response.writeName(server.view)
        exchange.response.writeName(mailbox.view)
        exchange.response.write(serial)
        for value in times { exchange.response.write(value) }
        _ = exchange.response.endRecord(in: section)
    }

    /// A negative answer with the record, so that resolvers know how long to believe it (RFC 2308 §3).
    func deny(_ code: ResponseCode, serial: UInt32, _ exchange: inout Exchange) {
        exchange.response.code = code
        append(serial: serial, in: .authority, &exchange)
    }
}
