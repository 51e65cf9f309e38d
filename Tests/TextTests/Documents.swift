import Testing
import Text

@Suite("JSON") struct Documents {
    private func read(_ text: String) throws(JSONError) -> JSONValue { try JSONReader.read(text) }

    private func error(_ text: String) -> String? {
        do throws(JSONError) {
            _ = try read(text)
            return nil
        } catch {
            return "\(error)"
        }
    }

    @Test("strings of JSON")
    func strings() throws {
        #expect(try read(#""a\u00e9\ud83d\ude00\n\/""#) == "aé😀\n/")
        #expect(try read(#""\ud83dx""#) == "\u{FFFD}x")
        #expect(try read(#""\ud83d\u0041""#) == "\u{FFFD}A")
    }

    @Test(
        "what is wrong is told with its place",
        arguments: [
            ("", "at octet 1: expected a value"), ("nul", "at octet 1: expected a value"),
            (#"{"a" 1}"#, "at octet 6: expected a colon"),
            (#"{a:1}"#, "at octet 2: expected a member's name in quotes"),
            (#"{"a":1,}"#, "at octet 8: expected a member's name in quotes"),
            (#"{"a":1"#, "at octet 7: expected a comma or a closing brace"),
            ("[1 2]", "at octet 4: expected a comma or a closing bracket"), ("[1,]", "at octet 4: expected a value"),
            ("01", "at octet 3: expected a number without leading zeros"), ("1.", "at octet 3: expected digits"),
            ("1e", "at octet 3: expected an exponent"), ("-", "at octet 2: expected a value"),
            ("+1", "at octet 1: expected a value"), ("1 1", "at octet 3: expected the end of the text"),
            ("\"a", "at octet 3: expected a closing quote"),
            ("\"a\nb\"", "at octet 3: expected no control character inside a string"),
            (#""\u00g0""#, "at octet 6: expected four hexadecimal digits"),
            (#""\x""#, #"at octet 3: expected one of the escapes \" \\ \/ \b \f \n \r \t \u"#),
            (String(repeating: "[", count: 100_000), "at octet 129: expected at most 128 levels of nesting"),
        ])
    func errors(_ text: String, _ wanted: String) { #expect(error(text) == wanted) }

    @Test("whole numbers of 64 bits, and others with their text") func numbers() throws {
        #expect(try read("-9223372036854775808") == .int(.min))
        for text in ["9223372036854775808", "1.50", "-0", "1e3", "1E-7", "1e999"] {
            guard case .real(let number) = try read(text) else {
                Issue.record("\(text)")
                continue
            }
            #expect(number.text == text)
        }
        #expect(try read("1e3").number == 1000)
        #expect(try read("1.5").number == nil)
        #expect(try read("[1.50,1e3,-0,1e999,1e-7]").goText == "[1.5,1000,0,1e999,1e-07]")
    }

    @Test("members of one name") func repeated() throws {
        let text = #"{"a":1,"b":2,"a":3}"#
        #expect(try JSONReader.read(text) == ["a": 3, "b": 2])
        #expect(try JSONReader.read(text, repeated: .allKept).members.map(\.value) == [1, 2, 3])
    }

    @Test("127 and 128 levels are read, 129 are not") func depth() {
        func nested(_ count: Int) -> String {
            String(repeating: "[", count: count) + String(repeating: "]", count: count)
        }
        #expect((127...129).map { error(nested($0)) == nil } == [true, true, false])
    }

    @Test("documents are written as they were read") func written() throws {
        let text = #"{"b":[null,true,{},[]],"a":"\"\\\n\r\t\u0001\u001fé<"}"#
        #expect(String(decoding: try read(text).bytes, as: UTF8.self) == text)
        #expect(try read(text).goText == #"{"a":"\"\\\n\r\t\u0001\u001fé\u003c","b":[null,true,{},[]]}"#)
        #expect(JSONValue("<&>\u{2028}\u{2029}\u{2027}").goText == "\"\\u003c\\u0026\\u003e\\u2028\\u2029\u{2027}\"")
    }

    @Test("no octets end the process") func hostile() {
        let good = Array(#"{"a":[1,-2.5e+3,"\ud83d\ude00",true,null],"b":{"c":"d"}}"#.utf8)
        var random = SeededRandom(seed: 7)
        for _ in 0..<5000 {
            var bad = Array(good.prefix(Int(random.next() % UInt64(good.count + 1))))
            for _ in 0..<3 where !bad.isEmpty {
                bad[Int(random.next() % UInt64(bad.count))] = UInt8(truncatingIfNeeded: random.next())
            }
            _ = (try? JSONReader.read(bad))?.bytes
        }
    }
}
