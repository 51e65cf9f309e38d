import Corefile
import DNSServer
import DNSWire
import EventLoop
import KubernetesAPI

extension Directive {
    /// The first argument, read from its text; `parse` gives nil for what is not as `meaning` says.
    func parsed<Value>(_ meaning: String, _ parse: (String) -> Value?) throws(ConfigurationError) -> Value {
        let token = try argument(0, meaning)
        guard let value = parse(token.text) else { throw error(token, expected: meaning) }
        return value
    }

    /// The zones that an argument stands for: itself, or the reverse zones of a network.
    func names(_ token: Token) throws(ConfigurationError) -> [Name] { try zones(token).compactMap { Name($0) } }

    /// A duration of at most a year.
    func nanoseconds(_ index: Int) throws(ConfigurationError) -> UInt64 {
        let (seconds, attoseconds) = try duration(index, in: .zero ... .seconds(86400 * 365)).components
        return UInt64(seconds) * 1_000_000_000 + UInt64(attoseconds / 1_000_000_000)
    }

    func network(_ token: Token, else further: String = "") throws(ConfigurationError) -> Network {
        guard let network = Network(token.text) else {
            throw error(token, expected: "an IP address or network such as 10.0.0.0/8\(further)")
        }
        return network
    }

    /// The same text, where it is a label selector of Kubernetes.
    func labelSelector(_ text: String) throws(ConfigurationError) -> String {
        do throws(LabelSelector.Mistake) {
            return try LabelSelector(text).text
        } catch {
            throw self.error(
                found: "\(name) \(ConfigurationError.shown(text)): \(error.found)", expected: error.expected)
        }
    }

    /// `:8080`, `127.0.0.1:8080`; a missing address means all of them.
    func listenAddress(_ token: Token, wildcard: IPAddress) throws(ConfigurationError) -> SocketAddress {
        let expected = "an address to listen on, such as :8080 or 127.0.0.1:8080"
        let text = token.text
        guard let colon = text.lastIndex(of: ":"), let port = UInt16(text[text.index(after: colon)...]) else {
            throw error(token, expected: expected)
        }
        var host = String(text[..<colon])
        if host.hasPrefix("["), host.hasSuffix("]") { host = String(host.dropFirst().dropLast()) }
        if host.isEmpty { return SocketAddress(wildcard, port: port) }
        if host == "localhost" { return SocketAddress(IPAddress(v4: 0x7F00_0001), port: port) }
        guard let address = IPAddress(host) else { throw error(token, expected: expected) }
        return SocketAddress(address, port: port)
    }
}
