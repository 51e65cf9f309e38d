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
    package func isNewer(than known: UInt32) -> Bool { Self.isNewer(serial, than: known) }

    package static func isNewer(_ serial: UInt32, than known: UInt32) -> Bool { Int32(bitPattern: serial &- known) > 0 }
}

/// Takes the messages of a zone's transfer: all records between two copies of its SOA (RFC 5936 §2.2), or the differences
/// from the version that is known (RFC 1995 §4).
package struct ReceivedZone: ~Copyable {
    private let id: UInt16
    private let origin: Name
    private let known: ZoneTable?
    private var builder: ZoneBuilder
    private var start: ZoneRecord?
    private var changes: Changes?
    /// Records so far, and how many there may be.
    private var count = 0
    private let most: Int
    /// The most octets of names and data that are gathered.
    private static let mostOctets = 512 << 20

    package enum Progress {
        /// Further messages are needed.
        case more
        case whole(ZoneTable, ZoneTimers)
        /// The version that is known is the primary's.
        case current(ZoneTimers)
    }

    /// True once it turns out that only differences come.
    package var isIncremental: Bool { changes != nil }

    /// - Parameters:
    ///   - id: of the query, which every message repeats.
    ///   - known: the version whose differences were asked for.
    ///   - most: how many records may come, those that are left out included.
    package init(of origin: Name, id: UInt16, since known: ZoneTable? = nil, most: Int = .max) {
        self.id = id
        self.origin = origin
        self.known = known
        self.most = most
        builder = ZoneBuilder(origin: origin, mostOctets: Self.mostOctets)
    }

    /// - Throws: what is wrong with the message, or with the zone that it ends.
    package mutating func take(_ message: [UInt8]) throws(ZoneContentError) -> Progress {
        guard let received = ReceivedRecords(message), received.isResponse, received.id == id else {
            throw ZoneContentError("a message that is no response to what was asked")
        }
        guard received.code == 0 else { throw ZoneContentError("refused with code \(received.code)") }
        // Messages that bring nothing could come for ever.
        guard !received.answers.isEmpty else { throw ZoneContentError("a transfer without records") }
        for (index, record) in received.answers.enumerated() {
            let isLast = index == received.answers.count - 1
            if let progress = try take(record, isLast: isLast) { return progress }
        }
        // One SOA alone is the answer of who has nothing newer.
        if count == 1, let known, let timers = start.flatMap({ ZoneTimers($0) }), !timers.isNewer(than: known.serial) {
            return .current(timers)
        }
        return .more
    }

    private mutating func take(_ record: ZoneRecord, isLast: Bool) throws(ZoneContentError) -> Progress? {
        count += 1
        guard count <= most else { throw ZoneContentError("more than \(most) records") }
        let timers = ZoneTimers(record)
        if start == nil {
            guard timers != nil, record.owner.map(folded) == origin.wire else {
                throw ZoneContentError("a transfer that does not begin with the SOA of \(origin)")
            }
            start = record
        } else if count == 2, let timers, let known, timers.serial == known.serial,
            let target = start.flatMap({ ZoneTimers($0) })?.serial
        {
            changes = Changes(from: known.serial, to: target)
            return nil
        } else if changes != nil {
            guard try changes?.take(record) == true else { return nil }
            return try finishChanges(record, isLast: isLast)
        } else if timers != nil {
            return try finish(record, isLast: isLast)
        }
        if let found = builder.add(record) { throw ZoneContentError(found) }
        return nil
    }

    private mutating func finish(_ end: ZoneRecord, isLast: Bool) throws(ZoneContentError) -> Progress {
        guard let start, isLast, end.data.suffix(20) == start.data.suffix(20), let timers = ZoneTimers(start) else {
            throw ZoneContentError("a transfer that ends with another SOA than it began with")
        }
        let whole = builder
        builder = ZoneBuilder(origin: origin)
        return .whole(try whole.finish(), timers)
    }

    /// Makes the new version of the known one; the builder has the new SOA already.
    private mutating func finishChanges(_ end: ZoneRecord, isLast: Bool) throws(ZoneContentError) -> Progress {
        guard let known, var changes else { throw ZoneContentError("differences from no version") }
        for record in known.records where record.type != RecordType.soa.rawValue && !changes.removes(record) {
            if let found = builder.add(record) { throw ZoneContentError(found) }
        }
        guard changes.removed.isEmpty else { throw ZoneContentError("differences that remove what is not there") }
        for record in changes.added.values {
            if let found = builder.add(record) { throw ZoneContentError(found) }
        }
        return try finish(end, isLast: isLast)
    }
}

/// What differences come to, one after the other.
private struct Changes {
    private(set) var removed: Set<RecordKey> = []
    private(set) var added: [RecordKey: ZoneRecord] = [:]
    private var version: UInt32
    private let target: UInt32
    private var isAdding = false

    init(from version: UInt32, to target: UInt32) {
        self.version = version
        self.target = target
    }

    /// True for the SOA that ends all of them.
    mutating func take(_ record: ZoneRecord) throws(ZoneContentError) -> Bool {
        if let timers = ZoneTimers(record) {
            if !isAdding {
                (isAdding, version) = (true, timers.serial)
                return false
            }
            guard timers.serial == version else { throw ZoneContentError("differences with a gap at \(timers.serial)") }
            isAdding = false
            return version == target
        }
        let key = RecordKey(record)
        if isAdding {
            added[key] = record
        } else if added.removeValue(forKey: key) == nil {
            removed.insert(key)
        }
        return false
    }

    /// True for a record that goes; each can go once.
    mutating func removes(_ record: ZoneRecord) -> Bool { removed.remove(RecordKey(record)) != nil }
}
