import Corefile
import DNSWire
import Text

/// The keys of kube-dns' ConfigMap, as files of a folder; nil for those that are not there.
package struct KubeDNSConfiguration: Sendable, Equatable {
    /// What is wrong with a key.
    package struct Fault: Error, Hashable, Sendable {
        package let key: String
        package let found: String
        package let expected: String
    }

    private let folder: String
    private let stubDomains: String?
    private let upstreamNameservers: String?
    private let federations: String?

    /// As many as kube-dns takes.
    private static let mostUpstreams = 3

    package init(_ folder: String, _ readFile: (String) throws -> String) {
        func text(_ key: String) -> String? {
            // An empty key is as good as none.
            (try? readFile("\(folder)/\(key)")).flatMap { $0.allSatisfy(\.isWhitespace) ? nil : $0 }
        }
        self.folder = folder
        stubDomains = text("stubDomains")
        upstreamNameservers = text("upstreamNameservers")
        federations = text("federations")
    }

    package var hasFederations: Bool { federations != nil }
    package var isEmpty: Bool { stubDomains == nil && upstreamNameservers == nil && federations == nil }

    /// The `forward` lines that say the same: one for each stub domain, the longest first, then all other names.
    ///
    /// - Parameter others: the plugins of the block; with a `forward` line among them, that has the other names unless
    ///   upstreams are configured here.
    func forwards(for line: Directive, _ others: [String]) throws(ConfigurationError) -> [Directive] {
        var lines: [Directive] = []
        let (stubs, upstreams): ([(domain: String, servers: [String])], [String]?)
        do throws(Fault) {
            (stubs, upstreams) = (try self.stubs(), try self.upstreams())
        } catch {
            throw line.error(found: "\(error.found) in \(folder)/\(error.key)", expected: error.expected)
        }
        for (domain, servers) in stubs { lines.append(Self.forward(line, [domain] + servers)) }
        if let upstreams {
            lines.append(Self.forward(line, ["."] + upstreams))
        } else if !others.contains(ForwardPlugin.directive) {
            lines.append(Self.forward(line, [".", "/etc/resolv.conf"]))
        }
        return lines
    }

    private static func forward(_ line: Directive, _ words: [String]) -> Directive {
        Directive(name: line.name, at: line.at, arguments: words.map { Token(text: $0, at: line.at) })
    }

    /// The stub domains with their servers, the longest first.
    package func stubs() throws(Fault) -> [(domain: String, servers: [String])] {
        guard let stubDomains else { return [] }
        let expected = "an object of domains, each with an array of servers, such as {\"corp.test\": [\"10.0.0.1\"]}"
        guard case .object(let members) = try document(stubDomains, "stubDomains") else {
            throw Fault(key: "stubDomains", found: "no object", expected: expected)
        }
        var stubs: [(name: Name, domain: String, servers: [String])] = []
        for member in members {
            let domain = member.name
            guard TargetReader.isServerName(domain), let name = Name(domain), name != .root else {
                throw Fault(key: "stubDomains", found: "the domain \"\(domain)\"", expected: "a domain name")
            }
            guard let servers = Self.texts(member.value), !servers.isEmpty else {
                throw Fault(key: "stubDomains", found: "no servers of \(domain)", expected: expected)
            }
            try addresses(servers, "stubDomains")
            stubs.append((name, domain, servers))
        }
        // The first line that matches has the question.
        stubs.sort { ($1.name.wire.count, $0.domain) < ($0.name.wire.count, $1.domain) }
        return stubs.map { ($0.domain, $0.servers) }
    }

    /// Who is asked for all other names; nil for who is asked anyway.
    package func upstreams() throws(Fault) -> [String]? {
        guard let upstreamNameservers else { return nil }
        let expected = "an array of 1 to \(Self.mostUpstreams) addresses, such as [\"10.0.0.1\", \"10.0.0.2:5353\"]"
        guard let servers = Self.texts(try document(upstreamNameservers, "upstreamNameservers")) else {
            throw Fault(key: "upstreamNameservers", found: "no array of texts", expected: expected)
        }
        guard servers.count <= Self.mostUpstreams else {
            throw Fault(key: "upstreamNameservers", found: "\(servers.count) addresses", expected: expected)
        }
        try addresses(servers, "upstreamNameservers")
        return servers.isEmpty ? nil : servers
    }

    private func addresses(_ servers: [String], _ key: String) throws(Fault) {
        for server in servers where TargetReader.address(server) == nil {
            throw Fault(
                key: key, found: "the server \"\(server)\"",
                expected: "an address as IP, IP:PORT or [IPv6]:PORT: names of servers are not looked up here")
        }
    }

    private func document(_ text: String, _ key: String) throws(Fault) -> JSONValue {
        do throws(JSONError) {
            return try JSONReader.read(text)
        } catch {
            throw Fault(key: key, found: "a text that is not JSON \(error)", expected: "JSON")
        }
    }

    private static func texts(_ value: JSONValue) -> [String]? {
        guard case .array(let elements) = value else { return nil }
        var texts: [String] = []
        for element in elements {
            guard case .string(let text) = element else { return nil }
            texts.append(text)
        }
        return texts
    }
}
