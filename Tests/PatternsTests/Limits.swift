import Patterns
import Testing

/// What an expression may be, and what no text can do.
@Suite("patterns: errors and limits") struct Limits {
    @Test(arguments: [
        ("a)", "at character 2: found a ) that closes nothing, expected an escaped one, or a ( before it"),
        ("(a", "at character 1: found a group without its ), expected a ) behind it"),
        ("*a", "at character 1: found * with nothing before it, expected what is to be repeated, or \\*"),
        ("a|+", "at character 3: found + with nothing before it, expected what is to be repeated, or \\+"),
        ("a**", "at character 3: found a repetition of a repetition, **, expected one, or a group around the first"),
        (
            "a{2}{3}",
            "at character 5: found a repetition of a repetition, {2}{3}, expected one, or a group around the first"
        ),
        ("a{1001}", "at character 2: found {1001}, expected counts up to 1000, the smaller one first"),
        ("a{3,2}", "at character 2: found {3,2}, expected counts up to 1000, the smaller one first"),
        (
            "a{99999999999999999999}",
            "at character 2: found {99999999999999999999}, expected counts up to 1000, the smaller one first"
        ),
        ("x[a", "at character 2: found [ without its ], expected a ] behind it"),
        ("[z-a]", "at character 2: found z-a, expected a range from lower to higher"),
        (
            "[[:letters:]]",
            "at character 2: found the class [:letters:], expected a class such as [:alpha:] or [:digit:]"
        ),
        ("\\p{Greek}", "at character 1: found the class \\p{Greek}, expected a general category such as L, Lu or Nd"),
        (
            "(a)\\1",
            "at character 4: found \\1, which would refer to a group, expected no reference: they cannot be matched in linear time"
        ),
        ("\\y", "at character 1: found \\y, expected an escape of Go's regular expressions"),
        ("a\\", "at character 2: found a \\ at the end, expected what it escapes"),
        (
            "\\xZZ",
            "at character 1: found \\x without a code point, expected two hexadecimal digits, or up to 10FFFF in braces"
        ),
        (
            "\\x{110000}",
            "at character 1: found \\x without a code point, expected two hexadecimal digits, or up to 10FFFF in braces"
        ),
        ("(?=a)", "at character 3: found = behind (?, expected flags out of i, m, s and U, a group's <name>, or :"),
        ("(?", "at character 3: found an end behind (?, expected flags, a group's <name>, or :"),
        ("(?P<a>b)(?P<a>c)", "at character 13: found a second group named a, expected names of their own"),
        ("(?P<>b)", "at character 5: found a group's name that is empty or has no end, expected a name and >"),
        ("(?P<a b>c)", "at character 6: found   in the name of a group, expected letters, digits and _"),
    ])
    func errors(_ pattern: String, _ message: String) {
        let error = #expect(throws: PatternError.self) { try Pattern(pattern) }
        #expect(error?.description == message)
    }

    @Test("of characters, levels, groups and repetitions: one below, at, and one above what may be")
    func edges() {
        func edge(_ most: Int, _ pattern: (Int) -> String) -> [Bool] {
            (most - 1...most + 1).map { (try? Pattern(pattern($0))) != nil }
        }
        let taken = [true, true, false]
        #expect(edge(10_000) { String(repeating: "a", count: $0) } == taken)
        #expect(edge(250) { String(repeating: "(?:", count: $0) + "a" + String(repeating: ")", count: $0) } == taken)
        #expect(edge(100) { String(repeating: "(a)", count: $0) } == taken)
        #expect(edge(1000) { "a{\($0)}" } == taken)
        #expect(edge(1000) { "a{0,\($0)}" } == taken)
    }

    @Test("steps are 20,000, the start and the end of the whole beside them") func steps() throws {
        func size(_ last: Int) -> Int? { try? Pattern("(?:a{1000}){19}a{\(last)}").size }
        #expect([998, 999, 1000].map(size) == [20_001, 20_002, nil])
        #expect(throws: PatternError.self) { try Pattern("(?:(?:a{1000}){1000}){1000}") }
        #expect(throws: PatternError.self) { try Pattern("(?:(?:(?:){1000}){1000}){1000}") }
        #expect(throws: PatternError.self) { try Pattern("((((){1000}){1000}){1000}){1000}") }
    }

    @Test(
        "steps are bounded by text and pattern: no text makes a search slow",
        arguments: ["(a+)+$", "(a|aa)+$", "(a*)*b", "(.*)(.*)(.*)(.*)[^a]$", "(?:a?){50}a{50}$", "(x+x+)+y"])
    func time(_ text: String) throws {
        let pattern = try Pattern(text)
        for letter in ["a", "x"] {
            for count in [100, 1000, 10_000] {
                let octets = Array((String(repeating: letter, count: count) + "!").utf8)
                var search = PatternSearch()
                #expect(search.firstMatch(of: pattern, in: octets) == nil || text.hasPrefix("(.*)"))
                #expect(search.steps > count)
                #expect(search.steps <= 2 * pattern.size * (octets.count + 2))
            }
        }
    }

    @Test("any octets at all make a pattern or an error") func anyText() {
        var state: UInt64 = 42
        let letters = Array("ab(|)*+?[]{}0,1^$.\\dpQE:-<>P?iä".unicodeScalars)
        var accepted = 0
        for _ in 0..<20_000 {
            var text = ""
            for _ in 0..<12 {
                state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
                text.unicodeScalars.append(letters[Int(state >> 33) % letters.count])
            }
            guard let pattern = try? Pattern(text) else { continue }
            accepted += 1
            _ = pattern.firstMatch(in: Array("abab1:ä".utf8))
        }
        #expect(accepted > 500)
    }
}
