import Patterns
import Testing

/// A pattern, a text, and what the whole match and each group hold; `nil` for no match, `-` for a group without part.
struct Search: Sendable, CustomTestStringConvertible {
    let pattern: String
    let text: String
    let groups: [String]?

    init(_ pattern: String, in text: String, gives groups: String...) {
        self.pattern = pattern
        self.text = text
        self.groups = groups
    }

    init(_ pattern: String, notIn text: String) {
        self.pattern = pattern
        self.text = text
        groups = nil
    }

    var testDescription: String { "\(pattern) in \(text)" }

    func check() throws {
        let match = try Pattern(pattern).firstMatch(in: Array(text.utf8))
        let found = match.map { match in
            match.groups.indices.map { match.octets(of: $0).map { String(decoding: $0, as: UTF8.self) } ?? "-" }
        }
        #expect(found == groups)
    }
}

/// Searches as Go's regexp gives them.
@Suite("patterns: matching") struct Matching {
    @Test(arguments: [
        Search("b+", in: "abbbc", gives: "bbb"),
        Search("abc", in: "xxabcabc", gives: "abc"),
        Search("abc", notIn: "ab"),
        Search("", in: "abc", gives: ""),
        Search("a|ab", in: "ab", gives: "a"),
        Search("ab|a", in: "ab", gives: "ab"),
        Search("(a+)(b+)?", in: "caab", gives: "aab", "aa", "b"),
        Search("(a+)(b+)?", in: "caac", gives: "aa", "aa", "-"),
        Search("(?:a|(b))c", in: "ac", gives: "ac", "-"),
        Search("(a)|(b)", in: "b", gives: "b", "-", "b"),
        Search("(?P<x>a)(?<y>b)", in: "ab", gives: "ab", "a", "b"),
        Search("(a|b)*", in: "abba", gives: "abba", "a"),
        Search("(a*)*", in: "aaa", gives: "aaa", "aaa"),
        Search("(|a)*", in: "aa", gives: "", ""),
        Search("(|a)+", in: "aa", gives: "", ""),
    ])
    func groups(_ search: Search) throws { try search.check() }

    @Test(arguments: [
        Search("a*", in: "aaa", gives: "aaa"), Search("a*?", in: "aaa", gives: ""),
        Search("a+?", in: "aaa", gives: "a"), Search("a??b", in: "ab", gives: "ab"),
        Search("(?U)a+", in: "aaa", gives: "a"), Search("(?U)a+?", in: "aaa", gives: "aaa"),
        Search("a{2}", in: "aaa", gives: "aa"), Search("a{2,}", in: "aaaa", gives: "aaaa"),
        Search("a{1,2}?", in: "aaa", gives: "a"), Search("a{2,3}", in: "aaaa", gives: "aaa"),
        Search("^a{1000}$", in: String(repeating: "a", count: 1000), gives: String(repeating: "a", count: 1000)),
        Search("^a{1000}$", notIn: String(repeating: "a", count: 999)),
        Search("a{,2}", in: "xa{,2}", gives: "a{,2}"), Search("{", in: "{", gives: "{"),
        Search("(?:ab){2}", in: "abab", gives: "abab"), Search("x{0}y", in: "xy", gives: "y"),
        Search("<(.+?)>", in: "<a><b>", gives: "<a>", "a"),
        Search("(\\d+)-(\\d+)", in: "10-20", gives: "10-20", "10", "20"),
    ])
    func repetitions(_ search: Search) throws { try search.check() }

    @Test(arguments: [
        Search("^a", in: "ab", gives: "a"), Search("^b", notIn: "ab"), Search("b$", in: "ab", gives: "b"),
        Search("a$", notIn: "a\n"), Search("(?m)a$", in: "a\n", gives: "a"), Search("(?m)^b", in: "a\nb", gives: "b"),
        Search("\\Aa\\z", in: "a", gives: "a"), Search("(?m)\\Ab", notIn: "a\nb"), Search("\\z", in: "ab", gives: ""),
        Search("\\bweb\\b", in: "a web-1", gives: "web"), Search("\\bweb\\b", notIn: "aweb"),
        Search("\\Beb", in: "web", gives: "eb"), Search("^$", in: "", gives: ""),
        Search("(?:^a|^b)c", in: "bc", gives: "bc"),
        Search("^a|b", in: "xb", gives: "b"),
    ])
    func assertions(_ search: Search) throws { try search.check() }

    @Test(arguments: [
        Search("[a-c]+", in: "xabcd", gives: "abc"), Search("[^a-c]+", in: "abxy", gives: "xy"),
        Search("[]a]+", in: "]a", gives: "]a"), Search("[a-]+", in: "-a", gives: "-a"),
        Search("[-a]+", in: "-a", gives: "-a"),
        Search("[\\d.]+", in: "v10.1", gives: "10.1"), Search("[\\]\\\\]+", in: "]\\", gives: "]\\"),
        Search("[[:alpha:]]+", in: "12ab", gives: "ab"), Search("[[:^alpha:]]+", in: "ab12", gives: "12"),
        Search("[[:word:].]+", in: "-a_1.", gives: "a_1."), Search("\\w+\\W\\w+", in: "a-b", gives: "a-b"),
        Search("\\s\\S", in: "a b", gives: " b"), Search("\\D+", in: "12ab", gives: "ab"),
        Search("[^\\D]", in: "a1", gives: "1"),
        Search(".", notIn: "\n"), Search("(?s).", in: "\n", gives: "\n"), Search("[^a]", in: "\n", gives: "\n"),
        Search("\\x41\\x{42}\\103", in: "ABC", gives: "ABC"), Search("\\.\\*\\_\\-", in: ".*_-", gives: ".*_-"),
        Search("\\Qa.b*\\E+", in: "a.b**", gives: "a.b**"), Search("\\Qa.b", notIn: "axb"),
        Search("\\t\\n", in: "\t\n", gives: "\t\n"),
        Search("\\pL+", in: "1äb", gives: "äb"), Search("\\p{Lu}", in: "aB", gives: "B"),
        Search("\\P{L}", in: "a1", gives: "1"),
        Search("^.$", in: "ä", gives: "ä"), Search("[à-ü]", in: "ä", gives: "ä"),
    ])
    func classes(_ search: Search) throws { try search.check() }

    @Test(arguments: [
        Search("(?i)web", in: "a WeB", gives: "WeB"), Search("(?i)[a-c]+", in: "xABc", gives: "ABc"),
        Search("(?i)[^a]", in: "Ab", gives: "b"), Search("(?i:a)b", in: "Ab", gives: "Ab"),
        Search("(?i:a)b", notIn: "AB"),
        Search("(?i)a(?-i)b", in: "Ab", gives: "Ab"), Search("(?i)a(?-i)b", notIn: "AB"),
        Search("((?i)a)b", notIn: "AB"),
        Search("a(?i)b|c", in: "C", gives: "C"), Search("(?i-s)A.", in: "ab", gives: "ab"),
    ])
    func letterCase(_ search: Search) throws { try search.check() }

    @Test(
        "of names in Corefiles",
        arguments: [
            Search(
                "^ip-(?P<a>[0-9]*)-(?P<b>[0-9]*)[.]example[.]$", in: "ip-10-1.example.", gives: "ip-10-1.example.",
                "10", "1"),
            Search("(.*)\\.coredns\\.rocks", in: "web.coredns.rocks.", gives: "web.coredns.rocks", "web"),
            Search("^([a-z0-9-]+)\\.([a-z]+)\\.$", in: "db-0.shop.", gives: "db-0.shop.", "db-0", "shop"),
            Search("^0*([0-9]{1,3})\\.", in: "007.a.", gives: "007.", "7"),
        ])
    func names(_ search: Search) throws { try search.check() }

    @Test func groupsHaveNamesAndNumbers() throws {
        let pattern = try Pattern("(?P<first>a)(b)(?<third>c)")
        #expect(pattern.groupCount == 3)
        #expect(pattern.names == [nil, "first", nil, "third"])
        #expect(pattern.group(named: "third") == 3)
        #expect(pattern.group(named: "second") == nil)
        let match = try #require(pattern.firstMatch(in: Array("abc".utf8)))
        #expect(match.octets(of: 3) == Array("c".utf8))
        #expect(match.octets(of: 4) == nil)
        #expect(match.octets(of: -1) == nil)
    }

    @Test("an octet that is no character is one character") func brokenText() throws {
        #expect(try Pattern("^a.b$").matches([0x61, 0xFF, 0x62]))
        #expect(try Pattern("^a..b$").matches([0x61, 0xE2, 0x82, 0x62]))
        #expect(try !Pattern("^a.b$").matches([0x61, 0xE2, 0x82, 0x62]))
        #expect(try Pattern("\\x{FFFD}$").matches([0x61, 0xF0]))
    }
}
