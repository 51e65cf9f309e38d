import Corefile
import DNSServer
import TestKit
import Testing

@testable import Plugins

@Suite("kubedns: the ConfigMap of kube-dns") struct KubeDNSConfigurations {
    private static let files = ["/etc/resolv.conf": "nameserver 10.0.0.9\n"]

    /// Where names go, a `forward` line each, with these keys in the folder.
    private func lines(_ keys: [String: String], beside others: [String] = []) throws -> [String] {
        let configuration = KubeDNSConfiguration("/d") { path in
            guard let text = keys[String(path.dropFirst(3))] else { throw TestPlan.NoSuchFile() }
            return text
        }
        let line = Directive(name: "kubedns", at: SourcePosition(file: "Corefile", line: 2))
        return try configuration.forwards(for: line, others).map { $0.words.joined(separator: " ") }
    }

    /// What is said about the keys at the start.
    private func said(_ keys: [String: String]) -> String {
        var files = Self.files
        for (key, text) in keys { files["/d/\(key)"] = text }
        return TestPlan.errors("kubedns /d", files: files)
    }

    @Test("without keys, the system's resolvers have every name") func empty() throws {
        #expect(try lines([:]) == [". /etc/resolv.conf"])
        #expect(
            try lines(["stubDomains": "", "upstreamNameservers": "\n", "federations": " "]) == [". /etc/resolv.conf"])
        #expect(said([:]) == "no errors")
    }

    @Test("a forward line of the block has what the ConfigMap does not name") func beside() throws {
        #expect(try lines([:], beside: ["forward"]) == [])
        #expect(try lines(["upstreamNameservers": "[\"10.0.0.1\"]"], beside: ["forward"]) == [". 10.0.0.1"])
    }

    @Test("stub domains stand before the others, the longest first") func stubDomains() throws {
        let stubs = #"{"test": ["10.0.0.1"], "corp.test": ["10.0.0.2:5353", "[2001:db8::1]:10053", "2001:db8::2"]}"#
        #expect(
            try lines(["stubDomains": stubs, "upstreamNameservers": #"["10.0.0.3", "10.0.0.4:53"]"#]) == [
                "corp.test 10.0.0.2:5353 [2001:db8::1]:10053 2001:db8::2", "test 10.0.0.1", ". 10.0.0.3 10.0.0.4:53",
            ])
        #expect(said(["stubDomains": stubs]) == "no errors")
    }

    @Test(
        "what kube-dns refuses is an error that names the key",
        arguments: [
            ("stubDomains", "[]", "no object in /d/stubDomains"),
            ("stubDomains", #"{"": ["10.0.0.1"]}"#, #"the domain "" in /d/stubDomains"#),
            ("stubDomains", #"{"$$$$": ["10.0.0.1"]}"#, #"the domain "$$$$" in /d/stubDomains"#),
            ("stubDomains", #"{"a.test": []}"#, "no servers of a.test in /d/stubDomains"),
            ("stubDomains", #"{"a.test": "10.0.0.1"}"#, "no servers of a.test in /d/stubDomains"),
            ("stubDomains", #"{"a.test": ["10.0.0.1:65564"]}"#, #"the server "10.0.0.1:65564" in /d/stubDomains"#),
            ("stubDomains", #"{"a.test": ["ns.test"]}"#, #"the server "ns.test" in /d/stubDomains"#),
            ("upstreamNameservers", "10.0.0.1", "a text that is not JSON at octet 5: "),
            ("upstreamNameservers", #"["a", "b", "c", "d"]"#, "4 addresses in /d/upstreamNameservers"),
            ("upstreamNameservers", #"["10.0.0.1:abc"]"#, #"the server "10.0.0.1:abc" in /d/upstreamNameservers"#),
        ])
    func refused(key: String, text: String, found: String) {
        #expect(said([key: text]).hasPrefix("kubedns: found \(found)"), "\(said([key: text]))")
    }

    @Test("upstreams are up to three", arguments: [2, 3]) func upstreams(_ count: Int) {
        let servers = (1...count).map { "\"10.0.0.\($0)\"" }.joined(separator: ",")
        #expect(said(["upstreamNameservers": "[\(servers)]"]) == "no errors")
    }

    @Test("federations change nothing") func federations() throws {
        #expect(try lines(["federations": "abc=d.e.f"]) == [". /etc/resolv.conf"])
    }
}
