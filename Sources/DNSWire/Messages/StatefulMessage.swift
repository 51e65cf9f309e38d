/// What a value of a DSO message is (RFC 8490 §10.3, RFC 8765 §8).
package struct StatefulType: RawRepresentable, Hashable, Sendable, BitwiseCopyable {
    package let rawValue: UInt16

    package init(rawValue: UInt16) { self.rawValue = rawValue }

    package static let keepAlive = StatefulType(rawValue: 0x01)
    package static let retryDelay = StatefulType(rawValue: 0x02)
    package static let encryptionPadding = StatefulType(rawValue: 0x03)
    package static let subscribe = StatefulType(rawValue: 0x40)
    package static let push = StatefulType(rawValue: 0x41)
    package static let unsubscribe = StatefulType(rawValue: 0x42)
    package static let reconfirm = StatefulType(rawValue: 0x43)
}

/// What a TTL of a change notification says where the record is not to be added (RFC 8765 §6.3.1).
package enum ChangeMark {
    package static let removesOne: UInt32 = 0xFFFF_FFFF
    package static let removesAll: UInt32 = 0xFFFF_FFFE
}

/// A message of DNS Stateful Operations (RFC 8490 §5.4): a header without counts, then values, the first of which says
/// what the message is.
package struct StatefulMessage: BitwiseCopyable {
    package static let opcode: UInt8 = 6
    /// Octets before the data of the first value.
    package static let headLength = 16

    /// 0 for one that is not answered.
    package let id: UInt16
    package let isResponse: Bool
    package let code: ResponseCode
    /// Nil for a response that says no more than its code.
    package let primary: Value?

    package struct Value: BitwiseCopyable {
        package let type: StatefulType
        package let data: ByteView
    }

    /// True for a message of this kind, sound or not.
    package static func isOne(_ message: ByteView) -> Bool {
        message.count >= 12 && message[2] >> 3 & 0xF == opcode
    }

    /// - Throws: when a count is not 0, or a value is longer than what follows.
    package init(_ message: ByteView) throws(WireError) {
        guard message.count >= 12 else { throw .truncated }
        id = message.uint16(at: 0)
        isResponse = message[2] & 0x80 != 0
        code = ResponseCode(rawValue: UInt16(message[3] & 0xF))
        guard message.uint32(at: 4) == 0, message.uint32(at: 8) == 0 else { throw .badLabel }
        var place = 12
        var first: Value?
        while place < message.count {
            guard place + 4 <= message.count else { throw .truncated }
            let length = Int(message.uint16(at: place + 2))
            guard length <= message.count - place - 4 else { throw .truncated }
            if first == nil {
                first = Value(
                    type: StatefulType(rawValue: message.uint16(at: place)), data: message.slice(place + 4, length))
            }
            place += 4 + length
        }
        primary = first
    }

    // MARK: Writing

    /// A message with one value, or none.
    ///
    /// - Parameter id: 0 for one that is not answered.
    package static func octets(
        id: UInt16, isResponse: Bool = false, code: ResponseCode = .noError, _ type: StatefulType? = nil,
        _ data: [UInt8] = []
    ) -> [UInt8] {
        var octets = [UInt8](repeating: 0, count: 12)
        octets.reserveCapacity(16 + data.count)
        octets[0] = UInt8(truncatingIfNeeded: id >> 8)
        octets[1] = UInt8(truncatingIfNeeded: id)
        octets[2] = (isResponse ? 0x80 : 0) | opcode << 3
        octets[3] = UInt8(truncatingIfNeeded: code.rawValue & 0xF)
        guard let type else { return octets }
        octets.append(bigEndian: type.rawValue)
        octets.append(bigEndian: UInt16(truncatingIfNeeded: data.count))
        return octets + data
    }
}

extension [UInt8] {
    package mutating func append(bigEndian value: UInt16) {
        append(UInt8(truncatingIfNeeded: value >> 8))
        append(UInt8(truncatingIfNeeded: value))
    }

    package mutating func append(bigEndian value: UInt32) {
        append(bigEndian: UInt16(truncatingIfNeeded: value >> 16))
        append(bigEndian: UInt16(truncatingIfNeeded: value))
    }
}
