import Corefile
import DNSServer
import DNSWire
import EventLoop
import Text

/// Reads the upstreams of a `forward` or `grpc` line.
struct TargetReader {
    private let directive: Directive
    private let block: BlockSettings
    private let schemes: [ServerScheme]
    private let unnamed: ServerScheme
    private let serverName: String?
    private let takesHosts: Bool
    private let takesSockets: Bool

    /// - Parameters:
    ///   - schemes: what may be written before an address.
    ///   - unnamed: what is spoken with addresses that have nothing before them.
    ///   - serverName: what the certificates of all of them have to name; nil for what each says.
    ///   - takesHosts: whether an upstream may be a host name, which is looked up at once.
    ///   - takesSockets: whether it may be `unix://PATH`, spoken with as those without a scheme are.
    init(
        _ directive: Directive, in block: BlockSettings, schemes: [ServerScheme] = [.dns, .tls, .https],
        unnamed: ServerScheme = .dns, serverName: String? = nil, takesHosts: Bool = false, takesSockets: Bool = false
    ) {
        self.directive = directive
        self.block = block
        self.schemes = schemes
        self.unnamed = unnamed
        self.serverName = serverName
        self.takesHosts = takesHosts
        self.takesSockets = takesSockets
    }

    private var meaning: String {
        "an address as IP, IP:PORT or [IPv6]:PORT, \(takesHosts ? "a host name, " : "")or a file like /etc/resolv.conf"
    }

    private static let socket = "unix://"

    /// The upstreams one argument stands for; what is wrong with it goes to `check`.
    func targets(_ token: Token, _ check: inout SettingsCheck) -> [UpstreamTarget] {
        check.attempt(try targets(token)) ?? []
    }

    private func targets(_ token: Token) throws(ConfigurationError) -> [UpstreamTarget] {
        if takesSockets, token.text.hasPrefix(Self.socket) { return [try behindSocket(token)] }
        let (scheme, rest) = ServerScheme.split(token.text)
        if let scheme, !schemes.contains(scheme) {
            throw directive.error(token, expected: "an upstream that is asked by \(words)")
        }
        if let host = host(token) {
            // A file in the process' folder comes before a host of the same name.
            guard scheme == nil, (try? block.files.unrooted.read(token.text)) != nil else {
                return try lookUp(host, token)
            }
            return try inFile(token)
        }
        if let scheme, scheme != .dns {
            guard let target = Self.named(rest, scheme) else {
                let word = scheme.rawValue
                throw directive.error(
                    token, expected: "\(word)://IP, \(word)://IP:PORT, or \(word)://IP%NAME for one with that name")
            }
            return [try judged(target, token)]
        }
        if let address = Self.address(rest) { return [try judged(UpstreamTarget(address, scheme: unnamed), token)] }
        let isFile = token.text.contains("/") || (try? block.files.unrooted.read(token.text)) != nil
        if scheme == nil, isFile { return try inFile(token) }
        throw directive.error(token, expected: meaning)
    }

    private func inFile(_ token: Token) throws(ConfigurationError) -> [UpstreamTarget] {
        try nameServers(token).map { address throws(ConfigurationError) in
            try judged(UpstreamTarget(address, scheme: unnamed), token)
        }
    }

    /// With the name that `tls_servername` gives to all.
    private func judged(_ target: UpstreamTarget, _ token: Token) throws(ConfigurationError) -> UpstreamTarget {
        guard target.hasConnectionsOnly, let serverName else { return target }
        guard target.serverName == nil else {
            throw directive.error(token, expected: "no name of its own: tls_servername says it for all")
        }
        var target = target
        target.serverName = serverName
        return target
    }

    // MARK: Unix sockets

    private func behindSocket(_ token: Token) throws(ConfigurationError) -> UpstreamTarget {
        let path = String(token.text.dropFirst(Self.socket.count))
        guard (1...StreamSocket.longestPath).contains(path.utf8.count) else {
            throw directive.error(
                token, expected: "the path of a Unix socket, of at most \(StreamSocket.longestPath) octets")
        }
        var target = UpstreamTarget(socketPath: path, scheme: unnamed)
        target.serverName = serverName ?? target.serverName
        return target
    }

    // MARK: Host names

    /// A host that is looked up.
    struct Host {
        let name: String
        let scheme: ServerScheme
        let port: Int
    }

    /// The host that an argument names, where host names are taken.
    func host(_ token: Token) -> Host? {
        guard takesHosts, let endpoint = EndpointText(token.text), case .name = endpoint.host else { return nil }
        let (scheme, rest) = ServerScheme.split(token.text)
        let name = endpoint.port == nil ? rest[...] : rest[..<(rest.lastIndex(of: ":") ?? rest.endIndex)]
        guard Self.isServerName(name) else { return nil }
        let spoken = scheme ?? unnamed
        return Host(name: String(name), scheme: spoken, port: endpoint.port ?? spoken.defaultPort)
    }

    private func lookUp(_ host: Host, _ token: Token) throws(ConfigurationError) -> [UpstreamTarget] {
        let found = block.lookUp(host.name)
        let addresses = found.filter(\.isIPv4) + found.filter { !$0.isIPv4 }
        guard !addresses.isEmpty else {
            throw directive.error(
                found: "\(ConfigurationError.shown(token.text)), a host without an address", expected: meaning,
                at: token.at)
        }
        // Without a name for all, the certificate has to name the host that was asked for.
        let name = serverName ?? String(host.name.hasSuffix(".") ? host.name.dropLast() : host.name[...])
        return addresses.map {
            UpstreamTarget(
                SocketAddress($0, port: UInt16(clamping: host.port)), scheme: host.scheme,
                serverName: host.scheme == .dns ? nil : name)
        }
    }

    // MARK: Addresses

    private var words: String {
        let words = schemes.map { "\($0.rawValue)://" }
        return words.dropLast().joined(separator: ", ") + " or " + (words.last ?? "")
    }

    /// An address with the scheme's port where none is written, and behind `%` what the certificate has to name.
    static func named(_ text: String, _ scheme: ServerScheme) -> UpstreamTarget? {
        var endpoint = text
        var name: String?
        if let percent = text.lastIndex(of: "%") {
            let host = text[..<percent]
            let isBracketed = host.hasPrefix("[")
            let rest = text[text.index(after: percent)...]
            let end = rest.firstIndex(of: isBracketed ? "]" : ":") ?? rest.endIndex
            // Behind an IPv6 address without brackets a port would be taken for a part of it.
            guard isBracketed || end == rest.endIndex || !host.contains(":"), isServerName(rest[..<end]) else {
                return nil
            }
            name = String(rest[..<end])
            endpoint = String(host + rest[end...])
        }
        guard let address = address(endpoint, port: scheme.defaultPort) else { return nil }
        return UpstreamTarget(address, scheme: scheme, serverName: name)
    }

    /// What a certificate may name: a host name, or an address.
    static func isServerName(_ text: some StringProtocol) -> Bool {
        let isHostName = text.utf8.allSatisfy {
            $0 == UInt8(ascii: "-") || $0 == UInt8(ascii: ".") || $0 == UInt8(ascii: "_")
                || (0x30...0x39).contains($0) || (0x41...0x5A).contains($0) || (0x61...0x7A).contains($0)
        }
        return IPAddress(text) != nil || isHostName && !text.isEmpty && Name(String(text)) != nil
    }

    /// An address with `port` where none is written; nil for anything else.
    static func address(_ text: String, port: Int = 53) -> SocketAddress? {
        guard let endpoint = EndpointText(text), case .address(let literal) = endpoint.host,
            let address = IPAddress(octets: literal.bytes)
        else { return nil }
        return SocketAddress(address, port: UInt16(clamping: endpoint.port ?? port))
    }

    private func nameServers(_ token: Token) throws(ConfigurationError) -> [SocketAddress] {
        let shown = ConfigurationError.shown(token.text)
        let text: String
        do {
            text = try block.files.unrooted.read(token.text)
        } catch {
            throw directive.error(
                found: "\(shown), which cannot be read: \(error)", expected: meaning, at: token.at)
        }
        let servers = Self.nameServers(in: text)
        guard !servers.isEmpty else {
            throw directive.error(
                found: "\(shown) without nameserver lines", expected: "at least one line `nameserver IP`", at: token.at)
        }
        return servers
    }

    /// The `nameserver` lines of a resolv.conf (resolv.conf(5)).
    static func nameServers(in text: String) -> [SocketAddress] {
        text.split(whereSeparator: \.isNewline).compactMap { line in
            let words = line.split(whereSeparator: \.isWhitespace)
            guard words.count >= 2, words[0] == "nameserver" else { return nil }
            return address(String(words[1])) ?? IPAddress(words[1]).map { SocketAddress($0, port: 53) }
        }
    }
}
