import DNSWire

/// Hides from those who see a response encrypted how long it is (RFC 7830).
enum ResponsePadding {
    /// Octets: responses are as long as some number of these (RFC 8467 §4.1).
    static let block = 468
    private static let option: UInt16 = 12
    private static let longest = 65535

    /// True when the query is padded itself: then its response is to be, too (RFC 7830 §4).
    static func isWanted(by query: [UInt8]) -> Bool {
        withBytes(query) { query in
            guard let opt = lastOPT(of: query) else { return false }
            return EDNSOptions(query.slice(opt.dataOffset, opt.dataLength)).contains { $0.code == option }
        }
    }

    /// The response with a padding option behind the others; as it is where it has no OPT record at its end.
    static func padded(_ response: [UInt8]) -> [UInt8] {
        let place = withBytes(response) { message -> RecordPlace? in
            lastOPT(of: message).flatMap { $0.end == message.count ? $0 : nil }
        }
        guard let place, response.count + 4 <= longest else { return response }
        let size = min((response.count + 4 + block - 1) / block * block, longest)
        let zeros = size - response.count - 4
        var padded = response
        let length = UInt16(clamping: place.dataLength + 4 + zeros)
        (padded[place.dataOffset - 2], padded[place.dataOffset - 1]) = octets(length)
        let (high, low) = octets(UInt16(clamping: zeros))
        padded += [0, UInt8(option), high, low] + [UInt8](repeating: 0, count: zeros)
        return padded
    }

    /// Nil when the last record is something else, or the message is malformed.
    private static func lastOPT(of message: ByteView) -> RecordPlace? {
        guard var records = MessageRecords(message) else { return nil }
        var last: RecordPlace?
        while let (record, _) = records.next() { last = record }
        return records.isAtEnd && last?.type == .opt ? last : nil
    }

    private static func octets(_ value: UInt16) -> (UInt8, UInt8) {
        (UInt8(truncatingIfNeeded: value >> 8), UInt8(truncatingIfNeeded: value))
    }
}
