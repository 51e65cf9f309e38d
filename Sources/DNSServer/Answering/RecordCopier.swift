package import DNSWire

/// Puts other names into records that are copied.
package protocol NameChange: AnyObject {
    /// The owner to write in place of `name`; both uncompressed, the result valid until the next call.
    func owner(_ name: ByteView) -> ByteView

    /// The name to write in place of one in the data of a record of `type`.
    func target(_ name: ByteView, _ type: RecordType) -> ByteView
}

/// Copies records between messages, names in them expanded and compressed anew.
enum RecordCopier {
    /// How the data of a type begins: octets, then that many strings, then names, then octets (RFC 1035 §3.3,
    /// RFC 3597 §4, RFC 9460 §2.2).
    private static func layout(_ type: RecordType) -> (octets: Int, strings: Int, names: Int, compresses: Bool)? {
        switch type.rawValue {
        case 2, 3, 4, 5, 7, 8, 9, 12: (0, 0, 1, true)  // NS MD MF CNAME MB MG MR PTR
        case 6, 14: (0, 0, 2, true)  // SOA MINFO
        case 15: (2, 0, 1, true)  // MX
        case 17: (0, 0, 2, false)  // RP
        case 18, 21, 36: (2, 0, 1, false)  // AFSDB RT KX
        case 26: (2, 0, 2, false)  // PX
        case 33: (6, 0, 1, false)  // SRV
        case 35: (4, 3, 1, false)  // NAPTR
        case 39: (0, 0, 1, false)  // DNAME
        case 64, 65: (2, 0, 1, false)  // SVCB HTTPS
        default: nil
        }
    }

    /// - Parameter scratch: at least 255 octets.
    /// - Returns: false when the record is malformed or does not fit; then nothing of it is written.
    static func copy(
        _ record: RecordPlace, of message: ByteView, ttl: UInt32, scratch: OutputBytes, to writer: inout MessageWriter,
        in section: Section, _ change: (any NameChange)? = nil
    ) -> Bool {
        guard let ownerLength = try? MessageReader.expandName(message, at: record.nameOffset, into: scratch) else {
            return false
        }
        let name = scratch.view(ownerLength)
        writer.beginRecord(owner: change?.owner(name) ?? name, type: record.type, class: record.class, ttl: ttl)
        let isWhole = copyData(record, of: message, scratch: scratch, to: &writer, change)
        if !isWhole { writer.abandonRecord() }
        return writer.endRecord(in: section) && isWhole
    }

    private static func copyData(
        _ record: RecordPlace, of message: ByteView, scratch: OutputBytes, to writer: inout MessageWriter,
        _ change: (any NameChange)?
    ) -> Bool {
        let end = record.dataOffset + record.dataLength
        guard let layout = layout(record.type) else {
            writer.write(message.slice(record.dataOffset, record.dataLength))
            return isWellFormed(record)
        }
        var place = record.dataOffset + layout.octets
        for _ in 0..<layout.strings {
            guard place < end, let length = message.at(place) else { return false }
            place += 1 + Int(length)
        }
        guard place <= end else { return false }
        writer.write(message.slice(record.dataOffset, place - record.dataOffset))
        for _ in 0..<layout.names {
            guard let next = try? MessageReader.skipName(message, at: place), next <= end,
                let length = try? MessageReader.expandName(message, at: place, into: scratch)
            else { return false }
            let name = scratch.view(length)
            let written = change?.target(name, record.type) ?? name
            if layout.compresses { writer.writeName(written) } else { writer.write(written) }
            place = next
        }
        writer.write(message.slice(place, end - place))
        switch record.type {
        case .soa: return end - place == 20
        case .cname, .ptr, .ns, .dname, .mx, .srv, .naptr: return end == place
        default: return true
        }
    }

    private static func isWellFormed(_ record: RecordPlace) -> Bool {
        switch record.type {
        case .a: record.dataLength == 4
        case .aaaa: record.dataLength == 16
        default: true
        }
    }
}
