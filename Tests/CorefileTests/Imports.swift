import Corefile
import Testing

/// Snippets, files and their limits.
@Suite("Imports") struct Imports {
    @Test("a snippet, at block, directive and property level") func snippets() {
        let corefile = CorefileText(
            """
            (common) {
                errors
                cache 30 {
                    import limits
                }
            }
            (limits) { success 100 }
            (whole) {
                c.example {
                    log
                }
            }
            import whole
            a.example {
                import common
                log
            }
            """)
        #expect(
            corefile.tree == """
                dns://c.example.
                    log
                dns://a.example.
                    errors
                    cache 30 {
                        success 100
                    }
                    log

                """)
    }

    @Test("files are found beside the file that imports them") func files() {
        let corefile = CorefileText(
            "import zones/*\nimport ../up.conf\na {\n import {$DIR}/log.conf\n health {\n  import /abs\n }\n}",
            file: "/etc/dns/Corefile",
            files: [
                "/etc/dns/zones/b": "b {\n import inner\n}",
                "/etc/dns/zones/c": "\u{FEFF}c {\n}",
                "/etc/dns/zones/inner": "",
                "/etc/up.conf": "d {\n import ./dns/./log.conf\n}",
                "/etc/dns/log.conf": "log . x\nerrors",
                "/abs": "lameduck 5s",
            ],
            environment: ["DIR": "../dns"])
        #expect(
            corefile.tree == """
                dns://b.
                dns://c.
                dns://d.
                    log . x
                    errors
                dns://a.
                    log . x
                    errors
                    health {
                        lameduck 5s
                    }

                """)
    }

    @Test("an import may hold the keys, or a part of them") func keys() {
        let files = ["keys": "a b"]
        #expect(CorefileText("import keys\n{\n log\n}", files: files).tree == "dns://a. dns://b.\n    log\n")
        #expect(
            CorefileText("c,\nimport keys\n{\n log\n}", files: files).tree == "dns://c. dns://a. dns://b.\n    log\n")
    }

    @Test("lines around an import stay lines") func lines() {
        let corefile = CorefileText("(s) { log a }\nb {\n errors\n import s\n cache\n import s\n}")
        #expect(corefile.tree == "dns://b.\n    errors\n    log a\n    cache\n    log a\n")
        #expect(CorefileText("b {\n log import s\n}").tree == "dns://b.\n    log import s\n")
    }

    @Test("errors name the imported file") func errorPositions() {
        #expect(
            CorefileText("a {\n import x\n}", files: ["x": "log\n\"\""]).errors == """
                x:2: server block: found "", expected a directive
                """)
    }

    @Test("a pattern without matches is no error, a missing file is one") func missing() {
        #expect(CorefileText("import conf.d/*\na {\n}").tree == "dns://a.\n")
        #expect(
            CorefileText("import conf").errors == """
                Corefile:1: import: found conf (no such file), expected a snippet defined above or a file that can be read
                """)
        #expect(
            CorefileText("a {\n import later\n}\n(later) {\n}").errors == """
                Corefile:2: import: found later (no such file), expected a snippet defined above or a file that can be read
                """)
    }

    @Test(arguments: [
        ("import", "found nothing, expected the name of one snippet or file"),
        ("import \"\"", "found \"\", expected the name of one snippet or file"),
        ("import a b", "found 2 arguments, expected the name of one snippet or file"),
        ("import a {\n}", "found a block, expected the name of one snippet or file"),
        ("import */*", "found */*, expected one wildcard, * or ?, at most"),
        ("import ??", "found ??, expected one wildcard, * or ?, at most"),
        ("import [ab]", "found [ab], expected one wildcard, * or ?, at most"),
    ])
    func rejects(_ text: String, _ expected: String) {
        #expect(CorefileText(text).errors == "Corefile:1: import: " + expected)
        #expect(CorefileText(". {\n\(text)\n}").errors == "Corefile:2: import: " + expected)
    }

    @Test("a snippet has braces and a name of its own") func snippetErrors() {
        #expect(
            CorefileText("(s) {\n log\n}\n(s) {\n}").errors == """
                Corefile:4: snippet: found (s) again, expected one snippet of this name
                """)
        #expect(
            CorefileText("(s)\nlog\n").errors == """
                Corefile:1: snippet: found (s) without {, expected a block in braces
                """)
        #expect(
            CorefileText("(s) {\n log\n").errors == """
                Corefile:1: server block: found the end of the file, expected } for the { of this line
                """)
    }

    @Test("cycles") func cycles() {
        #expect(
            CorefileText("(s) {\n import s\n}\na {\n import s\n}").errors == """
                Corefile:2: import: found s, which imports itself, expected imports without a cycle
                """)
        #expect(
            CorefileText("(s) {\n import t\n}\n(t) {\n import s\n}\na {\n import s\n}").errors == """
                Corefile:5: import: found s, which imports itself, expected imports without a cycle
                """)
        #expect(
            CorefileText("import ./Corefile").errors == """
                Corefile:1: import: found ./Corefile, which imports itself, expected imports without a cycle
                """)
        #expect(
            CorefileText("import d/x", files: ["d/x": "import y", "d/y": "import ../d/x"]).errors == """
                d/y:1: import: found ../d/x, which imports itself, expected imports without a cycle
                """)
        // Twice is no cycle, nor is a neighbour that still waits for its turn.
        #expect(
            CorefileText("a {\n import d/*\n}", files: ["d/x": "import y", "d/y": "log"]).tree == """
                dns://a.
                    log
                    log

                """)
    }

    @Test("imports that multiply end in an error") func bombs() {
        func doubling(_ levels: Int, _ word: String) -> String {
            var text = "(s0) {\n \(word)\n}\n"
            for level in 1...levels {
                text += "(s\(level)) {\n import s\(level - 1)\n import s\(level - 1)\n}\n"
            }
            return text + "a {\n import s\(levels)\n}"
        }
        #expect(CorefileText(doubling(10, "log")).errors == "no errors")
        #expect(
            CorefileText(doubling(40, "log")).errors.hasSuffix(
                "import: found more than 10000 imports of snippets, expected fewer"))
        #expect(
            CorefileText(doubling(12, String(repeating: "log ", count: 1000))).errors.hasSuffix(
                "import: found more than 1000000 words, expected a smaller configuration"))
        let importer = String(repeating: "import empty\n", count: 1001)
        #expect(
            CorefileText(
                String(repeating: "import many\n", count: 100), files: ["many": importer, "empty": ""]
            ).errors == "many:802: import: found more than 100000 imports of files, expected fewer")
    }

    @Test("snippets are imported up to 10,000 times, files up to 100,000 times") func counts() {
        func snippets(_ count: Int) -> String {
            "(s) {\n}\n. {\n" + String(repeating: "import s\n", count: count) + "}"
        }
        #expect((9999...10_001).map { CorefileText(snippets($0)).errors == "no errors" } == [true, true, false])
        // A thousand each: itself, and what it imports.
        let files = ["many": String(repeating: "import empty\n", count: 999), "empty": ""]
        func imports(_ more: Int) -> String {
            ".\n" + String(repeating: "import many\n", count: 99) + String(repeating: "import empty\n", count: more)
        }
        #expect(
            (999...1001).map { CorefileText(imports($0), files: files).errors == "no errors" } == [true, true, false])
    }

    @Test("files that are no configuration") func badFiles() {
        #expect(
            CorefileText("import x", files: ["x": String(repeating: " ", count: 1_048_577)]).errors == """
                Corefile:1: import: found x with 1048577 bytes, expected at most 1048576 bytes
                """)
        #expect(
            CorefileText("import x", files: ["x": "\n\u{7F}ELF\u{2}\u{1}"]).errors == """
                x:2: file: found the control character U+007F, expected text in UTF-8
                """)
    }
}
