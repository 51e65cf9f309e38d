import Corefile
import DNSServer
import DNSWire
import EventLoop
import Glibc
import NIOCore
import NIOPosix

/// One listening socket and the connections that came through it.
final class EndpointListener: Sendable {
    private let entrance: Entrance
    private let credentials: CurrentCredentials
    private let connections: Connections
    private let channel: any Channel

    private init(
        _ entrance: Entrance, _ credentials: CurrentCredentials, _ connections: Connections, _ channel: any Channel
    ) {
        self.entrance = entrance
        self.credentials = credentials
        self.connections = connections
        self.channel = channel
    }

    var place: SecureEndpoint.Place { entrance.place }

    /// Opens the socket; clients wait in its backlog until `serve`.
    static func open(_ entrance: Entrance, on threads: MultiThreadedEventLoopGroup) async throws -> EndpointListener {
        let credentials = CurrentCredentials(
            entrance.place.label, agreeingOn: LoadedCredentials.applicationProtocols(entrance.place.scheme))
        let connections = Connections(entrance)
        let address = entrance.place.address
        let bound = try NIOCore.SocketAddress(ipAddress: address.address.description, port: Int(address.port))
        var bootstrap = ServerBootstrap(group: threads)
            .serverChannelOption(.backlog, value: 1024)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            // As for plain listeners: while a reload puts another transport on this port, both have it.
            .serverChannelOption(.socketOption(NIOBSDSocket.Option(rawValue: SO_REUSEPORT)), value: 1)
            .serverChannelOption(.autoRead, value: false)
            .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
            .childChannelOption(.allowRemoteHalfClosure, value: entrance.place.scheme == .tls)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try connections.take(channel, shown: credentials.current)
                }
            }
        if !address.isIPv4 {
            // The wildcard takes both families.
            bootstrap = bootstrap.serverChannelOption(
                ChannelOptions.Types.SocketOption(level: .ipv6, name: .ipv6_v6only), value: address.isWildcard ? 0 : 1)
        }
        do {
            let channel = try await bootstrap.bind(to: bound).get()
            return EndpointListener(entrance, credentials, connections, channel)
        } catch {
            throw ListenFailure(place: entrance.place, error)
        }
    }

    /// Limits the clients that come from now on.
    func limit(_ limits: SecureLimits) { entrance.limits = limits }

    /// Takes clients, and shows `shown` to those that come from now on.
    func serve(_ shown: LoadedCredentials?) async {
        credentials.replace(shown)
        try? await channel.setOption(.autoRead, value: true).get()
        channel.read()
    }

    /// Takes over what the files say now.
    func renewCredentials() { credentials.renew() }

    func stopAccepting() async {
        try? await channel.close().get()
    }

    /// Answers what was received, up to `grace`, then closes every connection.
    func close(grace: Duration) async {
        connections.drain()
        let end = ContinuousClock.now + grace
        while !connections.isEmpty, ContinuousClock.now < end { try? await Task.sleep(for: .milliseconds(5)) }
        connections.closeAll()
    }
}

/// An address that cannot be listened on.
struct ListenFailure: Error, CustomStringConvertible {
    let place: SecureEndpoint.Place
    private let reason: String

    init(place: SecureEndpoint.Place, _ error: any Error) {
        self.place = place
        reason = (error as? IOError).map { SystemError(call: "bind", code: $0.errnoCode).reason } ?? "\(error)"
    }

    var description: String { "listen on \(place.label): \(reason)" }
}
