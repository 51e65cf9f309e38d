import DNSServer
import DNSWire

/// A name and type whose replies an upstream is asked to keep fresh.
struct FollowedName: Hashable {
    /// Folded, in wire form.
    let name: [UInt8]
    let type: RecordType

    init(name: [UInt8], type: RecordType) {
        self.name = name
        self.type = type
    }

    /// The name of a key of the cache; nil for one with options, or of another class.
    init?(key: [UInt8]) {
        guard key.count > 5, key[2] == 0, key[3] == 1 else { return nil }
        let name = Array(key[5...])
        guard withBytes(name, { MessageReader.skipPlainName($0, at: 0) }) == name.count else { return nil }
        self.init(name: name, type: RecordType(rawValue: UInt16(key[0]) << 8 | UInt16(key[1])))
    }

    /// The keys under which replies to the name may be kept: with DO and CD or without. The first is of plain questions.
    var keys: [[UInt8]] {
        (0..<UInt8(4)).map { flags in
            [UInt8(type.rawValue >> 8), UInt8(truncatingIfNeeded: type.rawValue), 0, 1, flags] + name
        }
    }

    /// As SUBSCRIBE wants it.
    var wanted: [UInt8] {
        var octets = name
        octets.append(bigEndian: type.rawValue)
        octets.append(bigEndian: RecordClass.internet)
        return octets
    }

    /// The question for it.
    func query(id: UInt16) -> [UInt8] {
        var octets: [UInt8] = []
        for word in [id, HeaderFlag.recursionDesired, 1, 0, 0, 0] { octets.append(bigEndian: word) }
        return octets + wanted
    }

    /// A reply with these records; nil when they are none of the type.
    func reply(_ records: [PushedChange.Record], _ buffer: OutputBytes) -> UpstreamResponse? {
        var octets: [UInt8] = []
        let flags = HeaderFlag.response | HeaderFlag.authoritative
        for word in [0, flags, 1, UInt16(clamping: records.count), 0, 0] { octets.append(bigEndian: word) }
        octets += wanted
        for record in records {
            octets.append(bigEndian: UInt16(0xC00C))
            octets.append(bigEndian: type.rawValue)
            octets.append(bigEndian: RecordClass.internet)
            octets.append(bigEndian: record.ttl)
            octets.append(bigEndian: UInt16(truncatingIfNeeded: record.data.count))
            octets += record.data
        }
        return reply(to: 0, octets, buffer)
    }

    func reply(to id: UInt16, _ octets: [UInt8], _ buffer: OutputBytes) -> UpstreamResponse? {
        withBytes(octets) { message in
            withBytes(name) { name in
                try? UpstreamResponseReader.read(
                    message, id: id, name: name, type: type, class: RecordClass.internet, buffer: buffer)
            }
        }
    }
}

/// What one PUSH message says of one name and type (RFC 8765 §6.3.1).
struct PushedChange {
    struct Record {
        let ttl: UInt32
        let data: [UInt8]
    }

    /// What there is from now on, as far as it is told.
    var records: [Record] = []
    /// True when `records` are all there is.
    var isWhole = false
    /// True when one record was taken away.
    var removesOne = false

    /// By name and type, ANY for removals of all types; nil for a message that is not sound.
    static func read(_ data: ByteView) -> [FollowedName: PushedChange]? {
        var changes: [FollowedName: PushedChange] = [:]
        var reader = MessageReader(data, at: 0)
        while reader.offset < data.count {
            // A pointer would be one into the message, of which this is a part: nobody need send any.
            guard let record = try? reader.next(),
                let end = MessageReader.skipPlainName(data, at: record.nameOffset), end == record.ttlOffset - 4
            else { return nil }
            guard record.class == RecordClass.internet || record.class == RecordClass.any else { continue }
            let name = FollowedName(
                name: data.slice(record.nameOffset, end - record.nameOffset).array.map(folded), type: record.type)
            switch record.ttl {
            case ChangeMark.removesAll: changes[name, default: PushedChange()] = PushedChange(isWhole: true)
            case ChangeMark.removesOne: changes[name, default: PushedChange()].removesOne = true
            case 0...0x7FFF_FFFF:
                changes[name, default: PushedChange()].records.append(
                    Record(ttl: record.ttl, data: data.slice(record.dataOffset, record.dataLength).array))
            // To be ignored (RFC 8765 §6.3.1).
            default: continue
            }
        }
        return changes
    }
}
