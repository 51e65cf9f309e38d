package import Corefile
package import DNSServer
import DNSWire
import EventLoop

/// Says which server answered, to those who ask for it (NSID, RFC 5001).
package final class NSIDPlugin: Plugin {
    package static let directive = "nsid"
    private let identifier: [UInt8]

    package init(_ directives: [Directive], in block: BlockSettings) throws(ConfigurationErrors) {
        var check = SettingsCheck()
        var words: [String] = []
        if let directive = check.only(directives) {
            words = directive.words
            check.attempt(try Self.expectFit(directive))
        }
        identifier = Array((words.isEmpty ? HostName.current : words.joined(separator: " ")).utf8)
        try check.finish()
    }

    /// More would leave answers over UDP too little room.
    private static let longest = 128

    private static func expectFit(_ directive: Directive) throws(ConfigurationError) {
        let length = directive.words.joined(separator: " ").utf8.count
        guard length <= longest else {
            throw directive.error(found: "an identifier of \(length) octets", expected: "at most \(longest)")
        }
    }

    package func makeHandler(on server: LoopServer) -> (any Handler)? { NSIDHandler(identifier) }
}

/// Answers on one loop.
final class NSIDHandler: Handler {
    /// The option's code (RFC 5001 §2.3).
    private static let code: UInt16 = 3
    /// The whole option: code, length, identifier.
    private let option: [UInt8]

    init(_ identifier: [UInt8]) {
        option = [0, UInt8(Self.code), UInt8(identifier.count >> 8), UInt8(identifier.count & 0xFF)] + identifier
    }

    func answer(_ exchange: inout Exchange) -> Verdict {
        guard exchange.isFirstQuestion, let edns = exchange.asked.edns else { return .next }
        var options = EDNSOptions(exchange.message.slice(edns.optionsOffset, edns.optionsLength))
        while let asked = options.next() {
            guard asked.code == Self.code else { continue }
            exchange.response.add(option: option, to: exchange.asked)
            break
        }
        return .next
    }
}
