import Expressions
import Testing

/// A question as far as these expressions ask about it.
private struct Asked: ~Copyable {
    var name = "web.shop.test."
    var type = "A"
    var size = 40

    static var names: ExpressionNames {
        var names = ExpressionNames(functions: [
            ExpressionFunction("name", gives: .string), ExpressionFunction("type", gives: .string),
            ExpressionFunction("size", gives: .integer), ExpressionFunction("twice", .integer, gives: .integer),
            ExpressionFunction("fails", gives: .boolean),
        ])
        names.add(variable: "host", .string)
        names.add(variable: "ports", .list)
        return names
    }

    static func value(_ text: String) throws -> ExpressionValue {
        try Expression(text, names: names).value(
            of: Asked(), variables: [.string("web"), .list([.integer(80), .integer(443)])]
        ) { function, arguments, asked throws(EvaluationError) in
            switch (function, arguments) {
            case (0, _): return .string(asked.name)
            case (1, _): return .string(asked.type)
            case (2, _): return .integer(asked.size)
            case (3, _):
                guard case .integer(let number)? = arguments.first else { throw EvaluationError("no number") }
                return .integer(number * 2)
            default: throw EvaluationError("a function that fails")
            }
        }
    }
}

@Suite("expressions: values") struct Evaluation {
    @Test(arguments: [
        "type() == 'A'", "type() in ['A', 'AAAA']", "type() not in ['MX']", "not (type() in ['MX'])",
        "name() matches '^web\\\\..*\\\\.test\\\\.$'", "name() not matches `^db`", "name() matches \"(?i)^WEB\"",
        "name() contains 'shop'", "name() startsWith 'web.'", "name() endsWith '.test.'",
        "not (name() endsWith 'lan.')",
        "(type() == 'MX' && name() == 'x.') || size() == 40", "size() > 39 and size() < 41",
        "size() >= 40 && size() <= 40",
        "!false", "not false == true", "!(size() == 41)", "size() != 41", "'b' > 'a'", "'ab' < 'b'", "true or fails()",
        "!(false and fails())",
        "size() + 2 == 42", "size() - 2 * 3 == 34", "-size() == -40", "size() % 7 == 5", "1 + 2 * 3 == 7",
        "(1 + 2) * 3 == 9",
        "'a' + 'b' == 'ab'", "host + '.shop.test.' == name()", "len(name()) == 14", "len([1, 2]) == 2",
        "size() == 40 ? true : false", "(size() == 41 ? 'a' : 'b') == 'b'", "false ? false : false ? false : true",
        "80 in ports", "ports[1] == 443", "ports[-1] == 443", "twice(size() + 1) == 82", "0x10 == 16", "1_000 == 1000",
        "upper('ab') == 'AB'", "lower('AB') == 'ab'", "trim(' a ') == 'a'",
        "trimSuffix(name(), '.') == 'web.shop.test'",
        "trimPrefix(name(), 'web.') == 'shop.test.'", "hasPrefix(name(), 'web')", "hasSuffix(name(), '.')",
        "replace('1-2-3', '-', '.') == '1.2.3'", "split(name(), '.')[1] == 'shop'", "join(['a', 'b'], '-') == 'a-b'",
        "int('42') == 42", "string(42) == '42'", "any(['x', 'web'], # == host)", "all([1, 2], {# > 0})",
        "none([1, 2], # > 2)",
        "any([[1], [2, 3]], any(#, # == 3))", "'it\\'s' == \"it's\"", "'\\x41\\u0042' == 'AB'", "[1, 'a'] == [1, 'a']",
        "1 < 2 == true", "'a.b' matches 'a\\\\.b' and !('axb' matches 'a\\\\.b')",
    ])
    func isTrue(_ text: String) throws {
        #expect(try Asked.value(text) == .boolean(true))
    }

    @Test(arguments: [
        ("9223372036854775807 + size()", "a number that is too large, or a division by zero"),
        ("9223372036854775807 * 2", "a number that is too large, or a division by zero"),
        ("-9223372036854775807 - size()", "a number that is too large, or a division by zero"),
        ("-(-9223372036854775807 - 1)", "a number that is too large, or a division by zero"),
        ("size() % (size() - 40)", "a number that is too large, or a division by zero"),
        ("(-9223372036854775807 - 1) % -1", "a number that is too large, or a division by zero"),
        ("ports[2]", "no element 2 in a list of 2"), ("ports[-3]", "no element -3 in a list of 2"),
        ("ports[-9223372036854775807 - 1]", "no element -9223372036854775808 in a list of 2"),
        ("int(name())", "'web.shop.test.', which is no number"), ("len(ports[0])", "a number without a length"),
        ("ports[0] + 'a'", "a string for a number"), ("fails() || true", "a function that fails"),
        ("split(name(), '')", "an empty string to look for"),
        (
            "len(" + (0..<6).reduce("name()") { text, _ in "replace(\(text), 'e', 'eeeeeeee')" } + ")",
            "a string of more than 65535 octets"
        ),
    ])
    func fails(_ text: String, _ reason: String) {
        let error = #expect(throws: EvaluationError.self) { try Asked.value(text) }
        #expect(error?.description == reason)
    }
}

@Suite("expressions: errors and limits") struct ExpressionErrors {
    @Test(arguments: [
        ("", "at column 1: found the end, expected a value, a function or a bracket"),
        ("type() = 'A'", "at column 8: found =, expected a name, a value or an operator"),
        ("type() == 'A", "at column 11: found a string without its end, expected a ' behind it"),
        ("type == 'A'", "at column 6: found ==, expected ( behind type"),
        (
            "kind() == 'A'",
            "at column 1: found kind, expected a function or variable: fails, host, name, ports, size, twice, type"
        ),
        ("type() == 1", "at column 11: found a number, expected a string for =="),
        ("size() == 'A'", "at column 11: found a string, expected a number for =="),
        ("size() < 'A'", "at column 10: found a string, expected a number for <"),
        ("size() && true", "at column 1: found a number, expected true or false for &&"),
        ("true || name()", "at column 9: found a string, expected true or false for ||"),
        ("!size()", "at column 2: found a number, expected true or false for not"),
        ("-name()", "at column 2: found a string, expected a number for -"),
        ("name() - 1", "at column 1: found a string, expected a number for -"),
        ("type() in 'A'", "at column 11: found a string, expected a list for in"),
        ("size() contains '4'", "at column 1: found a number, expected a string for contains"),
        ("name() matches type()", "at column 16: found type, expected a regular expression as a string"),
        (
            "name() matches '(a'",
            "at column 16: found a regular expression with a group without its ) at its character 1, expected a ) behind it"
        ),
        ("twice('a')", "at column 7: found a string, expected a number for twice"),
        ("twice(1, 2)", "at column 7: found 2 arguments of twice, expected 1"),
        ("twice(1 2)", "at column 9: found 2, expected , or )"),
        ("len(4)", "at column 5: found a number, expected a string for len"),
        ("any(1, true)", "at column 5: found a number, expected a list for any"),
        ("any([1], 2)", "at column 10: found a number, expected true or false for any"),
        ("# == 1", "at column 1: found #, expected a value, a function or a bracket"),
        ("(true", "at column 6: found the end, expected )"), ("[1, 2", "at column 6: found the end, expected , or ]"),
        ("true ? 1", "at column 9: found the end, expected : and the value for false"),
        ("true true", "at column 6: found true, expected an operator or the end"),
        ("1.5 > 1", "at column 1: found 1.5, expected a whole number up to 9223372036854775807"),
        (
            "99999999999999999999 > 1",
            "at column 1: found 99999999999999999999, expected a whole number up to 9223372036854775807"
        ),
        ("'\\q'", "at column 2: found \\q, expected an escape such as \\\\, \\' or \\n"),
    ])
    func messages(_ text: String, _ message: String) {
        let error = #expect(throws: ExpressionError.self) { try Expression(text, names: Asked.names) }
        #expect(error?.description == message)
    }

    @Test("depth and length are bounded, alternatives are not") func limits() throws {
        func nested(_ depth: Int, _ open: String, _ close: String) -> String {
            String(repeating: open, count: depth) + "true" + String(repeating: close, count: depth)
        }
        func edge(_ most: Int, _ text: (Int) -> String) -> [Bool] {
            (most - 1...most + 1).map { (try? Asked.value(text($0))) != nil }
        }
        let taken = [true, true, false]
        // 200 levels, of which a bracket takes two, and the value itself has its own.
        #expect(edge(99) { nested($0, "(", ")") } == taken)
        #expect(edge(198) { nested($0, "!", "") } == taken)
        #expect(edge(198) { "1" + String(repeating: "+1", count: $0) + " > 0" } == taken)
        #expect(edge(10_000) { "'" + String(repeating: "a", count: $0 - 2) + "'" } == taken)
        #expect(throws: ExpressionError.self) { try Asked.value(nested(3000, "(", ")")) }
        #expect(throws: ExpressionError.self) { try Asked.value(nested(3000, "!", "")) }
        #expect(throws: ExpressionError.self) { try Asked.value(nested(3000, "[", "]")) }
        #expect(throws: ExpressionError.self) { try Asked.value("1" + String(repeating: "+1", count: 1000) + " > 0") }
        #expect(throws: ExpressionError.self) { try Asked.value("ports" + String(repeating: "[0]", count: 1000)) }
        #expect(throws: ExpressionError.self) { try Asked.value("'" + String(repeating: "a", count: 10_000) + "'") }
        let many = (0..<400).map { "size() == \($0)" }.joined(separator: " || ")
        #expect(try Asked.value(many) == .boolean(true))
    }

    @Test("a string that is made has up to 65,535 octets") func madeStrings() throws {
        let (b, c) = (String(repeating: "b", count: 257), String(repeating: "c", count: 17))
        // 15 times 257 times 17.
        let longest = "replace(replace('aaaaaaaaaaaaaaa', 'a', '\(b)'), 'b', '\(c)')"
        #expect(try Asked.value("len(trimSuffix(\(longest), 'c'))") == .integer(65_534))
        #expect(try Asked.value("len(\(longest))") == .integer(65_535))
        for longer in ["\(longest) + 'c'", "join([\(longest), 'c'], '')", "replace(\(longest) + '', 'cc', 'ccc')"] {
            #expect(throws: EvaluationError.self, "\(longer.prefix(4))") { try Asked.value("len(\(longer))") }
        }
    }

    @Test("any words at all make an expression or an error") func anyText() {
        var state: UInt64 = 3
        let words = [
            "size()", "name()", "'a'", "1", "(", ")", "[", "]", ",", "==", "in", "not", "and", "||", "?", ":", "+", "-",
            "%",
            "ports", "#", "any(", "matches", "'['", "true", "0",
        ]
        var accepted = 0
        for _ in 0..<20_000 {
            var text = ""
            for _ in 0..<3 {
                state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
                text += words[Int(state >> 33) % words.count] + " "
            }
            if (try? Asked.value(text)) != nil { accepted += 1 }
        }
        #expect(accepted > 20)
    }
}
