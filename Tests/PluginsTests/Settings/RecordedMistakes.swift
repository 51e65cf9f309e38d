import DNSServer
import Foundation
import Plugins
import TestKit
import Testing

/// What a Corefile may say is a contract with those who write them: they find their mistake by what is said about it.
@Suite("what is said about every option of every plugin") struct RecordedMistakes {
    /// Of the files that the lines name; others are missing.
    private static let files = [
        "/etc/resolv.conf": "search a.test b.test\nnameserver 10.0.0.1\n", "/empty": "options ndots:5\n",
        "/weights": "a.test.\n10.0.0.1 3\n", "/broken": "a.test.\n10.0.0.1 many\n", "/etc/hosts": "",
        "/web.yaml": "tls_server_config:\n  cert_file: tls.crt\n  key_file: tls.key\n",
        "/web-users.yaml": "tls_server_config: {cert_file: a, key_file: b}\nbasic_auth_users:\n  alice: $2y$10$\n",
        "/keys": "key \"a.\" {\n  algorithm hmac-sha256;\n  secret \"c2VjcmV0\";\n};\n",
    ].merging(TestKeys.files) { first, _ in first }

    private static let file = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().appending(path: "Fixtures/corefile/mistakes.txt")

    @Test("no plugin is left out") func everyPlugin() throws {
        let heads = try Self.text().filter { $0.hasPrefix("[") }
        let recorded = Set(heads.compactMap { Self.lines($0.dropFirst().dropLast()).last?.split(separator: " ").first })
        #expect(recorded.isSuperset(of: pluginOrder.map { $0.directive[...] }))
    }

    @Test("each line is taken, or refused, in the words recorded") func lines() throws {
        var head: [String] = []
        for line in try Self.text() where !line.hasPrefix("#") {
            if line.hasPrefix("["), line.hasSuffix("]") {
                head = Self.lines(line.dropFirst().dropLast())
                continue
            }
            let (text, expected) = Self.parts(line)
            let property = text == "alone" ? "" : " {\n" + Self.lines(text[...]).joined(separator: "\n") + "\n}"
            let said = TestPlan.errors(head.joined(separator: "\n") + property, files: Self.files)
            #expect(said.replacing("\n", with: " | ") == expected, "[\(head.joined(separator: "; "))] \(text)")
        }
    }

    private static func text() throws -> [Substring] {
        try String(contentsOf: file, encoding: .utf8).split(separator: "\n")
    }

    private static func parts(_ line: Substring) -> (text: String, expected: String) {
        let parts = line.split(separator: " => ", maxSplits: 1)
        return (String(parts.first ?? ""), String(parts.last ?? ""))
    }

    private static func lines(_ text: Substring) -> [String] { text.split(separator: "; ").map(String.init) }
}
