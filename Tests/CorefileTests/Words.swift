import Corefile
import Testing

/// How text is cut into words.
@Suite("Words") struct Words {
    struct Line: Sendable, CustomTestStringConvertible {
        let text: String
        let words: [String]
        var testDescription: String { text.debugDescription }
        init(_ text: String, _ words: String...) { (self.text, self.words) = (text, words) }
    }

    @Test(arguments: [
        Line("log a b", "log", "a", "b"),
        Line("log\ta \u{A0} b\u{3000}c", "log", "a", "b", "c"),
        Line("log a\r\n", "log", "a"),
        Line("log a\rb", "log", "ab"),
        Line("log a # b", "log", "a"),
        Line("log a#b c", "log", "a"),
        Line("log \"a # b\"", "log", "a # b"),
        Line("log \"a\"# b", "log", "a"),
        Line("log \"\" b", "log", "", "b"),
        Line("log \"a\"b\"c\"", "log", "a", "b\"c\""),
        Line(#"log "say \"hi\"""#, "log", "say \"hi\""),
        Line(#"log "\d+\.\\" b"#, "log", #"\d+\.\\"#, "b"),
        Line(#"log a\ b\"c"#, "log", #"a\"#, #"b\"c"#),
        Line("log 'a b'", "log", "'a", "b'"),
        Line("log \"two\nlines\" b", "log", "two\nlines", "b"),
        Line("log foo} {bar {{ }}", "log", "foo}", "{bar", "{{", "}}"),
        Line("log \"{\" \"}\"", "log", "{", "}"),
        Line("log a # caf\u{FFFD} \u{1}", "log", "a"),
        Line("\"log\" a", "log", "a"),
    ])
    func words(_ line: Line) throws {
        let directive = try directive(line.text)
        #expect([directive.name] + directive.words == line.words)
    }

    @Test("a byte order mark is no part of the first word") func byteOrderMark() {
        #expect(CorefileText("\u{FEFF}a.example\nlog").tree == "dns://a.example.\n    log\n")
    }

    @Test("the line after a quote over several lines is a line of its own") func linesAfterQuote() throws {
        let block = try CorefileText(".\nlog \"a\n\nb\" c\nerrors").blocks()[0]
        #expect(block.directives.map(\.name) == ["log", "errors"])
        #expect(block.directives.map(\.at.line) == [2, 5])
        #expect(block.directives[0].arguments.map(\.at.line) == [2, 4])
    }

    @Test("a quote without end") func unterminatedQuote() {
        #expect(
            CorefileText(". {\n    log \"a\n    errors\n}\n").errors == """
                Corefile:2: log: found a quote without end, expected a closing "
                """)
        #expect(
            CorefileText(". {\n    \"").errors == """
                Corefile:2: server block: found a quote without end, expected a closing "
                """)
    }

    @Test("what is not text") func notText() {
        #expect(
            CorefileText(".\nlog a\u{0}b").errors == """
                Corefile:2: file: found the control character U+0000, expected text in UTF-8
                """)
        #expect(
            CorefileText("\u{FFFD}\u{FFFD} {").errors == """
                Corefile:1: file: found bytes that are not UTF-8, expected text in UTF-8
                """)
        #expect(
            CorefileText(String(repeating: "#", count: 1_048_577)).errors == """
                Corefile:1: file: found 1048577 bytes, expected at most 1048576 bytes
                """)
        #expect(CorefileText(String(repeating: "#", count: 1_048_576)).tree == "")
    }

    @Test(arguments: [
        Line("log {$A}", "log", "one"),
        Line("log {%A%}", "log", "one"),
        Line("log x{$A}y{%B%}z", "log", "xoneytwo wordsz"),
        Line("log \"{$B}\"", "log", "two words"),
        Line("log {$NONE}", "log", ""),
        Line("log {$REF}", "log", "{$A}"),
        Line("log {$BRACE}", "log", "{"),
        Line("log {$} {%%} {$A {%A}", "log", "{$}", "{%%}", "{$A", "{%A}"),
        Line("log {{$A}}", "log", "{one}"),
        Line("{$A} {$A}", "one", "one"),
    ])
    func environment(_ line: Line) throws {
        let corefile = CorefileText(
            ".\n\(line.text)", environment: ["A": "one", "B": "two words", "REF": "{$A}", "BRACE": "{"])
        let directive = try #require(try corefile.blocks().first?.directives.first)
        #expect([directive.name] + directive.words == line.words)
    }

    @Test("environment in keys") func environmentInKeys() {
        let corefile = CorefileText(
            "{$SCHEME}://{%ZONE%}:{$PORT} {$NONE} {\n}",
            environment: [
                "SCHEME": "tls", "ZONE": "Example.ORG", "PORT": "8853",
            ])
        #expect(corefile.tree == "tls://example.org.:8853\n")
        #expect(
            CorefileText("{$NONE} {\n}").errors == """
                Corefile:1: server block: found no zone, expected a zone such as . or example.org
                """)
    }
}
