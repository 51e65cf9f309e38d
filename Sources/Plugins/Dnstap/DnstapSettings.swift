import Corefile
import DNSServer
import DNSWire
import EventLoop
import Text

/// What one `dnstap` line says.
struct DnstapSettings: Sendable {
    enum Collector: Sendable {
        case unix(String)
        case tcp(SocketAddress)
        /// By a host name, which is looked up for each connection.
        case host(String, port: UInt16)
    }

    let collector: Collector
    /// What is sent goes through TLS.
    let isEncrypted: Bool
    /// False where any certificate will do.
    private(set) var verifies = true
    /// Messages come whole.
    let isFull: Bool
    /// Messages that may wait for the collector.
    let most: Int
    var identity = Array(HostName.current.utf8)
    var version = Array("cluster-dns".utf8)
    var extra: LogFormat?

    static var options: OptionTable<Self> {
        [
            .line("identity", \.identity, 1...1) { Array(($0.words.first ?? "").utf8) },
            .line("version", \.version, 1...1) { Array(($0.words.first ?? "").utf8) },
            .line("extra", \.extra, 1...1) { LogFormat($0.words.first ?? "") },
            .flag("skipverify", \.verifies, becomes: false),
        ]
    }

    init(_ line: Directive) throws(ConfigurationError) {
        let token = try line.argument(0, "a collector, such as /run/dnstap.sock or tcp://127.0.0.1:6000")
        isEncrypted = token.text.hasPrefix("tls://")
        collector = try Self.collector(line, token)
        var words = line.arguments.dropFirst()
        isFull = words.first?.text == "full"
        if isFull { words.removeFirst() }
        var queue = 1
        if !isFull, let word = words.first { throw line.error(word, expected: "full") }
        for (name, limit) in [("size of a write buffer", 1024), ("length of the queue", 4096)] {
            guard let word = words.popFirst() else { break }
            guard let value = Int(word.text), (1...limit).contains(value) else {
                throw line.error(word, expected: "the \(name), a number from 1 to \(limit)")
            }
            queue = value
        }
        if let word = words.first { throw line.error(word, expected: "nothing more") }
        if line.arguments.count < 4 { queue = 1 }
        most = queue * 10_000
    }

    private static func collector(_ line: Directive, _ token: Token) throws(ConfigurationError) -> Collector {
        let text = token.text
        if text == "listen" {
            throw line.error(
                found: "listen",
                expected: "the address of a collector: this server connects, and does not listen for one")
        }
        if let scheme = ["tcp", "tls"].first(where: { text.hasPrefix("\($0)://") }) {
            let place = String(text.dropFirst(6))
            if let address = address(place) { return .tcp(address) }
            guard let colon = place.lastIndex(of: ":"), let port = UInt16(place[place.index(after: colon)...]),
                port > 0,
                TargetReader.isServerName(String(place[..<colon]))
            else { throw line.error(token, expected: "\(scheme)://ADDRESS:PORT or \(scheme)://HOST:PORT") }
            return .host(String(place[..<colon]), port: port)
        }
        let path = text.hasPrefix("unix://") ? String(text.dropFirst(7)) : text
        guard (1...StreamSocket.longestPath).contains(path.utf8.count) else {
            throw line.error(token, expected: "the path of a Unix socket, of at most 107 octets")
        }
        return .unix(path)
    }

    /// How to speak with it; nil for clear text.
    ///
    /// - Throws: when this system has nothing to judge certificates by.
    func sessions(_ line: Directive, _ block: BlockSettings) throws(ConfigurationError) -> (any UpstreamSessions)? {
        guard isEncrypted else { return nil }
        do throws(CredentialsFailure) {
            return try block.upstreamSessions(
                UpstreamSessionSettings(
                    schemes: [.tls], credentials: UpstreamCredentials(verifies: verifies), speaksDNS: false))
        } catch {
            throw line.error(found: "\(error.file): \(error.found)", expected: error.expected)
        }
    }

    /// `192.0.2.1:6000`, `[2001:db8::1]:6000`.
    private static func address(_ text: String) -> SocketAddress? {
        guard let colon = text.lastIndex(of: ":"), let port = UInt16(text[text.index(after: colon)...]), port > 0 else {
            return nil
        }
        var host = text[..<colon]
        if host.hasPrefix("["), host.hasSuffix("]") { host = host.dropFirst().dropLast() }
        if host == "localhost" { host = "127.0.0.1" }
        return IPAddress(host).map { SocketAddress($0, port: port) }
    }
}
