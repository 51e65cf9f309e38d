import DNSServer
import DNSWire

/// What received octets are to the question they are held against.
enum ReplyCheck {
    /// Not a reply to this question at all.
    case unrelated
    /// The right id and a wrong question, or none (RFC 5452 §9.1).
    case nearMiss
    case outcome(AttemptOutcome)

    /// - Parameters:
    ///   - hasEDNS: whether the query carried an OPT record.
    ///   - layout: at least 65,535 octets to lay the reply out in.
    static func check(
        _ message: ByteView, id: UInt16, query: UpstreamQuery, hasEDNS: Bool, layout: OutputBytes
    ) -> ReplyCheck {
        do throws(UpstreamResponseFault) {
            var reply = try UpstreamResponseReader.read(
                message, id: id, name: query.name, type: query.type, class: query.class, buffer: layout)
            let option = option(message)
            if reply.code == .formatError, hasEDNS, case .absent = option { return .outcome(.needsPlainQuery) }
            if case .present(let extendedCode, let options) = option {
                guard extendedCode == 0 else {
                    return .outcome(.failed(AttemptFailure(text: "dns: extended rcode", error: .networkError)))
                }
                reply.options = query.answered(options)
            }
            if case .malformed = option { return malformed }
            return .outcome(.reply(reply))
        } catch {
            switch error {
            case .mismatched: return isNearMiss(message, id: id) ? .nearMiss : .unrelated
            case .truncated: return .outcome(.truncated)
            case .malformed: return malformed
            case .cnameLoop:
                return .outcome(
                    .failed(
                        AttemptFailure(
                            text: "dns: CNAME loop", error: .networkError, mayTryAnother: false,
                            blamesUpstream: false)))
            }
        }
    }

    private static var malformed: ReplyCheck {
        .outcome(.failed(AttemptFailure(text: "dns: bad reply", error: .networkError, blamesUpstream: false)))
    }

    private static func isNearMiss(_ message: ByteView, id: UInt16) -> Bool {
        message.count >= 12 && message.uint16(at: 0) == id && message.uint16(at: 2) & HeaderFlag.response != 0
    }

    private enum Option {
        case absent
        /// With the upper eight bits of the response code (RFC 6891 §6.1.3).
        case present(extendedCode: UInt32, options: ByteView)
        case malformed
    }

    private static func option(_ message: ByteView) -> Option {
        guard message.uint16(at: 10) > 0 else { return .absent }
        guard var records = MessageRecords(message) else { return .malformed }
        var found = Option.absent
        while let (record, section) = records.next() {
            guard record.type == .opt else { continue }
            // One OPT, and only behind everything else (RFC 6891 §6.1.1).
            guard section == .additional, case .absent = found else { return .malformed }
            found = .present(
                extendedCode: record.ttl >> 24, options: message.slice(record.dataOffset, record.dataLength))
        }
        guard records.isAtEnd else { return .malformed }
        return found
    }
}
