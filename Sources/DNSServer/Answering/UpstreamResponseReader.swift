package import DNSWire

/// Why octets from an upstream are not the reply to what was asked.
package enum UpstreamResponseFault: Error {
    /// Not the reply to this question: keep waiting (RFC 5452 §9.1).
    case mismatched
    /// The reply was cut: ask over TCP (RFC 7766 §5).
    case truncated
    /// The right reply, but not one that may be passed on.
    case malformed
    case cnameLoop
}

/// Turns an upstream's octets into a `UpstreamResponse`.
package enum UpstreamResponseReader {
    private static let largestRecordCount = 4096

    /// - Parameters:
    ///   - message: the datagram or framed message as received.
    ///   - name: the question's name, uncompressed, letter case as sent.
    ///   - id: the message id the upstream was sent.
    ///   - buffer: at least 65,535 octets to lay the reply out in.
    package static func read(
        _ message: ByteView, id: UInt16, name: ByteView, type: RecordType, class: UInt16, buffer: OutputBytes
    ) throws(UpstreamResponseFault) -> UpstreamResponse {
        guard message.count >= 12, message.uint16(at: 0) == id else { throw .mismatched }
        let flags = message.uint16(at: 2)
        guard flags & HeaderFlag.response != 0, flags & HeaderFlag.opcodeMask == 0 else { throw .mismatched }
        let code = ResponseCode(rawValue: flags & 0xF)
        let questionEnd = 12 + name.count + 4
        if message.uint16(at: 4) == 0, code == .formatError || code == .notImplemented {
            return empty(name, type, `class`, code)
        }
        guard message.uint16(at: 4) == 1, message.count >= questionEnd, message.slice(12, name.count).equals(name),
            message.uint16(at: questionEnd - 4) == type.rawValue, message.uint16(at: questionEnd - 2) == `class`
        else { throw .mismatched }
        guard flags & HeaderFlag.truncated == 0 else { throw .truncated }
        return try layOut(
            message, code: code, authenticData: flags & HeaderFlag.authenticData != 0, questionEnd: questionEnd,
            type: type, buffer: buffer)
    }

    /// A reply without records, as some servers give when they do not like the question.
    private static func empty(_ name: ByteView, _ type: RecordType, _ class: UInt16, _ code: ResponseCode)
        -> UpstreamResponse
    {
        let octets =
            [UInt8](repeating: 0, count: 12) + name.array
            + [UInt8(type.rawValue >> 8), UInt8(type.rawValue & 0xFF), UInt8(`class` >> 8), UInt8(`class` & 0xFF)]
        return UpstreamResponse(
            octets: octets, code: code, timesToLive: [], answers: 0, authorities: 0, questionEnd: octets.count,
            smallestTTL: nil, hasSOA: false, authenticData: false, isPositive: false, addresses: nil)
    }

    private static func layOut(
        _ message: ByteView, code: ResponseCode, authenticData: Bool, questionEnd: Int, type: RecordType,
        buffer: OutputBytes
    ) throws(UpstreamResponseFault) -> UpstreamResponse {
        let (answers, authorities) = (message.uint16(at: 6), message.uint16(at: 8))
        guard Int(answers) + Int(authorities) <= largestRecordCount else { throw .malformed }
        var writer = MessageWriter(buffer)
        var query = Query()
        query.questionEnd = questionEnd
        writer.begin(message, query, size: 65535)
        var records = MessageRecords(message, at: questionEnd, answers: answers, authorities: authorities)
        var chain = CNAMEChain(start: message.slice(12, questionEnd - 16), type: type)
        let scratch = ByteBlock(capacity: 256)
        var smallest: UInt32?
        var hasSOA = false
        while let (record, section) = records.next() {
            guard record.class == RecordClass.internet else { continue }
            let isWanted = section == .answer ? try chain.admits(record, of: message) : belongsInAuthority(record.type)
            guard isWanted else { continue }
            // A TTL with its top bit set counts as zero (RFC 2181 §8).
            let ttl = record.ttl > UInt32(Int32.max) ? 0 : record.ttl
            guard
                RecordCopier.copy(
                    record, of: message, ttl: ttl, scratch: scratch.bytes, to: &writer, in: section)
            else { throw .malformed }
            if record.type == .soa, section == .authority {
                hasSOA = true
                smallest = min(smallest ?? .max, negativeTTL(record, of: message))
            }
            smallest = min(smallest ?? .max, ttl)
        }
        guard records.isAtEnd else { throw .malformed }
        return try finish(
            &writer, code: code, authenticData: authenticData, questionEnd: questionEnd, smallest: smallest,
            hasSOA: hasSOA, isPositive: chain.foundType)
    }

    private static func finish(
        _ writer: inout MessageWriter, code: ResponseCode, authenticData: Bool, questionEnd: Int, smallest: UInt32?,
        hasSOA: Bool, isPositive: Bool
    ) throws(UpstreamResponseFault) -> UpstreamResponse {
        var times: [UInt16] = []
        var run: UpstreamResponse.AddressRun?
        for (record, section) in writer.records(at: questionEnd) {
            guard let offset = UInt16(exactly: record.ttlOffset) else { throw .malformed }
            times.append(offset)
            if section == .answer { run = extended(run, by: record) }
        }
        return UpstreamResponse(
            octets: writer.written.array, code: code, timesToLive: times, answers: writer.answers,
            authorities: writer.authorities, questionEnd: questionEnd, smallestTTL: smallest, hasSOA: hasSOA,
            authenticData: authenticData, isPositive: isPositive, addresses: run.flatMap { $0.count > 1 ? $0 : nil })
    }

    /// The run of equally long address records that ends with `record`; nil when it is no address.
    private static func extended(
        _ run: UpstreamResponse.AddressRun?, by record: RecordPlace
    ) -> UpstreamResponse.AddressRun? {
        guard record.type == .a || record.type == .aaaa else { return nil }
        let size = record.end - record.nameOffset
        guard let run, run.size == size else {
            return UpstreamResponse.AddressRun(offset: record.nameOffset, size: size, count: 1)
        }
        return UpstreamResponse.AddressRun(offset: run.offset, size: run.size, count: run.count + 1)
    }

    /// What a negative or signed answer needs; referrals and their glue are not ours to spread (RFC 2181 §5.4.1).
    private static func belongsInAuthority(_ type: RecordType) -> Bool {
        [.soa, .nsec, .nsec3, .rrsig, .ds].contains(type)
    }

    private static func negativeTTL(_ record: RecordPlace, of message: ByteView) -> UInt32 {
        guard record.dataLength >= 4 else { return 0 }
        return min(record.ttl, message.uint32(at: record.dataOffset + record.dataLength - 4))
    }
}

/// Follows the CNAMEs of an answer section, so that records off the chain are left out (RFC 1034 §3.6.2).
private struct CNAMEChain {
    private let current = ByteBlock(capacity: 256)
    private var length: Int
    /// Where the owners of the links so far stand in the message.
    private var owners: [Int] = []
    private let type: RecordType
    private(set) var foundType = false
    private let scratch = ByteBlock(capacity: 256)

    init(start: ByteView, type: RecordType) {
        length = start.count
        current.bytes.copy(start, to: 0)
        self.type = type
    }

    mutating func admits(_ record: RecordPlace, of message: ByteView) throws(UpstreamResponseFault) -> Bool {
        guard let ownerLength = try? MessageReader.expandName(message, at: record.nameOffset, into: scratch.bytes)
        else {
            throw .malformed
        }
        let owner = scratch.bytes.view(ownerLength)
        if record.type == .dname || record.type == .rrsig { return true }
        guard owner.equalsName(current.bytes.view(length)) else { return false }
        if record.type == type || type == .any { foundType = true }
        guard record.type == .cname, type != .cname, type != .any else {
            return record.type == type || type == .any
        }
        owners.append(record.nameOffset)
        guard owners.count <= 16 else { throw .cnameLoop }
        guard let next = try? MessageReader.expandName(message, at: record.dataOffset, into: current.bytes) else {
            throw .malformed
        }
        length = next
        for earlier in owners where leads(to: earlier, of: message) { throw .cnameLoop }
        return true
    }

    private func leads(to owner: Int, of message: ByteView) -> Bool {
        guard let count = try? MessageReader.expandName(message, at: owner, into: scratch.bytes) else { return false }
        return scratch.bytes.view(count).equalsName(current.bytes.view(length))
    }
}
