import DNSWire
import Testing
import ZoneData

@Suite("zone files: what their lines mean (RFC 1035 §5.1)") struct WrittenZones {
    private static let head = "$TTL 60\n@ SOA ns h 1 1 1 1 60\n@ NS ns\nns AAAA ::1\n"

    /// The addresses of zone a.test, one `OWNER TTL ADDRESS` each, in the order of names.
    private func addresses(_ text: String, _ files: [String: String] = [:], head: String = head) throws -> [String] {
        let table = try ZoneFile.table(
            Array((head + text).utf8), named: "/zones/db", origin: try #require(Name("a.test"))
        ) { path in
            guard let text = files[path] else { throw ZoneContentError("not there") }
            return Array(text.utf8)
        }
        #expect(table.warnings.isEmpty)
        return table.records.filter { $0.type == RecordType.a.rawValue }.map { record in
            let owner = withBytes(record.owner) { $0.nameText }
            return
                "\(owner.replacing(".a.test.", with: "")) \(record.ttl) \(record.data.map { "\($0)" }.joined(separator: "."))"
        }
    }

    /// What is said of a file.
    private func mistake(_ text: String, _ files: [String: String] = [:]) -> String? {
        do { _ = try addresses(text, files) } catch { return "\(error)" }
        return nil
    }

    @Test(
        "blanks at the end of a line are no words of it, however they come there",
        arguments: ["", " ", "\t \t", " ; comment", "\r", " \r", " )", " ) ; comment\r"])
    func ends(_ end: String) throws {
        let open = end.contains(")") ? "( " : ""
        func data(_ record: String) throws -> [[UInt8]] {
            try ZoneFile.table(
                Array((Self.head + record + "\n").utf8), named: "db", origin: try #require(Name("a.test"))
            ) { _ in throw ZoneContentError("none") }.records.filter {
                withBytes($0.owner) { $0.nameText } == "x.a.test."
            }
            .map(\.data)
        }
        for record in [
            "CAA 0 issue \(open)\"ca.test\"", "HINFO \(open)\"a\" \"b\"", "URI 1 1 \(open)\"u:x\"",
            "LOC 42 21 54 N 71 06 18 W \(open)-24m 30m", "TXT \(open)a\\ ", "A \(open)192.0.2.1",
        ] {
            let plain = try data("x " + record.replacing("( ", with: ""))
            #expect(plain.count == 1)
            #expect(try data("x " + record + end) == plain, "\(record)\(end)")
        }
    }

    @Test("TTL and class stand in either order, each or none, the TTL with units or without") func order() throws {
        #expect(
            try addresses(
                """
                a IN 61 A 1.1.1.1
                b 62 IN A 1.1.1.2
                c IN A 1.1.1.3
                d 63 A 1.1.1.4
                e A 1.1.1.5
                 IN 60 A 1.1.1.6
                f in 1h30m a 1.1.1.7
                g CLASS1 1W A 1.1.1.8
                h 1D2h class1 A 1.1.1.9

                """) == [
                    "a 61 1.1.1.1", "b 62 1.1.1.2", "c 60 1.1.1.3", "d 63 1.1.1.4", "e 60 1.1.1.5", "e 60 1.1.1.6",
                    "f 5400 1.1.1.7", "g 604800 1.1.1.8", "h 93600 1.1.1.9",
                ])
        let start = "@ IN 3600 SOA ns h ( 1 ; serial\n 1 1\n 1 60 )\n\tIN 1h NS ns\nns IN A 1.1.1.1\n"
        #expect(try addresses(start, head: "") == ["ns 3600 1.1.1.1"])
    }

    @Test("the first word of a line is an owner, whatever it looks like") func owners() throws {
        #expect(
            try addresses(
                "1h A 1.1.1.1\nin IN 5 A 1.1.1.2\nmx A 1.1.1.3\n10 10 A 1.1.1.4\na 1 A 1.1.1.5\n@ NS ns\n A 1.1.1.6\n")
                == [
                    "a.test. 60 1.1.1.6", "10 10 1.1.1.4", "1h 60 1.1.1.1", "a 1 1.1.1.5", "in 5 1.1.1.2",
                    "mx 60 1.1.1.3",
                ])
    }

    @Test("what is no TTL, no type and no end of a text is said, with its line") func mistakes() {
        #expect(mistake("a 1x A 1.1.1.1\n") == "/zones/db:5: 1x, expected a TTL, as 3600 or 1h30m")
        #expect(mistake("a 1 IN 2 A 1.1.1.1\n") == "/zones/db:5: 2, expected a type")
        #expect(
            mistake("a 4294967296 A 1.1.1.1\n")
                == "/zones/db:5: 4294967296, expected a TTL of at most 4294967295 seconds")
        #expect(mistake("\n\na A 1.1.1.999\n")?.hasPrefix("/zones/db:7: ") == true)
        #expect(mistake("a TXT ( x\nb A 1.1.1.1\n") == "/zones/db:5: a ( without its )")
        #expect(mistake("a TXT x )\n") == "/zones/db:5: a ) without its (")
        #expect(
            mistake("a TXT \"x\nb A 1.1.1.1\n") == "/zones/db:5: a quotation mark without the one that ends the text")
        #expect(mistake("$TTL\n") == "/zones/db:5: $TTL, expected one TTL, as 3600 or 1h30m")
        #expect(mistake("$ORIGIN\n") == "/zones/db:5: $ORIGIN, expected one domain name")
        #expect(mistake("$ORIGIN a..b\n") == "/zones/db:5: a..b, which is no domain name")
        #expect(mistake("$INCLUDE\n") == "/zones/db:5: $INCLUDE without a file")
        #expect(mistake("$INCLUDE x\n") == "/zones/db:5: /zones/x, which cannot be read")
        #expect(mistake("$INCLUDE x\n", ["/zones/x": "\nb A\n"])?.hasPrefix("/zones/x:2: ") == true)
    }

    @Test("a default TTL of 0 is one; without any, the last one that is written counts") func defaults() throws {
        #expect(
            try addresses("$TTL 0\na A 1.1.1.1\nb 5 A 1.1.1.2\nc A 1.1.1.3\n") == [
                "a 0 1.1.1.1", "b 5 1.1.1.2", "c 0 1.1.1.3",
            ])
        let start = "@ 7 SOA ns h 1 1 1 1 60\n@ NS ns\nns A 1.1.1.1\n"
        #expect(
            try addresses(start + "$INCLUDE x\nc A 1.1.1.3\n", ["/zones/x": "a A 1.1.1.2\nb 9 A 1.1.1.2\n"], head: "")
                == [
                    "a 7 1.1.1.2", "b 9 1.1.1.2", "c 7 1.1.1.3", "ns 7 1.1.1.1",
                ])
    }

    @Test("an included file begins with the TTL, origin and owner of the including one, and changes none (RFC 2308 §4)")
    func including() throws {
        let part = " A 1.1.1.2\np A 1.1.1.3\n$TTL 77\n$ORIGIN o\nq A 1.1.1.4\n"
        #expect(
            try addresses("w A 1.1.1.1\n$INCLUDE part\n A 1.1.1.5\nz A 1.1.1.6\n", ["/zones/part": part]) == [
                "q.o 77 1.1.1.4", "p 60 1.1.1.3", "w 60 1.1.1.1", "w 60 1.1.1.2", "w 60 1.1.1.5", "z 60 1.1.1.6",
            ])
    }

    @Test("files include one another up to eight deep") func depth() throws {
        func files(_ depth: Int) -> [String: String] {
            Dictionary(
                uniqueKeysWithValues: (1...depth).map {
                    ("/zones/\($0)", $0 < depth ? "$INCLUDE \($0 + 1)\n" : "a A 1.1.1.1\n")
                })
        }
        for depth in [7, 8] { #expect(try addresses("$INCLUDE 1\n", files(depth)) == ["a 60 1.1.1.1"]) }
        #expect(
            mistake("$INCLUDE 1\n", files(9))?.hasSuffix("files that include one another without an end") == true)
    }

    @Test("origins are relative to the one that there is, and @ is that") func origins() throws {
        let text = """
            $ORIGIN s
            a A 1.1.1.1
            $ORIGIN _tcp
            b A 1.1.1.2
            $ORIGIN @
            c A 1.1.1.3
            $INCLUDE part @
            $INCLUDE part t
            $ORIGIN a.test.
            $INCLUDE part u.a.test. ; here
            d A 1.1.1.4

            """
        #expect(
            try addresses(text, ["/zones/part": "p A 2.2.2.2\n"]) == [
                "d 60 1.1.1.4", "b._tcp.s 60 1.1.1.2", "c._tcp.s 60 1.1.1.3", "p._tcp.s 60 2.2.2.2",
                "p.t._tcp.s 60 2.2.2.2", "a.s 60 1.1.1.1", "p.u 60 2.2.2.2",
            ])
    }

    @Test("directives are known in letters of any case; another dollar is part of a name") func letters() throws {
        #expect(
            try addresses(
                "$ttl 5 ; c\n$origin s;c\na A 1.1.1.1\n$Include part\n$x A 1.1.1.2\n", ["/zones/part": "p A 2.2.2.2\n"])
                == ["\\$x.s 5 1.1.1.2", "a.s 5 1.1.1.1", "p.s 5 2.2.2.2"])
    }

    @Test("parentheses join lines, comments end, quotation marks and backslashes keep both from it") func joined()
        throws
    {
        let table = try ZoneFile.table(
            Array(
                (Self.head
                    + "a TXT(\"x;y\" ; one\r\n \"(z\\\"\")\r\nb TXT \\;\\(\r\nc TXT \"\\\\\" ; \"\nd TXT \"e\nf\"\n")
                    .utf8),
            named: "db",
            origin: try #require(Name("a.test"))
        ) { _ in [] }
        let texts = table.records.filter { $0.type == RecordType.txt.rawValue }
        #expect(
            texts.map { String(decoding: $0.data, as: UTF8.self) } == [
                "\u{3}x;y\u{3}(z\"", "\u{2};(", "\u{1}\\", "\u{3}e\nf",
            ])
    }
}
