import Corefile
import DNSServer
import DNSWire
import EventLoop
import NIOCore
import NIOPosix
import NIOSSL
import Testing

@testable import SecureTransport

@Suite("streams through TLS") struct StreamsThroughTLS {
    /// Gives back what it is sent.
    private final class Echo: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer

        func channelRead(context: ChannelHandlerContext, data: NIOAny) { context.writeAndFlush(data, promise: nil) }
    }

    /// Opens a stream to a server of `dns.test`, whose address its certificate does not name.
    private func stream(
        _ name: String?, _ credentials: UpstreamCredentials, _ use: (any OctetStream) async throws -> Void
    ) async throws -> String? {
        let server = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandlers([try Certificates.server(), Echo()])
                }
            }.bind(host: "127.0.0.1", port: 0).get()
        defer { server.close(promise: nil) }
        let port = UInt16(clamping: server.localAddress?.port ?? 0)
        let target = UpstreamTarget(
            UpstreamTarget.Address(IPAddress(v4: 0x7F00_0001), port: port), scheme: .tls, serverName: name)
        let upstreams = try SecureUpstreams(
            UpstreamSessionSettings(schemes: [.tls], credentials: credentials, speaksDNS: false))
        do throws(UpstreamStreamFailure) {
            let stream = try await upstreams.stream(with: target)
            do { try await use(stream) } catch { return "\(error)" }
            return nil
        } catch {
            return error.reason
        }
    }

    private let trusting = UpstreamCredentials(authorityFile: Certificates.file("authority.crt"))

    @Test("octets go both ways, and more than fit at once wait") func octets() async throws {
        let failure = try await stream("dns.test", trusting) { stream in
            let sent = (0..<1_000_000).map { UInt8(truncatingIfNeeded: $0) }
            var (place, received): (Int, [UInt8]) = (0, [])
            let end = ContinuousClock.now + .seconds(30)
            while received.count < sent.count, ContinuousClock.now < end {
                if place < sent.count, case .octets(let count) = stream.write(Array(sent[place...].prefix(100_000))) {
                    place += count
                }
                if case .octets(let more) = stream.read() { received += more }
                try await Task.sleep(for: .milliseconds(1))
            }
            #expect(received.count == sent.count && received == sent)
            #expect(stream.isFlushed)
        }
        #expect(failure == nil)
    }

    @Test("the peer has to be who it should be, unless that is nobody's concern") func names() async throws {
        func failure(_ name: String?, _ credentials: UpstreamCredentials) async throws -> String? {
            try await stream(name, credentials) { _ in }
        }
        let stranger = UpstreamCredentials(authorityFile: Certificates.file("stranger.crt"))
        #expect(try await failure("other.test", trusting) == "tls: certificate is not for other.test")
        #expect(try await failure(nil, trusting) == "tls: certificate is not for 127.0.0.1")
        #expect(
            try await failure("dns.test", stranger)
                == "tls: certificate is not of a trusted authority, or not valid now")
        #expect(try await failure(nil, UpstreamCredentials(verifies: false)) == nil)
    }

    @Test("a peer that is not there is said") func absent() async throws {
        let upstreams = try SecureUpstreams(UpstreamSessionSettings(schemes: [.tls], credentials: trusting))
        let target = UpstreamTarget(UpstreamTarget.Address(IPAddress(v4: 0x7F00_0001), port: 1), scheme: .tls)
        let failure: String?
        do throws(UpstreamStreamFailure) {
            _ = try await upstreams.stream(with: target)
            failure = nil
        } catch {
            failure = error.reason
        }
        #expect(failure == "connect: Connection refused")
    }
}
