import DNSServer
import DNSWire
import EventLoop
import Synchronization
import TestKit
import Testing

@testable import Plugins

@Suite("forward: what upstreams may send") struct ForwardReplies {
    @Test("passes a reply on, without AD, with each record's own TTL")
    func plainReply() throws {
        let server = try MemoryServer("forward . @UPSTREAM@") { query in
            var reply = query.reply([.cname("a.test.", "b.test.", ttl: 30), .a("b.test.", "192.0.2.1", ttl: 600)])
            reply[3] |= 0x20
            return [reply]
        }
        #expect(server.ask("a.test. A") == "NOERROR\na.test. 30 CNAME b.test.\nb.test. 600 A 192.0.2.1")
        let query = try #require(server.queries.first).parsed
        #expect(query.name == "a.test.")
        #expect(query.hasEDNS)
        #expect(query.flags == HeaderFlag.recursionDesired)
    }

    @Test("keeps the letter case of the question, DO and CD")
    func queryAsAsked() throws {
        let server = try MemoryServer("forward . @UPSTREAM@") { [$0.reply([.a("A.tEsT.", "192.0.2.1")])] }
        let answer = server.ask("A.tEsT. A", checkingDisabled: true, dnssecOK: true)
        #expect(answer == "NOERROR cd\nA.tEsT. 300 A 192.0.2.1")
        let query = try #require(server.queries.first)
        #expect(query.parsed.name == "A.tEsT.")
        #expect(query.parsed.flags == HeaderFlag.recursionDesired | HeaderFlag.checkingDisabled)
        #expect(query.octets.suffix(4) == [0x80, 0, 0, 0])
    }

    @Test("U-01, U-04, U-05: what is no reply to this question is ignored")
    func unrelatedReplies() throws {
        let server = try MemoryServer("forward . @UPSTREAM@") { query in
            let right = query.reply([.a("a.test.", "192.0.2.1")])
            var wrongID = query.reply([.a("a.test.", "192.0.2.66")])
            wrongID[0] ^= 0xFF
            return [wrongID, query.octets, [1, 2, 3, 4, 5], Array(right.prefix(11)), right]
        }
        #expect(server.ask("a.test. A") == "NOERROR\na.test. 300 A 192.0.2.1")
        #expect(server.metric("coredns_forward_mismatched_replies_total") == "4")
    }

    @Test("U-02: a reply from elsewhere is ignored")
    func otherSource() throws {
        let server = try MemoryServer("forward . @UPSTREAM@") { query in
            if let peer = query.peer, let other = try? ConnectedDatagramSocket(connectedTo: peer) {
                _ = withBytes(query.reply([.a("a.test.", "192.0.2.66")])) { other.send($0) }
            }
            return [query.reply([.a("a.test.", "192.0.2.1")])]
        }
        #expect(server.ask("a.test. A") == "NOERROR\na.test. 300 A 192.0.2.1")
        #expect(server.metric("coredns_forward_mismatched_replies_total") == "0")
    }

    @Test("U-03, U-06: a wrong question is ignored", arguments: [0, 1, 2, 3])
    func wrongQuestion(_ kind: Int) throws {
        let server = try MemoryServer("forward . @UPSTREAM@") { query in
            let right = query.reply([.a("a.test.", "192.0.2.1")])
            var wrong = query.reply([.a("a.test.", "192.0.2.66")])
            switch kind {
            case 0: wrong[13] = UInt8(ascii: "b")
            case 1: wrong[13] = UInt8(ascii: "A")
            case 2: wrong[21] = 28
            default: wrong = Array(wrong[0..<5]) + [0, 0, 0, 0, 0, 0, 0]
            }
            return [wrong, right]
        }
        #expect(server.ask("a.test. A") == "NOERROR\na.test. 300 A 192.0.2.1")
        #expect(server.metric("coredns_forward_mismatched_replies_total") == "1")
        #expect(server.upstreams[0].connections == 0)
    }

    @Test("U-03: after three near misses the question goes over TCP", arguments: [1, 2, 3, 4])
    func nearMisses(_ count: Int) throws {
        let server = try MemoryServer("forward . @UPSTREAM@") { query in
            let right = query.reply([.a("a.test.", "192.0.2.1")])
            guard query.transport == .udp else { return [right] }
            var wrong = query.reply([.a("a.test.", "192.0.2.66")])
            wrong[13] = UInt8(ascii: "b")
            return Array(repeating: wrong, count: count) + [right]
        }
        #expect(server.ask("a.test. A") == "NOERROR\na.test. 300 A 192.0.2.1")
        #expect(server.queries.map(\.transport) == (count < 3 ? [.udp] : [.udp, .tcp]))
    }

    @Test("U-35: a server that folds letters is understood over TCP")
    func foldedReply() throws {
        let server = try MemoryServer("forward . @UPSTREAM@") { query in
            var reply = query.reply([.a("a.test.", "192.0.2.1")])
            reply[13] = UInt8(ascii: "a")
            return query.transport == .udp ? [reply, reply, reply] : [reply]
        }
        #expect(server.ask("A.test. A") == "NOERROR\na.test. 300 A 192.0.2.1")
    }

    @Test("U-07: a cut reply is asked for over TCP, and nothing of it is used")
    func truncated() throws {
        let server = try MemoryServer("forward . @UPSTREAM@") { query in
            query.transport == .udp
                ? [query.reply([.a("a.test.", "192.0.2.66")], truncated: true)]
                : [query.reply([.a("a.test.", "192.0.2.1")])]
        }
        #expect(server.ask("a.test. A") == "NOERROR\na.test. 300 A 192.0.2.1")
        #expect(server.queries.map(\.transport) == [.udp, .tcp])
    }

    @Test("U-08: cut and nobody listens on TCP")
    func truncatedWithoutTCP() throws {
        let server = try MemoryServer("forward . @UPSTREAM@", tcp: false) { [$0.reply(truncated: true)] }
        #expect(server.ask("a.test. A", dnssecOK: false) == "SERVFAIL ede=23")
    }

    @Test("U-09: cut over TCP is a failure and no loop")
    func truncatedOverTCP() throws {
        let server = try MemoryServer("forward . @UPSTREAM@") { [$0.reply(truncated: true)] }
        #expect(server.ask("a.test. A", dnssecOK: false) == "SERVFAIL ede=23")
        #expect(server.queries.count == 4)
    }

    @Test("U-13: a loop of aliases is a failure")
    func cnameLoop() throws {
        let server = try MemoryServer("forward . @UPSTREAM@") {
            [$0.reply([.cname("a.test.", "b.test."), .cname("b.test.", "b.test.")])]
        }
        #expect(server.ask("a.test. A") == "SERVFAIL")
        #expect(server.queries.count == 1)
    }

    @Test("U-18, U-19: SERVFAIL and REFUSED are passed on unless failover names them")
    func failover() throws {
        let scripts: [ScriptedUpstream.Script] = [
            { [$0.reply(code: 2)] }, { [$0.reply([.a("a.test.", "192.0.2.1")])] },
        ]
        let upstreams = "forward . @UPSTREAM@ @UPSTREAM2@"
        let plain = try MemoryServer("\(upstreams) {\npolicy sequential\n}", upstreams: scripts)
        #expect(plain.ask("a.test. A") == "SERVFAIL")
        #expect(plain.upstreams[1].queries.isEmpty)
        let failing = try MemoryServer(
            "\(upstreams) {\npolicy sequential\nfailover SERVFAIL REFUSED\n}", upstreams: scripts)
        #expect(failing.ask("a.test. A") == "NOERROR\na.test. 300 A 192.0.2.1")
    }

    @Test("U-20: FORMERR without OPT is asked again without EDNS, each time anew")
    func withoutEDNS() throws {
        let server = try MemoryServer("forward . @UPSTREAM@") { query in
            query.parsed.hasEDNS
                ? [query.reply(code: 1, opt: false)] : [query.reply([.a("a.test.", "192.0.2.1")])]
        }
        for _ in 0..<2 { #expect(server.ask("a.test. A") == "NOERROR\na.test. 300 A 192.0.2.1") }
        #expect(server.queries.map(\.parsed.hasEDNS) == [true, false, true, false])
    }

    @Test("where EDNS is lost on the way the second try is without it, but not for who wants signatures")
    func lostEDNS() throws {
        let server = try MemoryServer("forward . @UPSTREAM@ {\nmax_fails 0\n}") { query in
            query.parsed.hasEDNS ? [] : [query.reply([.a("a.test.", "192.0.2.1")])]
        }
        for _ in 0..<2 {
            let asked = server.begin("a.test. A", dnssecOK: false)
            server.advance(.milliseconds(2_000))
            #expect(asked.text == "NOERROR\na.test. 300 A 192.0.2.1")
        }
        #expect(server.queries.map(\.parsed.hasEDNS) == [true, false, true, false])
        let asked = server.begin("a.test. A", dnssecOK: true)
        server.advance(.milliseconds(4_000))
        #expect(asked.text == "SERVFAIL ede=22")
    }

    @Test("U-21: an extended code is a failure")
    func extendedCode() throws {
        let server = try MemoryServer("forward . @UPSTREAM@") { query in
            var reply = query.reply()
            reply[reply.count - 6] = 1
            return [reply]
        }
        #expect(server.ask("a.test. A") == "SERVFAIL")
    }
}
