import DNSServer
import DNSWire
import FuzzDriver
import Synchronization
import TestKit

/// A cache before an upstream whose every reply says for what, and as the how manieth, it was given.
final class CacheBench {
    /// What replies may be told apart by.
    private struct Key: Hashable {
        var name: Int
        var isTXT: Bool
        var dnssecOK: Bool
        var checkingDisabled: Bool
    }

    private final class Upstream: Sendable {
        struct State {
            var asked = Key(name: 0, isTXT: false, dnssecOK: false, checkingDisabled: false)
            var now: UInt64 = 0
            /// When each reply was given.
            var given: [Key: [UInt64]] = [:]
            var isSilent = false
        }
        let state = Mutex(State())
    }

    private static let lifetimes: [UInt32] = [0, 1, 5, 30, 300, 0x8000_0001]
    private static let runsOfOneServer = 200
    private static let longestRun = 40
    private let upstream = Upstream()
    private var server: MemoryServer?
    private var runs = 0

    func check(_ octets: [UInt8]) throws {
        runs += 1
        if runs % Self.runsOfOneServer == 1 { server = nil }
        let upstream = upstream
        if server == nil {
            upstream.state.withLock { $0 = Upstream.State() }
            server = try MemoryServer(
                corefile: ".:53 {\n bind 127.0.0.1\n cache 100\n forward . @UPSTREAM@ {\n max_fails 0\n }\n}\n",
                upstreams: [{ query in Self.replies(query, upstream) }])
        }
        guard let server else { return }
        // What earlier inputs had kept is past its time.
        server.advance(.seconds(4000))
        upstream.state.withLock { $0.given = [:] }
        var input = FuzzInput(octets)
        for _ in 0..<Self.longestRun {
            guard !input.isAtEnd else { break }
            let step = input.octet()
            if step & 0xC0 == 0xC0 {
                server.advance(.milliseconds(Int(step & 0x3F) * 250))
                continue
            }
            let key = Key(
                name: Int(step & 7) % Self.lifetimes.count, isTXT: step & 8 != 0, dnssecOK: step & 16 != 0,
                checkingDisabled: step & 32 != 0)
            ask(key, of: server)
        }
    }

    private func ask(_ key: Key, of server: MemoryServer) {
        upstream.state.withLock { ($0.asked, $0.now) = (key, server.now) }
        let asked = server.begin(
            "n\(key.name).test \(key.isTXT ? "TXT" : "A")", checkingDisabled: key.checkingDisabled,
            dnssecOK: key.dnssecOK ? true : nil)
        let given = upstream.state.withLock { $0.given[key] ?? [] }
        guard let response = asked.octets else { return hold(false, "no response") }
        hold(response[3] & 0xF == 0, "code \(response[3] & 0xF)")
        withBytes(response) { message in
            guard var records = MessageRecords(message), let (record, section) = records.next(), section == .answer
            else { return hold(false, "no answer") }
            let data = message.slice(record.dataOffset, record.dataLength).array
            hold(data.count == 4, "an answer of another type")
            hold(data[0] == UInt8(key.name) && data[1] == Self.mark(key), "an answer that was given for another key")
            let number = Int(data[2]) << 8 | Int(data[3])
            guard given.indices.contains(number) else { return hold(false, "an answer that nobody gave") }
            let said = Self.lifetimes[key.name] > UInt32(Int32.max) ? 0 : min(Self.lifetimes[key.name], 100)
            let age = UInt32((server.now - given[number]) / 1_000_000_000)
            hold(age <= said, "an answer of \(said) seconds after \(age)")
            hold(record.ttl <= said - age, "a TTL of \(record.ttl), \(age) seconds after one of \(said)")
        }
    }

    private static func mark(_ key: Key) -> UInt8 {
        (key.isTXT ? 1 : 0) | (key.dnssecOK ? 2 : 0) | (key.checkingDisabled ? 4 : 0)
    }

    private static func replies(_ query: ReceivedQuery, _ upstream: Upstream) -> [[UInt8]] {
        upstream.state.withLock { state in
            let number = state.given[state.asked]?.count ?? 0
            state.given[state.asked, default: []].append(state.now)
            let data = [
                UInt8(state.asked.name), mark(state.asked), UInt8(truncatingIfNeeded: number >> 8),
                UInt8(truncatingIfNeeded: number),
            ]
            let record = TestRecord(
                name: "n\(state.asked.name).test", type: query.parsed.type, ttl: lifetimes[state.asked.name], data: data
            )
            return [query.reply([record])]
        }
    }
}
