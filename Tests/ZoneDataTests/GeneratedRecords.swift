import DNSWire
import Testing
import ZoneData

@Suite("zone files: $GENERATE") struct GeneratedRecords {
    /// Records of zone a.test, one `OWNER TTL DATA` each: data as text without the origin.
    private func records(_ text: String) throws -> [String] {
        let head = "$TTL 60\n@ SOA ns h 1 1 1 1 60\n@ NS ns\n"
        let table = try ZoneFile.table(
            Array((head + text).utf8), named: "db", origin: try #require(Name("a.test"))
        ) { _ in [] }
        return table.records.filter { $0.type != RecordType.soa.rawValue && $0.type != RecordType.ns.rawValue }.map {
            let data =
                $0.type == RecordType.a.rawValue
                ? $0.data.map { "\($0)" }.joined(separator: ".")
                : withBytes($0.data) { $0.nameText }
            return "\(withBytes($0.owner) { $0.nameText }) \($0.ttl) \(data)".replacing(".a.test.", with: "")
        }
    }

    private func mistake(_ text: String) -> String? {
        do { _ = try records(text) } catch { return "\(error)" }
        return nil
    }

    @Test("a record for each number of a range, or for each that a step meets") func ranges() throws {
        #expect(try records("$GENERATE 1-3 g$ A 10.0.0.$\n") == ["g1 60 10.0.0.1", "g2 60 10.0.0.2", "g3 60 10.0.0.3"])
        #expect(try records("$generate 0-10/4 g$ 5 IN CNAME h$ ; c\n") == ["g0 5 h0", "g4 5 h4", "g8 5 h8"])
        #expect(try records("$GENERATE 7-7 ( $.x\n IN 5 A 1.1.1.$ )\n") == ["7.x 5 1.1.1.7"])
        #expect(try records("$GENERATE 1-65536 g$ A 1.1.1.1\n").count == 65536)
    }

    @Test("numbers have an offset, a width and a base; escaped dollars stay") func forms() throws {
        #expect(try records("$GENERATE 9-9 a${1}b${-9}c${+0,3} CNAME ${0,4,d}.${1,0,o}\n") == ["a10b0c009 60 0009.12"])
        #expect(try records("$GENERATE 171-171 x${0,4,x} CNAME \\$$$.$\n") == ["x00ab 60 \\$\\$.171"])
        #expect(try records("$GENERATE 26-26 ${0,0,n} CNAME ${0,7,n}\n") == ["a.1 60 a.1.0.0"])
        #expect(try records("$GENERATE 171-171 x CNAME y${0,4,X}.${0,1,N}\n") == ["x 60 y00AB.B.A"])
    }

    @Test("lines that follow have the origin, TTL and owner from before") func following() throws {
        #expect(
            try records("w 1 A 1.1.1.1\n$GENERATE 1-1 g$ 5 A 1.1.1.$\n A 1.1.1.2\n")
                == ["g1 5 1.1.1.1", "w 1 1.1.1.1", "w 1 1.1.1.2"])
    }

    @Test("what is wrong names it") func mistakes() {
        #expect(mistake("$GENERATE 1-3 g$\n") == "db:4: $GENERATE, expected a range, an owner, a type and data")
        for range in ["1", "3-1", "1-3/0", "-1-3", "a-b", "1-99999999999", "1-2/", "1-2-3"] {
            #expect(
                mistake("$GENERATE \(range) g$ A 1.1.1.1\n")
                    == "db:4: $GENERATE \(range), expected a range, as 1-10 or 0-100/10")
        }
        #expect(
            mistake("$GENERATE 0-65536 g$ A 1.1.1.1\n")
                == "db:4: $GENERATE 0-65536: 65537 records, expected at most 65536")
        #expect(mistake("$GENERATE 1-65535 g$ A 1.1.1.1\n") == nil)
        for width in [254, 255] { #expect(mistake("$GENERATE 1-1 g TXT ${0,\(width)}\n") == nil) }
        for form in ["${", "${}", "${a}", "${0,256}", "${0,1,y}", "${0,1,d,}"] {
            #expect(mistake("$GENERATE 1-1 g\(form) A 1.1.1.1\n")?.hasPrefix("db:4: $GENERATE: ${") == true, "\(form)")
        }
        #expect(mistake("$GENERATE 1-1 g${-2} A 1.1.1.1\n") == "db:4: $GENERATE: -1, expected no number below 0")
        #expect(mistake("$GENERATE 1-1 g$ A 1.1.1.\n")?.hasPrefix("db:4: ") == true)
    }
}
