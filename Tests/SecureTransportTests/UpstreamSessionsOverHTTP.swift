import Corefile
import DNSServer
import DNSWire
import EventLoop
import NIOCore
import NIOHPACK
import NIOHTTP2
import Testing
import Text

@testable import SecureTransport

@Suite("sessions with upstreams over HTTP/2") struct UpstreamSessionsOverHTTP {
    /// What a server does with a request.
    private enum Reaction {
        /// One head, then this body in pieces, then these trailers.
        case reply(HPACKHeaders, [UInt8] = [], trailers: HPACKHeaders? = nil)
        case reset
        case silence
        case goAway
    }

    /// A server that reacts to each whole request as it is told.
    private final class Server: ChannelInboundHandler {
        typealias InboundIn = HTTP2Frame
        typealias OutboundOut = HTTP2Frame
        private(set) var heads: [HPACKHeaders] = []
        private(set) var bodies: [[UInt8]] = []
        private(set) var resets = 0
        private let react: (Int) -> Reaction

        init(_ react: @escaping (Int) -> Reaction) { self.react = react }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            let frame = unwrapInboundIn(data)
            switch frame.payload {
            case .headers(let headers):
                heads.append(headers.headers)
                bodies.append([])
                if headers.endStream { answer(frame.streamID, context) }
            case .data(let data):
                if case .byteBuffer(let octets) = data.data { bodies[bodies.count - 1] += octets.readableBytesView }
                if data.endStream { answer(frame.streamID, context) }
            case .rstStream: resets += 1
            default: break
            }
        }

        private func answer(_ stream: HTTP2StreamID, _ context: ChannelHandlerContext) {
            func write(_ payload: HTTP2Frame.FramePayload, _ stream: HTTP2StreamID) {
                context.write(wrapOutboundOut(HTTP2Frame(streamID: stream, payload: payload)), promise: nil)
            }
            switch react(heads.count - 1) {
            case .reply(let head, let body, let trailers):
                write(.headers(.init(headers: head, endStream: body.isEmpty && trailers == nil)), stream)
                for start in Swift.stride(from: 0, to: body.count, by: 16000) {
                    let piece = Array(body[start..<min(start + 16000, body.count)])
                    let isLast = start + piece.count == body.count && trailers == nil
                    write(.data(.init(data: .byteBuffer(ByteBuffer(bytes: piece)), endStream: isLast)), stream)
                }
                if let trailers { write(.headers(.init(headers: trailers, endStream: true)), stream) }
            case .reset: write(.rstStream(.refusedStream), stream)
            case .silence: break
            case .goAway:
                write(.goAway(lastStreamID: .rootStream, errorCode: .noError, opaqueData: nil), .rootStream)
            }
            context.flush()
        }
    }

    private struct Pair {
        let session: any UpstreamSession
        let far: FarEnd
        let server: Server

        func ask(_ message: [UInt8]) -> [UpstreamEvent] {
            session.ask(message)
            return far.exchange(with: session)
        }
    }

    private func pair(
        _ scheme: ServerScheme, get: Bool = false, isEncrypted: Bool = true, protocols: [String] = ["h2"],
        _ react: @escaping (Int) -> Reaction
    ) throws -> Pair {
        let credentials = UpstreamCredentials(authorityFile: Certificates.file("authority.crt"))
        let address = UpstreamTarget.Address(IPAddress(v4: 0xC000_0201), port: 443)
        let session = try SecureUpstreams(
            UpstreamSessionSettings(
                schemes: [scheme], credentials: isEncrypted ? credentials : nil, asksByGET: get)
        ).session(with: UpstreamTarget(address, scheme: scheme, serverName: "dns.test"))
        let server = Server(react)
        let http = NIOHTTP2Handler(mode: .server)
        let handlers: [any ChannelHandler] = isEncrypted ? [try Certificates.server(protocols)] : []
        return Pair(session: session, far: try FarEnd(handlers + [http, server]), server: server)
    }

    private static let dns: HPACKHeaders = [":status": "200", "content-type": "application/dns-message"]
    private static let rpc: HPACKHeaders = [":status": "200", "content-type": "application/grpc"]
    private let query: [UInt8] = [0xAB, 0xCD, 1] + [UInt8](repeating: 0, count: 14)
    private let reply: [UInt8] = [0, 0, 0x81] + [UInt8](repeating: 5, count: 14)
    /// The reply with the id of the query.
    private var answer: [UInt8] { [0xAB, 0xCD] + reply.dropFirst(2) }

    @Test("by POST: the id is 0 on the way, and the query's own again in the response") func post() throws {
        let pair = try pair(.https) { _ in .reply(Self.dns, reply) }
        #expect(pair.ask(query) == [.response(answer)])
        let head = try #require(pair.server.heads.first)
        #expect(head.first(name: ":method") == "POST")
        #expect(head.first(name: ":authority") == "dns.test")
        #expect(head.first(name: ":path") == "/dns-query")
        #expect(head.first(name: "content-type") == "application/dns-message")
        #expect(pair.server.bodies.first == [0, 0] + query.dropFirst(2))
        #expect(pair.ask(query) == [.response(answer)])
    }

    @Test("by GET: the query stands in the path") func get() throws {
        let pair = try pair(.https, get: true) { _ in .reply(Self.dns, reply) }
        #expect(pair.ask(query) == [.response(answer)])
        let head = try #require(pair.server.heads.first)
        #expect(head.first(name: ":path") == "/dns-query?dns=AAABAAAAAAAAAAAAAAAAAAA")
        #expect(head.first(name: "content-length") == nil)
    }

    @Test("what is no DNS message fails the one question") func refusals() throws {
        let reactions: [Reaction] = [
            .reply([":status": "503"]), .reply([":status": "200", "content-type": "text/html"], [1, 2, 3]),
            .reply(Self.dns, [1, 2, 3]), .reset, .reply([":status": "200"]),
            .reply(Self.dns, [UInt8](repeating: 0, count: 70_000)), .reply(Self.dns, reply),
        ]
        let pair = try pair(.https) { reactions[$0] }
        let id: UInt16 = 0xABCD
        #expect(pair.ask(query) == [.refused(id, reason: "status 503")])
        #expect(pair.ask(query) == [.refused(id, reason: "content of type text/html")])
        #expect(pair.ask(query) == [.refused(id, reason: "short message")])
        #expect(pair.ask(query) == [.lost(id, reason: "stream closed")])
        #expect(pair.ask(query) == [.refused(id, reason: "content of type nothing")])
        #expect(pair.ask(query) == [.refused(id, reason: "response too long")])
        #expect(pair.ask(query) == [.response(answer)])
    }

    @Test("a response is as long as a message may be, 65,535 octets", arguments: [ServerScheme.https, .grpc])
    func longest(_ scheme: ServerScheme) throws {
        func asked(_ size: Int) throws -> [UpstreamEvent] {
            let message = reply + [UInt8](repeating: 0, count: size - reply.count)
            let pair = try pair(scheme) { _ in
                scheme == .https
                    ? .reply(Self.dns, message)
                    : .reply(
                        Self.rpc, PacketFrame.framed(DNSPacket.holding(message)), trailers: ["grpc-status": "0"])
            }
            return pair.ask(query)
        }
        for size in [65_534, 65_535] {
            #expect(try asked(size) == [.response(answer + [UInt8](repeating: 0, count: size - answer.count))])
        }
        #expect(try asked(65_536) == [.refused(0xABCD, reason: "response too long")])
    }

    @Test("long responses do not use the window up") func windows() throws {
        let long = reply + [UInt8](repeating: 9, count: 60_000)
        let pair = try pair(.https) { _ in .reply(Self.dns, long) }
        for _ in 0..<20 { #expect(pair.ask(query) == [.response([0xAB, 0xCD] + long.dropFirst(2))]) }
    }

    @Test("responses to questions that were taken back do not use the window up either") func lateWindows() throws {
        let long = reply + [UInt8](repeating: 9, count: 8_000)
        let pair = try pair(.https) { _ in .reply(Self.dns, long) }
        let wanted = [UpstreamEvent.response([0xAB, 0xCD] + long.dropFirst(2))]
        #expect(pair.ask(query) == wanted)
        for _ in 0..<40 {
            pair.session.ask(query)
            // The server answers before it hears that nobody waits.
            withBytes(pair.session.takeOutgoing()) { pair.far.pipeline.receive($0) }
            pair.session.forget(0xABCD)
            #expect(pair.far.exchange(with: pair.session) == [])
        }
        #expect(pair.ask(query) == wanted)
    }

    @Test("a question that is not wanted any more is taken back") func forgotten() throws {
        let pair = try pair(.https) { _ in .silence }
        #expect(pair.ask(query) == [])
        pair.session.forget(0xABCD)
        #expect(pair.far.exchange(with: pair.session) == [])
        #expect(pair.server.resets == 1)
    }

    @Test("a server that goes away loses what it did not take, and is asked nothing more") func goingAway() throws {
        let pair = try pair(.https) { _ in .goAway }
        #expect(pair.ask(query) == [.lost(0xABCD, reason: "stream closed")])
        #expect(!pair.session.takesQueries)
    }

    @Test("a server that does not speak HTTP/2 is the wrong one") func noHTTP2() throws {
        let pair = try pair(.https, protocols: []) { _ in .silence }
        #expect(
            pair.ask(query).last
                == .ended(UpstreamSessionEnd("tls: upstream does not speak h2", isRejection: true)))
    }

    @Test("whatever a server sends, the session goes on or ends", arguments: UInt64(0)..<20)
    func nonsense(_ seed: UInt64) throws {
        var random = SeededRandom(seed: seed)
        for _ in 0..<20 {
            let pair = try pair(.grpc, isEncrypted: false) { _ in
                .reply(Self.rpc, PacketFrame.framed(DNSPacket.holding(reply)), trailers: ["grpc-status": "0"])
            }
            for number in 0..<3 {
                pair.session.ask([0, UInt8(number)] + query.dropFirst(2))
                withBytes(pair.session.takeOutgoing()) { pair.far.pipeline.receive($0) }
                var octets = pair.far.pipeline.takeOutgoing()
                for _ in 0..<Int.random(in: 0...3, using: &random) where !octets.isEmpty {
                    octets[Int.random(in: 0..<octets.count, using: &random)] = UInt8.random(in: 0...255, using: &random)
                }
                if Bool.random(using: &random) { octets.removeLast(min(octets.count, 5)) }
                withBytes(octets) { if $0.count > 0 { pair.session.take($0) } }
                while let event = pair.session.next() {
                    if case .ended = event { break }
                }
            }
            pair.session.forget(1)
            _ = pair.session.takeOutgoing()
            pair.session.end()
            pair.far.pipeline.close()
        }
    }

    @Test("calls of CoreDNS' service, in clear text and not", arguments: [true, false])
    func calls(_ isEncrypted: Bool) throws {
        let id: UInt16 = 0xABCD
        let reactions: [Reaction] = [
            .reply(Self.rpc, PacketFrame.framed(DNSPacket.holding(reply)), trailers: ["grpc-status": "0"]),
            .reply([":status": "200", "content-type": "application/grpc", "grpc-status": "5"]),
            .reply(Self.rpc, trailers: ["grpc-status": "14", "grpc-message": "away"]),
            .reply(Self.rpc, [0, 0, 0, 0, 9], trailers: ["grpc-status": "0"]), .reply(Self.rpc, [1]),
            .reply([":status": "404"]),
        ]
        let pair = try pair(.grpc, isEncrypted: isEncrypted) { reactions[$0] }
        #expect(pair.ask(query) == [.response(answer)])
        #expect(pair.server.bodies.first == PacketFrame.framed(DNSPacket.holding(query)))
        let head = try #require(pair.server.heads.first)
        #expect(head.first(name: ":scheme") == (isEncrypted ? "https" : "http"))
        #expect(head.first(name: ":path") == "/coredns.dns.DnsService/Query")
        #expect(head.first(name: "te") == "trailers")
        // NotFound is NXDOMAIN.
        #expect(pair.ask(query) == [.response([0xAB, 0xCD, 0x81, 3] + query.dropFirst(4))])
        #expect(pair.ask(query) == [.refused(id, reason: "rpc error: code 14: away")])
        #expect(pair.ask(query) == [.refused(id, reason: "no DnsPacket")])
        #expect(pair.ask(query) == [.refused(id, reason: "rpc error: code missing")])
        #expect(pair.ask(query) == [.refused(id, reason: "status 404")])
    }
}
