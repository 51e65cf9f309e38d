import Corefile
import DNSServer
import DNSWire
import KubernetesAPI

/// What an `etcd` line says.
struct EtcdSettings: Sendable, Equatable {
    var zones: [Name] = []
    /// Where the records are, without slashes at its ends.
    var path = "skydns"
    /// Members of the cluster; the first that can be asked is.
    var endpoints: [String] = ["http://localhost:2379"]
    var user = ""
    var password = Secret("")
    /// Files of a client certificate, its key and an authority, as many as are said.
    var tls: [String] = []
    /// Bounds of the TTL that a lease gives, in seconds.
    var leastLeaseTTL: UInt32 = 30
    var longestLeaseTTL: UInt32 = 86400
    var fallthroughZones: [Name]?

    private static var options: OptionTable<Self> {
        [
            .value("path", \.path) { line throws(ConfigurationError) in
                try line.parsed("a path, such as /skydns") { text in
                    let parts = text.split(separator: "/")
                    return parts.isEmpty ? nil : parts.joined(separator: "/")
                }
            },
            .line("endpoint", \.endpoints, 1...Int.max) { line throws(ConfigurationError) in
                // Addresses alone are of members that do not encrypt.
                let urls = line.words.map { $0.contains("://") ? $0 : "http://\($0)" }
                for (token, url) in zip(line.arguments, urls) where (try? APIEndpoint(url: url)) == nil {
                    throw line.error(token, expected: "a URL, such as http://127.0.0.1:2379")
                }
                return urls
            },
            .custom("credentials") { line, settings, _ throws(ConfigurationError) in
                try line.expectCount(2)
                (settings.user, settings.password) = (line.words[0], Secret(line.words[1]))
            },
            .line("tls", \.tls, 0...3) { $0.words },
            .custom("min-lease-ttl") { line, settings, _ throws(ConfigurationError) in
                settings.leastLeaseTTL = try seconds(line)
            },
            .custom("max-lease-ttl") { line, settings, _ throws(ConfigurationError) in
                settings.longestLeaseTTL = try seconds(line)
            },
            .fallthroughZones(\.fallthroughZones),
            // CoreDNS reads them without effect.
            .ignored("debug", 0...0, isListed: false),
            .custom("stubzones", isListed: false) { line, _, _ throws(ConfigurationError) in
                throw line.error(
                    found: line.name,
                    expected: "none: removed in CoreDNS 1.0; a server block with forward does what it did")
            },
            .ignored("upstream", isListed: false),
        ]
    }

    /// A number of seconds, or a duration.
    private static func seconds(_ line: Directive) throws(ConfigurationError) -> UInt32 {
        try line.expectCount(1)
        if let number = UInt32(line.words[0]), number <= UInt32(Int32.max) { return number }
        return UInt32(clamping: try line.duration(0).components.seconds)
    }

    init(_ directives: [Directive], in block: BlockSettings) throws(ConfigurationErrors) {
        var check = SettingsCheck()
        if let directive = check.only(directives) {
            zones = check.zones(of: directive, else: block.zones)
            Self.options.read(directive.block, into: &self, &check)
            tls = tls.map(block.files.path)
        }
        try check.finish()
    }

    /// How a member is reached.
    func endpoint(_ url: String) throws(CredentialsError) -> APIEndpoint {
        var endpoint = try APIEndpoint(url: url, in: "Corefile", key: "etcd endpoint")
        if tls.count >= 2 { endpoint.clientCertificate = .init(chain: .file(tls[0]), key: .file(tls[1])) }
        if tls.count % 2 == 1, let authority = tls.last { endpoint.trust = .authorities(.file(authority)) }
        return endpoint
    }
}
