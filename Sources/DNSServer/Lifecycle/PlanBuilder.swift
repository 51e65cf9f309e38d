package import Corefile
package import DNSWire
import EventLoop
package import Telemetry

/// Turns the syntax of a Corefile into a serving plan, or into all that is wrong with it.
package struct PlanBuilder: Sendable {
    /// Every plugin in the order in which a query meets it.
    package var order: [any Plugin.Type]
    package var metrics: MetricRegistry
    /// The port of keys that name none.
    package var defaultPort: UInt16
    package var files: FileAccess
    /// Addresses of a network interface; empty when there is none of that name.
    package var interfaceAddresses: @Sendable (String) -> [IPAddress]
    package var supportsIPv6: Bool
    /// Addresses of this host that are not loopback.
    package var hostAddresses: [IPAddress]
    /// Throws what is wrong with the files of a `tls` line.
    package var examineCredentials: @Sendable (TransportCredentials) throws(CredentialsFailure) -> Void
    /// How to speak with upstreams through TLS or HTTP.
    package var upstreamSessions: MakeUpstreamSessions
    /// The addresses of a host; empty when there are none.
    package var lookUp: @Sendable (String) -> [IPAddress]

    package init(
        order: [any Plugin.Type], metrics: MetricRegistry, defaultPort: UInt16 = 53, supportsIPv6: Bool = true,
        hostAddresses: [IPAddress] = [],
        files: FileAccess,
        interfaceAddresses: @escaping @Sendable (String) -> [IPAddress] = { _ in [] },
        examineCredentials: @escaping @Sendable (TransportCredentials) throws(CredentialsFailure) -> Void = { _ in },
        upstreamSessions: @escaping MakeUpstreamSessions = noUpstreamSessions,
        lookUp: @escaping @Sendable (String) -> [IPAddress] = { _ in [] }
    ) {
        self.order = order
        self.metrics = metrics
        self.defaultPort = defaultPort
        self.files = files
        self.interfaceAddresses = interfaceAddresses
        self.supportsIPv6 = supportsIPv6
        self.hostAddresses = hostAddresses
        self.examineCredentials = examineCredentials
        self.upstreamSessions = upstreamSessions
        self.lookUp = lookUp
    }

    package func build(_ syntax: [ServerBlockSyntax], hash: String) throws(ConfigurationErrors) -> ServingPlan {
        var errors: [ConfigurationError] = []
        var taken: [ServerBlock.Listen: SourcePosition] = [:]
        var blocks: [ServerBlock] = []
        for block in syntax {
            let listens = listens(of: block, &errors)
            let view = Self.view(of: block)
            // Blocks with a view may repeat what others serve: which of them answers is decided for each question.
            for (listen, key) in listens where view == nil {
                if let first = taken[listen] {
                    errors.append(
                        ConfigurationError(
                            at: key.at, directive: "server block",
                            found: "\(listen.zone) on \(listen.address), already served by the block at \(first)",
                            expected: "a zone and address of its own"))
                } else {
                    taken[listen] = key.at
                }
            }
            let plugins = plugins(of: block, listens.map(\.0), &errors)
            blocks.append(ServerBlock(listens: listens.map(\.0), plugins: plugins, view: view ?? ""))
        }
        let endpoints = secureEndpoints(syntax, blocks, &errors)
        examinePages(syntax, blocks, &errors)
        guard errors.isEmpty else { throw ConfigurationErrors(errors) }
        return ServingPlan(blocks: blocks, hash: hash, secureEndpoints: endpoints)
    }

    /// The name of the block's view; nil without one.
    private static func view(of block: ServerBlockSyntax) -> String? {
        block.directives(named: "view").first.map { $0.arguments.first?.text ?? "" }
    }

    /// Files whose names are relative are in the folder that `root` names.
    private func files(of block: ServerBlockSyntax) -> FileAccess {
        guard let root = block.directives(named: "root").first?.arguments.first?.text else { return files }
        return files.relative(to: root)
    }

    // MARK: Listening

    private func listens(
        of block: ServerBlockSyntax, _ errors: inout [ConfigurationError]
    ) -> [(ServerBlock.Listen, ServerKey)] {
        let hosts = bindAddresses(block, &errors)
        var result: [(ServerBlock.Listen, ServerKey)] = []
        for key in block.keys {
            guard Self.transports.contains(key.transport) else {
                errors.append(Self.unspokenTransport(key))
                continue
            }
            let port = key.port.flatMap(UInt16.init(exactly:)) ?? defaultPort(of: key.transport)
            for zone in key.zones {
                guard let name = Name(zone) else {
                    errors.append(
                        ConfigurationError(
                            at: key.at, directive: "server block", found: "\"\(key.text)\"", expected: "a domain name"))
                    continue
                }
                result += hosts.map { host in
                    let address = SocketAddress(host, port: port)
                    return (ServerBlock.Listen(zone: name, address: address, scheme: key.transport), key)
                }
            }
        }
        return result
    }

    private var wildcard: IPAddress { supportsIPv6 ? IPAddress(v6High: 0, low: 0) : IPAddress(v4: 0) }

    private func bindAddresses(_ block: ServerBlockSyntax, _ errors: inout [ConfigurationError]) -> [IPAddress] {
        let binds = block.directives(named: "bind")
        guard !binds.isEmpty else {
            return [wildcard]
        }
        var addresses: [IPAddress] = []
        for bind in binds {
            var excluded: Set<IPAddress> = []
            for property in bind.block where property.name == "except" {
                excluded.formUnion(property.arguments.flatMap { resolve($0, property, &errors) })
            }
            if bind.arguments.isEmpty {
                errors.append(bind.error(found: "no argument", expected: "at least one IP address or interface"))
            }
            for address in bind.arguments.flatMap({ resolve($0, bind, &errors) })
            where !excluded.contains(address) && !addresses.contains(address) {
                addresses.append(address)
            }
            if !excluded.isEmpty, addresses.isEmpty {
                errors.append(bind.error(found: "no address that is not excepted", expected: "at least one"))
            }
        }
        return addresses
    }

    private func resolve(
        _ token: Token, _ directive: Directive, _ errors: inout [ConfigurationError]
    ) -> [IPAddress] {
        if let address = IPAddress(token.text) { return [address] }
        let addresses = interfaceAddresses(token.text)
        if addresses.isEmpty {
            errors.append(directive.error(token, expected: "an IP address or the name of an interface that has one"))
        }
        return addresses
    }

    // MARK: Plugins

    private func plugins(
        of block: ServerBlockSyntax, _ listens: [ServerBlock.Listen], _ errors: inout [ConfigurationError]
    ) -> [any Plugin] {
        let known = Set(order.map { $0.directive })
        for directive in block.directives where !known.contains(directive.name) {
            errors.append(
                ConfigurationError(
                    at: directive.at, directive: directive.name,
                    found: AbsentPlugin.known[directive.name]?.found ?? "a plugin this version does not have",
                    expected: AbsentPlugin.known[directive.name]?.expected
                        ?? "one of \(known.sorted().joined(separator: ", "))"))
        }
        var seen: Set<Name> = []
        var seenAddresses: Set<SocketAddress> = []
        let settings = BlockSettings(
            zones: listens.map(\.zone).filter { seen.insert($0).inserted },
            addresses: listens.map(\.address).filter { seenAddresses.insert($0).inserted },
            schemes: listens.map(\.scheme), directives: block.directives.map(\.name),
            view: Self.view(of: block) ?? "", metrics: metrics,
            hostAddresses: hostAddresses, wildcard: wildcard, files: files(of: block),
            upstreamSessions: upstreamSessions, lookUp: lookUp)
        var plugins: [any Plugin] = []
        for type in order {
            let lines = block.directives(named: type.directive)
            guard !lines.isEmpty else { continue }
            do throws(ConfigurationErrors) {
                plugins.append(try type.init(lines, in: settings))
            } catch {
                errors += error.errors
            }
        }
        for plugin in plugins {
            do throws(ConfigurationErrors) {
                try plugin.join(plugins)
            } catch {
                errors += error.errors
            }
        }
        return plugins
    }
}
