import Corefile
import EventLoop

extension PlanBuilder {
    /// What this server speaks with clients.
    static let transports: Set<ServerScheme> = [.dns, .tls, .https, .grpc]

    static func unspokenTransport(_ key: ServerKey) -> ConfigurationError {
        ConfigurationError(
            at: key.at, directive: "server block", found: "the transport of \"\(key.text)\"",
            expected: "dns://, tls://, https:// or grpc://: this server does not speak QUIC")
    }

    func defaultPort(of scheme: ServerScheme) -> UInt16 {
        scheme == .dns ? defaultPort : UInt16(clamping: scheme.defaultPort)
    }

    /// Where clients speak through TLS or HTTP, each place once.
    ///
    /// Several blocks may serve zones at one place: a client names no zone before it has seen the certificate, so all
    /// of them share one.
    func secureEndpoints(
        _ syntax: [ServerBlockSyntax], _ blocks: [ServerBlock], _ errors: inout [ConfigurationError]
    ) -> [SecureEndpoint] {
        var order: [SecureEndpoint.Place] = []
        var shown: [SecureEndpoint.Place: (credentials: TransportCredentials, at: SourcePosition)] = [:]
        var spoken: [SocketAddress: ServerScheme] = [:]
        for (text, block) in zip(syntax, blocks) {
            let credentials = credentials(of: block, text, &errors)
            var places: Set<SecureEndpoint.Place> = []
            for listen in block.listens {
                let other = spoken.updateValue(listen.scheme, forKey: listen.address)
                if let other, other != listen.scheme {
                    errors.append(Self.sharedPort(listen, other, text))
                    continue
                }
                let place = SecureEndpoint.Place(scheme: listen.scheme, address: listen.address)
                guard listen.scheme != .dns, places.insert(place).inserted else { continue }
                if !order.contains(place) { order.append(place) }
                guard let credentials else { continue }
                if let first = shown[place], first.credentials != credentials.credentials {
                    errors.append(
                        ConfigurationError(
                            at: credentials.at, directive: "tls",
                            found: "other settings for \(place.label) than at \(first.at)",
                            expected: "the same ones: one address has one certificate"))
                } else {
                    shown[place] = credentials
                }
            }
        }
        return order.map {
            SecureEndpoint(place: $0, credentials: shown[$0]?.credentials, limits: Self.limits(at: $0, blocks))
        }
    }

    /// What the first block at a place says about its clients.
    private static func limits(at place: SecureEndpoint.Place, _ blocks: [ServerBlock]) -> EndpointLimits {
        let block = blocks.first { block in
            block.listens.contains { $0.scheme == place.scheme && $0.address == place.address }
        }
        var limits = EndpointLimits()
        for plugin in block?.plugins ?? [] {
            guard let limiting = plugin as? any EndpointLimiting, type(of: limiting).scheme == place.scheme else {
                continue
            }
            limits = limiting.limits
        }
        limits.times = block?.times ?? StreamTimes()
        return limits
    }

    private func credentials(
        of block: ServerBlock, _ syntax: ServerBlockSyntax, _ errors: inout [ConfigurationError]
    ) -> (credentials: TransportCredentials, at: SourcePosition)? {
        guard let provider = block.plugins.lazy.compactMap({ $0 as? any CredentialsProvider }).first else { return nil }
        let at = syntax.directives(named: provider.directive).first?.at ?? syntax.at
        examine(provider.credentials, of: provider, at, &errors)
        return (provider.credentials, at)
    }

    private func examine(
        _ credentials: TransportCredentials, of plugin: any Plugin, _ at: SourcePosition,
        _ errors: inout [ConfigurationError]
    ) {
        do throws(CredentialsFailure) {
            try examineCredentials(credentials)
        } catch {
            errors.append(
                ConfigurationError(
                    at: at, directive: plugin.directive, found: "\(error.file): \(error.found)",
                    expected: error.expected))
        }
    }

    /// Pages share their address, and so its certificate: of several at one address all say the same of it.
    func examinePages(
        _ syntax: [ServerBlockSyntax], _ blocks: [ServerBlock], _ errors: inout [ConfigurationError]
    ) {
        var shown: [SocketAddress: (credentials: TransportCredentials?, at: SourcePosition)] = [:]
        for (text, block) in zip(syntax, blocks) {
            for plugin in block.plugins {
                let at = text.directives(named: plugin.directive).first?.at ?? text.at
                for page in plugin.statusPages {
                    if let first = shown[page.address], first.credentials != page.credentials {
                        errors.append(
                            ConfigurationError(
                                at: at, directive: plugin.directive,
                                found: "\(page.address) with other settings of tls than at \(first.at)",
                                expected: "the same ones, or another address: one address has one certificate"))
                    } else if shown.updateValue((page.credentials, at), forKey: page.address) == nil,
                        let credentials = page.credentials
                    {
                        examine(credentials, of: plugin, at, &errors)
                    }
                }
            }
        }
    }

    private static func sharedPort(
        _ listen: ServerBlock.Listen, _ other: ServerScheme, _ block: ServerBlockSyntax
    ) -> ConfigurationError {
        let key = block.keys.first { $0.transport == listen.scheme }
        return ConfigurationError(
            at: key?.at ?? block.at, directive: "server block",
            found: "\(listen.scheme.rawValue):// on \(listen.address), where \(other.rawValue):// is served",
            expected: "another port: one port speaks one transport")
    }
}
