import DNSServer
import DNSWire
import EventLoop
import Foundation
import Telemetry
import TestKit
import Testing

@testable import Plugins

/// Ports and ids of queries: as hard to guess as a fresh port for each (RFC 5452), at a fraction of the cost.
@Suite("forward: from which ports upstreams are asked") struct ForwardPorts {
    private static let address = "192.0.2.1"

    private func right(_ query: ReceivedQuery) -> [UInt8] { query.reply([.a(query.parsed.name, Self.address)]) }

    private func server(_ script: @escaping ScriptedUpstream.Script) throws -> MemoryServer {
        try MemoryServer("forward . @UPSTREAM@", upstream: script)
    }

    /// Asks for so many names; the ports that their queries came from.
    private func ask(_ server: MemoryServer, _ count: Int) -> [UInt16] {
        let before = server.queries.count
        for number in 0..<count {
            #expect(server.ask("n\(before + number).test. A").hasSuffix("A \(Self.address)"))
        }
        return server.queries[before...].compactMap(\.peer?.port)
    }

    @Test("a port takes 32 to 96 questions, and eight are open at a time")
    func questions() throws {
        let sink = try DatagramServerSocket(boundTo: TestPorts.next())
        let pool = try Pool(connectedTo: sink.localAddress)
        let ports = try pool.portsOf(questions: 4000)
        // The kernel may pick a number twice, so ports are told apart by what stands for them here.
        let uses = Dictionary(ports.map { (ObjectIdentifier($0), 1) }, uniquingKeysWith: +)
        let usedUp = uses.filter { use in !pool.isOpen(use.key) }
        #expect(usedUp.count >= 4000 / 96 - 8)
        #expect(usedUp.values.allSatisfy { (32...96).contains($0) }, "\(usedUp.values)")
        #expect(pool.openPorts <= 8)
        for start in stride(from: 0, to: 3900, by: 100) {
            #expect(Set(ports[start..<(start + 100)].map(ObjectIdentifier.init)).count > 1)
        }
    }

    @Test("a port lives one to three seconds")
    func life() throws {
        let sink = try DatagramServerSocket(boundTo: TestPorts.next())
        let pool = try Pool(connectedTo: sink.localAddress)
        for _ in 0..<200 {
            for attempt in pool.ask(1) { attempt.attempt.cancel() }
            pool.turn()
        }
        let opened = pool.openPorts
        #expect(opened > 1)
        pool.clock.now += 999_000_000
        pool.turn()
        #expect(pool.openPorts == opened)
        pool.clock.now += 2_001_000_000
        pool.turn()
        #expect(pool.openPorts == 0)
    }

    @Test("after a reply that fits no query each question has a fresh port, for ten seconds")
    func suspicion() throws {
        let server = try server { query in
            guard query.number == 5 else { return [right(query)] }
            var forged = query.reply([.a(query.parsed.name, "192.0.2.66")])
            forged[1] ^= 1
            return [forged, right(query)]
        }
        #expect(Set(ask(server, 6)).count <= 6)
        #expect(server.metric("coredns_forward_mismatched_replies_total") == "1")
        let fresh = ask(server, 40)
        #expect(Set(fresh).count > 30, "a number may come twice by chance")
        server.advance(.seconds(10))
        #expect(Set(ask(server, 40)).count <= 8)
    }

    @Test("a reply that comes twice, or late, is no forgery")
    func repeated() throws {
        let server = try server { query in query.number == 3 ? [] : [right(query), right(query)] }
        _ = ask(server, 3)
        let late = server.begin("late.test. A")
        server.advance(.seconds(3))
        #expect(late.text.hasPrefix("NOERROR"), "asked once more")
        #expect(Set(ask(server, 40)).count <= 8)
        #expect(server.metric("coredns_forward_mismatched_replies_total") != "0")
    }

    @Test("a port by which no reply came takes no more questions")
    func silent() throws {
        let sink = try DatagramServerSocket(boundTo: TestPorts.next())
        let pool = try Pool(connectedTo: sink.localAddress)
        // Those that live longer than the time to wait for a reply, which is a second here.
        let attempts = pool.ask(1)
        pool.turn()
        #expect(pool.openPorts == 1)
        pool.clock.now += 1_000_000_000
        pool.turn()
        #expect(attempts[0].owner.text == "read udp \(pool.label): i/o timeout")
        #expect(pool.openPorts == 0)
    }

    @Test("eight forged replies to one port: who waits there asks over TCP", arguments: [6, 7, 8, 9])
    func guesses(_ count: Int) throws {
        let server = try server { query in
            guard query.transport == .udp else { return [right(query)] }
            let guesses = (0..<count).map { guess in
                var forged = query.reply([.a(query.parsed.name, "192.0.2.66")])
                forged[0] ^= UInt8(1 + guess)
                return forged
            }
            return guesses + [right(query)]
        }
        #expect(server.ask("a.test. A") == "NOERROR\na.test. 300 A 192.0.2.1")
        #expect(server.queries.map(\.transport) == (count < 8 ? [.udp] : [.udp, .tcp]))
    }

    /// A reply with another id, and the right one, for the first so many questions.
    private func forged(_ count: Int) throws -> MemoryServer {
        let server = try server { query in
            var forged = query.reply([.a(query.parsed.name, "192.0.2.66")])
            forged[0] ^= 1
            return query.number < count ? [forged, right(query)] : [right(query)]
        }
        _ = ask(server, count)
        #expect(server.queries.allSatisfy { $0.transport == .udp })
        return server
    }

    @Test("sixty-three forged replies in ten seconds do not take questions to TCP", arguments: [62, 63])
    func fewForged(_ count: Int) throws {
        let server = try forged(count)
        _ = ask(server, 10)
        #expect(server.queries.allSatisfy { $0.transport == .udp })
    }

    @Test("sixty-four forged replies in ten seconds: questions go over TCP, until it is quiet")
    func flood() throws {
        let server = try forged(64)
        _ = ask(server, 10)
        #expect(server.queries.suffix(10).allSatisfy { $0.transport == .tcp })
        server.advance(.seconds(10))
        _ = ask(server, 10)
        #expect(server.queries.suffix(10).allSatisfy { $0.transport == .udp })
    }

    @Test("who waits on a port that nobody listens at any more is told at once")
    func refused() throws {
        let pool = try Pool(connectedTo: TestPorts.next())
        let attempts = pool.ask(20)
        pool.turn()
        #expect(attempts.allSatisfy { $0.owner.text == "read udp \(pool.label): read: connection refused" })
    }

    @Test("a million questions: ports and ids are those of chance")
    func distribution() throws {
        #if DEBUG
            let batches = 1 << 11
        #else
            let batches = 1 << 15
        #endif
        let sink = try DatagramServerSocket(boundTo: TestPorts.next())
        let pool = try Pool(connectedTo: sink.localAddress)
        var ids: [UInt16] = []
        var ports: [UInt16] = []
        for _ in 0..<batches {
            let attempts = pool.ask(32)
            pool.turn()
            for slot in 0..<sink.receive() {
                let port = sink.peer(slot).port
                unsafe ids.append(UInt16(sink.query(slot)[0]) << 8 | UInt16(sink.query(slot)[1]))
                if ports.last != port { ports.append(port) }
            }
            for attempt in attempts { attempt.attempt.cancel() }
            pool.clock.now += 10_000_000
        }
        #expect(ids.count == batches * 32)
        // Uniform: chi-square lies within five deviations of its mean for all but one in 1.7 million runs.
        let cells = 4096
        let deviation = Statistics.chiSquare(ids.map { (Int($0) * cells) >> 16 }, cells: cells)
        #expect(abs(deviation) < 5, "ids: \(deviation) deviations from the mean")
        #expect(abs(Statistics.correlation(ids)) < 5 / Double(ids.count).squareRoot(), "an id tells of the next")

        let range = try String(contentsOfFile: "/proc/sys/net/ipv4/ip_local_port_range", encoding: .utf8)
            .split(whereSeparator: \.isWhitespace).compactMap { Int($0) }
        let (low, high) = (range[0], range[1])
        let opened = Array(Set(ports)).map { (Int($0) - low) * 16 / (high - low + 1) }
        #expect(ports.allSatisfy { (low...high).contains(Int($0)) })
        #expect(Set(ports).count > batches / 8, "\(Set(ports).count) ports for \(ids.count) questions")
        let spread = Statistics.chiSquare(opened, cells: 16)
        #expect(spread < 6, "ports: \(spread) deviations from the mean")
        #expect(abs(Statistics.correlation(ports)) < 5 / Double(ports.count).squareRoot(), "a port tells of the next")
    }
}

/// The ports of one upstream, on a clock that is set.
private final class Pool {
    final class Clock { var now: UInt64 = 1_000_000_000 }
    final class Owner: AttemptOwner {
        var text: String?
        func attemptEnded(_ outcome: AttemptOutcome) {
            if case .failed(let failure) = outcome { text = failure.text }
        }
    }

    let clock = Clock()
    let label: String
    private let loop: EventLoop
    private let side: ForwardLoopSide
    private let upstream: Upstream
    private let query: UpstreamQuery

    init(connectedTo address: SocketAddress) throws {
        let clock = clock
        loop = try EventLoop(index: 0) { clock.now }
        side = ForwardLoopSide(loop: loop, meter: UpstreamMeter(.forward, MetricRegistry()))
        upstream = Upstream(UpstreamTarget(address), nil)
        label = address.description
        query = withBytes([1, 97, 0]) { UpstreamQuery(name: $0, type: .a, class: 1) }
    }

    var openPorts: Int { side.datagrams(upstream).openPorts }

    func isOpen(_ port: ObjectIdentifier) -> Bool {
        ports.contains { ObjectIdentifier($0) == port && $0.takesQuestions }
    }

    private var ports: [DatagramPort] = []

    /// Asks so many questions, one a turn; the port of each.
    func portsOf(questions: Int) throws -> [DatagramPort] {
        for _ in 0..<questions {
            let attempt = DatagramAttempt(upstream, query, edns: true, on: side, owner: Owner())
            let (port, id) = try side.datagrams(upstream).ask(attempt)
            ports.append(port)
            loop.turn(longestWait: 0)
            port.leave(id)
        }
        return ports
    }

    func ask(_ count: Int) -> [(attempt: DatagramAttempt, owner: Owner)] {
        (0..<count).map { _ in
            let owner = Owner()
            let attempt = DatagramAttempt(upstream, query, edns: true, on: side, owner: owner)
            attempt.start(timeout: 1_000_000_000)
            return (attempt, owner)
        }
    }

    func turn() {
        for _ in 0..<4 { loop.turn(longestWait: 0) }
    }
}

/// How far numbers are from chance.
enum Statistics {
    /// Chi-square of how often each cell was hit, as deviations from its mean under chance.
    static func chiSquare(_ hits: [Int], cells: Int) -> Double {
        var counts = Array(repeating: 0, count: cells)
        for hit in hits { counts[hit] += 1 }
        let expected = Double(hits.count) / Double(cells)
        let sum = counts.reduce(0.0) { $0 + (Double($1) - expected) * (Double($1) - expected) / expected }
        return (sum - Double(cells - 1)) / (2 * Double(cells - 1)).squareRoot()
    }

    /// Of each number with the next.
    static func correlation(_ numbers: [UInt16]) -> Double {
        let values = numbers.map(Double.init)
        let mean = values.reduce(0, +) / Double(values.count)
        let variance = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) }
        return zip(values, values.dropFirst()).reduce(0) { $0 + ($1.0 - mean) * ($1.1 - mean) } / variance
    }
}
