import DNSServer
import DNSWire
import Synchronization
import TestKit
import Testing

@Suite("answers of several messages") struct Streams {
    /// Gives so many further messages, each with its number as an address.
    private final class Numbers: MessageSource {
        private let last: Int
        private var next = 1

        init(_ last: Int) { self.last = last }

        func fill(_ response: inout MessageWriter) -> Bool {
            withBytes([192, 0, 2, UInt8(next)]) { data in
                _ = response.appendRecord(owner: 12, type: .a, ttl: 5, data: data, in: .answer)
            }
            next += 1
            return next <= last
        }
    }

    private static func server(
        _ messages: Int, limits: StreamLimits = StreamLimits(), waiting: Waiting = Waiting()
    ) throws -> MemoryServer {
        try MemoryServer(
            blocks: [
                ScriptedBlock(
                    ".",
                    scripts: [
                        Script("waits.test. A", asks: "inner.test. A") { _, exchange in
                            exchange.continuation = Numbers(messages)
                            return exchange.answer("192.0.2.0")
                        },
                        Script("inner.test. A") { _ in waiting.park() },
                        Script { exchange in
                            exchange.continuation = Numbers(messages)
                            return exchange.answer("192.0.2.0")
                        },
                    ])
            ], waiting: waiting, limits: limits)
    }

    private static func begin(_ dns: MemoryServer, _ question: String = "a.test. A", takesStreams: Bool = true)
        -> MemoryServer.Asked
    {
        dns.begin(ClientQuery(question).octets, over: .tcp, takesStreams: takesStreams)
    }

    /// The next message and whether there are more, as text; nil when the answer took too long.
    private static func next(_ dns: MemoryServer, _ stream: TransportStream) -> String? {
        let taken = Mutex<String?>(nil)
        stream.next { message in
            taken.withLock { $0 = message.map { "\(WireText.text($0.message)) \($0.isMore)" } }
        }
        dns.settle()
        return taken.withLock { $0 }
    }

    @Test("the first message is the handler's own; the others come as they are asked for") func messages() throws {
        let dns = try Self.server(2)
        let asked = Self.begin(dns)
        #expect(asked.text == "NOERROR aa\na.test. 60 A 192.0.2.0")
        let stream = try #require(asked.stream)
        #expect(Self.next(dns, stream) == "NOERROR aa\na.test. 5 A 192.0.2.1 true")
        #expect(Self.next(dns, stream) == "NOERROR aa\na.test. 5 A 192.0.2.2 false")
        #expect(Self.next(dns, stream) == nil)
    }

    @Test("each message has the id and the question of the query") func header() throws {
        let dns = try Self.server(1)
        let stream = try #require(Self.begin(dns).stream)
        let taken = Mutex<[UInt8]>([])
        stream.next { message in taken.withLock { $0 = message?.message ?? [] } }
        dns.settle()
        let query = ClientQuery("a.test. A").octets
        let octets = taken.withLock { $0 }
        #expect(octets.prefix(2) == query.prefix(2))
        #expect(octets.dropFirst(12).prefix(12) == query.dropFirst(12))
    }

    @Test("a client that takes one message only is refused, and told the question") func oneMessage() throws {
        let dns = try Self.server(2)
        let asked = Self.begin(dns, takesStreams: false)
        #expect(asked.text == "REFUSED")
        #expect(asked.octets?.dropFirst(12) == ClientQuery("a.test. A").octets.dropFirst(12))
    }

    @Test("so is who asks over UDP") func datagram() throws {
        let dns = try Self.server(2)
        let asked = dns.begin(ClientQuery("a.test. A").octets)
        #expect(asked.text == "REFUSED")
        #expect(asked.stream == nil)
    }

    @Test("and whose query waited") func waited() throws {
        let waiting = Waiting()
        let dns = try Self.server(2, waiting: waiting)
        let asked = Self.begin(dns, "waits.test. A")
        waiting.fail()
        #expect(asked.text == "REFUSED")
        #expect(asked.stream == nil)
    }

    @Test("an answer that takes too long ends") func tooLate() throws {
        var limits = StreamLimits()
        limits.streamedAnswer = 30_000_000_000
        let dns = try Self.server(100, limits: limits)
        let stream = try #require(Self.begin(dns).stream)
        dns.advance(.seconds(29))
        #expect(Self.next(dns, stream) != nil)
        dns.advance(.seconds(2))
        #expect(Self.next(dns, stream) == nil)
    }

    @Test("as many may be under way as the limit says: one that ends, or is let go of, makes room")
    func limit() throws {
        var limits = StreamLimits()
        limits.streamedAnswers = 2
        var mayStream: [Bool] = []
        let dns = try Self.server(1, limits: limits)
        func look() { mayStream.append(dns.mayStream) }
        look()
        var one = Self.begin(dns).stream
        #expect(one != nil)
        look()
        let two = try #require(Self.begin(dns).stream)
        look()
        #expect(Self.next(dns, two)?.hasSuffix(" false") == true)
        look()
        let three = try #require(Self.begin(dns).stream)
        look()
        #expect(one != nil)
        one = nil
        dns.settle()
        look()
        #expect(mayStream == [true, true, false, true, false, true])
        _ = three
    }
}
