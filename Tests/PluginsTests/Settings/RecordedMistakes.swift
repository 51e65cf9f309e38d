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

    /// One line of the record.
    private struct Recorded {
        /// The directive, which may be several lines.
        let head: [String]
        /// What is tried in its block; empty for the directive alone.
        let lines: [String]
        let said: String

        var directive: String { head.last.map { String($0.prefix { $0 != " " }) } ?? "" }
        /// The option of a single line.
        var option: String { lines.count == 1 ? String(lines[0].prefix { $0 != " " }) : "" }

        /// What is said when one more argument stands at the end.
        func errors(surplus: String = "") -> String {
            var (head, lines) = (head, lines)
            if lines.isEmpty { head[head.count - 1] += surplus } else { lines[lines.count - 1] += surplus }
            let block = lines.isEmpty ? "" : " {\n" + lines.joined(separator: "\n") + "\n}"
            return TestPlan.errors(head.joined(separator: "\n") + block, files: files)
        }
    }

    private static func recorded() throws -> [Recorded] {
        var head: [String] = []
        var all: [Recorded] = []
        for line in try String(contentsOf: file, encoding: .utf8).split(separator: "\n") where !line.hasPrefix("#") {
            if line.hasPrefix("["), line.hasSuffix("]") {
                head = Self.lines(line.dropFirst().dropLast())
                continue
            }
            let parts = line.split(separator: " => ", maxSplits: 1)
            let text = parts.first ?? ""
            all.append(
                Recorded(
                    head: head, lines: text == "alone" ? [] : lines(text), said: String(parts.last ?? "")))
        }
        return all
    }

    private static func lines(_ text: Substring) -> [String] { text.split(separator: "; ").map(String.init) }

    @Test("no plugin is left out") func everyPlugin() throws {
        let recorded = Set(try Self.recorded().map(\.directive))
        #expect(recorded.isSuperset(of: pluginOrder.map { $0.directive }))
    }

    @Test("each line is taken, or refused, in the words recorded") func lines() throws {
        for line in try Self.recorded() {
            let said = line.errors().replacing("\n", with: " | ")
            #expect(said == line.said, "[\(line.head.joined(separator: "; "))] \(line.lines)")
        }
    }

    /// What takes any argument behind its own: any number of words, or whatever follows, as CoreDNS has it.
    private static let takesMore: Set<String> = [
        // Words and names, as many as there are.
        "chaos ", "hosts 10.0.0.1", "k8s_gateway gatewayClasses", "k8s_gateway ingressClasses",
        "k8s_gateway serviceLabelSelectors", "kubernetes namespaces",
        "nsid ", "sign key", "template additional", "template answer", "template authority", "template ederror",
        "template match",
        // One more is known: a file, a context, a collector.
        "etcd tls", "forward tls", "hosts ", "kubernetes kubeconfig", "prometheus tls", "tls ", "trace ",
        // Read by CoreDNS without a look at what follows.
        "etcd endpoint", "etcd upstream", "file upstream", "kubernetes endpoint", "kubernetes ignore",
        "kubernetes startup_timeout", "kubernetes ttl", "template upstream", "tsig require", "whoami anything",
    ]

    @Test("one argument too many is an error") func surplus() throws {
        var accepted: Set<String> = []
        for line in try Self.recorded() where line.said == "no errors" && line.lines.count < 2 {
            if line.errors(surplus: " sur..plus") == "no errors" { accepted.insert("\(line.directive) \(line.option)") }
        }
        #expect(accepted.subtracting(Self.takesMore).sorted() == [])
        #expect(Self.takesMore.subtracting(accepted).sorted() == [])
    }
}
