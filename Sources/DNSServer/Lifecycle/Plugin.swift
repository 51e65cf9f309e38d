package import Corefile
package import DNSWire
package import EventLoop
package import Telemetry

/// The configured side of a plugin: settings, background work and readiness, shared by all loops.
package protocol Plugin: AnyObject, Sendable {
    /// The word that configures it in a Corefile.
    static var directive: String { get }

    /// - Parameters:
    ///   - directives: every line of this plugin in the block, in file order; at least one.
    ///   - block: what the server block settled before.
    /// - Throws: everything that is wrong with these lines, together.
    init(_ directives: [Directive], in block: BlockSettings) throws(ConfigurationErrors)

    /// The plugin's part in answering on one loop; nil when it takes none.
    func makeHandler(on server: LoopServer) -> (any Handler)?

    /// Meets the plugins of its block once all are made; for those that build on another.
    ///
    /// - Throws: what is wrong when the other is not there or cannot do what is needed.
    func join(_ block: [any Plugin]) throws(ConfigurationErrors)

    /// Takes over what a plugin of the configuration being replaced has gathered, such as caches.
    func adopt(_ predecessor: any Plugin)

    /// Begins background work; does not wait for it.
    func start(_ environment: any PluginEnvironment) async

    /// Nil at once for plugins that can answer as soon as they are started; else how long they may need to.
    var startupTimeout: Duration? { get }

    /// Ends background work once no query uses the plugin any more.
    func stop() async

    /// Nil for plugins that are always ready.
    var isReady: Bool? { get }

    /// What is missing while it is not ready, where more than its name can be said.
    var unreadiness: String? { get }

    /// Pages served over HTTP.
    var statusPages: [StatusPage] { get }

    /// How long to keep serving after readiness was withdrawn, before the process stops.
    var lameduck: Duration { get }

    /// True when questions of other zones are sent to servers that recurse.
    var offersRecursion: Bool { get }

    /// True when it has an answer to every question of class CH.
    var answersChaos: Bool { get }
}

extension Plugin {
    package func makeHandler(on server: LoopServer) -> (any Handler)? { nil }
    package func join(_ block: [any Plugin]) {}
    package func adopt(_ predecessor: any Plugin) {}
    package func start(_ environment: any PluginEnvironment) async {}
    package func stop() async {}
    package var isReady: Bool? { nil }
    package var unreadiness: String? { nil }
    package var statusPages: [StatusPage] { [] }
    package var offersRecursion: Bool { false }
    package var answersChaos: Bool { false }
    package var lameduck: Duration { .zero }
    package var startupTimeout: Duration? { nil }
    package var directive: String { Self.directive }
}

/// What a server block settled before its plugins are made.
package struct BlockSettings: Sendable {
    /// The block's zones, in file order.
    package let zones: [Name]
    /// Where the block listens.
    package let addresses: [SocketAddress]
    /// What is spoken there, of each key and address; plain DNS where nothing else is said.
    package let schemes: [ServerScheme]
    /// Names of all plugins of this block.
    package let directives: [String]
    /// The name of the view that its questions must be in, for labels of metrics; empty without one.
    package let view: String
    package let metrics: MetricRegistry
    /// Addresses of this host that are not loopback.
    package let hostAddresses: [IPAddress]
    /// All addresses, in both families where the system has both.
    package let wildcard: IPAddress
    /// The files that are named in the configuration.
    package let files: FileAccess
    /// How to speak with upstreams through TLS or HTTP.
    package let upstreamSessions: MakeUpstreamSessions
    /// The addresses of a host, by this system's resolver, which may take seconds; empty when there are none.
    package let lookUp: @Sendable (String) -> [IPAddress]

    package init(
        zones: [Name], addresses: [SocketAddress], schemes: [ServerScheme] = [], directives: [String],
        view: String = "", metrics: MetricRegistry,
        hostAddresses: [IPAddress] = [], wildcard: IPAddress = IPAddress(v4: 0),
        files: FileAccess,
        upstreamSessions: @escaping MakeUpstreamSessions = noUpstreamSessions,
        lookUp: @escaping @Sendable (String) -> [IPAddress] = { _ in [] }
    ) {
        self.zones = zones
        self.addresses = addresses
        self.schemes = schemes
        self.directives = directives
        self.view = view
        self.metrics = metrics
        self.hostAddresses = hostAddresses
        self.wildcard = wildcard
        self.files = files
        self.upstreamSessions = upstreamSessions
        self.lookUp = lookUp
    }

    /// Where others can reach this block: the addresses it is bound to, or all of this host; never loopback.
    package var reachableAddresses: [IPAddress] {
        guard !addresses.contains(where: \.isWildcard) else { return hostAddresses }
        var seen: Set<IPAddress> = []
        return addresses.map(\.address).filter { !$0.isLoopback && seen.insert($0).inserted }
    }

    /// The value of the `server` label, of the first key and address: `dns://:53`.
    package var serverLabel: String {
        let scheme = schemes.first ?? .dns
        guard let first = addresses.first else { return "\(scheme.rawValue)://" }
        return SecureEndpoint.Place(scheme: scheme, address: first).label
    }

    /// True when queries arrive here over UDP and TCP, too.
    package var listensPlainly: Bool { schemes.isEmpty || schemes.contains(.dns) }
}

/// What the running process offers to plugins.
package protocol PluginEnvironment: AnyObject, Sendable {
    var metrics: MetricRegistry { get }
    /// All plugins of the configuration this plugin belongs to.
    var plugins: [any Plugin] { get }
    /// True once the process was asked to end.
    var isStopping: Bool { get }
    /// Reads the configuration again and takes it over when it is sound.
    ///
    /// - Parameter hash: that of what is to be taken over; nil for whatever is there.
    /// - Returns: false when something else is there by now, and nothing was tried.
    @discardableResult
    func reload(to hash: String?) async -> Bool
    /// A hash of what the configuration means, white space and comments aside.
    var configurationHash: String { get }
    /// The hash of what the configuration files mean now; nil when they cannot be read.
    func hashOfFilesNow() async -> String?
}

/// One page of an HTTP server for probes and metrics.
package struct StatusPage: Sendable {
    /// NIO has an address type of the same name.
    package typealias Address = SocketAddress

    package let address: SocketAddress
    /// Begins with a slash.
    package let path: String
    /// By what clients recognise the address; nil for clear text.
    package let credentials: TransportCredentials?
    package let respond: @Sendable () -> StatusReply

    package init(
        address: SocketAddress, path: String, credentials: TransportCredentials? = nil,
        respond: @escaping @Sendable () -> StatusReply
    ) {
        self.address = address
        self.path = path
        self.credentials = credentials
        self.respond = respond
    }
}

package struct StatusReply: Sendable {
    package var status: Int
    package var contentType: String
    package var body: String

    package init(status: Int, contentType: String = "text/plain; charset=utf-8", body: String) {
        self.status = status
        self.contentType = contentType
        self.body = body
    }
}
