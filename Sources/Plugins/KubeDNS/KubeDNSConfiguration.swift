import Corefile
import DNSWire
import Text

/// The keys of kube-dns' ConfigMap, as files of a folder; nil for those that are not there.
struct KubeDNSConfiguration: Sendable, Equatable {
    private let folder: String
    private let stubDomains: String?
    private let upstreamNameservers: String?
    private let federations: String?

    /// As many as kube-dns takes.
    private static let mostUpstreams = 3

    init(_ folder: String, _ readFile: (String) throws -> String) {
        func text(_ key: String) -> String? {
            // An empty key is as good as none.
            (try? readFile("\(folder)/\(key)")).flatMap { $0.allSatisfy(\.isWhitespace) ? nil : $0 }
        }
        self.folder = folder
        stubDomains = text("stubDomains")
        upstreamNameservers = text("upstreamNameservers")
        federations = text("federations")
    }

    var hasFederations: Bool { federations != nil }
    var isEmpty: Bool { stubDomains == nil && upstreamNameservers == nil && federations == nil }

    /// The `forward` lines that say the same: one for each stub domain, the longest first, then all other names.
    ///
    /// - Parameter others: the plugins of the block; with a `forward` line among them, that has the other names unless
    ///   upstreams are configured here.
    func forwards(for line: Directive, _ others: [String]) throws(ConfigurationError) -> [Directive] {
        var lines: [Directive] = []
        for (domain, servers) in try stubs(line) { lines.append(Self.forward(line, [domain] + servers)) }
        let upstreams = try upstreams(line)
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

    private func stubs(_ line: Directive) throws(ConfigurationError) -> [(String, [String])] {
        guard let stubDomains else { return [] }
        let expected = "an object of domains, each with an array of servers, such as {\"corp.test\": [\"10.0.0.1\"]}"
        guard case .object(let members) = try document(stubDomains, "stubDomains", line) else {
            throw wrong(line, "stubDomains", "no object", expected)
        }
        var stubs: [(name: Name, domain: String, servers: [String])] = []
        for member in members {
            let domain = member.name
            guard TargetReader.isServerName(domain), let name = Name(domain), name != .root else {
                throw wrong(line, "stubDomains", "the domain \"\(domain)\"", "a domain name")
            }
            guard let servers = Self.texts(member.value), !servers.isEmpty else {
                throw wrong(line, "stubDomains", "no servers of \(domain)", expected)
            }
            try addresses(servers, "stubDomains", line)
            stubs.append((name, domain, servers))
        }
        // The first line that matches has the question.
        stubs.sort { ($1.name.wire.count, $0.domain) < ($0.name.wire.count, $1.domain) }
        return stubs.map { ($0.domain, $0.servers) }
    }

    private func upstreams(_ line: Directive) throws(ConfigurationError) -> [String]? {
        guard let upstreamNameservers else { return nil }
        let expected = "an array of 1 to \(Self.mostUpstreams) addresses, such as [\"10.0.0.1\", \"10.0.0.2:5353\"]"
        guard let servers = Self.texts(try document(upstreamNameservers, "upstreamNameservers", line)) else {
            throw wrong(line, "upstreamNameservers", "no array of texts", expected)
        }
        guard servers.count <= Self.mostUpstreams else {
            throw wrong(line, "upstreamNameservers", "\(servers.count) addresses", expected)
        }
        try addresses(servers, "upstreamNameservers", line)
        return servers.isEmpty ? nil : servers
    }

    private func addresses(_ servers: [String], _ key: String, _ line: Directive) throws(ConfigurationError) {
        for server in servers where TargetReader.address(server) == nil {
            throw wrong(
                line, key, "the server \"\(server)\"",
                "an address as IP, IP:PORT or [IPv6]:PORT: names of servers are not looked up here")
        }
    }

    private func document(_ text: String, _ key: String, _ line: Directive) throws(ConfigurationError) -> JSONValue {
        do throws(JSONError) {
            return try JSONReader.read(text)
        } catch {
            throw wrong(line, key, "a text that is not JSON \(error)", "JSON")
        }
    }

    private func wrong(_ line: Directive, _ key: String, _ found: String, _ expected: String) -> ConfigurationError {
        line.error(found: "\(found) in \(folder)/\(key)", expected: expected)
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
