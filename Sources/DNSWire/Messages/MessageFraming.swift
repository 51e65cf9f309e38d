/// Cuts a stream of octets into messages with two octets of length before each (RFC 1035 §4.2.2).
package struct MessageFraming {
    package enum Next: Equatable {
        case message([UInt8])
        case incomplete
        /// A length that no message has: what follows cannot be understood.
        case broken
    }

    /// What is not cut yet; grows with what arrives, never with what a length promises.
    @usableFromInline var octets: [UInt8] = []
    @usableFromInline var start = 0

    package init() {}

    package var isEmpty: Bool { start == octets.count }

    @inlinable package mutating func append(_ more: some Sequence<UInt8>) {
        if start > 0 {
            octets.removeFirst(start)
            start = 0
        }
        octets.append(contentsOf: more)
    }

    package mutating func next() -> Next {
        guard octets.count - start >= 2 else { return .incomplete }
        let length = Int(octets[start]) << 8 | Int(octets[start + 1])
        guard length >= 12 else { return .broken }
        guard octets.count - start - 2 >= length else { return .incomplete }
        let message = Array(octets[(start + 2)..<(start + 2 + length)])
        start += 2 + length
        return .message(message)
    }

    /// Appends `message` with its length before it.
    package static func append(_ message: [UInt8], to stream: inout [UInt8]) {
        stream.append(UInt8(truncatingIfNeeded: message.count >> 8))
        stream.append(UInt8(truncatingIfNeeded: message.count))
        stream += message
    }
}
