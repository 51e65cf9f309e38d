import Corefile
import DNSServer
import DNSWire
import EventLoop
import NIOCore
import NIOEmbedded
import Synchronization
import Telemetry
import Testing

@testable import SecureTransport

/// One below, at, and one above the most that is taken.
@Suite("limits of one encrypted connection") struct ConnectionLimits {
    private static let taken = [true, true, false]

    /// One connection in memory whose queries the test answers, and whose responses leave when the test says so.
    private final class Connection {
        private final class Held: ChannelOutboundHandler {
            typealias OutboundIn = ByteBuffer
            typealias OutboundOut = ByteBuffer
            var holds = false
            private var writes: [EventLoopPromise<Void>?] = []

            func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
                guard holds else { return context.write(data, promise: promise) }
                writes.append(promise)
            }
        }

        private final class Asked: Sendable {
            let queries = Mutex<[TransportQuery]>([])
        }

        let channel: EmbeddedChannel
        private let asked = Asked()
        private let held = Held()

        init(_ scheme: ServerScheme, limits: SecureLimits = SecureLimits()) throws {
            let address = SecureEndpoint.Address(IPAddress(v4: 0xC000_0201), port: 853)
            let asked = asked
            let entrance = Entrance(
                place: SecureEndpoint.Place(scheme: scheme, address: address), metrics: MetricRegistry(),
                limits: limits
            ) { queries in asked.queries.withLock { $0 += queries } }
            let watch = ConnectionWatch(Connections(entrance), limits, ConnectionUse())
            channel = EmbeddedChannel(handlers: [held, watch])
            channel.connect(to: try NIOCore.SocketAddress(unixDomainSocketPath: "/"), promise: nil)
            let setUp = ConnectionSetUp(
                entrance: entrance, client: Client(address: address, isEncrypted: true), watch: watch)
            if scheme == .tls { try setUp.speakFrames(channel) } else { try setUp.speakHTTP1(channel) }
        }

        var queries: [TransportQuery] { asked.queries.withLock { $0 } }

        /// The octets come in one read; what is wrong with them is the server's to say.
        func receive(_ octets: [UInt8]) { _ = try? channel.writeInbound(ByteBuffer(bytes: octets)) }

        func holdResponses() { held.holds = true }

        func answer(_ number: Int, _ size: Int) {
            queries[number].answered(.response([UInt8](repeating: 0, count: size)))
            channel.embeddedEventLoop.run()
        }

        /// The status of an HTTP response; nil while there is none.
        func status() throws -> String? {
            var said = ""
            while let part = try channel.readOutbound(as: ByteBuffer.self) { said += String(buffer: part) }
            return said.split(separator: " ").dropFirst().first.map(String.init)
        }
    }

    // MARK: Framed messages

    /// So many queries of twelve octets.
    private func frames(_ count: Int) -> [UInt8] {
        (0..<count).flatMap { _ in [0, 12] + [UInt8](repeating: 0, count: 12) }
    }

    @Test("64 queries are under way at once", arguments: [(63, 63), (64, 64), (65, 64)])
    func pipelined(_ sent: Int, _ begun: Int) throws {
        let connection = try Connection(.tls)
        connection.receive(frames(sent))
        #expect(connection.queries.count == begun)
        connection.answer(0, 12)
        #expect(connection.queries.count == sent)
    }

    @Test(
        "as many queries as maxtcpqueries says, then it ends", arguments: [(2, 2, true), (3, 3, false), (4, 3, false)])
    func queries(_ sent: Int, _ taken: Int, _ staysOpen: Bool) throws {
        var limits = SecureLimits()
        limits.queries = 3
        let connection = try Connection(.tls, limits: limits)
        connection.receive(frames(sent))
        #expect(connection.queries.count == taken)
        for number in 0..<taken { connection.answer(number, 12) }
        #expect(connection.channel.isActive == staysOpen)
    }

    @Test("with 128 KiB of responses unread no further query is taken", arguments: [(-1, 3), (0, 2), (1, 2)])
    func unsent(_ over: Int, _ begun: Int) throws {
        let connection = try Connection(.tls)
        connection.holdResponses()
        connection.receive(frames(2))
        // Each with two octets in front.
        connection.answer(0, 65_535)
        connection.answer(1, 131_072 + over - 65_535 - 4)
        connection.receive(frames(1))
        #expect(connection.queries.count == begun)
    }

    // MARK: HTTP/1.1

    /// The status of what is said to a request.
    private func status(_ request: String) throws -> String? {
        let connection = try Connection(.https)
        connection.receive(Array(request.utf8))
        return try connection.status()
    }

    /// A request that is 404 as soon as its head is understood.
    private func head(_ fields: [String]) -> String {
        "GET /none HTTP/1.1\r\nHost: x\r\n" + fields.map { $0 + "\r\n" }.joined() + "\r\n"
    }

    @Test("64 header fields") func fields() throws {
        let taken = try (64 - 2...64).map { count in
            try status(head(Array(repeating: "a: b", count: count))) == "404"
        }
        #expect(taken == Self.taken)
    }

    @Test("a path, a field's name and its value: 96 KiB each") func parts() throws {
        func taken(_ request: (String) -> String) throws -> [Bool] {
            try (98_303...98_305).map { try status(request(String(repeating: "p", count: $0))) == "404" }
        }
        #expect(try taken { "GET /\($0.dropFirst()) HTTP/1.1\r\nHost: x\r\n\r\n" } == Self.taken)
        #expect(try taken { head(["\($0): b"]) } == Self.taken)
        #expect(try taken { head(["a: \($0)"]) } == Self.taken)
    }

    @Test("a head of 128 KiB: path, names and values") func headSize() throws {
        let first = "a: " + String(repeating: "v", count: 65_535)
        let taken = try (131_071...131_073).map { size in
            // `/none`, `Host`, `x` and the name of the second.
            try status(head([first, "b: " + String(repeating: "v", count: size - 65_536 - 11)])) == "404"
        }
        #expect(taken == Self.taken)
    }

    @Test("a body of 65,536 octets, its length said before or not", arguments: [true, false])
    func body(_ hasLength: Bool) throws {
        let statuses = try (65_535...65_537).map { size in
            let body = String(repeating: "b", count: size)
            let head = "POST /dns-query HTTP/1.1\r\nHost: x\r\n"
            return try status(
                hasLength
                    ? "\(head)Content-Length: \(size)\r\n\r\n\(body)"
                    : "\(head)Transfer-Encoding: chunked\r\n\r\n\(String(size, radix: 16))\r\n\(body)\r\n0\r\n\r\n")
        }
        #expect(statuses == [nil, nil, "413"])
    }

    // MARK: HTTP/2

    @Test("a body on a stream: 65,536 octets of a message, 65,544 of a call")
    func streamBody() throws {
        for (scheme, path, most) in [
            (ServerScheme.https, "/dns-query", 65_536), (.grpc, DNSOverGRPC.path, 65_544),
        ] {
            let fields = scheme == .grpc ? [("content-type", "application/grpc"), ("te", "trailers")] : []
            let isTooLong = try (most - 1...most + 1).map { size in
                let pair = try HTTP2Pair(scheme)
                let stream = pair.start("POST", path, [UInt8](repeating: 1, count: size), ends: false, fields: fields)
                try pair.exchange()
                return pair.response(stream)?.status != nil
            }
            #expect(isTooLong == [false, false, true])
        }
    }

    @Test("bodies that are kept: 512 KiB on all streams") func unread() throws {
        let isOpen = try (524_287...524_289).map { size in
            let pair = try HTTP2Pair()
            var left = size
            while left > 0 {
                let part = min(left, 65_536)
                pair.start("POST", "/dns-query", [UInt8](repeating: 1, count: part), ends: false)
                try pair.exchange()
                left -= part
            }
            #expect(pair.isClosed || pair.watch.unread == size)
            return !pair.isClosed
        }
        #expect(isOpen == Self.taken)
    }

    @Test("a header list of 16 KiB, as HPACK counts it") func headerList() throws {
        let taken = try (16_383...16_385).map { size in
            let pair = try HTTP2Pair()
            // Names and values, and 32 octets for each: those that every request has, and one more.
            let others = 42 + 44 + 50 + 42
            let stream = pair.start(
                "GET", "/none", fields: [("a", String(repeating: "v", count: size - others - 33))])
            try pair.exchange()
            return pair.response(stream)?.status == "404"
        }
        #expect(taken == Self.taken)
    }
}
