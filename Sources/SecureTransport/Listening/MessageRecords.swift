import DNSWire

/// The records of a message, whatever section they stand in.
enum MessageRecords {
    static func visit(_ message: ByteView, _ each: (RecordPlace) -> Void) throws(WireError) {
        guard message.count >= 12 else { throw .truncated }
        var start = 12
        for _ in 0..<message.uint16(at: 4) { start = try MessageReader.skipName(message, at: start) + 4 }
        var reader = MessageReader(message, at: start)
        let records = Int(message.uint16(at: 6)) + Int(message.uint16(at: 8)) + Int(message.uint16(at: 10))
        for _ in 0..<records { each(try reader.next()) }
    }

    /// Nil when there is none, or the message is malformed.
    static func last(of message: ByteView) -> RecordPlace? {
        var last: RecordPlace?
        do {
            try visit(message) { last = $0 }
            return last
        } catch {
            return nil
        }
    }
}
