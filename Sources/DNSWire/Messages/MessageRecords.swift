/// The records of a message one behind the other, each with its section; ends at the first that cannot be read.
package struct MessageRecords: Sequence, IteratorProtocol {
    private var reader: MessageReader
    private var answers: Int
    private var authorities: Int
    private var additionals: Int

    /// - Parameter start: offset of the first record, behind the question section.
    package init(
        _ message: ByteView, at start: Int, answers: UInt16, authorities: UInt16 = 0, additionals: UInt16 = 0
    ) {
        reader = MessageReader(message, at: start)
        (self.answers, self.authorities, self.additionals) = (Int(answers), Int(authorities), Int(additionals))
    }

    /// All that a whole message has; nil when its header or a question cannot be read.
    package init?(_ message: ByteView) {
        guard message.count >= 12 else { return nil }
        var start = 12
        for _ in 0..<message.uint16(at: 4) {
            guard let end = try? MessageReader.skipName(message, at: start) else { return nil }
            start = end + 4
        }
        guard start <= message.count else { return nil }
        self.init(
            message, at: start, answers: message.uint16(at: 6), authorities: message.uint16(at: 8),
            additionals: message.uint16(at: 10))
    }

    /// True once every record has been read.
    package var isAtEnd: Bool { answers == 0 && authorities == 0 && additionals == 0 }

    package mutating func next() -> (record: RecordPlace, section: Section)? {
        guard !isAtEnd, let record = try? reader.next() else { return nil }
        if answers > 0 {
            answers -= 1
            return (record, .answer)
        }
        if authorities > 0 {
            authorities -= 1
            return (record, .authority)
        }
        additionals -= 1
        return (record, .additional)
    }
}
