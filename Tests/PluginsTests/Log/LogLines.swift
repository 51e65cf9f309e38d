import DNSServer
import TestKit
import Testing

@Suite("log: one line for each query") struct LogLines {
    init() { RecordedLog.begin() }

    /// The lines that a question leaves behind; its name is no other test's.
    private func lines(
        _ question: String, _ directives: String, from client: String = "127.0.0.1", dnssecOK: Bool? = nil
    ) throws -> [String] {
        let dns = try MemoryServer(
            directives + "\nhosts {\n192.0.2.1 one.log.test fmt.log.test first.log.test six.log.test\n}")
        _ = dns.ask(question, dnssecOK: dnssecOK, from: client)
        return RecordedLog.lines(with: String(question.prefix { $0 != " " }).lowercased())
    }

    @Test("in CoreDNS' common form") func common() throws {
        #expect(
            try lines("One.log.test. A", "log") == [
                "[INFO] 127.0.0.1:40000 - 1 \"A IN one.log.test. udp 30 false 512\" NOERROR qr,aa,rd 46 0.000000000s"
            ])
    }

    @Test("every field; what is none stays as it stands") func fields() throws {
        let format =
            "{remote} {port} {local} {proto} {type} {class} {name} {size} {rcode} {rsize} {duration} {>id} {>opcode} "
            + "{>do} {>bufsize} {>rflags} {other} {"
        #expect(
            try lines("fmt.log.test. A", "log . \"\(format)\"", dnssecOK: true) == [
                "[INFO] 127.0.0.1 40000 127.0.0.1 udp A IN fmt.log.test. 41 NOERROR 57 0.000000000s 1 0 true 1232 "
                    + "qr,aa,rd {other} {"
            ])
    }

    @Test("the size that a response may have is a message's over streams") func streams() throws {
        let dns = try MemoryServer("log . \"{name} {proto} {>bufsize}\"\nhosts {\n192.0.2.1 stream.log.test\n}")
        _ = dns.ask("stream.log.test. A", over: .tcp)
        #expect(RecordedLog.lines(with: "stream.log.test.") == ["[INFO] stream.log.test. tcp 65535"])
    }

    @Test("IPv6 clients in brackets") func brackets() throws {
        let line = try #require(lines("six.log.test. A", "log", from: "2001:db8::1:0:0:2").first)
        #expect(line.hasPrefix("[INFO] [2001:db8::1:0:0:2]:40000 - "))
    }

    @Test("of several rules the first that is for the name decides") func firstRule() throws {
        let rules = "log other.test \"no {name}\"\nlog log.test \"yes {name}\"\nlog . \"late {name}\""
        #expect(try lines("first.log.test. A", rules) == ["[INFO] yes first.log.test."])
    }

    @Test(
        "only responses of the classes asked for",
        arguments: [
            ("success", 1), ("denial", 1), ("error", 1), ("all", 3), ("success error", 2), ("denial success", 2),
        ]) func classes(words: String, count: Int) throws
    {
        // A name that is there, one without this type, and one that nobody may ask for.
        let mark = words.replacing(" ", with: "-")
        let dns = try MemoryServer(
            "log . {\nclass \(words)\n}\nacl refused.\(mark).test {\nblock\n}\nhosts {\n192.0.2.1 there.\(mark).test\n}"
        )
        for question in ["there.\(mark).test. A", "there.\(mark).test. AAAA", "refused.\(mark).test. A"] {
            _ = dns.ask(question)
        }
        #expect(RecordedLog.lines(with: ".\(mark).test.").count == count)
    }

    @Test("no name makes a second line, or any other octet than printable ones") func hostile() throws {
        var query = WireText.query("x.hostile.log.test. A", id: 7)
        query[13] = 10
        let dns = try MemoryServer("log\nhosts {\n192.0.2.1 one.log.test\n}")
        _ = dns.begin(query)
        let lines = RecordedLog.lines(with: "hostile.log.test.")
        #expect(lines.count == 1 && lines.allSatisfy { $0.contains("\"A IN \\010.hostile.log.test. udp ") })
    }

    @Test("also of a query that waited for an upstream, with the time it took") func waited() throws {
        let dns = try MemoryServer("log\nforward . @UPSTREAM@") { [$0.reply([.a("slow.log.test.", "192.0.2.1")])] }
        dns.upstreams[0].hold()
        let asked = dns.begin("slow.log.test. A")
        dns.advance(.milliseconds(20))
        #expect(RecordedLog.lines(with: "slow.log.test.").isEmpty)
        dns.release()
        #expect(asked.octets != nil)
        #expect(RecordedLog.lines(with: "slow.log.test.").first?.hasSuffix(" 0.020000000s") == true)
    }

    @Test("beside why it failed, in the order of the chain") func errors() throws {
        let dns = try MemoryServer("errors\nlog\nforward . @UPSTREAM@", upstreams: [{ _ in [] }])
        let asked = dns.begin("lost.log.test. A")
        dns.advance(.seconds(30))
        #expect(asked.text.hasPrefix("SERVFAIL"))
        let levels = RecordedLog.lines(with: "lost.log.test.").map { $0.prefix { $0 != " " } }
        #expect(levels == ["[INFO]", "[ERROR]"])
    }
}
