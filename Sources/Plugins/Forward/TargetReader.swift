import Corefile
import DNSServer
import DNSWire
import EventLoop
import Text

/// Reads the upstreams of a `forward` line.
struct TargetReader {
    private let directive: Directive
    private let readFile: (String) throws -> String

    init(_ directive: Directive, readFile: @escaping (String) throws -> String) {
        self.directive = directive
        self.readFile = readFile
    }

    private static let meaning = "an address as IP, IP:PORT or [IPv6]:PORT, or a file like /etc/resolv.conf"

    /// The upstreams one argument stands for; what is wrong with it goes to `check`.
    func targets(_ token: Token, _ check: inout SettingsCheck) -> [SocketAddress] {
        let (scheme, rest) = ServerScheme.split(token.text)
        if let scheme, scheme != .dns {
            check.report(ForwardSettings.encryption(directive, at: token.at, found: token.text))
            return []
        }
        if let address = Self.address(rest) { return [address] }
        if scheme == nil, token.text.contains("/") { return nameServers(token, &check) }
        check.report(directive.error(token, expected: Self.meaning))
        return []
    }

    /// An address with port 53 where none is written; nil for anything else.
    static func address(_ text: String) -> SocketAddress? {
        guard let endpoint = EndpointText(text), case .address(let literal) = endpoint.host,
            let address = IPAddress(octets: literal.bytes)
        else { return nil }
        return SocketAddress(address, port: UInt16(clamping: endpoint.port ?? 53))
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
