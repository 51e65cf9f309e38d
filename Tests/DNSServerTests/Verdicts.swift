import DNSServer
import DNSWire
import TestKit
import Testing

@Suite("chain: each verdict of a handler, and what the client gets") struct Verdicts {
    @Test("answered: the client gets what was written, and no handler behind is asked") func answered() throws {
        var isAsked = false
        let dns = try MemoryServer(
            Script { $0.answer("192.0.2.1") },
            Script { _ in
                isAsked = true
                return .dropped
            })
        #expect(dns.ask("client.test. A") == "NOERROR aa\nclient.test. 60 A 192.0.2.1")
        #expect(!isAsked)
    }

    @Test("next: handlers are asked in the order of the plugins, each once") func next() throws {
        var order: [String] = []
        func passing(_ name: String) -> Script {
            Script { _ in
                order.append(name)
                return .next
            }
        }
        let dns = try MemoryServer(passing("one"), passing("two"), Script { $0.answer("192.0.2.1") })
        _ = dns.ask("client.test. A")
        #expect(order == ["one", "two"])
    }

    @Test("next to the end: SERVFAIL, said to be the answer of nobody") func nobody() throws {
        var seen: [String] = []
        let dns = try MemoryServer(
            Script().finishing { seen.append("\($0.answeredBy)|\($0.failure ?? "")") }, Script())
        #expect(dns.ask("client.test. A", dnssecOK: false) == "SERVFAIL ede=20")
        #expect(seen == ["|no next plugin found"])
    }

    @Test("a block without handlers refuses what it is asked") func noHandlers() throws {
        let dns = try MemoryServer()
        #expect(dns.ask("client.test. A", dnssecOK: false) == "REFUSED ede=20")
    }

    @Test("a name in no zone of the server is refused") func noZone() throws {
        let dns = try MemoryServer(blocks: [ScriptedBlock("a.test", scripts: [Script { $0.answer("192.0.2.1") }])])
        #expect(dns.ask("b.test. A", dnssecOK: false) == "REFUSED ede=20")
        #expect(dns.ask("b.test. A") == "REFUSED")
    }

    @Test("failed: the code, the extended error with its text, and the reason for the log") func failed() throws {
        var reasons: [String?] = []
        let error = ExtendedError(code: 15, text: Array("on a list".utf8))
        let dns = try MemoryServer(
            Script { _ in .failed(.nameError, error, because: "listed") }.finishing { reasons.append($0.failure) })
        let asked = dns.begin("client.test. A", dnssecOK: false)
        #expect(asked.text == "NXDOMAIN")
        #expect(asked.extendedError?.code == 15)
        #expect(asked.extendedError?.text == "on a list")
        #expect(reasons == ["listed"])
    }

    @Test("failed without more: the code alone") func failedPlainly() throws {
        var reasons: [String?] = []
        let dns = try MemoryServer(Script { _ in .failed(.notImplemented) }.finishing { reasons.append($0.failure) })
        let asked = dns.begin("client.test. A", dnssecOK: false)
        #expect(asked.text == "NOTIMP")
        #expect(asked.extendedError == nil)
        #expect(reasons == [nil])
    }

    @Test("an extended error is told to clients that speak EDNS, and to no others") func withoutEDNS() throws {
        let dns = try MemoryServer(Script { _ in .failed(.refused, .prohibited) })
        #expect(dns.ask("client.test. A", dnssecOK: false) == "REFUSED ede=18")
        #expect(dns.ask("client.test. A") == "REFUSED")
    }

    @Test("an extended code is told in header and OPT together") func extendedCode() throws {
        let dns = try MemoryServer(Script { _ in .failed(ResponseCode(rawValue: 0x123)) })
        let octets = try #require(dns.begin("client.test. A", dnssecOK: false).octets)
        #expect(octets[3] & 0xF == 3)
        // The TTL of OPT begins with the upper eight bits.
        #expect(octets[octets.count - 6] == 0x12)
    }

    @Test("dropped: the client gets nothing, and it is counted") func dropped() throws {
        var isFinished = false
        let dns = try MemoryServer(
            Script { _ in .dropped }.finishing { _ in isFinished = true })
        let asked = dns.begin("client.test. A")
        #expect(asked.text == "silence")
        guard case .silent = asked.answer else {
            Issue.record("a transport must be told that there is no response")
            return
        }
        #expect(!isFinished)
        #expect(dns.metric("coredns_dns_dropped_total") == "1")
        #expect(dns.metric("coredns_dns_rejected_total") == "0")
    }

    // MARK: CNAMEs

    @Test("chase: the target in the same block is asked of all of its handlers, from the first on") func chase() throws
    {
        var asked: [String] = []
        let dns = try MemoryServer(
            Script { exchange in
                asked.append(exchange.asks)
                return .next
            },
            Script("www.test. A") { $0.alias("web.test.") }, Script("web.test. A") { $0.answer("192.0.2.1") })
        #expect(dns.ask("www.test. A") == "NOERROR aa\nwww.test. 60 CNAME web.test.\nweb.test. 60 A 192.0.2.1")
        #expect(asked == ["www.test. A", "web.test. A"])
    }

    @Test("chase to a zone of another block: that block answers") func otherBlock() throws {
        let dns = try MemoryServer(blocks: [
            ScriptedBlock("a.test", scripts: [Script { $0.alias("www.b.test.") }]),
            ScriptedBlock("b.test", scripts: [Script(), Script { $0.answer("192.0.2.1") }]),
        ])
        #expect(dns.ask("x.a.test. A") == "NOERROR aa\nx.a.test. 60 CNAME www.b.test.\nwww.b.test. 60 A 192.0.2.1")
    }

    @Test("chase out of the server: the CNAME is the answer") func outside() throws {
        let dns = try MemoryServer(blocks: [ScriptedBlock("a.test", scripts: [Script { $0.alias("www.example.") }])])
        #expect(dns.ask("x.a.test. A", dnssecOK: false) == "NOERROR aa\nx.a.test. 60 CNAME www.example.")
    }

    @Test("chase to a name that no handler wants: the CNAME is the answer") func unwantedTarget() throws {
        let dns = try MemoryServer(Script("a.test. A") { $0.alias("b.test.") })
        #expect(dns.ask("a.test. A", dnssecOK: false) == "NOERROR aa\na.test. 60 CNAME b.test.")
    }

    @Test("chase to a name that is known not to exist: NXDOMAIN behind the CNAME") func missingTarget() throws {
        let dns = try MemoryServer(
            Script("a.test. A") { $0.alias("b.test.") },
            Script("b.test. A") { exchange in
                exchange.isMissing = true
                return .next
            })
        #expect(dns.ask("a.test. A") == "NXDOMAIN aa\na.test. 60 CNAME b.test.")
    }

    @Test("what is known of one name to be missing says nothing of its alias' target") func missingBefore() throws {
        let dns = try MemoryServer(
            Script("a.test. A") { exchange in
                exchange.isMissing = true
                return exchange.alias("b.test.")
            })
        #expect(dns.ask("a.test. A") == "NOERROR aa\na.test. 60 CNAME b.test.")
    }

    @Test("a failure behind a CNAME keeps the CNAME") func failureBehindAlias() throws {
        let dns = try MemoryServer(
            Script("a.test. A") { $0.alias("b.test.") }, Script { _ in .failed(.serverFailure, .notReady) })
        #expect(dns.ask("a.test. A", dnssecOK: false) == "SERVFAIL aa ede=14\na.test. 60 CNAME b.test.")
    }

    @Test("a target that was the owner of a record already is a loop", arguments: ["a.test.", "A.Test."])
    func loop(_ target: String) throws {
        var reasons: [String?] = []
        let dns = try MemoryServer(
            Script("a.test. A") { $0.alias("b.test.") }.finishing { reasons.append($0.failure) },
            Script("b.test. A") { $0.alias(target) })
        #expect(dns.ask("a.test. A") == "SERVFAIL aa\na.test. 60 CNAME b.test.\nb.test. 60 CNAME \(target)")
        #expect(reasons == ["the CNAME chain is a loop or too long"])
    }

    @Test("a CNAME to itself is a loop") func shortestLoop() throws {
        let dns = try MemoryServer(Script("a.test. A") { $0.alias("a.test.") })
        #expect(dns.ask("a.test. A") == "SERVFAIL aa\na.test. 60 CNAME a.test.")
    }

    @Test("sixteen links are followed, seventeen are not") func longestChain() throws {
        let dns = try MemoryServer(
            Script { exchange in
                guard let number = Int(exchange.question.name.nameText.dropLast(6)) else { return .dropped }
                return number == 0 ? exchange.answer("192.0.2.1") : exchange.alias("\(number - 1).test.")
            })
        let followed = dns.ask("16.test. A", over: .tcp)
        #expect(followed.hasPrefix("NOERROR aa\n16.test. 60 CNAME 15.test.\n"))
        #expect(followed.hasSuffix("\n1.test. 60 CNAME 0.test.\n0.test. 60 A 192.0.2.1"))
        let cut = dns.ask("17.test. A", over: .tcp)
        #expect(cut.hasPrefix("SERVFAIL aa\n17.test. 60 CNAME 16.test.\n"))
        #expect(cut.hasSuffix("\n1.test. 60 CNAME 0.test."))
    }

    @Test("ANY asks for what is at the name, not for where it leads") func any() throws {
        var asked: [String] = []
        let dns = try MemoryServer(
            Script { exchange in
                asked.append(exchange.asks)
                return exchange.alias("b.test.")
            })
        #expect(dns.ask("a.test. ANY") == "NOERROR aa\na.test. 60 CNAME b.test.")
        #expect(asked == ["a.test. ANY"])
    }

    @Test("the target is asked in the letter case it was written in, and found in any") func letterCase() throws {
        let dns = try MemoryServer(blocks: [
            ScriptedBlock("a.test", scripts: [Script { $0.alias("WWW.B.test.") }]),
            ScriptedBlock("b.TEST", scripts: [Script { $0.answer("192.0.2.1") }]),
        ])
        #expect(dns.ask("X.A.test. A") == "NOERROR aa\nX.A.test. 60 CNAME WWW.B.test.\nWWW.B.test. 60 A 192.0.2.1")
    }

    @Test("a target of the greatest length is followed") func longName() throws {
        let label = String(repeating: "x", count: 63)
        // Three times 64 octets, 62 and the root make 255.
        let name = "\(label).\(label).\(label).\(String(repeating: "y", count: 61))."
        let dns = try MemoryServer(
            Script("a.test. A") { $0.alias(name) }, Script("\(name) A") { $0.answer("192.0.2.1") })
        #expect(dns.ask("a.test. A") == "NOERROR aa\na.test. 60 CNAME \(name)\n\(name) 60 A 192.0.2.1")
    }

    // MARK: Who answered, and header bits

    @Test("who answered is the plugin that decided, in the first block for a name behind CNAMEs") func names() throws {
        var names: [String] = []
        let dns = try MemoryServer(blocks: [
            ScriptedBlock(
                "a.test",
                scripts: [
                    Script().finishing { names.append($0.answeredBy) },
                    Script("direct.a.test. A") { $0.answer("192.0.2.1") },
                    Script("failed.a.test. A") { _ in .failed(.refused) }, Script { $0.alias("x.b.test.") },
                ]),
            ScriptedBlock("b.test", scripts: [Script { $0.answer("192.0.2.2") }]),
        ])
        _ = dns.ask("direct.a.test. A")
        _ = dns.ask("failed.a.test. A")
        _ = dns.ask("alias.a.test. A")
        #expect(names == ["two", "three", "four"])
    }

    @Test("AA is set where a record of our own was written, and there alone") func authoritative() throws {
        let dns = try MemoryServer(
            Script("ours.test. A") { $0.answer("192.0.2.1") },
            Script("none.test. A") { exchange in
                exchange.isAuthoritative = true
                return .failed(.nameError)
            },
            Script { _ in .answered })
        #expect(dns.ask("ours.test. A").hasPrefix("NOERROR aa"))
        #expect(dns.ask("none.test. A") == "NXDOMAIN aa")
        #expect(dns.ask("other.test. A") == "NOERROR")
    }

    @Test("RA is set where a plugin of the client's block recurses, whatever a CNAME leads to") func recursion() throws
    {
        var recursing = Script { exchange in
            exchange.asks == "far.b.test. A" ? exchange.alias("x.a.test.") : exchange.answer("192.0.2.2")
        }
        recursing.offersRecursion = true
        let dns = try MemoryServer(blocks: [
            ScriptedBlock(
                "a.test", scripts: [Script("www.a.test. A") { $0.alias("x.b.test.") }, Script { _ in .answered }]),
            ScriptedBlock("b.test", scripts: [Script(), recursing]),
        ])
        func isSaid(_ question: String) -> Bool { dns.begin(question).flags & HeaderFlag.recursionAvailable != 0 }
        #expect(isSaid("x.b.test. A"))
        #expect(isSaid("far.b.test. A"))
        #expect(!isSaid("x.a.test. A"))
        #expect(!isSaid("www.a.test. A"))
    }

    @Test("id and RD come back as sent, and the question in the client's letters") func echo() throws {
        let dns = try MemoryServer(Script { _ in .answered })
        for flags: UInt16 in [0x0000, 0x0100] {
            let query = ClientQuery("CliEnt.tESt. A") { ($0.id, $0.flags) = (0xBEEF, flags) }.octets
            let octets = try #require(dns.begin(query).octets)
            #expect(Array(octets[0..<2]) == [0xBE, 0xEF])
            #expect(octets[2] == UInt8(0x80 | flags >> 8))
            #expect(octets[12...] == query[12...])
        }
    }

    @Test("DO comes back in OPT, with the payload size of this server") func opt() throws {
        let dns = try MemoryServer(Script { _ in .answered })
        for isWanted in [false, true] {
            let octets = try #require(dns.begin("a.test. A", dnssecOK: isWanted).octets)
            #expect(octets.suffix(11) == [0, 0, 41, 0x04, 0xD0, 0, 0, isWanted ? 0x80 : 0, 0, 0, 0])
        }
    }
}
