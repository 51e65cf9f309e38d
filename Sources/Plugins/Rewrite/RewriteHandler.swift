import DNSServer
import DNSWire

/// Asks the handlers behind it what the rules make of a question, and answers with what the rules make of the answer.
final class RewriteHandler: Handler {
    private let rules: [RewriteRule]
    private let metadata: (any MetadataReader)?
    /// The name asked for behind it.
    private let name = ByteBlock(capacity: 255)

    /// - Parameter metadata: nil where labels have no values.
    init(_ rules: [RewriteRule], _ metadata: (any MetadataReader)? = nil) {
        self.rules = rules
        self.metadata = metadata
    }

    func answer(_ exchange: inout Exchange) -> Verdict {
        // A transfer is of a zone, which has one name only.
        guard exchange.question.type != .axfr, exchange.question.type != .ixfr else { return .next }
        let rewriting = Rewriting(exchange.question)
        for rule in rules where rewriting.apply(rule, exchange, metadata) && !rule.goesOn { break }
        exchange.upstreamOptions = rewriting.options?.result
        guard rewriting.hasMatched else { return .next }
        guard let name = rewriting.wire else {
            return .failed(.serverFailure, because: "rewrite: \"\(rewriting.text)\" is no domain name")
        }
        withBytes(name) { self.name.bytes.copy($0, to: 0) }
        return .ask(
            Subquery(self.name.bytes.view(name.count), rewriting.type, class: rewriting.class, note: rewriting))
    }

    func answered(_ response: InnerResponse, _ exchange: inout Exchange, note: AnyObject?) -> Verdict {
        guard let rewriting = note as? Rewriting else { return .failed(.serverFailure) }
        exchange.adopt(response)
        exchange.response.code = rewriting.code(response.code)
        for (record, section) in response.records {
            let ttl = rewriting.ttl(record.ttl)
            if section == .answer, record.type == .cname, let target = rewriting.cnameTarget(record, of: response) {
                return exchange.lead(record, of: response, ttl: ttl, to: target, rewriting)
            }
            exchange.copy(record, of: response, ttl: ttl, in: section, rewriting)
        }
        return .answered
    }
}

extension Exchange {
    /// Writes a CNAME with the target of the rules, which is asked for next; what the old one led to is left out.
    fileprivate mutating func lead(
        _ record: RecordPlace, of response: InnerResponse, ttl: UInt32, to target: [UInt8], _ rewriting: Rewriting
    ) -> Verdict {
        self.response.code = .noError
        self.response.extendedError = nil
        failure = nil
        let owner = ByteBlock(capacity: 255)
        guard let length = try? MessageReader.expandName(response.message, at: record.nameOffset, into: owner.bytes)
        else { return .failed(.serverFailure) }
        let place = withBytes(target) {
            self.response.writeCNAME(
                owner: rewriting.owner(owner.bytes.view(length)), class: record.class, ttl: ttl, target: $0)
        }
        // Who asks for the CNAME itself has it (RFC 1034 §3.6.2).
        guard let place, question.type != .cname else { return .answered }
        return chase(targetAt: place)
    }
}
