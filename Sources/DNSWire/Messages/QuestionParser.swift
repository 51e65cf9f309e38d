/// The one acceptance gate for queries of every transport: header rules, question and OPT, nothing else.
package enum QuestionParser {
    private static let notify: UInt8 = 4

    /// Reads `message` into `query`.
    ///
    /// - Parameter scratch: at least 255 octets that receive the folded name.
    /// After a rejection `query` holds what was read so far: `questionEnd` is 0 unless the question was whole.
    package static func parse(_ message: ByteView, into query: inout Query, scratch: OutputBytes) -> Acceptance {
        guard message.count >= 12 else { return .dropped }
        query.id = message.uint16(at: 0)
        query.flags = message.uint16(at: 2)
        query.questionEnd = 0
        query.edns = nil
        query.signatureOffset = 0
        guard query.flags & HeaderFlag.response == 0 else { return .dropped }
        guard query.opcode == 0 || query.opcode == Self.notify else {
            readOPT(message, into: &query)
            return .rejected(.notImplemented)
        }
        let additional = Int(message.uint16(at: 10))
        guard message.uint16(at: 4) == 1, message.uint16(at: 6) == 0 || query.opcode == Self.notify, additional <= 2
        else {
            readOPT(message, into: &query)
            return .rejected(.formatError)
        }
        guard let nameEnd = foldName(message, into: scratch), message.count >= nameEnd + 4 else {
            return .rejected(.formatError)
        }
        query.name = message.slice(12, nameEnd - 12)
        query.folded = scratch.view(nameEnd - 12)
        query.type = RecordType(rawValue: message.uint16(at: nameEnd))
        query.class = message.uint16(at: nameEnd + 2)
        query.questionEnd = nameEnd + 4
        if query.opcode == Self.notify {
            // The SOA of the new version may come with it (RFC 1996 §3.7), and is not looked at: it is asked for.
            let before = Int(message.uint16(at: 6)) + Int(message.uint16(at: 8))
            let acceptance = parseRecords(message, before: before, additional: additional, into: &query)
            return acceptance == .accepted ? .notify : acceptance
        }
        let authority = message.uint16(at: 8)
        // Plain queries are nearly all: no further records, nothing behind the question.
        if additional == 0, authority == 0, message.count == query.questionEnd { return checkType(query) }
        guard authority == 0 || authority == 1 && query.type == .ixfr else { return .rejected(.formatError) }
        return parseRecords(message, before: Int(authority), additional: additional, into: &query)
    }

    private static func checkType(_ query: Query) -> Acceptance {
        switch query.type.rawValue {
        case 0, RecordType.opt.rawValue, RecordType.tsig.rawValue, RecordType.tkey.rawValue: .rejected(.formatError)
        default: .accepted
        }
    }

    /// Folds QNAME into `scratch`; gives the offset behind it, nil when it is not a plain uncompressed name.
    private static func foldName(_ message: ByteView, into scratch: OutputBytes) -> Int? {
        var index = 12
        var written = 0
        while index < message.count {
            let length = Int(message[index])
            guard length < 64, written + length + 1 <= 255, index + length < message.count else { return nil }
            scratch.store(message[index], at: written)
            if length == 0 { return index + 1 }
            for step in 1...length {
                scratch.store(folded(message[index + step]), at: written + step)
            }
            index += length + 1
            written += length + 1
        }
        return nil
    }

    /// - Parameters:
    ///   - before: how many records stand between the question and the additional section.
    ///   - additional: how many stand there.
    private static func parseRecords(
        _ message: ByteView, before: Int, additional: Int, into query: inout Query
    ) -> Acceptance {
        var reader = MessageReader(message, at: query.questionEnd)
        do {
            for _ in 0..<before { _ = try reader.next() }
            var sawTSIG = false
            for _ in 0..<additional {
                let record = try reader.next()
                switch record.type {
                case .opt:
                    guard query.edns == nil, !sawTSIG, message.at(record.nameOffset) == 0 else {
                        return .rejected(.formatError)
                    }
                    guard hasWholeOptions(message.slice(record.dataOffset, record.dataLength)) else {
                        return .rejected(.formatError)
                    }
                    query.edns = EDNS(
                        payloadSize: record.class, version: UInt8(truncatingIfNeeded: record.ttl >> 16),
                        dnssecOK: record.ttl & 0x8000 != 0, optionsOffset: record.dataOffset,
                        optionsLength: record.dataLength)
                case .tsig where !sawTSIG:
                    sawTSIG = true
                    query.signatureOffset = record.nameOffset
                default:
                    return .rejected(.formatError)
                }
            }
            guard reader.offset == message.count else { return .rejected(.formatError) }
        } catch {
            return .rejected(.formatError)
        }
        return checkType(query)
    }

    /// Reads OPT of a message that its header alone rejects: what has OPT is answered with OPT (RFC 6891 §6.1.1).
    private static func readOPT(_ message: ByteView, into query: inout Query) {
        let questions = Int(message.uint16(at: 4))
        let before = Int(message.uint16(at: 6)) + Int(message.uint16(at: 8))
        let additional = Int(message.uint16(at: 10))
        // Whoever sends nonsense is not worth a long walk.
        guard additional > 0, questions + before + additional <= 16 else { return }
        var start = 12
        for _ in 0..<questions {
            guard let end = try? MessageReader.skipName(message, at: start) else { return }
            start = end + 4
        }
        query.questionEnd = start
        _ = parseRecords(message, before: before, additional: additional, into: &query)
        query.questionEnd = 0
        query.signatureOffset = 0
    }

    private static func hasWholeOptions(_ options: ByteView) -> Bool {
        var options = EDNSOptions(options)
        while options.next() != nil {}
        return options.isAtEnd
    }
}
