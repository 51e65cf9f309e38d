import Corefile
import DNSServer
import DNSWire
import EventLoop
import Text

/// Reads the upstreams of a `forward` or `grpc` line.
struct TargetReader {
    private let directive: Directive
    private let schemes: [ServerScheme]
    private let unnamed: ServerScheme
    private let readFile: (String) throws -> String

    /// - Parameters:
    ///   - schemes: what may be written before an address.
    ///   - unnamed: what is spoken with addresses that have nothing before them.
    init(
        _ directive: Directive, schemes: [ServerScheme] = [.dns, .tls, .https], unnamed: ServerScheme = .dns,
        readFile: @escaping (String) throws -> String
    ) {
        self.directive = directive
        self.schemes = schemes
        self.unnamed = unnamed
        self.readFile = readFile
    }

    private static let meaning = "an address as IP, IP:PORT or [IPv6]:PORT, or a file like /etc/resolv.conf"

    /// The upstreams one argument stands for; what is wrong with it goes to `check`.
    func targets(_ token: Token, _ check: inout SettingsCheck) -> [UpstreamTarget] {
        let (scheme, rest) = ServerScheme.split(token.text)
        if let scheme, !schemes.contains(scheme) {
            check.report(directive.error(token, expected: "an upstream that is asked by \(words)"))
            return []
        }
        if let scheme, scheme != .dns {
            if let target = Self.named(rest, scheme) { return [target] }
            let word = scheme.rawValue
            check.report(
                directive.error(
                    token, expected: "\(word)://IP, \(word)://IP:PORT, or \(word)://IP%NAME for one with that name"))
            return []
        }
        if let address = Self.address(rest) { return [UpstreamTarget(address, scheme: unnamed)] }
        if scheme == nil, token.text.contains("/") {
            return nameServers(token, &check).map { UpstreamTarget($0, scheme: unnamed) }
        }
        check.report(directive.error(token, expected: Self.meaning))
        return []
    }

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

    private func nameServers(_ token: Token, _ check: inout SettingsCheck) -> [SocketAddress] {
        let text: String
        do {
            text = try readFile(token.text)
        } catch {
            check.report(
                directive.error(
                    found: "\(ConfigurationError.shown(token.text)), which cannot be read: \(error)",
                    expected: Self.meaning, at: token.at))
            return []
        }
        let servers = Self.nameServers(in: text)
        if servers.isEmpty {
            check.report(
                directive.error(
                    found: "\(ConfigurationError.shown(token.text)) without nameserver lines",
                    expected: "at least one line `nameserver IP`", at: token.at))
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
