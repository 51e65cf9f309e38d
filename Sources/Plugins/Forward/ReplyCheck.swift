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
            let reply = try UpstreamResponseReader.read(
                message, id: id, name: query.name, type: query.type, class: query.class, buffer: layout)
            let option = option(message)
            if reply.code == .formatError, hasEDNS, case .absent = option { return .outcome(.needsPlainQuery) }
            if case .present(let extendedCode) = option, extendedCode != 0 {
                return .outcome(.failed(AttemptFailure(text: "dns: extended rcode", error: .networkError)))
            }
            if case .malformed = option { return malformed }
            return .outcome(.reply(reply))
        } catch {
            switch error {
            case .mismatched: return isNearMiss(message, id: id) ? .nearMiss : .unrelated
            case .truncated: return .outcome(.truncated)
            case .malformed: return malformed
            case .aliasLoop:
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
        case present(extendedCode: UInt32)
        case malformed
    }

    private static func option(_ message: ByteView) -> Option {
        let additional = Int(message.uint16(at: 10))
        guard additional > 0 else { return .absent }
        var place = 12
        if message.uint16(at: 4) == 1 {
            guard let end = try? MessageReader.skipName(message, at: 12) else { return .malformed }
            place = end + 4
        }
        guard place <= message.count else { return .malformed }
        var reader = MessageReader(message, at: place)
        let before = Int(message.uint16(at: 6)) + Int(message.uint16(at: 8))
        var found = Option.absent
        for position in 0..<(before + additional) {
            guard let record = try? reader.next() else { return .malformed }
            guard record.type == .opt else { continue }
            // One OPT, and only behind everything else (RFC 6891 §6.1.1).
            guard position >= before, case .absent = found else { return .malformed }
            found = .present(extendedCode: record.ttl >> 24)
        }
        return found
    }
}
