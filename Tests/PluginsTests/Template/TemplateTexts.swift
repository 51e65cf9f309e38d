import DNSServer
import DNSWire
import TestKit
import Testing
import ZoneData

@testable import Plugins

@Suite("template: what stands between braces") struct TemplateTexts {
    /// The text of a TXT record that a template makes of the question `web-7.Shop.test. TXT`.
    private func text(_ template: String) throws -> String {
        let escaped = template.replacing("\"", with: "\\\"")
        let dns = try MemoryServer(
            """
            metadata
            template IN TXT test {
                match "^(?P<host>[a-z]+)-(?P<number>[0-9]+)[.]([a-z]+)(?P<none>x)?"
                var double int(group('number')) * 2
                answer "{{ .Name }} 60 IN TXT \\"\(escaped)\\""
            }
            """)
        let octets = try #require(dns.begin(WireText.query("web-7.Shop.test. TXT", id: 4711)).octets)
        let decoded = try MessageText.text(of: octets)
        guard let answer = decoded.answer.first else { return decoded.code }
        return String(answer.drop { $0 != "\"" }.dropFirst().dropLast())
    }

    @Test(arguments: [
        ("plain", "plain"), ("{{ .Name }}", "web-7.shop.test."), ("{{.Zone}}|{{.Class}}|{{.Type}}", "test.|IN|TXT"),
        ("{{ .Group.host }}/{{ .Group.number }}", "web/7"), ("{{ index .Match 0 }}", "web-7.shop"),
        ("{{ index .Match 3 }}", "shop"),
        ("{{ index .Group \"host\" }}{{ index .Group \"3\" }}", "webshop"),
        ("{{ .Group.none }}{{ index .Group \"no\" }}", ""),
        ("{{ .Var.double }}", "14"), ("{{ .Remote }}", "127.0.0.1"), ("{{ .Meta \"no/label\" }}", ""),
        ("{{ .Question.Name }} {{ .Question.Qtype }} {{ .Question.Qclass }}", "web-7.Shop.test. 16 1"),
        ("{{ .Message.Id }} {{ .Message.Opcode }} {{ .Message.RecursionDesired }}", "4711 0 true"),
        ("{{ .Message.CheckingDisabled }} {{ .Message.AuthenticatedData }}", "false false"),
        ("{{ $.Name }}", "web-7.shop.test."),
    ])
    func fields(_ template: String, _ expected: String) throws {
        #expect(try text(template) == expected)
    }

    @Test(arguments: [
        ("{{ parseInt \"ff\" 16 8 }}", "255"), ("{{ parseInt .Group.number 10 0 }}", "7"),
        ("{{ printf \"%s-%d-%x-%v\" .Group.host 10 255 true }}", "web-10-ff-true"),
        ("{{ printf \"%04d|%-3s|%3s|%X|%%\" 7 .Group.number \"a\" 255 }}", "0007|7  |  a|FF|%"),
        ("{{ printf \"%x\" \"az\" }}", "617a"), ("{{ .Group.host | printf \"%s!\" }}", "web!"),
        ("{{ parseInt .Group.number 10 64 | printf \"%02x\" }}", "07"), ("{{ len .Name }} {{ len .Match }}", "16 5"),
        ("{{ print 1 2 \"a\" 3 }}", "1 2a3"), ("{{ eq .Group.host \"db\" \"web\" }}", "true"),
        ("{{ ne 1 2 }}{{ lt 1 2 }}{{ le 2 2 }}{{ gt 1 2 }}{{ ge \"b\" \"a\" }}", "truetruetruefalsetrue"),
        ("{{ and .Group.none (index .Match 99) }}", ""), ("{{ or .Group.host (index .Match 99) }}", "web"),
        ("{{ not .Group.none }}", "true"),
        ("{{ (index .Match 3) }}", "shop"), ("{{ index .Match 1 | index .Group }}", ""),
        ("{{ index .Match -1 }}", "SERVFAIL"),
    ])
    func functions(_ template: String, _ expected: String) throws {
        #expect(try text(template) == expected)
    }

    @Test(arguments: [
        ("{{ if eq .Group.host \"web\" }}a{{ else }}b{{ end }}", "a"),
        ("{{ if .Group.none }}a{{ else if .Group.host }}b{{ else }}c{{ end }}", "b"),
        ("{{ if false }}a{{ else if 0 }}b{{ else }}c{{ end }}", "c"),
        ("{{ if true }}{{ if false }}a{{ end }}b{{ end }}c", "bc"),
        ("a {{- if true -}} b {{- end }} c", "ab c"), ("a{{/* no text */}}b {{- /* none */ -}} c", "abc"),
        ("{{ $x := .Group.host }}{{ $x }}{{ $x = \"db\" }}{{ $x }}", "webdb"),
        ("{{ $x := 1 }}{{ if true }}{{ $x := 2 }}{{ $x }}{{ end }}{{ $x }}", "21"),
        ("{{ $x := 1 }}{{ $x := print $x 2 }}{{ $x }}", "1 2"), ("{{ `raw` }}", "raw"),
        ("{{ eq 1 \"1\" }}", "SERVFAIL"), ("{{ parseInt \"300\" 10 8 }}", "SERVFAIL"),
        ("{{ parseInt \"-1\" 10 8 }}", "SERVFAIL"),
        ("{{ parseInt \"99999999999999999999\" 10 64 }}", "SERVFAIL"), ("{{ parseInt \"1\" 99 8 }}", "SERVFAIL"),
        ("{{ printf \"%d\" .Name }}", "SERVFAIL"),
    ])
    func control(_ template: String, _ expected: String) throws {
        #expect(try text(template) == expected)
    }

    @Test(arguments: [
        ("{{ with .Group.host }}{{ . }}!{{ else }}none{{ end }}", "web!"),
        ("{{ with .Group.none }}{{ . }}{{ else }}none{{ end }}", "none"),
        ("{{ with .Group.none }}a{{ else with .Group.number }}{{ . }}{{ $.Type }}{{ else }}c{{ end }}", "7TXT"),
        ("{{ with $x := .Group.host }}{{ $x }}{{ . }}{{ end }}", "webweb"),
        ("{{ if $x := .Group.host }}{{ $x }}{{ end }}", "web"),
        ("{{ with .Question }}{{ .Qtype }}{{ .Name }}{{ end }}", "16web-7.Shop.test."),
        ("{{ with .Message }}{{ .Id }}{{ else }}none{{ end }}", "4711"),
        ("{{ range .Match }}<{{ . }}>{{ end }}", "<web-7.shop><web><7><shop><>"),
        ("{{ range $i, $x := .Match }}{{ $i }}{{ $x }} {{ end }}", "0web-7.shop 1web 27 3shop 4 "),
        ("{{ range $x := slice .Match 1 3 }}{{ $x }}{{ $.Type }}{{ end }}", "webTXT7TXT"),
        ("{{ range slice .Match 0 0 }}a{{ else }}none{{ end }}", "none"),
        (
            "{{ range $k, $v := .Group }}{{ if $v }}{{ $k }}={{ $v }} {{ end }}{{ end }}",
            "0=web-7.shop 1=web 2=7 3=shop host=web number=7 "
        ),
        ("{{ range 3 }}{{ . }}{{ end }}{{ range 0 }}a{{ end }}", "012"),
        (
            "{{ range 5 }}{{ if eq . 1 }}{{ continue }}{{ end }}{{ if eq . 3 }}{{ break }}{{ end }}{{ . }}{{ end }}",
            "02"
        ),
        ("{{ range 2 }}{{ range 3 }}{{ if eq . 1 }}{{ break }}{{ end }}{{ . }}{{ end }}{{ . }}{{ end }}", "0001"),
        ("{{ $x := 0 }}{{ range 4 }}{{ $x = . }}{{ end }}{{ $x }}", "3"),
        ("{{ html \"<a b='1'>\" }}{{ \"&\" | html }}{{ html 1 2 \"x\" }}", "&lt;a b=&#39;1&#39;&gt;&amp;1 2x"),
        ("{{ urlquery \"a b&c=d/é~\" }}{{ urlquery 1 2 }}", "a+b%26c%3Dd%2F%C3%A9~1+2"),
        ("{{ slice .Group.host 1 }}{{ slice .Name 0 3 }}", "ebweb"), ("{{ slice .Name 2 1 }}", "SERVFAIL"),
        ("{{ range 1001 }}{{ end }}", "SERVFAIL"), ("{{ range .Name }}{{ end }}", "SERVFAIL"),
        ("{{ range 100 }}{{ range 100 }}{{ end }}{{ end }}", "SERVFAIL"),
    ])
    func loops(_ template: String, _ expected: String) throws {
        #expect(try text(template) == expected)
    }

    @Test("texts that stand within strings of JavaScript")
    func javaScript() {
        #expect(TextEscaping.javaScript("a=<'\\\">&") == #"a\u003D\u003C\'\\\"\u003E\u0026"#)
        #expect(TextEscaping.javaScript("\té\u{200B}\u{7F}\0") == "\\u0009é\\u200B\u{7F}\\u0000")
    }

    @Test("of levels, rounds and widths: one below, at, and one above what may be") func limits() {
        func edge(_ most: Int, _ template: (Int) -> String) -> [Bool] {
            (most - 1...most + 1).map { (try? text(template($0))).map { $0 != "SERVFAIL" } ?? false }
        }
        let taken = [true, true, false]
        // The whole and what is between the innermost braces are levels of their own.
        #expect(
            edge(49) {
                String(repeating: "{{ if .Name }}", count: $0) + "x" + String(repeating: "{{ end }}", count: $0)
            } == taken)
        #expect(edge(1000) { "x{{ range \($0) }}{{ end }}" } == taken)
        // Of all loops together.
        #expect(edge(990) { "x{{ range 9 }}{{ end }}{{ range 1 }}{{ range \($0) }}{{ end }}{{ end }}" } == taken)
        #expect(edge(100) { "{{ printf \"%\($0)d\" 1 }}" } == taken)
    }

    @Test("a record that a condition leaves out is not there") func leftOut() throws {
        let dns = try MemoryServer(
            "template IN A {\nanswer \"{{ if false }}x{{ end }}\" \"{{ .Name }} 60 A 192.0.2.1\"\n}")
        #expect(dns.ask("a.test. A") == "NOERROR aa\na.test. 60 A 192.0.2.1")
    }
}

@Suite("template: errors of the configuration") struct TemplateErrors {
    @Test(arguments: [
        ("template IN A {\n}", "no errors"), ("template ANY ANY {\nrcode NXDOMAIN\nupstream\n}", "no errors"),
        ("template CLASS1 TYPE65280 a b {\nanswer x\n}", "no errors"),
        ("template", "template: found nothing, expected a class such as IN, or ANY"),
        ("template IN", "template: found nothing after argument 1, expected a record type such as A, or ANY"),
        ("template XX A {\n}", "template: found XX, expected a class such as IN, or ANY"),
        ("template IN AX {\n}", "template: found AX, expected a record type such as A, or ANY"),
        ("template IN A", "no errors"),
        ("template IN A {\nmatch\n}", "template: found match with no arguments, expected at least 1 argument"),
        (
            "template IN A {\nmatch ok (a\n}",
            "template: found match with a group without its ) at character 1 of (a, expected a ) behind it"
        ),
        (
            "template IN A {\nrcode NOPE\n}",
            "template: found rcode NOPE, expected a response code: NOERROR, FORMERR, SERVFAIL, NXDOMAIN, NOTIMP, REFUSED, "
                + "YXDOMAIN, YXRRSET, NXRRSET, NOTAUTH, NOTZONE"
        ),
        ("template IN A {\nederror x\n}", "template: found ederror x, expected a number from 0 to 65535"),
        (
            "template IN A {\nederror 1 \(String(repeating: "x", count: 201))\n}",
            "template: found ederror with a text of 201 octets, expected at most 200"
        ),
        (
            "template IN A {\nvar type 1\n}",
            "template: found var type, expected the name of a new variable: letters, digits and _, and no word that has a "
                + "meaning already"
        ),
        ("template IN A {\nvar x\n}", "template: found var nothing after argument 1, expected an expression"),
        (
            "template IN A {\nexpr group('a')\n}",
            "template: found expr with group('a'), which is a string, expected an expression that is true or false"
        ),
        (
            "template IN A {\nexpr x > 1\nvar x 2\n}",
            "template: found expr with x at column 1 of \"x > 1\", expected a function or variable: bufsize, class, client_ip, "
                + "do, group, id, incidr, metadata, name, opcode, port, proto, server_ip, server_port, size, type"
        ),
        (
            "template IN A {\nanswr x\n}",
            "template: found answr, expected match, var, expr, answer, additional, authority, rcode, ederror or fallthrough"
        ),
    ])
    func settings(_ directives: String, _ expected: String) {
        #expect(TestPlan.errors(directives) == expected)
    }

    @Test(arguments: [
        ("{{ .Name", "at character 1: found {{ without its end, expected }} behind it"),
        ("{{ .Nmae }}", "at character 4: found .Nmae, expected one of "),
        ("{{ .Group.x }}", "at character 4: found .Group.x, expected a named group of this template: a"),
        ("{{ .Var.x }}", "at character 4: found .Var.x, expected a var line of this template: v"),
        ("{{ .Message.String }}", "at character 4: found .Message.String, expected one of "),
        ("{{ define \"a\" }}{{ end }}", "at character 4: found define, expected if, with, range, a field, a function"),
        ("{{ range .Match }}", "at character 19: found the end, expected {{ end }} for each range"),
        ("{{ break }}", "at character 4: found break, expected range around it"),
        ("{{ range .Match }}{{ .Name }}{{ end }}", "at character 22: found .Name, expected the dot alone"),
        ("{{ if .Name }}", "at character 15: found the end, expected {{ end }} for each if"),
        ("{{ end }}", "at character 1: found {{, expected an if, with or range before it"),
        ("{{ if true }}{{ else }}{{ else }}{{ end }}", "at character 27: found else, expected {{ end }}"),
        ("{{ }}", "at character 3: found }}, expected a field, a function or a value"),
        ("{{ . }}", "at character 4: found ., expected one of "),
        ("{{ .Group }}", "at character 4: found .Group, expected .Group.NAME or index .Group"),
        ("{{ if .Group }}{{ end }}", "at character 7: found .Group, expected .Group.NAME or index .Group"),
        ("{{ .Meta .Group }}", "at character 10: found .Group, expected .Group.NAME or index .Group"),
        ("{{ call .Name }}", "at character 4: found call, expected a function: and, eq, "),
        ("{{ .Name | .Zone }}", "at character 12: found .Zone, expected a function behind |"),
        ("{{ not }}", "at character 4: found 0 arguments of not, expected 1"),
        ("{{ index .Match }}", "at character 4: found 1 arguments of index, expected 2"),
        ("{{ print .Group }}", "at character 4: found .Group, expected .Group.NAME or index .Group"),
        ("{{ printf .Name }}", "at character 11: found .Name, expected a format behind printf, written out"),
        ("{{ printf \"%q\" 1 }}", "at character 11: found %q, expected %s, %d, "),
        ("{{ printf \"%999d\" 1 }}", "at character 11: found %999d, expected %s, %d, "),
        ("{{ printf \"%d\" }}", "at character 11: found 0 values for \"%d\", expected 1"),
        ("{{ $x }}", "at character 4: found $x, expected a variable declared with := before"),
        (
            "{{ if true }}{{ $x := 1 }}{{ end }}{{ $x }}",
            "at character 39: found $x, expected a variable declared with := before"
        ),
        ("{{ (1 }}", "at character 6: found }}, expected )"),
        ("{{ \"a }}", "at character 4: found a string without its end, expected a \" behind it"),
        ("{{/* a }}", "at character 1: found a comment without its end, expected */}} behind it"),
        ("{{ .Name @ }}", "at character 10: found @, expected a field, a function, a value or }}"),
        (
            "{{ print len .Name }}",
            "at character 10: found len, expected a value; a function as an argument stands in brackets"
        ),
        (String(repeating: "{{ if true }}", count: 60), "at character "),
        ("{{ " + String(repeating: "(", count: 60), "at character "),
        (
            String(repeating: "x", count: 10_001),
            "at character 10001: found a longer template, expected at most 10000 characters"
        ),
    ])
    func templates(_ text: String, _ expected: String) {
        let error = #expect(throws: TemplateError.self) {
            try RecordTemplate(text, names: RecordTemplate.Names(groups: ["a"], variables: ["v"]))
        }
        let message = error.map { "at character \($0.character): found \($0.found), expected \($0.expected)" }
        #expect(message?.hasPrefix(expected) == true, "\(message ?? "none")")
    }
}

@Suite("template: texts of any kind") struct AnyTemplates {
    @Test("any words at all make a template or an error") func anyWords() {
        var state: UInt64 = 11
        let words = [
            "{{", "}}", "{{-", "-}}", "if", "else", "end", ".Name", ".Group.a", "$x", ":=", "=", "|", "(", ")", "\"a\"",
            "1",
            "index", ".Match", "printf", "\"%d\"", "eq", "/*", "*/", "text", ".", "$", "-", "`",
        ]
        var accepted = 0
        for _ in 0..<5_000 {
            var text = ""
            for _ in 0..<6 {
                state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
                text += words[Int(state >> 33) % words.count] + (state >> 21 & 1 == 0 ? " " : "")
            }
            if (try? RecordTemplate(text, names: RecordTemplate.Names(groups: ["a"]))) != nil { accepted += 1 }
        }
        #expect((100..<4_000).contains(accepted))
    }
}
