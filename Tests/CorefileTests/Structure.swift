import Corefile
import Testing

/// Blocks, directives and what is wrong with them.
@Suite("Structure") struct Structure {
    struct Case: Sendable, CustomTestStringConvertible {
        let text: String
        let reading: String
        var testDescription: String { text.debugDescription }
        init(_ text: String, _ reading: String) { (self.text, self.reading) = (text, reading) }
    }

    @Test(arguments: [
        Case("", ""),
        Case("# nothing\n\n", ""),
        Case(".", "dns://.\n"),
        Case("a {\n}", "dns://a.\n"),
        Case("a { }", "dns://a.\n"),
        Case("a {\r\n  log\r\n}\r\n", "dns://a.\n    log\n"),
        Case("a {\n log\n}\nb {\n errors\n}", "dns://a.\n    log\ndns://b.\n    errors\n"),
        Case("a { log } b { errors }", "dns://a.\n    log\ndns://b.\n    errors\n"),
        // A file whose first block has no braces is one block.
        Case(
            "a b\nlog\ncache 30 {\n prefetch 1\n}\n",
            "dns://a. dns://b.\n    log\n    cache 30 {\n        prefetch 1\n    }\n"),
        Case("a\nlog\nb {\n errors\n}", "dns://a.\n    log\n    b {\n        errors\n    }\n"),
        // Lines of the same directive stay apart and in order.
        Case(". {\n rewrite a\n log\n rewrite b\n}", "dns://.\n    rewrite a\n    log\n    rewrite b\n"),
        // A block tells from no block, and may hold blocks.
        Case(".\nerrors {\n}", "dns://.\n    errors {\n    }\n"),
        Case(
            ".\na {\n b c {\n  d\n }\n e\n}",
            "dns://.\n    a {\n        b c {\n            d\n        }\n        e\n    }\n"),
        Case(". { health { lameduck 5s } }", "dns://.\n    health {\n        lameduck 5s\n    }\n"),
        Case(".\nlog a { # b {\n # }\n}", "dns://.\n    log a {\n    }\n"),
    ])
    func reads(_ input: Case) {
        #expect(CorefileText(input.text).tree == input.reading)
    }

    @Test(arguments: [
        Case(". {\n log", "1: server block: found the end of the file, expected } for the { of this line"),
        Case(
            ". {\n health {\n  lameduck 5s\n", "2: health: found the end of the file, expected } for the { of this line"
        ),
        Case(". {\n}\n}\n", "3: server block: found } without {, expected a directive or the end of the file"),
        Case(".\nlog\n}\n", "3: server block: found } without {, expected a directive or the end of the file"),
        Case("{\n log\n}", "1: server block: found {, expected a zone before the {"),
        Case(
            ". {\n health\n {\n }\n}",
            "3: health: found { at the start of a line, expected { at the end of the line it belongs to"),
        Case(
            ". {\n a {\n  b\n  {\n }\n}\n}",
            "4: a: found { at the start of a line, expected { at the end of the line it belongs to"),
        Case(". {\n a {\n } b {\n }\n}", "3: a: found b after }, expected the end of the line"),
        Case(". {\n \"\"\n}", "2: server block: found \"\", expected a directive"),
        Case(". {\n a {\n  {$NONE} b\n }\n}", "3: a: found \"\", expected a property"),
    ])
    func rejects(_ input: Case) {
        #expect(CorefileText(input.text).errors == "Corefile:" + input.reading)
    }

    @Test("all errors are reported together") func allErrors() {
        let corefile = CorefileText(
            """
            a..b {
                health
                {
                    lameduck 5s
                }
                import nowhere
                log { } errors
            }
            }
            good.example: other.example {
                import
            }
            """)
        #expect(
            corefile.errors == """
                Corefile:1: server block: found a..b, expected a domain name or a network like 10.0.0.0/24
                Corefile:3: health: found { at the start of a line, expected { at the end of the line it belongs to
                Corefile:6: import: found nowhere (no such file), expected a snippet defined above or a file that can be read
                Corefile:7: log: found errors after }, expected the end of the line
                Corefile:9: server block: found } without {, expected a directive or the end of the file
                Corefile:10: server block: found good.example:, expected a port after the last colon
                Corefile:11: import: found nothing, expected the name of one snippet or file
                """)
    }

    @Test("blocks nested too deep") func depth() {
        func nested(_ depth: Int) -> CorefileText {
            CorefileText(
                String(repeating: "a {\n", count: depth) + String(repeating: "}\n", count: depth))
        }
        #expect(nested(64).errors == "no errors")
        #expect(nested(65).errors == "Corefile:65: a: found blocks nested 65 deep, expected at most 64 levels")
        #expect(nested(100_000).errors == "Corefile:65: a: found blocks nested 65 deep, expected at most 64 levels")
        #expect(
            CorefileText(String(repeating: "a { ", count: 100_000)).errors == """
                Corefile:1: a: found blocks nested 65 deep, expected at most 64 levels
                Corefile:1: server block: found the end of the file, expected } for the { of this line
                """)
    }

    @Test("of many errors twenty are said, and how many more there are") func manyErrors() {
        let lines = CorefileText(String(repeating: "}\n", count: 500)).errors.split(separator: "\n")
        #expect(lines.count == 21)
        #expect(lines.last?.contains("more") == true)
    }

    @Test("each line knows its place, its plugin and its file") func positions() throws {
        let block = try CorefileText("# one\n\na b {\n  cache 30 {\n    success 9\n  }\n}", file: "/etc/x/Corefile")
            .blocks()[0]
        #expect(block.at == SourcePosition(file: "/etc/x/Corefile", line: 3))
        #expect(block.keys.map(\.at.line) == [3, 3])
        let cache = block.directives[0]
        #expect(cache.at.description == "/etc/x/Corefile:4")
        #expect(cache.outermost == "cache" && !cache.isProperty)
        #expect(cache.block[0].at.line == 5)
        #expect(cache.block[0].outermost == "cache" && cache.block[0].isProperty)
        #expect(block.directives(named: "cache") == [cache])
    }

    @Test("meaning does not depend on white space, comments and imports") func fingerprint() throws {
        func tokens(_ text: String) throws -> [String] { CorefileSyntax.tokens(of: try CorefileText(text).blocks()) }
        let tokens1 = try tokens("A:53 {\n cache 30 {\n  success 9\n }\n log\n}")
        #expect(
            tokens1 == [
                "key dns://a.:53", "{", "line cache", "word 30", "{", "line success", "word 9", "}", "line log", "}",
            ])
        #expect(
            try tokens("# x\n(s) {\n  success 9\n}\na.:53 {\n\n cache \"30\" { # y\n import s\n } \n log }") == tokens1)
        #expect(try tokens("a:53 {\n cache 30 {\n  success 8\n }\n log\n}") != tokens1)
        #expect(try tokens("a {\n b\n c\n}") != tokens("a {\n b c\n}"))
        #expect(try tokens("a {\n b {\n }\n}") != tokens("a {\n b \"{\" \"}\"\n}"))
    }
}
