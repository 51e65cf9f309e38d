package import Corefile
package import DNSServer
import DNSWire

/// Limits what answers over UDP may take, whatever clients allow.
package final class BufSizePlugin: Plugin {
    package static let directive = "bufsize"
    /// Octets.
    private let size: Int

    package init(_ directives: [Directive], in block: BlockSettings) throws(ConfigurationErrors) {
        var check = SettingsCheck()
        var size: Int?
        if let directive = check.only(directives), !directive.arguments.isEmpty {
            check.attempt(try directive.expectCount(1))
            size = check.attempt(try directive.integer(0, in: 512...4096))
        }
        self.size = size ?? MessageWriter.payloadSize
        try check.finish()
    }

    package func makeHandler(on server: LoopServer) -> (any Handler)? { BufSizeHandler(size) }
}

/// Limits on one loop.
final class BufSizeHandler: Handler {
    private let size: Int

    init(_ size: Int) { self.size = size }

    func answer(_ exchange: inout Exchange) -> Verdict {
        if exchange.isFirstQuestion, exchange.asked.edns != nil {
            exchange.response.limitPayload(to: size, shortens: exchange.transport == .udp)
        }
        return .next
    }
}
