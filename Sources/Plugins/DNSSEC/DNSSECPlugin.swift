package import Corefile
package import DNSServer
import DNSWire
import Telemetry

/// Signs answers as they are given (RFC 4034, RFC 4035).
package final class DNSSECPlugin: Plugin {
    package static let directive = "dnssec"

    private let settings: DNSSECSettings
    private let metrics: SignatureCache.Metrics

    package init(_ directives: [Directive], in block: BlockSettings) throws(ConfigurationErrors) {
        var check = SettingsCheck()
        guard let directive = check.only(directives) else { throw ConfigurationErrors(check.errors) }
        settings = DNSSECSettings(directive, in: block, &check)
        try check.finish()
        metrics = SignatureCache.Metrics(block)
    }

    package func makeHandler(on server: LoopServer) -> (any Handler)? {
        guard !settings.keys.isEmpty else { return nil }
        return DNSSECHandler(settings, SignatureCache(settings.keys, capacity: settings.capacity, metrics))
    }

    package func start(_ environment: any PluginEnvironment) async {
        if settings.keys.isEmpty {
            Log.warning("plugin/dnssec: there is no key, so nothing is signed: say key file and the files of one")
        }
    }
}
