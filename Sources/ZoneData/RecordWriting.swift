import DNSWire

/// How the owner of a record is written.
enum Owner {
    /// As the name that stands there in the message.
    case at(Int)
    case name(ByteView)
}

/// Writes one record of a zone into a message.
enum RecordWriting {
    /// Names are compressed in the data of the types of RFC 1035 only (RFC 3597 §4).
    static func write(
        _ data: ByteView, _ type: RecordType, _ ttl: UInt32, _ owner: Owner, _ section: Section,
        _ response: inout MessageWriter
    ) -> Bool {
        switch owner {
        case .at(let offset): response.beginRecord(owner: offset, type: type, ttl: ttl)
        case .name(let name): response.beginRecord(owner: name, type: type, class: RecordClass.internet, ttl: ttl)
        }
        switch type {
        case .ns, .cname, .ptr: response.writeName(data)
        case .mx where data.count > 2:
            response.write(data.slice(0, 2))
            response.writeName(data.suffix(from: 2))
        case .soa:
            guard let first = try? MessageReader.skipName(data, at: 0) else { break }
            response.writeName(data.slice(0, first))
            response.writeName(data.slice(first, data.count - 20 - first))
            response.write(data.suffix(from: data.count - 20))
        default: response.write(data)
        }
        return response.endRecord(in: section)
    }
}
