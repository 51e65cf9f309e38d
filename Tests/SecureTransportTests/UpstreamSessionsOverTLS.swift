import Corefile
import DNSServer
import DNSWire
import EventLoop
import Foundation
import NIOCore
import NIOSSL
import Testing
import Text

@testable import SecureTransport

/// Where the certificates of these tests lie.
enum Certificates {
    static func file(_ name: String) -> String {
        URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .appending(path: "Fixtures/upstreams/\(name)").path()
    }

    /// What a server shows.
    ///
    /// - Parameter wantsClients: true when clients have to show a certificate.
    static func server(
        _ protocols: [String] = [], newest: TLSVersion? = nil, wantsClients: Bool = false
    ) throws -> NIOSSLServerHandler {
        var configuration = TLSConfiguration.makeServerConfiguration(
            certificateChain: try NIOSSLCertificate.fromPEMFile(file("server.crt")).map { .certificate($0) },
            privateKey: .privateKey(try NIOSSLPrivateKey(file: file("server.key"), format: .pem)))
        configuration.applicationProtocols = protocols
        configuration.maximumTLSVersion = newest
        if wantsClients {
            configuration.certificateVerification = .noHostnameVerification
            configuration.trustRoots = .file(file("authority.crt"))
        }
        return NIOSSLServerHandler(context: try NIOSSLContext(configuration: configuration))
    }
}

/// The other end of a session: a pipeline of its own, and what passes between the two.
struct FarEnd {
    let pipeline: DrivenPipeline

    init(_ handlers: [any ChannelHandler]) throws {
        pipeline = DrivenPipeline(peer: try NIOCore.SocketAddress(unixDomainSocketPath: "/"), handlers)
    }

    /// Carries octets both ways until both are silent; gives what came of it.
    @discardableResult
    func exchange(with session: any UpstreamSession) -> [UpstreamEvent] {
        var events: [UpstreamEvent] = []
        for _ in 0..<20 {
            let (there, back) = (session.takeOutgoing(), pipeline.takeOutgoing())
            if there.isEmpty, back.isEmpty { break }
            withBytes(there) { if $0.count > 0 { pipeline.receive($0) } }
            withBytes(back) { if $0.count > 0 { session.take($0) } }
            while let event = session.next() {
                events.append(event)
                if case .ended = event { return events }
            }
        }
        return events
    }
}

@Suite("sessions with upstreams over TLS") struct UpstreamSessionsOverTLS {
    /// Gives each message back, counts what arrives at once.
    private final class Echo: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer
        typealias OutboundOut = ByteBuffer
        private(set) var arrivals: [Int] = []
        private(set) var isClosed = false

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            let octets = unwrapInboundIn(data)
            arrivals.append(octets.readableBytes)
            context.writeAndFlush(wrapOutboundOut(octets), promise: nil)
        }

        func channelInactive(context: ChannelHandlerContext) { isClosed = true }
    }

    private let address = UpstreamTarget.Address(IPAddress(v4: 0xC000_0201), port: 853)

    private func session(
        _ name: String? = "dns.test", at address: UpstreamTarget.Address? = nil, authority: String = "authority.crt"
    ) throws -> any UpstreamSession {
        let credentials = UpstreamCredentials(authorityFile: Certificates.file(authority))
        return try SecureUpstreams(UpstreamSessionSettings(schemes: [.tls], credentials: credentials))
            .session(with: UpstreamTarget(address ?? self.address, scheme: .tls, serverName: name))
    }

    private func message(_ id: UInt8) -> [UInt8] { [0, id] + [UInt8](repeating: 7, count: 10) }

    @Test("questions wait for the handshake and leave together; responses come one by one") func questions() throws {
        let (session, echo) = (try session(), Echo())
        let far = try FarEnd([try Certificates.server(["dot"]), echo])
        for id in 1...50 { session.ask(message(UInt8(id))) }
        #expect(!session.isEstablished)
        #expect(far.exchange(with: session) == (1...50).map { .response(message(UInt8($0))) })
        #expect(session.isEstablished)
        #expect(echo.arrivals == [50 * 14])
        session.ask(message(99))
        #expect(far.exchange(with: session) == [.response(message(99))])
    }

    @Test("a peer that agrees on no protocol, and one of TLS 1.2, will do") func versions() throws {
        for handler in [try Certificates.server(), try Certificates.server(["dot"], newest: .tlsv12)] {
            let session = try session()
            session.ask(message(1))
            #expect(try FarEnd([handler, Echo()]).exchange(with: session) == [.response(message(1))])
        }
    }

    @Test("the certificate has to have the name that is wanted, or the address where none is")
    func names() throws {
        let elsewhere = UpstreamTarget.Address(IPAddress(v4: 0xC000_0202), port: 853)
        func end(_ session: any UpstreamSession) throws -> UpstreamEvent? {
            session.ask(message(1))
            return try FarEnd([try Certificates.server(), Echo()]).exchange(with: session).last
        }
        func rejection(_ reason: String) -> UpstreamEvent { .ended(UpstreamSessionEnd(reason, isRejection: true)) }
        #expect(try end(session()) == .response(message(1)))
        #expect(try end(session("DNS.test")) == .response(message(1)))
        #expect(try end(session(nil)) == .response(message(1)))
        #expect(try end(session("192.0.2.1", at: elsewhere)) == .response(message(1)))
        // It has the address, but that is not what is asked for.
        #expect(try end(session("other.test")) == rejection("tls: certificate is not for other.test"))
        #expect(try end(session("192.0.2.2")) == rejection("tls: certificate is not for 192.0.2.2"))
        #expect(try end(session(nil, at: elsewhere)) == rejection("tls: certificate is not for 192.0.2.2"))
        let stranger = try session(authority: "stranger.crt")
        #expect(
            try end(stranger) == rejection("tls: certificate is not of a trusted authority, or not valid now"))
    }

    @Test("a peer that does not accept what it is shown is not asked again at once") func clients() throws {
        func end(_ credentials: UpstreamCredentials, newest: TLSVersion? = nil) throws -> UpstreamEvent? {
            let session = try SecureUpstreams(UpstreamSessionSettings(schemes: [.tls], credentials: credentials))
                .session(with: UpstreamTarget(address, scheme: .tls, serverName: "dns.test"))
            session.ask(message(1))
            let server = try Certificates.server(newest: newest, wantsClients: true)
            return try FarEnd([server, Echo()]).exchange(with: session).last
        }
        let authority = Certificates.file("authority.crt")
        for version in [TLSVersion.tlsv13, .tlsv12] {
            guard case .ended(let end)? = try end(UpstreamCredentials(authorityFile: authority), newest: version) else {
                return #expect(Bool(false), "goes on")
            }
            #expect(end.isRejection)
            #expect(end.reason.contains("ALERT"))
        }
        let shown = UpstreamCredentials(
            certificateFile: Certificates.file("server.crt"), keyFile: Certificates.file("server.key"),
            authorityFile: authority)
        #expect(try end(shown) == .response(message(1)))
    }

    @Test("nothing but TLS is no handshake; nothing is said in clear text") func clearText() throws {
        let session = try session()
        session.ask(message(1))
        let hello = session.takeOutgoing()
        #expect(hello.first == 22)
        withBytes([0, 12] + message(1)) { session.take($0) }
        guard case .ended(let end)? = session.next() else { return #expect(Bool(false), "goes on") }
        #expect(end.isRejection)
        #expect(end.reason == "tls: handshake failed: WRONG_VERSION_NUMBER")
    }

    @Test("whatever a peer sends, the session goes on or ends", arguments: UInt64(0)..<20)
    func nonsense(_ seed: UInt64) throws {
        var random = SeededRandom(seed: seed)
        for _ in 0..<10 {
            let session = try session()
            let far = try FarEnd([try Certificates.server(["dot"]), Echo()])
            for _ in 0..<4 {
                session.ask(message(1))
                withBytes(session.takeOutgoing()) { if $0.count > 0 { far.pipeline.receive($0) } }
                var octets = far.pipeline.takeOutgoing()
                for _ in 0..<Int.random(in: 0...2, using: &random) where !octets.isEmpty {
                    octets[Int.random(in: 0..<octets.count, using: &random)] = UInt8.random(in: 0...255, using: &random)
                }
                withBytes(octets) { if $0.count > 0 { session.take($0) } }
                while let event = session.next() {
                    if case .ended = event { break }
                }
            }
            session.end()
            far.pipeline.close()
        }
    }

    @Test("each side's farewell is understood") func farewells() throws {
        let (session, echo) = (try session(), Echo())
        let far = try FarEnd([try Certificates.server(), echo])
        far.exchange(with: session)
        session.end()
        withBytes(session.takeOutgoing()) { far.pipeline.receive($0) }
        #expect(echo.isClosed)

        let other = try self.session()
        let going = try FarEnd([try Certificates.server(), Echo()])
        going.exchange(with: other)
        going.pipeline.close()
        #expect(going.exchange(with: other) == [.ended(UpstreamSessionEnd("EOF"))])
        #expect(!other.takesQueries)
    }

    @Test("a connection that is over leaves nothing behind") func memory() throws {
        weak var tls: NIOSSLServerHandler?
        weak var echo: Echo?
        for isOurs in [true, false] {
            do {
                let session = try session()
                let handlers: [any ChannelHandler] = [try Certificates.server(["dot"]), Echo()]
                tls = handlers.first as? NIOSSLServerHandler
                echo = handlers.last as? Echo
                let far = try FarEnd(handlers)
                session.ask(message(1))
                far.exchange(with: session)
                if isOurs { session.end() } else { far.pipeline.close() }
                far.exchange(with: session)
                session.end()
                far.pipeline.close()
            }
            #expect(tls == nil)
            #expect(echo == nil)
        }
    }

    @Test("files that change hold for connections that are opened from then on, and only once they are sound")
    func renewal() throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "upstreams-\(UUID())")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let file = folder.appending(path: "ca.crt")
        func write(_ name: String) throws {
            try Data(contentsOf: URL(filePath: Certificates.file(name))).write(to: file, options: .atomic)
        }
        try write("stranger.crt")
        let upstreams = try SecureUpstreams(
            UpstreamSessionSettings(schemes: [.tls], credentials: UpstreamCredentials(authorityFile: file.path())),
            renewalInterval: .zero)
        func isTrusted() throws -> Bool {
            let session = upstreams.session(with: UpstreamTarget(address, scheme: .tls, serverName: "dns.test"))
            session.ask(message(1))
            return try FarEnd([try Certificates.server(), Echo()]).exchange(with: session) == [.response(message(1))]
        }
        #expect(try !isTrusted())
        try write("authority.crt")
        #expect(try isTrusted())
        try write("server.key")
        #expect(try isTrusted())
        try write("stranger.crt")
        #expect(try !isTrusted())
    }

    @Test("files that cannot be used are named") func files() throws {
        func failure(_ credentials: UpstreamCredentials) -> String {
            do throws(CredentialsFailure) {
                _ = try SecureUpstreams(UpstreamSessionSettings(schemes: [.tls], credentials: credentials))
                return "none"
            } catch {
                return "\(error)".replacing(Certificates.file(""), with: "")
            }
        }
        let (server, key) = (Certificates.file("server.crt"), Certificates.file("server.key"))
        #expect(failure(UpstreamCredentials()) == "none")
        #expect(failure(UpstreamCredentials(certificateFile: server, keyFile: key)) == "none")
        #expect(
            failure(UpstreamCredentials(authorityFile: key))
                == "server.key: found no certificate, expected certificates as PEM")
        #expect(
            failure(UpstreamCredentials(certificateFile: Certificates.file("stranger.crt"), keyFile: key))
                == "server.key: found a key that does not fit \(Certificates.file("stranger.crt")), "
                .replacing(Certificates.file(""), with: "") + "expected the key of the first certificate there")
    }
}
