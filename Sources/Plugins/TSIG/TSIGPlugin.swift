package import Corefile
package import DNSServer
import DNSWire
import EventLoop

/// Verifies signed queries and signs their answers (TSIG, RFC 8945).
package final class TSIGPlugin: Plugin {
    package static let directive = "tsig"

    private let settings: TSIGSettings
    private let verifier: TSIGVerifier

    package init(_ directives: [Directive], in block: BlockSettings) throws(ConfigurationErrors) {
        var check = SettingsCheck()
        guard let directive = check.only(directives) else { throw ConfigurationErrors(check.errors) }
        settings = TSIGSettings(directive, in: block, &check)
        try check.finish()
        verifier = TSIGVerifier(settings.keys)
    }

    package func makeHandler(on server: LoopServer) -> (any Handler)? { TSIGHandler(settings, verifier) }
}

/// Lets queries pass that are signed as they must be, on one loop.
final class TSIGHandler: Handler {
    private let zones: ZoneSet
    private let required: Set<RecordType>?
    private let verifier: TSIGVerifier

    init(_ settings: TSIGSettings, _ verifier: TSIGVerifier) {
        zones = ZoneSet(settings.zones)
        required = settings.required
        self.verifier = verifier
    }

    private static func now() -> UInt64 { WallClock.nanoseconds / 1_000_000_000 }

    func takeNotice(_ exchange: inout Exchange) -> Verdict { answer(&exchange) }

    func answer(_ exchange: inout Exchange) -> Verdict {
        guard exchange.isFirstQuestion, zones.contains(exchange.question.folded) else { return .next }
        let offset = exchange.asked.signatureOffset
        guard offset > 0 else {
            return required?.contains(exchange.question.type) == false ? .next : .failed(.refused, .prohibited)
        }
        guard let verified = verifier.verify(exchange.message, signatureAt: offset, now: Self.now()) else {
            return .failed(.formatError)
        }
        exchange.close(with: TSIGSeal(verified, now: Self.now))
        return verified.error == nil ? .next : .failed(.notAuthoritative)
    }
}
