/// One message of a gRPC call as it stands in a body: a flag, four octets of length, the message.
enum PacketFrame {
    enum Content: Equatable {
        case packet([UInt8])
        case compressed
        case malformed
    }

    private static let prefix = 5

    /// A call of this service has one message and nothing behind it.
    static func packet(in body: [UInt8]) -> Content {
        guard body.count >= prefix else { return .malformed }
        guard body[0] == 0 else { return body[0] == 1 ? .compressed : .malformed }
        let length = body[1..<prefix].reduce(0) { $0 << 8 | Int($1) }
        return length == body.count - prefix ? .packet(Array(body[prefix...])) : .malformed
    }

    static func framed(_ packet: [UInt8]) -> [UInt8] {
        let length = UInt32(clamping: packet.count)
        return [0] + [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: length >> $0) } + packet
    }
}
