import DNSWire
import Testing
import ZoneData

@Suite("ldns reads every answer about the cluster as it was meant") struct JudgedAnswers {
    @Test(arguments: [512, 1232, 65_535], [false, true]) func allNamesAndTypes(_ size: Int, _ edns: Bool) throws {
        var (records, truncated) = (0, 0)
        for name in JudgedCluster.names {
            for type in JudgedCluster.types {
                let asked = "\(name) \(type)"
                let verdict = try JudgedCluster.ask(asked, size: size, edns: edns)
                check(verdict, asked, name, type, size: size, edns: edns)
                records += verdict.counts.reduce(0, +)
                truncated += verdict.isTruncated ? 1 : 0
            }
        }
        // That much was there to be judged.
        #expect(records > (size == 512 ? 200 : size == 1232 ? 400 : 10_000))
        #expect(truncated > 0)
    }

    private func check(
        _ verdict: JudgedCluster.Verdict, _ asked: String, _ name: String, _ type: String, size: Int, edns: Bool
    ) {
        let decoded = verdict.decoded
        #expect(verdict.octets.count <= size, "\(asked)")
        #expect([decoded.answer, decoded.authority, decoded.additional].map(\.count) == verdict.counts, "\(asked)")
        #expect(decoded.id == 0x1234)
        #expect(decoded.flags == (verdict.isTruncated ? "qr tc rd" : "qr rd"), "\(asked)")
        #expect(decoded.question.map(words) == [[name, "IN", type]], "\(asked)")
        #expect((decoded.edns != nil) == edns, "\(asked)")
        #expect(decoded.edns?.payloadSize ?? 1232 == 1232 && decoded.edns?.dnssecOK ?? true, "\(asked)")
        #expect(decoded.code == "NOERROR" || verdict.counts == [0, 0, 0], "\(asked)")
        for line in decoded.answer.map(words) {
            #expect(line[0] == name && (line[3] == type || line[3] == "CNAME"), "\(asked): \(line)")
        }
        // Additional addresses belong to what the answer points to.
        let targets = Set(decoded.answer.compactMap { words($0).last })
        for line in decoded.additional.map(words) {
            #expect(targets.contains(line[0]) && ["A", "AAAA"].contains(line[3]), "\(asked): \(line)")
        }
    }

    private func words(_ line: String) -> [String] { line.split(whereSeparator: \.isWhitespace).map(String.init) }
}

@Suite("zone text of answers, printed by ldns") struct ZoneTextAnswers {
    /// What an answer is to read like; records of the additional section begin with `+`.
    struct Ask: Sendable, CustomTestStringConvertible {
        let question: String
        let text: String
        var testDescription: String { question }

        init(_ question: String, _ text: String) {
            self.question = question
            self.text = text
        }
    }

    @Test(arguments: [
        Ask("web.shop.svc.cluster.local. A", "web.shop.svc.cluster.local. 30 IN A 10.96.0.10"),
        Ask("web.shop.svc.cluster.local. AAAA", "web.shop.svc.cluster.local. 30 IN AAAA fd00:96::10"),
        Ask("WeB.Shop.sVc.cluster.local. A", "WeB.Shop.sVc.cluster.local. 30 IN A 10.96.0.10"),
        Ask("web.shop.svc.cluster.local. TXT", ""),
        Ask(
            "_dns._udp.web.shop.svc.cluster.local. SRV",
            """
            _dns._udp.web.shop.svc.cluster.local. 30 IN SRV 0 50 53 web.shop.svc.cluster.local.
            + web.shop.svc.cluster.local. 30 IN A 10.96.0.10
            + web.shop.svc.cluster.local. 30 IN AAAA fd00:96::10
            """),
        Ask(
            "plain.shop.svc.cluster.local. SRV",
            """
            plain.shop.svc.cluster.local. 30 IN SRV 0 100 8080 plain.shop.svc.cluster.local.
            + plain.shop.svc.cluster.local. 30 IN A 10.96.0.11
            """),
        Ask(
            "db.shop.svc.cluster.local. A",
            """
            db.shop.svc.cluster.local. 30 IN A 10.0.1.1
            db.shop.svc.cluster.local. 30 IN A 10.0.1.2
            """),
        Ask("db-0.db.shop.svc.cluster.local. AAAA", "db-0.db.shop.svc.cluster.local. 30 IN AAAA fd00:1::1"),
        Ask(
            "_sql._tcp.db.shop.svc.cluster.local. SRV",
            """
            _sql._tcp.db.shop.svc.cluster.local. 30 IN SRV 0 33 5432 db-0.db.shop.svc.cluster.local.
            _sql._tcp.db.shop.svc.cluster.local. 30 IN SRV 0 33 5432 db-1.db.shop.svc.cluster.local.
            + db-0.db.shop.svc.cluster.local. 30 IN A 10.0.1.1
            + db-0.db.shop.svc.cluster.local. 30 IN AAAA fd00:1::1
            + db-1.db.shop.svc.cluster.local. 30 IN A 10.0.1.2
            """),
        Ask("10-0-2-1.anon.shop.svc.cluster.local. A", "10-0-2-1.anon.shop.svc.cluster.local. 30 IN A 10.0.2.1"),
        Ask("mail.shop.svc.cluster.local. CNAME", "mail.shop.svc.cluster.local. 30 IN CNAME mail.example.test."),
        Ask("mail.shop.svc.cluster.local. AAAA", "mail.shop.svc.cluster.local. 30 IN CNAME mail.example.test."),
        Ask("10-0-0-7.shop.pod.cluster.local. A", "10-0-0-7.shop.pod.cluster.local. 30 IN A 10.0.0.7"),
        Ask("fd00--7.shop.pod.cluster.local. AAAA", "fd00--7.shop.pod.cluster.local. 30 IN AAAA fd00::7"),
        Ask("dns-version.cluster.local. TXT", "dns-version.cluster.local. 28800 IN TXT \"1.1.0\""),
        Ask("10.0.96.10.in-addr.arpa. PTR", "10.0.96.10.in-addr.arpa. 30 IN PTR web.shop.svc.cluster.local."),
        Ask("1.1.0.10.in-addr.arpa. PTR", "1.1.0.10.in-addr.arpa. 30 IN PTR db-0.db.shop.svc.cluster.local."),
    ])
    func text(_ ask: Ask) throws {
        let decoded = try JudgedCluster.ask(ask.question, size: 1232, edns: true).decoded
        let lines = decoded.answer + decoded.additional.map { "+ " + $0 }
        #expect(lines.map { $0.replacing("\t", with: " ") }.joined(separator: "\n") == ask.text)
    }
}

@Suite("messages as ldns reads them") struct Messages {
    private static let question: [UInt8] = [1, 97, 4, 116, 101, 115, 116, 0, 0, 1, 0, 1]

    @Test("what is not whole is not read") func cutMessages() throws {
        let whole: [UInt8] =
            [0, 7, 0x84, 0, 0, 1, 0, 1, 0, 0, 0, 0] + Self.question
            + [0xC0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 192, 0, 2, 1]
        #expect(try MessageText.text(of: whole).answer == ["a.test.\t60\tIN\tA\t192.0.2.1"])
        for length in 0..<whole.count {
            #expect(throws: MessageTextError.self) { try MessageText.text(of: Array(whole[0..<length])) }
        }
    }

    @Test("header bits, the whole RCODE and options of OPT") func headerAndOPT() throws {
        let octets: [UInt8] =
            [0, 7, 0x87, 0xB0, 0, 1, 0, 0, 0, 0, 0, 1] + Self.question
            + [0, 0, 41, 0x04, 0xD0, 1, 0, 0x80, 0, 0, 6, 0, 15, 0, 2, 0, 14]
        let decoded = try MessageText.text(of: octets)
        #expect(decoded.flags == "qr aa tc rd ra ad cd")
        #expect(decoded.code == "BADVERS")
        #expect(decoded.question == ["a.test.\tIN\tA"])
        #expect(
            decoded.edns
                == DecodedEDNS(payloadSize: 1232, version: 0, dnssecOK: true, options: [0, 15, 0, 2, 0, 14]))
        #expect(decoded.additional.isEmpty)
    }
}
