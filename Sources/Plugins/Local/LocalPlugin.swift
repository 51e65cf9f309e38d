package import Corefile
package import DNSServer
import DNSWire
import EventLoop
import Telemetry

/// Answers for names that must never leave a host (RFC 6761 §6.3, RFC 6303 §4).
package final class LocalPlugin: Plugin {
    package static let directive = "local"
    private let takesPrefix: Bool
    private let metrics: MetricRegistry

    private static var options: OptionTable<Bool> {
        [.choice("localhost_prefix", [("on", true), ("off", false)], \.self)]
    }

    package init(_ directives: [Directive], in block: BlockSettings) throws(ConfigurationErrors) {
        var check = SettingsCheck()
        var takesPrefix = true
        if let directive = check.only(directives) {
            check.attempt(try directive.expectCount(0))
            Self.options.read(directive.block, into: &takesPrefix, &check)
        }
        self.takesPrefix = takesPrefix
        metrics = block.metrics
        try check.finish()
    }

    package func makeHandler(on server: LoopServer) -> (any Handler)? {
        let count = metrics.counter(
            "coredns_local_localhost_requests_total", "Counter of localhost.<domain> requests.")
        return LocalHandler(takesPrefix: takesPrefix, count)
    }
}

/// Answers on one loop.
final class LocalHandler: Handler {
    private let takesPrefix: Bool
    private let prefixed: Counter
    private let localhost = ByteBlock([9] + Array("localhost".utf8) + [0])
    /// `localhost` is the first; the reverse zones hold next to nothing.
    private let zones: [ByteBlock]
    private let loopbackPointer: ByteBlock
    private let mailbox = ByteBlock([4] + Array("root".utf8))
    private let v4 = ByteBlock([127, 0, 0, 1])
    private let v6 = ByteBlock([UInt8](repeating: 0, count: 15) + [1])

    /// A week, as CoreDNS has it.
    private static let ttl: UInt32 = 604_800

    init(takesPrefix: Bool, _ prefixed: Counter) {
        self.takesPrefix = takesPrefix
        self.prefixed = prefixed
        let reverse = ["0", "127", "255"].compactMap { Name("\($0).in-addr.arpa") }
        zones = [localhost] + reverse.map { ByteBlock($0.wire) }
        loopbackPointer = ByteBlock(Name("1.0.0.127.in-addr.arpa")?.wire ?? [])
    }

    func answer(_ exchange: inout Exchange) -> Verdict {
        let question = exchange.question
        guard question.class == RecordClass.internet else { return .next }
        let name = question.folded
        if let zone = zones.first(where: { name.isSubdomain(of: $0.view) }) {
            let apex = question.nameOffset + name.count - zone.view.count
            if zone === localhost { return answerLoopback(&exchange, apex: apex) }
            return answerReverse(&exchange, apex: apex, isApex: name.count == zone.view.count)
        }
        guard takesPrefix, name.count > 10, name.slice(0, 10).equals(localhost.view.slice(0, 10)) else { return .next }
        prefixed.bump()
        return answerLoopback(&exchange, apex: question.nameOffset)
    }

    private func answerLoopback(_ exchange: inout Exchange, apex: Int) -> Verdict {
        let offset = exchange.question.nameOffset
        switch exchange.question.type {
        case .a: append(v4.view, .a, &exchange)
        case .aaaa: append(v6.view, .aaaa, &exchange)
        case .soa where apex == offset: appendSOA(apex, in: .answer, &exchange)
        case .ns where apex == offset: appendName(.ns, &exchange)
        default: appendSOA(apex, in: .authority, &exchange)
        }
        return .answered
    }

    private func answerReverse(_ exchange: inout Exchange, apex: Int, isApex: Bool) -> Verdict {
        let isLoopback = exchange.question.folded.equals(loopbackPointer.view)
        switch exchange.question.type {
        case .soa where isApex: appendSOA(apex, in: .answer, &exchange)
        case .ns where isApex: appendName(.ns, &exchange)
        case .ptr where isLoopback: appendName(.ptr, &exchange)
        default:
            if !isApex, !isLoopback { exchange.response.code = .nameError }
            appendSOA(apex, in: .authority, &exchange)
        }
        return .answered
    }

    private func append(_ data: ByteView, _ type: RecordType, _ exchange: inout Exchange) {
        exchange.response.appendRecord(
            owner: exchange.question.nameOffset, type: type, ttl: Self.ttl, data: data, in: .answer)
    }

    /// A record that names `localhost`.
    private func appendName(_ type: RecordType, _ exchange: inout Exchange) {
        append(localhost.view, type, &exchange)
    }

    private func appendSOA(_ apex: Int, in section: Section, _ exchange: inout Exchange) {
        exchange.response.beginRecord(owner: apex, type: .soa, ttl: Self.ttl)
        exchange.response.write(localhost.view)
        exchange.response.write(mailbox.view)
        exchange.response.write(localhost.view)
        // Serial, refresh, retry, expire; the last is for how long a missing name is kept.
        for value in [1, 0, 0, 0, Self.ttl] { exchange.response.write(value) }
        _ = exchange.response.endRecord(in: section)
    }
}
