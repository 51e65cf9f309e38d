package import Corefile
package import DNSServer

/// Limits the clients of `https://`.
package final class HTTPSPlugin: EndpointLimiting {
    package static let directive = "https"
    package static let scheme = ServerScheme.https
    package let limits: EndpointLimits

    package init(_ directives: [Directive], in block: BlockSettings) throws(ConfigurationErrors) {
        limits = try EndpointLimits.read(directives, [.connections])
    }
}

/// Limits the clients of `grpc://`.
package final class GRPCServerPlugin: EndpointLimiting {
    package static let directive = "grpc_server"
    package static let scheme = ServerScheme.grpc
    package let limits: EndpointLimits

    package init(_ directives: [Directive], in block: BlockSettings) throws(ConfigurationErrors) {
        limits = try EndpointLimits.read(directives, [.requests, .connections])
    }
}

extension Option<EndpointLimits> {
    static var connections: Self { limit("max_connections", \.connections) }
    static var requests: Self { limit("max_streams", \.requests) }

    /// A number; 0 is no limit.
    private static func limit(_ name: String, _ path: WritableKeyPath<EndpointLimits, Int?>) -> Self {
        .value(name, path) { line throws(ConfigurationError) in
            let number = try line.integer(0, in: 0...1_000_000)
            return number > 0 ? number : 1_000_000
        }
    }
}

extension EndpointLimits {
    fileprivate static func read(
        _ directives: [Directive], _ options: OptionTable<Self>
    ) throws(ConfigurationErrors) -> Self {
        var check = SettingsCheck()
        var limits = Self()
        if let directive = check.only(directives) {
            check.attempt(try directive.expectCount(0))
            options.read(directive.block, into: &limits, &check)
        }
        try check.finish()
        return limits
    }
}
