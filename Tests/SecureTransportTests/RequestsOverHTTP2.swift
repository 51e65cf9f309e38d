import Corefile
import DNSServer
import NIOCore
import NIOEmbedded
import NIOHPACK
import NIOHTTP2
import Testing
import Text

@testable import SecureTransport

@Suite("requests over HTTP/2") struct RequestsOverHTTP2 {
    private let query: [UInt8] = [0xAB, 0xCD, 1] + [UInt8](repeating: 0, count: 14)
    private let message: [UInt8] = [0xAB, 0xCD, 0x81] + [UInt8](repeating: 5, count: 14)

    private func query(_ number: Int) -> [UInt8] { [0, UInt8(truncatingIfNeeded: number)] + query.dropFirst(2) }

    @Test("by POST, with everything a response has") func post() throws {
        let pair = try HTTP2Pair()
        let stream = pair.start("POST", "/dns-query", query)
        try pair.exchange()
        #expect(pair.queries.map(\.message) == [query])
        try pair.answer([(pair.queries[0], message)])
        let fields = [
            ":status": "200", "content-type": "application/dns-message", "cache-control": "max-age=5",
            "content-length": "17",
        ]
        let wanted = HTTP2Pair.Response(status: "200", fields: fields, body: message, pieces: [17], hasEnded: true)
        #expect(pair.response(stream) == wanted)
        #expect(!pair.isClosed)
    }

    @Test("streams whose frames come between each other's") func interleaved() throws {
        let pair = try HTTP2Pair()
        let streams = (0..<4).map { _ in pair.start(ends: false) }
        for place in query.indices {
            for (number, stream) in streams.enumerated() {
                pair.send([query(number)[place]], on: stream, ends: place == query.count - 1)
            }
            try pair.exchange()
        }
        #expect(pair.queries.map(\.message) == (0..<4).map { query($0) })
        // What is ready first is sent first, whatever was asked first.
        for number in [2, 0, 3, 1] {
            try pair.answer([(pair.queries[number], message + [UInt8(number)])])
            #expect(pair.response(streams[number])?.body == message + [UInt8(number)])
        }
    }

    @Test("a body split anywhere, into frames and into reads") func split() throws {
        let pair = try HTTP2Pair()
        for place in 0...query.count {
            let stream = pair.start(ends: false)
            pair.send(Array(query[..<place]), on: stream, ends: false)
            pair.send(Array(query[place...]), on: stream, ends: true)
            for octet in try pair.takeOutgoing() { try pair.receive([octet]) }
            let last = try #require(pair.queries.last)
            #expect(last.message == query)
            #expect(pair.queries.count == place + 1)
            try pair.answer([(last, message)])
            #expect(pair.response(stream)?.body == message)
        }
    }

    @Test("requests that end with their head") func heads() throws {
        let pair = try HTTP2Pair()
        let get = pair.start("GET", "/dns-query?dns=q80BAAAAAAAAAAAAAAAAAAA")
        let (post, head, connect) = (pair.start("POST"), pair.start("HEAD"), pair.start("CONNECT"))
        let (other, none) = (pair.start("GET", "/"), pair.start("GET"))
        try pair.exchange()
        #expect(pair.queries.map(\.message) == [query, []])
        pair.queries[1].answered(.invalid)
        try pair.answer([(pair.queries[0], message)])
        #expect(pair.response(get)?.body == message)
        let statuses = [post, head, connect, other, none].map { pair.response($0)?.status }
        #expect(statuses == ["400", "405", "404", "404", "400"])
        #expect(pair.response(head)?.body == [])
        #expect([get, post, head, connect, other, none].allSatisfy { pair.response($0)?.hasEnded == true })
    }

    @Test("fields behind a body end it") func trailers() throws {
        let pair = try HTTP2Pair()
        let stream = pair.start("POST", "/dns-query", query, ends: false)
        pair.write(.headers(.init(headers: ["checksum": "none"], endStream: true)), on: stream)
        try pair.exchange()
        try pair.answer([(pair.queries[0], message)])
        #expect(pair.response(stream)?.body == message)
    }

    @Test("requests of one read go to one loop, and their answers out by one flush, a write each")
    func together() throws {
        let pair = try HTTP2Pair()
        let streams = (0..<200).map { pair.start("POST", "/dns-query", query($0)) }
        try pair.exchange()
        #expect(pair.batches.map(\.count) == [200])
        _ = pair.takeSent()
        try pair.answer(pair.queries.reversed().map { ($0, message) })
        #expect(pair.takeSent() == (200, 1))
        #expect(streams.allSatisfy { pair.response($0)?.body == message })
        for _ in 0..<50 { pair.start("PUT") }
        try pair.exchange()
        #expect(pair.takeSent() == (50, 1))
    }

    @Test("a connection that is given up is told why") func farewell() throws {
        let pair = try HTTP2Pair()
        pair.start("POST", "/dns-query", query)
        try pair.exchange()
        // A frame of an even stream, which no client opens.
        try pair.receive([0, 0, 1, 0, 1, 0, 0, 0, 2, 7])
        try pair.exchange()
        #expect((pair.isClosed, pair.goAways) == (true, 1))
    }

    @Test("what is reset while its question waits is not answered") func reset() throws {
        let pair = try HTTP2Pair()
        let streams = (0..<3).map { pair.start("POST", "/dns-query", query($0)) }
        let half = pair.start("POST", "/dns-query", query, ends: false)
        try pair.exchange()
        pair.write(.rstStream(.cancel), on: streams[1])
        pair.write(.rstStream(.cancel), on: half)
        try pair.exchange()
        try pair.answer(pair.queries.map { ($0, message) })
        #expect(streams.map { pair.response($0)?.body } == [message, nil, message])
        // Nothing is under way: it is idle, and closed as such.
        pair.wait(pair.limits.idle - .milliseconds(1))
        #expect(!pair.isClosed)
        pair.wait(.milliseconds(1))
        #expect(pair.isClosed)
    }

    @Test("a client that takes one octet at a time") func smallWindow() throws {
        let pair = try HTTP2Pair(window: 1)
        let stream = pair.start("POST", "/dns-query", query)
        try pair.exchange()
        try pair.answer([(pair.queries[0], message)])
        for count in 1...message.count {
            #expect(pair.response(stream)?.body == Array(message[..<count]))
            #expect(pair.response(stream)?.hasEnded == (count == message.count))
            pair.write(.windowUpdate(windowSizeIncrement: 1), on: stream)
            try pair.exchange()
        }
        #expect(pair.response(stream)?.pieces == message.map { _ in 1 })
    }

    @Test("an answer larger than the windows goes on as they are widened") func largeAnswer() throws {
        let pair = try HTTP2Pair(window: 100_000)
        let large = [UInt8](repeating: 7, count: 65535)
        let streams = (0..<2).map { pair.start("POST", "/dns-query", query($0)) }
        try pair.exchange()
        try pair.answer(pair.queries.map { ($0, large) })
        let count = { streams.map { pair.response($0)?.body.count ?? 0 }.reduce(0, +) }
        #expect(count() == 65535)
        pair.write(.windowUpdate(windowSizeIncrement: 70_000), on: .rootStream)
        try pair.exchange()
        #expect(streams.map { pair.response($0)?.body } == [large, large])
    }

    @Test("what a client may send is widened again, whether it is read or skipped", arguments: ["/dns-query", "/none"])
    func uploads(_ path: String) throws {
        let pair = try HTTP2Pair()
        for number in 0..<10 {
            let stream = pair.start("POST", path, [UInt8](repeating: 1, count: 65536))
            try pair.exchange()
            guard path == "/none" else {
                #expect(pair.queries.count == number + 1)
                try pair.answer([(pair.queries[number], message)])
                continue
            }
            #expect(pair.response(stream)?.status == "404")
        }
        let long = pair.start("POST", "/dns-query", [UInt8](repeating: 1, count: 300_000))
        try pair.exchange()
        #expect(pair.response(long)?.status == "413")
        #expect(pair.response(long)?.reset == nil)
    }

    @Test("octets on a stream that was reset do not use up the window of the others") func lateOctets() throws {
        let pair = try HTTP2Pair()
        for _ in 0..<5 {
            let stream = pair.start("POST", "/none", ends: false)
            try pair.exchange()
            // The client has sent these when our reset reaches it.
            pair.send([UInt8](repeating: 1, count: 30_000), on: stream, ends: false)
            pair.wait(pair.limits.request)
            try pair.exchange()
            #expect(pair.response(stream)?.reset == .cancel)
        }
        let stream = pair.start("POST", "/dns-query", [UInt8](repeating: 1, count: 60_000))
        try pair.exchange()
        try pair.answer([(pair.queries[0], message)])
        #expect(pair.response(stream)?.body == message)
    }

    @Test("bodies that are kept have a limit for the whole connection") func unread() throws {
        let pair = try HTTP2Pair()
        for _ in 0..<7 { pair.start("POST", "/dns-query", [UInt8](repeating: 1, count: 65536), ends: false) }
        try pair.exchange()
        #expect(!pair.isClosed)
        for _ in 0..<2 { pair.start("POST", "/dns-query", [UInt8](repeating: 1, count: 65536), ends: false) }
        try pair.exchange()
        #expect(pair.isClosed)
    }

    @Test("answers that come when the connection is gone", arguments: [false, true]) func late(_ isReset: Bool) throws {
        struct Reset: Error {}
        let pair = try HTTP2Pair()
        for number in 0..<3 { pair.start("POST", "/dns-query", query(number)) }
        pair.start("POST", "/dns-query", query, ends: false)
        try pair.exchange()
        pair.queries[0].answered(.response(message))
        if isReset { pair.server.pipeline.fireErrorCaught(Reset()) } else { pair.watch.close() }
        pair.queries[1].answered(.response(message))
        pair.server.embeddedEventLoop.run()
        pair.queries[2].answered(.response(message))
        pair.wait(.hours(1))
        #expect(pair.isClosed)
        #expect(pair.watch.unread == 0)
    }

    @Test("what is late ends the connection") func deadlines() throws {
        let limits = SecureLimits()
        func isClosed(after time: TimeAmount, window: Int = 65535, _ begin: (HTTP2Pair) throws -> Void) throws -> Bool {
            let pair = try HTTP2Pair(window: window)
            try begin(pair)
            try pair.exchange()
            pair.wait(time - .milliseconds(1))
            #expect(!pair.isClosed)
            pair.wait(.milliseconds(1))
            return pair.isClosed
        }
        #expect(try isClosed(after: limits.first) { _ in })
        #expect(try isClosed(after: limits.request) { $0.start("POST", "/dns-query", [1], ends: false) })
        #expect(try isClosed(after: limits.answer) { $0.start("POST", "/dns-query", query) })
        let nothing = try isClosed(after: limits.write, window: 0) { pair in
            pair.start("POST", "/dns-query", query)
            try pair.exchange()
            try pair.answer([(pair.queries[0], message)])
        }
        #expect(nothing)
        // The one that is late counts, though others began before and after it.
        let among = try isClosed(after: limits.request - .seconds(1)) { pair in
            pair.start("POST", "/dns-query", query)
            pair.start("POST", "/dns-query", [1], ends: false)
            try pair.exchange()
            pair.wait(.seconds(1))
            pair.start("POST", "/dns-query", [1], ends: false)
        }
        #expect(among)
    }

    @Test("a request refused early is skipped for a while, then its stream alone is reset") func refused() throws {
        let pair = try HTTP2Pair()
        let (one, two) = (pair.start("PUT", ends: false), pair.start("PUT", "/dns-query", query))
        let waiting = pair.start("POST", "/dns-query", query)
        try pair.exchange()
        pair.wait(pair.limits.request)
        try pair.exchange()
        #expect([one, two].map { pair.response($0)?.status } == ["405", "405"])
        #expect([one, two, waiting].map { pair.response($0)?.reset } == [.cancel, nil, nil])
        try pair.answer([(pair.queries[0], message)])
        #expect(pair.response(waiting)?.body == message)
    }

    @Test("calls: their status stands behind the packet, or alone") func calls() throws {
        let pair = try HTTP2Pair(.grpc)
        let (path, type) = ("/coredns.dns.DnsService/Query", [("content-type", "application/grpc")])
        let call = pair.start("POST", path, PacketFrame.framed(DNSPacket.holding(query)), fields: type)
        let (other, half) = (pair.start("POST", "/x", [1], fields: type), pair.start("POST", path, [1], fields: type))
        let none = pair.start("POST", path, query)
        try pair.exchange()
        try pair.answer([(pair.queries[0], message)])
        #expect(pair.response(call)?.body == PacketFrame.framed(DNSPacket.holding(message)))
        #expect([call, other, half].map { pair.response($0)?.fields["grpc-status"] } == ["0", "12", "13"])
        #expect(pair.response(none)?.status == "415")
        #expect([call, other, half, none].allSatisfy { pair.response($0)?.hasEnded == true })
    }

    @Test("a connection that drains says so, answers what it has, and ends") func draining() throws {
        let pair = try HTTP2Pair()
        let stream = pair.start("POST", "/dns-query", query)
        try pair.exchange()
        pair.watch.drain()
        pair.wait(.seconds(1))
        try pair.exchange()
        #expect(pair.goAways == 1)
        #expect(!pair.isClosed)
        try pair.answer([(pair.queries[0], message)])
        #expect(pair.response(stream)?.body == message)
        pair.wait(.seconds(1))
        #expect(pair.isClosed)
    }

    @Test("a request that crosses the goodbye on its way is answered, too") func crossing() throws {
        let pair = try HTTP2Pair()
        let stream = pair.start("POST", "/dns-query", query)
        try pair.exchange()
        pair.watch.drain()
        let late = pair.start("POST", "/dns-query", query)
        try pair.exchange()
        #expect((pair.goAways, pair.isClosed) == (1, false))
        try pair.answer(pair.queries.map { ($0, message) })
        #expect([stream, late].map { pair.response($0)?.body } == [message, message])
        pair.wait(.seconds(1))
        #expect(pair.isClosed)
    }

    @Test("whatever a client sends, the connection goes on or ends", arguments: UInt64(0)..<20)
    func nonsense(_ seed: UInt64) throws {
        var random = SeededRandom(seed: seed)
        for _ in 0..<20 {
            let pair = try HTTP2Pair(window: Int.random(in: 0...40, using: &random))
            for number in 0..<6 {
                let stream = pair.start("POST", "/dns-query", query(number), ends: Bool.random(using: &random))
                if Bool.random(using: &random) { pair.write(.rstStream(.cancel), on: stream) }
            }
            var octets = try pair.takeOutgoing()
            for _ in 0..<Int.random(in: 0...4, using: &random) {
                octets[Int.random(in: 0..<octets.count, using: &random)] = UInt8.random(in: 0...255, using: &random)
            }
            let place = Int.random(in: 0...octets.count, using: &random)
            try? pair.receive(octets[..<place])
            try? pair.answer(pair.queries.map { ($0, message) })
            try? pair.receive(octets[place...])
            try? pair.answer(pair.queries.map { ($0, message) })
            pair.wait(.hours(1))
            #expect(pair.isClosed)
        }
    }
}
