import DNSServer
import DNSWire
import TestKit
import Testing

@Suite("chain: questions that a handler asks those behind it") struct Subqueries {
    // MARK: How they end

    @Test("answered at once: the asker is told, and decides about its own question") func atOnce() throws {
        var told: [String] = []
        let dns = try MemoryServer(
            Script("a.test. A", asks: "b.test. AAAA") { response, exchange in
                told.append("\(response.code) \(response.answers) \(response.isAuthoritative) \(exchange.asks)")
                return exchange.answer("192.0.2.1")
            },
            Script("b.test. AAAA") { $0.answer("2001:db8::1") })
        #expect(dns.ask("a.test. A") == "NOERROR aa\na.test. 60 A 192.0.2.1")
        #expect(told == ["NOERROR 1 true a.test. A"])
    }

    @Test("waiting: the client's question waits as well, and goes on with the answer") func waits() throws {
        let waiting = Waiting()
        let dns = try MemoryServer(
            Script("a.test. A", asks: "b.test. A") { response, exchange in
                exchange.take(response)
                return .answered
            },
            Script { _ in waiting.park() }, waiting: waiting)
        let asked = dns.begin("a.test. A")
        #expect(asked.text == "silence")
        try waiting.answer("b.test. A", [.a("b.test.", "192.0.2.1")])
        #expect(asked.text == "NOERROR\nb.test. 300 A 192.0.2.1")
    }

    @Test("failed, at once or later: the asker is told code, extended error and reason", arguments: [false, true])
    func failed(_ isLater: Bool) throws {
        let waiting = Waiting()
        var failures: [String?] = []
        let dns = try MemoryServer(
            Script("a.test. A", asks: "b.test. A") { response, exchange in
                #expect(response.code == .refused)
                #expect(response.extendedError == .prohibited)
                exchange.adopt(response)
                return .answered
            }.finishing { failures.append($0.failure) },
            Script { _ in isLater ? waiting.park() : .failed(.refused, .prohibited, because: "not for you") },
            waiting: waiting)
        let asked = dns.begin("a.test. A", dnssecOK: false)
        if isLater { waiting.fail(.refused, .prohibited, because: "not for you") }
        #expect(asked.text == "REFUSED ede=18")
        #expect(failures == ["not for you"])
    }

    @Test("dropped: the client gets nothing, and the asker is not told") func dropped() throws {
        let dns = try MemoryServer(
            Script("a.test. A", asks: "b.test. A") { _, _ in .answered }, Script { _ in .dropped })
        let asked = dns.begin("a.test. A")
        guard case .silent = asked.answer else {
            Issue.record("there is to be no response")
            return
        }
        #expect(dns.metric("coredns_dns_dropped_total") == "1")
    }

    @Test("dropped after it waited: the asker is told that it failed, and the client is not left alone")
    func droppedLater()
        throws
    {
        let waiting = Waiting()
        var reasons: [String?] = []
        let dns = try MemoryServer(
            Script("a.test. A", asks: "b.test. A") { response, exchange in
                exchange.adopt(response)
                return .answered
            }.finishing { reasons.append($0.failure) },
            Script("b.test. A", asks: "c.test. A") { _, _ in .dropped },
            Script { _ in waiting.park() }, waiting: waiting)
        let asked = dns.begin("a.test. A")
        try waiting.answer("c.test. A")
        #expect(asked.text == "SERVFAIL")
        #expect(reasons == ["no response to a question of a plugin"])
    }

    @Test("nobody wants it: the asker can tell") func unanswered() throws {
        var isUnanswered: [Bool] = []
        let dns = try MemoryServer(
            Script("a.test. A", asks: "b.test. A") { response, exchange in
                isUnanswered.append(response.isUnanswered)
                return exchange.answer("192.0.2.1")
            },
            Script("c.test. A", asks: "d.test. A") { response, exchange in
                isUnanswered.append(response.isUnanswered)
                return exchange.answer("192.0.2.1")
            },
            Script("d.test. A") { _ in .failed(.refused) })
        _ = dns.ask("a.test. A")
        _ = dns.ask("c.test. A")
        #expect(isUnanswered == [true, false])
    }

    @Test("nobody wants it, though one on the way asked about it: the asker can tell") func unansweredAfterAsking()
        throws
    {
        var isUnanswered: [Bool] = []
        let dns = try MemoryServer(
            Script("a.test. A", asks: "b.test. A") { response, exchange in
                isUnanswered.append(response.isUnanswered)
                return exchange.answer("192.0.2.1")
            },
            Script("b.test. A", asks: "c.test. A") { _, _ in .next }, Script("c.test. A") { _ in .failed(.refused) })
        _ = dns.ask("a.test. A")
        #expect(isUnanswered == [true])
    }

    @Test("a handler that asks and does not say what it makes of the answer fails") func unexpected() throws {
        let name = ByteBlock(Name.wireKeepingCase("b.test.") ?? [])
        let dns = try MemoryServer(
            Script("a.test. A") { _ in .ask(Subquery(name.view, .a, class: RecordClass.internet)) },
            Script { $0.answer("192.0.2.1") })
        #expect(dns.ask("a.test. A") == "SERVFAIL")
    }

    // MARK: Asking again

    @Test("from what it is told, a handler may ask again, at once or after waiting", arguments: [false, true])
    func again(_ isWaiting: Bool) throws {
        let waiting = Waiting()
        let names = ["b.test.", "c.test.", "d.test."].map { ByteBlock(Name.wireKeepingCase($0) ?? []) }
        var told = 0
        var script = Script("a.test. A") { _ in .ask(Subquery(names[0].view, .a, class: RecordClass.internet)) }
        script.answered = { response, exchange, _ in
            told += 1
            guard told < names.count else {
                exchange.take(response)
                return .answered
            }
            return .ask(Subquery(names[told].view, .a, class: RecordClass.internet))
        }
        let dns = try MemoryServer(
            script, Script { isWaiting ? waiting.park() : $0.answer("192.0.2.1") }, waiting: waiting)
        let asked = dns.begin("a.test. A")
        if isWaiting {
            for name in ["b.test.", "c.test.", "d.test."] {
                try waiting.answer("\(name) A", [.a(name, "192.0.2.1", ttl: 60)])
            }
        }
        #expect(told == 3)
        #expect(asked.text == "NOERROR\(isWaiting ? "" : " aa")\nd.test. 60 A 192.0.2.1")
    }

    @Test("the note goes to the asker as it was given") func note() throws {
        final class Note {}
        let note = Note()
        var given: AnyObject?
        var script = Script("a.test. A", asks: "b.test. A", note: note) { _, _ in .answered }
        script.answered = { _, _, note in
            given = note
            return .answered
        }
        let dns = try MemoryServer(script, Script { _ in .answered })
        _ = dns.ask("a.test. A")
        #expect(given === note)
    }

    @Test("passing on after asking: the next handler gets the client's question") func passedOn() throws {
        let dns = try MemoryServer(
            Script("a.test. A", asks: "b.test. A") { _, _ in .next }, Script("b.test. A") { _ in .failed(.nameError) },
            Script { $0.answer("192.0.2.1") })
        #expect(dns.ask("a.test. A") == "NOERROR aa\na.test. 60 A 192.0.2.1")
    }

    @Test("a CNAME written after asking is chased through the whole server") func chased() throws {
        let waiting = Waiting()
        let dns = try MemoryServer(
            Script("www.test. A") { $0.answer("192.0.2.9") },
            Script("a.test. A", asks: "b.test. A") { _, exchange in exchange.alias("www.test.") },
            Script { _ in waiting.park() }, waiting: waiting)
        let asked = dns.begin("a.test. A")
        waiting.fail()
        #expect(asked.text == "NOERROR aa\na.test. 60 CNAME www.test.\nwww.test. 60 A 192.0.2.9")
    }

    // MARK: Questions inside questions

    /// Three handlers ask one after the other, the fourth answers; each adds to the TTL.
    private static func nested(_ last: Script, _ note: @escaping (String) -> Void) -> [Script] {
        func asking(_ question: String, _ inner: String) -> Script {
            Script(question, asks: inner) { response, exchange in
                note("\(exchange.asks) told \(response.code)")
                for (record, section) in response.records {
                    exchange.copy(record, of: response, ttl: record.ttl + 1, in: section)
                }
                return .answered
            }
        }
        return [
            asking("a.test. A", "b.test. A"), asking("b.test. A", "c.test. A"), asking("c.test. A", "d.test. A"), last,
        ]
    }

    @Test("three deep, the answer comes back through each") func threeDeep() throws {
        var notes: [String] = []
        let scripts = Self.nested(Script { $0.answer("192.0.2.1") }) { notes.append($0) }
        let dns = try MemoryServer(blocks: [ScriptedBlock(".", scripts: scripts)])
        #expect(dns.ask("a.test. A") == "NOERROR\nd.test. 63 A 192.0.2.1")
        #expect(notes == ["c.test. A told NOERROR", "b.test. A told NOERROR", "a.test. A told NOERROR"])
    }

    @Test("three deep and waiting: four places are taken, and all are free behind") func threeDeepWaiting() throws {
        let waiting = Waiting()
        let blocks = [ScriptedBlock(".", scripts: Self.nested(Script { _ in waiting.park() }) { _ in })]
        let dns = try MemoryServer(blocks: blocks, waiting: waiting, places: 4)
        for _ in 0..<3 {
            let asked = dns.begin("a.test. A")
            #expect(asked.text == "silence")
            try waiting.answer("d.test. A", [.a("d.test.", "192.0.2.1", ttl: 60)])
            #expect(asked.text == "NOERROR\nd.test. 63 A 192.0.2.1")
        }
    }

    @Test("three deep and waiting, with a place too few: the client's question fails, and no place is lost")
    func placeTooFew()
        throws
    {
        let waiting = Waiting()
        var told: [String] = []
        let blocks = [ScriptedBlock(".", scripts: Self.nested(Script { _ in waiting.park() }) { told.append($0) })]
        let dns = try MemoryServer(blocks: blocks, waiting: waiting, places: 3)
        #expect(dns.ask("a.test. A") == "SERVFAIL")
        // The innermost still waits, for nobody who could go on.
        waiting.fail()
        told = []
        let three = (0..<3).map { _ in dns.begin("d.test. A") }
        #expect(three.allSatisfy { $0.text == "silence" })
        #expect(dns.ask("d.test. A") == "SERVFAIL")
        for _ in three { try waiting.answer("d.test. A") }
        #expect(three.allSatisfy { $0.text == "NOERROR" })
        #expect(told.isEmpty)
    }

    @Test("questions inside one another keep their names apart, though they go on after others began") func memory()
        throws
    {
        let waiting = Waiting()
        var seen: [String] = []
        let (one, deeper) = (ByteBlock(Name("one.test.")?.wire ?? []), ByteBlock(Name("deeper.test.")?.wire ?? []))
        let dns = try MemoryServer(
            Script { exchange in
                switch exchange.asks {
                case "client.test. A": .ask(Subquery(one.view, .a, class: RecordClass.internet))
                case "target.test. A": .ask(Subquery(deeper.view, .a, class: RecordClass.internet))
                default: .next
                }
            }.answering { response, exchange, _ in
                guard exchange.asks == "client.test. A" else { return .next }
                exchange.take(response)
                return .answered
            },
            Script("one.test. A", asks: "two.test. A") { response, exchange in
                exchange.take(response)
                return .answered
            },
            // This one waited in the memory of a question inside another; the target is asked with one more inside.
            Script("two.test. A", asks: "three.test. A") { _, exchange in exchange.alias("target.test.") },
            Script { exchange in
                switch exchange.asks {
                case "three.test. A": return waiting.park()
                case "deeper.test. A": return exchange.alias("a.name.longer.than.target.test.")
                default:
                    seen.append(exchange.question.folded.nameText)
                    return exchange.answer("192.0.2.1")
                }
            }, waiting: waiting)
        let asked = dns.begin("client.test. A")
        waiting.fail()
        #expect(seen == ["a.name.longer.than.target.test.", "target.test."])
        #expect(asked.text == "NOERROR aa\ntwo.test. 60 CNAME target.test.\ntarget.test. 60 A 192.0.2.1")
    }

    @Test("questions inside questions and CNAMEs count together: sixteen may lead to one another") func depth() throws {
        // Two questions, then a chain of CNAMEs from 0.test. on.
        func ask(_ last: Int) throws -> String {
            func asking(_ question: String, _ inner: String) -> Script {
                Script(question, asks: inner) { response, exchange in
                    exchange.adopt(response)
                    return .answered
                }
            }
            let chain = Script { exchange in
                guard let number = Int(exchange.question.name.nameText.dropLast(6)) else { return .next }
                return number == last ? exchange.answer("192.0.2.1") : exchange.alias("\(number + 1).test.")
            }
            return try MemoryServer(
                asking("client.test. A", "inner.test. A"), asking("inner.test. A", "0.test. A"), chain
            )
            .ask("client.test. A")
        }
        #expect(try ask(14) == "NOERROR aa")
        #expect(try ask(15) == "SERVFAIL aa")
    }

    @Test("a handler that asks without an end is stopped") func endless() throws {
        var asked = 0
        var reasons: [String?] = []
        let name = ByteBlock(Name.wireKeepingCase("a.test.") ?? [])
        let asking = Script { _ in
            asked += 1
            return .ask(Subquery(name.view, .a, class: RecordClass.internet))
        }
        .answering { response, exchange, _ in
            exchange.adopt(response)
            return .answered
        }
        let dns = try MemoryServer(
            asking.finishing { reasons.append($0.failure) }, Script("a.test. A") { $0.alias("client.test.") })
        #expect(dns.ask("client.test. A") == "SERVFAIL aa")
        #expect(asked == 9)
        #expect(reasons == ["questions lead to further questions without an end"])
    }

    // MARK: What the inner question is

    @Test("the inner question has the client's address, transport, time and header bits") func inherited() throws {
        var seen: [String] = []
        let dns = try MemoryServer(
            Script("a.test. A", asks: "B.test. MX") { _, _ in .answered },
            Script { exchange in
                let asked = exchange.asked
                seen.append("\(exchange.asks) \(exchange.client) \(exchange.transport.text) \(exchange.received)")
                seen.append("\(asked.recursionDesired) \(asked.checkingDisabled) \(asked.authenticData) \(asked.id)")
                seen.append(exchange.server.map { "\($0)" } ?? "nowhere")
                return .answered
            })
        let query = ClientQuery("a.test. A") { ($0.id, $0.flags) = (77, 0x0130) }
        _ = dns.begin(query.octets, over: .tcp, from: "192.0.2.5")
        #expect(
            seen == [
                "B.test. MX 192.0.2.5:40000 tcp 1000000000000", "true true true 77", "127.0.0.1:53",
            ])
    }

    @Test("the inner question has the client's OPT with its options, or none") func edns() throws {
        var seen: [String] = []
        let dns = try MemoryServer(
            Script("a.test. A", asks: "b.test. A") { _, _ in .answered },
            Script { exchange in
                guard let edns = exchange.asked.edns else {
                    seen.append("none")
                    return .answered
                }
                let options = exchange.message.slice(edns.optionsOffset, edns.optionsLength).array
                seen.append("\(edns.payloadSize) \(edns.dnssecOK) \(options)")
                return .answered
            })
        _ = dns.ask(
            ClientQuery("a.test. A") { $0.edns = .init(payloadSize: 999, dnssecOK: true, options: [0, 8, 0, 1, 5]) })
        _ = dns.ask(ClientQuery("a.test. A") { $0.edns = .init(payloadSize: 512) })
        _ = dns.ask(ClientQuery("a.test. A"))
        #expect(seen == ["999 true [0, 8, 0, 1, 5]", "512 false []", "none"])
    }

    @Test("options that no memory is set aside for are left out of the inner question") func longOptions() throws {
        var lengths: [Int?] = []
        let dns = try MemoryServer(
            Script("a.test. A", asks: "b.test. A") { _, _ in .answered },
            Script { exchange in
                lengths.append(exchange.asked.edns?.optionsLength)
                return .answered
            })
        let length = 5000
        let options = [0, 12] + ClientQuery.pair(UInt16(length - 4)) + [UInt8](repeating: 0, count: length - 4)
        #expect(dns.ask(ClientQuery("a.test. A") { $0.edns = .init(options: options) }, over: .tcp) == "NOERROR")
        #expect(lengths == [0])
    }

    @Test("the inner question is asked of the handlers behind alone, whatever its zone") func sameBlock() throws {
        var asked: [String] = []
        let dns = try MemoryServer(blocks: [
            ScriptedBlock(
                "a.test",
                scripts: [
                    Script { exchange in
                        asked.append("before \(exchange.asks)")
                        return .next
                    },
                    Script("x.a.test. A", asks: "x.b.test. A") { _, _ in .answered },
                    Script { exchange in
                        asked.append("behind \(exchange.asks)")
                        return .answered
                    },
                ]),
            ScriptedBlock("b.test", scripts: [Script { _ in .dropped }]),
        ])
        #expect(dns.ask("x.a.test. A") == "NOERROR")
        #expect(asked == ["before x.a.test. A", "behind x.b.test. A"])
    }

    @Test("a CNAME of the inner question is chased through the whole server") func innerChase() throws {
        let dns = try MemoryServer(blocks: [
            ScriptedBlock(
                "a.test",
                scripts: [
                    Script("x.a.test. A", asks: "y.a.test. A") { response, exchange in
                        exchange.take(response)
                        return .answered
                    },
                    Script("y.a.test. A") { $0.alias("z.b.test.") },
                ]),
            ScriptedBlock("b.test", scripts: [Script { $0.answer("192.0.2.1") }]),
        ])
        #expect(dns.ask("x.a.test. A") == "NOERROR aa\ny.a.test. 60 CNAME z.b.test.\nz.b.test. 60 A 192.0.2.1")
    }

    @Test("which address is to come first holds inside") func style() throws {
        var rotations: [Int] = []
        let dns = try MemoryServer(
            Script { exchange in
                exchange.style.rotation = 5
                return .next
            },
            Script("a.test. A", asks: "b.test. A") { _, _ in .answered },
            Script { exchange in
                rotations.append(exchange.style.rotation)
                return .answered
            })
        _ = dns.ask("a.test. A")
        #expect(rotations == [5])
    }

    // MARK: Taking the answer over

    @Test("take: code, extended error, AD, AA, and who answered") func adopted() throws {
        var names: [String] = []
        let dns = try MemoryServer(
            Script().finishing { names.append($0.answeredBy) },
            Script("a.test. A", asks: "a.test. A") { response, exchange in
                exchange.take(response)
                return .answered
            },
            Script(),
            Script { exchange in
                exchange.response.code = .nameError
                exchange.response.extendedError = .staleAnswer
                exchange.response.flags |= HeaderFlag.authenticData
                exchange.isAuthoritative = true
                return .answered
            })
        #expect(dns.ask("a.test. A", dnssecOK: false) == "NXDOMAIN aa ad ede=3")
        #expect(names == ["four"])
    }

    @Test("take: records of all sections", arguments: ["a.test. A", "longer.a.test. A"]) func sections(_ inner: String)
        throws
    {
        let dns = try MemoryServer(
            Script("a.test. A", asks: inner) { response, exchange in
                #expect([response.answers, response.authorities, response.additionals] == [1, 1, 1])
                exchange.take(response)
                return .answered
            },
            Script { exchange in
                for (section, number) in [(Section.answer, UInt8(1)), (.authority, 2), (.additional, 3)] {
                    withBytes([192, 0, 2, number]) { data in
                        _ = exchange.response.appendRecord(owner: 12, type: .a, ttl: 5, data: data, in: section)
                    }
                }
                return .answered
            })
        let asked = dns.begin("a.test. A", dnssecOK: false)
        let owner = inner.split(separator: " ")[0]
        #expect(asked.text == "NOERROR\n\(owner) 5 A 192.0.2.1\n\(owner) 5 A 192.0.2.2\n\(owner) 5 A 192.0.2.3")
        #expect(asked.octets.map { Array($0[4..<12]) } == [0, 1, 0, 1, 0, 1, 0, 2])
    }

    @Test(
        "take: what does not fit into the client's response is cut, record by record",
        arguments: ["a.test. A", "b.test. A"])
    func truncated(_ inner: String) throws {
        let dns = try MemoryServer(
            Script("a.test. A", asks: inner) { response, exchange in
                exchange.take(response)
                return .answered
            },
            Script { exchange in
                for number in 0..<100 { _ = exchange.answer("192.0.2.\(number)") }
                return .answered
            })
        let text = dns.ask("a.test. A")
        let lines = text.split(separator: "\n")
        // 24 octets before the records, 16 for each; of another name the first takes 22.
        #expect(lines[0] == "NOERROR aa tc")
        #expect(lines.count == 1 + 30)
        #expect(dns.ask("a.test. A", over: .tcp).split(separator: "\n").count == 1 + 100)
    }

    @Test("copy: one record, with another TTL") func copied() throws {
        let dns = try MemoryServer(
            Script("a.test. A", asks: "b.test. A") { response, exchange in
                for (record, section) in response.records where record.type == .a {
                    exchange.copy(record, of: response, ttl: 9, in: section)
                    break
                }
                return .answered
            },
            Script { exchange in
                _ = exchange.answer("2001:db8::1")
                _ = exchange.answer("192.0.2.1")
                return exchange.answer("192.0.2.2")
            })
        #expect(dns.ask("a.test. A") == "NOERROR\nb.test. 9 A 192.0.2.1")
    }

    @Test("append: another address in the place of a record's, in either family") func appended() throws {
        let dns = try MemoryServer(
            Script("a.test. A", asks: "B.test. A") { response, exchange in
                for (record, _) in response.records {
                    for text in ["198.51.100.7", "2001:db8::7"] {
                        guard let address = IPAddress(text) else { continue }
                        exchange.append(address, as: record, of: response, ttl: 4)
                    }
                }
                return .answered
            },
            Script { $0.answer("192.0.2.1") })
        #expect(dns.ask("a.test. A") == "NOERROR\nB.test. 4 A 198.51.100.7\nB.test. 4 AAAA 2001:db8::7")
    }

    // MARK: The way out

    @Test("handlers behind the asker see the end of its question, those before and itself do not") func wayOut() throws
    {
        var notes: [String] = []
        func noting(_ name: String, _ script: Script = Script()) -> Script {
            script.finishing { notes.append("\(name) \($0.asked.name.nameText)") }
        }
        let dns = try MemoryServer(
            noting("one"), noting("two", Script("a.test. A", asks: "b.test. A") { _, _ in .answered }), noting("three"),
            noting("four", Script { $0.answer("192.0.2.1") }))
        _ = dns.ask("a.test. A")
        #expect(notes == ["four b.test.", "three b.test.", "two a.test.", "one a.test."])
    }

    @Test("the same after waiting, and responses pass by those behind the asker alone") func wayOutWaiting() throws {
        var notes: [String] = []
        let waiting = Waiting()
        func noting(_ name: String, _ script: Script = Script()) -> Script {
            script.finishing { notes.append("\(name) finish \($0.asked.name.nameText)") }
                .receiving { notes.append("\(name) received \($1.asks)") }
                .recovering { exchange in
                    notes.append("\(name) recover \(exchange.asks)")
                    return false
                }
        }
        let dns = try MemoryServer(
            noting("one"), noting("two", Script("a.test. A", asks: "b.test. A") { _, _ in .answered }), noting("three"),
            noting("four", Script { _ in waiting.park() }), waiting: waiting)
        _ = dns.begin("a.test. A")
        try waiting.answer("b.test. A")
        let end = ["four finish b.test.", "three finish b.test.", "two finish a.test.", "one finish a.test."]
        #expect(notes == ["three received b.test. A"] + end)
        notes = []
        _ = dns.begin("a.test. A")
        waiting.fail()
        #expect(notes == ["three recover b.test. A"] + end)
    }
}
