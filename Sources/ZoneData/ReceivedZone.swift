package import DNSWire

/// The numbers of an SOA record that a secondary works by (RFC 1035 §3.3.13), in seconds but for the serial.
package struct ZoneTimers: Equatable, Sendable {
    package var serial: UInt32
    package var refresh: UInt32
    package var retry: UInt32
    package var expire: UInt32

    package init(serial: UInt32, refresh: UInt32, retry: UInt32, expire: UInt32) {
        self.serial = serial
        self.refresh = refresh
        self.retry = retry
        self.expire = expire
    }

    /// Nil for what is no SOA record.
    package init?(_ record: ZoneRecord) {
        guard record.type == RecordType.soa.rawValue, record.data.count >= 22 else { return nil }
        let numbers = record.data.suffix(20)
        func number(_ index: Int) -> UInt32 {
            numbers.dropFirst(index * 4).prefix(4).reduce(0) { $0 << 8 | UInt32($1) }
        }
        self.init(serial: number(0), refresh: number(1), retry: number(2), expire: number(3))
    }

    /// True when this version is newer than one with `known` (RFC 1982 §3.2).
    package func isNewer(than known: UInt32) -> Bool { Int32(bitPattern: serial &- known) > 0 }
}

/// Takes the messages of a whole zone's transfer (RFC 5936 §2.2): all records between two copies of its SOA.
package struct ReceivedZone: ~Copyable {
    private let id: UInt16
    private let origin: Name
    private var builder: ZoneBuilder
    private var start: ZoneRecord?

    package enum Progress {
        /// Further messages are needed.
        case more
        case whole(ZoneTable, ZoneTimers)
    }

    /// - Parameter id: of the query, which every message repeats.
    package init(of origin: Name, id: UInt16) {
        self.id = id
        self.origin = origin
        builder = ZoneBuilder(origin: origin)
    }

    /// - Throws: what is wrong with the message, or with the zone that it ends.
    package mutating func take(_ message: [UInt8]) throws(ZoneContentError) -> Progress {
        guard let received = ReceivedRecords(message), received.isResponse, received.id == id else {
            throw ZoneContentError("a message that is no response to what was asked")
        }
        guard received.code == 0 else { throw ZoneContentError("refused with code \(received.code)") }
        for (index, record) in received.answers.enumerated() {
            if start == nil {
                guard ZoneTimers(record) != nil, record.owner.map(folded) == origin.wire else {
                    throw ZoneContentError("a transfer that does not begin with the SOA of \(origin)")
                }
                start = record
            } else if record.type == RecordType.soa.rawValue {
                return try finish(record, isLast: index == received.answers.count - 1)
            }
            if let found = builder.add(record) { throw ZoneContentError(found) }
        }
        guard start != nil else { throw ZoneContentError("a transfer without records") }
        return .more
    }

    private mutating func finish(_ end: ZoneRecord, isLast: Bool) throws(ZoneContentError) -> Progress {
        guard let start, isLast, end.data.suffix(20) == start.data.suffix(20), let timers = ZoneTimers(start) else {
            throw ZoneContentError("a transfer that ends with another SOA than it began with")
        }
        let whole = builder
        builder = ZoneBuilder(origin: origin)
        return .whole(try whole.finish(), timers)
    }
}
