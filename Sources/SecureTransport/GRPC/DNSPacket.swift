/// `message DnsPacket { bytes msg = 1; }` in the encoding of Protocol Buffers.
enum DNSPacket {
    private enum WireType: UInt64 {
        case number = 0
        case eightOctets = 1
        case counted = 2
        case fourOctets = 5
    }

    /// The octets of `msg`, of the last one as the encoding wants; nil when the packet is malformed.
    static func message(in packet: [UInt8]) -> [UInt8]? {
        var message: [UInt8] = []
        var rest = packet[...]
        while !rest.isEmpty {
            guard let tag = number(&rest), let type = WireType(rawValue: tag & 7), tag >> 3 > 0 else { return nil }
            let length: Int
            switch type {
            case .number:
                guard number(&rest) != nil else { return nil }
                continue
            case .counted:
                guard let count = number(&rest), count <= UInt64(rest.count) else { return nil }
                length = Int(count)
            case .eightOctets: length = 8
            case .fourOctets: length = 4
            }
            guard length <= rest.count else { return nil }
            if tag == 1 << 3 | WireType.counted.rawValue { message = Array(rest.prefix(length)) }
            rest = rest.dropFirst(length)
        }
        return message
    }

    static func holding(_ message: [UInt8]) -> [UInt8] {
        var packet: [UInt8] = [1 << 3 | UInt8(truncatingIfNeeded: WireType.counted.rawValue)]
        var length = message.count
        while length > 0x7F {
            packet.append(UInt8(truncatingIfNeeded: length & 0x7F) | 0x80)
            length >>= 7
        }
        return packet + [UInt8(truncatingIfNeeded: length)] + message
    }

    /// A number of up to 64 bits, seven in each octet, least significant first.
    private static func number(_ rest: inout ArraySlice<UInt8>) -> UInt64? {
        var value: UInt64 = 0
        for shift in stride(from: 0, to: 64, by: 7) {
            guard let octet = rest.popFirst() else { return nil }
            let bits = UInt64(octet & 0x7F)
            // The tenth octet has one bit left.
            guard shift < 63 || bits <= 1 else { return nil }
            value |= bits << UInt64(shift)
            if octet & 0x80 == 0 { return value }
        }
        return nil
    }
}
