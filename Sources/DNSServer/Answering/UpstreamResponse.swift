package import DNSWire

/// An upstream's reply, checked, stripped to what may be passed on, and laid out to be copied into responses.
///
/// `octets` is a message whose question stands at offset 12 uncompressed, so that every pointer into it also holds in
/// a response to the same name.
package struct UpstreamResponse: Sendable {
    package let octets: [UInt8]
    package let code: ResponseCode
    /// Offsets of the TTL fields in `octets`.
    let timesToLive: [UInt16]
    package let answers: UInt16
    package let authorities: UInt16
    package let questionEnd: Int
    /// The smallest TTL of all records in seconds; nil without records.
    package let smallestTTL: UInt32?
    /// True when a negative answer names the zone it speaks for (RFC 2308 §5).
    package let hasSOA: Bool
    package let authenticData: Bool
    /// True when the records of the answer lead to the asked type.
    package let isPositive: Bool

    /// The options it came with, of those that the question was sent with; codes and lengths included.
    package var options: [UInt8] = []

    /// The addresses that the answer ends with, when there are several.
    let addresses: AddressRun?

    /// Address records of one length, one behind the other.
    struct AddressRun: Sendable {
        let offset: Int
        let size: Int
        let count: Int

        /// Where the octet at `place` stood before the run was made to begin with its octet `first`.
        func source(of place: Int, _ first: Int) -> Int {
            let length = size * count
            guard place >= offset, place < offset + length else { return place }
            return offset + (place - offset + first) % length
        }
    }

    /// Octets of memory this reply takes.
    package var footprint: Int { octets.count + timesToLive.count * 2 + options.count + 128 }
}

extension MessageWriter {
    /// Appends `reply` as the answer to `question`.
    ///
    /// - Parameter scratch: at least 255 octets, for names on their way from one message to the other.
    mutating func append(
        _ reply: UpstreamResponse, to question: Question, asked: Query, _ times: TimeToLive, rotation: Int,
        scratch: OutputBytes
    ) {
        code = reply.code
        withBytes(reply.octets) { message in
            if question.nameOffset == 12, answers == 0, reply.questionEnd == asked.questionEnd,
                count == reply.questionEnd,
                appendBody(
                    message.suffix(from: reply.questionEnd), answers: reply.answers, authorities: reply.authorities)
            {
                let first = reply.addresses.map { rotate($0, of: message, by: rotation) } ?? 0
                for offset in reply.timesToLive {
                    let source = reply.addresses?.source(of: Int(offset), first) ?? Int(offset)
                    overwrite(times.adjusted(message.uint32(at: source)), at: Int(offset))
                }
            } else {
                appendRecords(of: message, reply, question, times, scratch)
            }
        }
    }

    /// Begins the addresses with another one, so that clients spread over them (`loadbalance`).
    ///
    /// - Returns: where in the run that one stood, in octets.
    private mutating func rotate(_ run: UpstreamResponse.AddressRun, of message: ByteView, by rotation: Int) -> Int {
        let first = rotation % run.count * run.size
        guard first > 0 else { return 0 }
        let length = run.count * run.size
        overwrite(message.slice(run.offset + first, length - first), at: run.offset)
        overwrite(message.slice(run.offset, first), at: run.offset + length - first)
        return first
    }

    /// As above, but of a CNAME's target only the answer: what is said about its zone belongs to another question.
    private mutating func appendRecords(
        of message: ByteView, _ reply: UpstreamResponse, _ question: Question, _ times: TimeToLive,
        _ scratch: OutputBytes
    ) {
        let records = MessageRecords(
            message, at: reply.questionEnd, answers: reply.answers,
            authorities: question.nameOffset == 12 ? reply.authorities : 0)
        for (record, section) in records {
            guard section == .answer || !isTruncated else { return }
            guard
                RecordCopier.copy(
                    record, of: message, ttl: times.adjusted(record.ttl), scratch: scratch, to: &self,
                    in: section)
            else {
                // Authority that does not fit may go without a word; an answer may not (RFC 2181 §9).
                if section == .answer { truncate() }
                return
            }
        }
    }
}

/// How TTLs change on their way to the client.
struct TimeToLive {
    let age: UInt32
    let minimum: UInt32
    let maximum: UInt32

    func adjusted(_ ttl: UInt32) -> UInt32 {
        let bounded = max(minimum, min(ttl, maximum))
        return bounded > age ? bounded - age : 0
    }
}
