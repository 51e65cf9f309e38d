import DNSWire

/// How long an HTTP cache may keep a response (RFC 8484 §5.1).
enum ResponseLifetime {
    /// For failures, and for answers that say nothing of it.
    static let shortest = 5
    static let longest = 3600

    /// Seconds: the smallest TTL of the message, as far as it is an answer.
    static func seconds(of message: [UInt8]) -> Int {
        withBytes(message) { message in
            guard message.count >= 12 else { return shortest }
            let code = message.uint16(at: 2) & 0xF
            guard code == ResponseCode.noError.rawValue || code == ResponseCode.nameError.rawValue else {
                return shortest
            }
            return smallest(of: message).map { min(Int($0), longest) } ?? shortest
        }
    }

    private static func smallest(of message: ByteView) -> UInt32? {
        guard var records = MessageRecords(message) else { return nil }
        var smallest: UInt32?
        while let (record, _) = records.next() {
            if record.type != .opt { smallest = min(smallest ?? record.ttl, record.ttl) }
        }
        return records.isAtEnd ? smallest : nil
    }
}
