import NIOCore
import NIOPosix
import Synchronization

@testable import KubernetesAPI

/// A TCP server on loopback that speaks no protocol: it sends what the test says to every client, and no more.
final class RawServer: Sendable {
    private let channel: any Channel

    /// - Parameter greeting: sent as soon as a client is there.
    init(_ greeting: [UInt8]) async throws {
        let counted = Counted()
        channel = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelInitializer { channel in
                counted.clients.withLock { $0 += 1 }
                channel.writeAndFlush(ByteBuffer(bytes: greeting), promise: nil)
                return channel.eventLoop.makeSucceededVoidFuture()
            }
            .bind(host: "127.0.0.1", port: 0).get()
        self.counted = counted
    }

    private final class Counted: Sendable { let clients = Mutex(0) }

    private let counted: Counted

    var clients: Int { counted.clients.withLock { $0 } }
    var port: Int { channel.localAddress?.port ?? 0 }

    func connection(_ scheme: String, _ limits: APIConnection.Limits = .init()) throws -> APIConnection {
        var endpoint = try APIEndpoint(url: "\(scheme)://127.0.0.1:\(port)")
        endpoint.trust = .anyone
        return try APIConnection(endpoint, limits: limits)
    }

    func stop() async { try? await channel.close().get() }
}
