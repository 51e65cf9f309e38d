package import Corefile
package import DNSServer
import DNSWire
import EventLoop

/// Sends questions to other servers as calls of CoreDNS' gRPC service.
package final class GRPCPlugin: Plugin {
    package static let directive = "grpc"

    private let entry: ForwardEntry?
    private let block: BlockSettings
    private let underWay = QuestionsUnderWay()

    private static var options: OptionTable<ForwardSettings> {
        OptionTable(
            [
                .each("except", \.except) { token, line, _ throws(ConfigurationError) in try line.names(token) }
            ] + ForwardSettings.encryption + [.choice("policy", \.policy), .fallthroughZones(\.fallthroughZones)])
    }

    package init(_ directives: [Directive], in block: BlockSettings) throws(ConfigurationErrors) {
        entry = try SettingsCheck.gather { check in
            check.only(directives).flatMap { Self.entry($0, block, &check) }
        }
        self.block = block
    }

    private static func entry(
        _ directive: Directive, _ block: BlockSettings, _ check: inout SettingsCheck
    ) -> ForwardEntry? {
        guard check.attempt(try directive.expectCount(2...)) != nil else { return nil }
        let settings = settings(directive, block, &check)
        return ForwardEntry(settings, check.sessions(for: settings, directive, block))
    }

    private static func settings(
        _ directive: Directive, _ block: BlockSettings, _ check: inout SettingsCheck
    ) -> ForwardSettings {
        var settings = ForwardSettings(at: directive.at)
        if let name = check.attempt(try directive.names(directive.arguments[0]))?.first { settings.from = name }
        options.read(directive.block, into: &settings, &check)
        settings.readTargets(
            directive,
            TargetReader(
                directive, in: block, schemes: [.dns, .grpc], unnamed: .grpc, serverName: settings.serverName,
                takesSockets: true),
            &check)
        // A name to look for in certificates is of use only where there are some.
        if settings.serverName != nil, settings.credentials == nil { settings.credentials = UpstreamCredentials() }
        // Each is asked once, nobody is probed.
        settings.maximumAttempts = max(1, settings.targets.count)
        settings.maximumFailures = 0
        settings.readTimeout = ForwardSettings.questionTimeout
        settings.asksWithoutRecursion = true
        return settings
    }

    package func makeHandler(on server: LoopServer) -> (any Handler)? {
        entry.map { ForwardHandler([$0], on: server, UpstreamMeter(.grpc, block.metrics), underWay) }
    }

    package func stop() async { entry?.stop() }

    package var offersRecursion: Bool { true }
}
