import DNSServer
import DNSWire
import FuzzDriver
import Synchronization
import TestKit

/// A server that forwards to an upstream that says what the input wants, the right thing among it or not.
final class ForwardBench {
    /// What one datagram is to the question.
    private enum Kind: CaseIterable {
        case right, wrongID, wrongName, wrongType, notResponse, wrongOpcode, truncated, cut, offChain, changed
    }

    private struct Datagram {
        var kind: Kind
        /// For `wrongID`, `cut` and `changed`: where, and what is changed.
        var place: Int
        var value: UInt8
    }

    private final class Plan: Sendable {
        let datagrams = Mutex<[Datagram]>([])
    }

    private static let runsOfOneServer = 500
    private let plan = Plan()
    private var server: MemoryServer?
    private var runs = 0

    func check(_ octets: [UInt8]) throws {
        runs += 1
        if runs % Self.runsOfOneServer == 1 { server = nil }
        let plan = plan
        let server =
            try server
            ?? MemoryServer(
                corefile: ".:53 {\n bind 127.0.0.1\n forward . @UPSTREAM@ {\n max_fails 0\n }\n}\n",
                upstreams: [{ query in Self.replies(query, plan) }])
        self.server = server
        // What earlier inputs made it suspicious of is forgotten.
        server.advance(.seconds(60))
        var input = FuzzInput(octets)
        let hasEDNS = input.octet() & 1 == 1
        let datagrams = (0..<(1 + input.number(below: 6))).map { _ in
            Datagram(kind: input.pick(Kind.allCases), place: Int(input.octet()), value: input.octet())
        }
        plan.datagrams.withLock { $0 = datagrams }
        let query = WireText.query("q.test A", id: 0x1234, dnssecOK: hasEDNS ? false : nil)
        let asked = server.begin(query)
        if asked.octets == nil { server.advance(.seconds(20)) }
        guard let response = asked.octets else { return hold(false, "no response after 20 seconds") }
        Self.judge(response, query, datagrams)
    }

    /// The first datagram that answers the question decides; those before it are as if they had not come (RFC 5452 §9.1).
    private static func judge(_ response: [UInt8], _ query: [UInt8], _ datagrams: [Datagram]) {
        let scratch = ByteBlock(capacity: 255)
        withBytes(query) { message in
            var parsed = Query()
            let acceptance = QuestionParser.parse(message, into: &parsed, scratch: scratch.bytes)
            ResponseClaims(query: query, parsed: parsed, acceptance: acceptance).check(response, most: 1232)
        }
        let addresses = WireText.text(response).split(separator: "\n").dropFirst().map(String.init)
        hold(!addresses.contains { $0.contains("evil") }, "a record off the chain is passed on")
        // What a changed octet makes of a datagram is for others to say.
        guard !datagrams.contains(where: { $0.kind == .changed }) else { return }
        let wanted = outcome(of: datagrams).map { "q.test. 300 A 192.0.2.\($0)" }
        hold(addresses == [wanted].compactMap(\.self), "\(addresses) in place of \(wanted ?? "none")")
        hold(response[3] & 0xF == (wanted == nil ? 2 : 0), "code \(response[3] & 0xF)")
    }

    /// The number in the address that the client gets; nil for SERVFAIL.
    private static func outcome(of datagrams: [Datagram]) -> Int? {
        var nearMisses = 0
        for (index, datagram) in datagrams.enumerated() {
            switch datagram.kind {
            case .wrongID, .notResponse: continue
            case .wrongName, .wrongType, .wrongOpcode:
                nearMisses += 1
                // Somebody guesses: over TCP that is of no use.
                if nearMisses == 3 { return overTCP }
            case .right, .offChain: return index
            case .truncated: return overTCP
            case .cut, .changed: return nil
            }
        }
        return nearMisses > 0 ? overTCP : nil
    }

    /// In the address of every reply over TCP.
    private static let overTCP = 99

    private static func replies(_ query: ReceivedQuery, _ plan: Plan) -> [[UInt8]] {
        let datagrams = plan.datagrams.withLock { datagrams in
            defer { datagrams = [] }
            return datagrams
        }
        guard query.transport == .udp else { return [query.reply([.a("q.test", "192.0.2.\(overTCP)")])] }
        return datagrams.enumerated().map { index, datagram in
            var records = [TestRecord.a("q.test", "192.0.2.\(index)")]
            if datagram.kind == .offChain { records.append(.a("evil.test", "203.0.113.\(index)")) }
            var reply = query.reply(records, truncated: datagram.kind == .truncated)
            switch datagram.kind {
            case .right, .truncated, .offChain: break
            case .wrongID: reply[datagram.place & 1] ^= max(1, datagram.value)
            case .wrongName: reply[13] = UInt8(ascii: "r")
            case .wrongType: reply[21] ^= 0x10
            case .notResponse: reply[2] &= 0x7F
            case .wrongOpcode: reply[2] |= 0x20
            case .cut: reply.removeLast(1 + datagram.place % (reply.count - 24))
            case .changed: reply[datagram.place % reply.count] ^= datagram.value
            }
            return reply
        }
    }
}
