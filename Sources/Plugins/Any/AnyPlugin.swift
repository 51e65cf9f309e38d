package import Corefile
package import DNSServer
import DNSWire

/// Answers ANY with as little as there can be (RFC 8482 §4.2).
package final class AnyPlugin: Plugin {
    package static let directive = "any"

    package init(_ directives: [Directive], in block: BlockSettings) throws(ConfigurationErrors) {
        try SettingsCheck.gather { $0.expectNameOnly(directives) }
    }

    package func makeHandler(on server: LoopServer) -> (any Handler)? { AnyHandler() }
}

/// Answers on one loop.
final class AnyHandler: Handler {
    /// CPU and OS of the HINFO record, as strings of DNS.
    private let data = ByteBlock([13] + Array("ANY obsoleted".utf8) + [12] + Array("See RFC 8482".utf8))

    func answer(_ exchange: inout Exchange) -> Verdict {
        guard exchange.question.type == .any else { return .next }
        exchange.response.appendRecord(
            owner: exchange.question.nameOffset, type: .hinfo, ttl: 8482, data: data.view, in: .answer)
        return .answered
    }
}
