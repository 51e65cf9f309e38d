package import Corefile
package import DNSServer
import DNSWire
import EventLoop
import Synchronization
import Telemetry

/// Sends copies of queries and responses to a collector (dnstap.info), as frame streams.
package final class DnstapPlugin: Plugin {
    package static let directive = "dnstap"
    private let taps: [(settings: DnstapSettings, sender: DnstapSender)]
    private let collector = Mutex<(any MetadataCollector)?>(nil)
    private let tasks = Mutex<[Task<Void, Never>]>([])
    private let scheme: ServerScheme

    package init(_ directives: [Directive], in block: BlockSettings) throws(ConfigurationErrors) {
        var check = SettingsCheck()
        var all: [DnstapSettings] = []
        for line in directives {
            guard var settings = check.attempt(try DnstapSettings(line)) else { continue }
            DnstapSettings.options.read(line.block, into: &settings, &check)
            all.append(settings)
        }
        try check.finish()
        scheme = block.schemes.first ?? .dns
        taps = all.map { settings in
            let dropped = block.metrics.counter(
                "coredns_dnstap_dropped_messages_total",
                "Counter of dnstap messages dropped because no collector took them.")
            return (settings, DnstapSender(settings.collector, most: settings.most, dropped))
        }
    }

    package func join(_ block: [any Plugin]) {
        let found = block.lazy.compactMap { $0 as? any MetadataCollector }.first
        collector.withLock { $0 = found }
    }

    package func makeHandler(on server: LoopServer) -> (any Handler)? {
        let metadata = collector.withLock { $0 }?.makeMetadataReader(on: server)
        return DnstapHandler(makeTaps(on: server), metadata)
    }

    private func makeTaps(on server: LoopServer) -> [DnstapTap] {
        taps.map { DnstapTap($0.settings, scheme, $0.sender, on: server) }
    }

    package func start(_ environment: any PluginEnvironment) async {
        let started = taps.map { tap in Task { await tap.sender.run() } }
        tasks.withLock { $0 = started }
    }

    package func stop() async {
        let running = tasks.withLock { $0 }
        running.forEach { $0.cancel() }
        for task in running { await task.value }
    }
}

extension DnstapPlugin: UpstreamTapProvider {
    func makeUpstreamTap(on server: LoopServer) -> any UpstreamTap { DnstapUpstreamTap(makeTaps(on: server)) }
}

/// What one `dnstap` line says.
struct DnstapSettings: Sendable {
    enum Collector: Sendable {
        case unix(String)
        case tcp(SocketAddress)
        /// By a host name, which is looked up for each connection.
        case host(String, port: UInt16)
    }

    let collector: Collector
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
            .ignored("skipverify", 0...0),
        ]
    }

    init(_ line: Directive) throws(ConfigurationError) {
        let token = try line.argument(0, "a collector, such as /run/dnstap.sock or tcp://127.0.0.1:6000")
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
        if text.hasPrefix("tls://") {
            throw line.error(token, expected: "unix:// or tcp://: this server does not encrypt dnstap")
        }
        if text.hasPrefix("tcp://") {
            let place = String(text.dropFirst(6))
            if let address = address(place) { return .tcp(address) }
            guard let colon = place.lastIndex(of: ":"), let port = UInt16(place[place.index(after: colon)...]),
                port > 0,
                TargetReader.isServerName(String(place[..<colon]))
            else { throw line.error(token, expected: "tcp://ADDRESS:PORT or tcp://HOST:PORT") }
            return .host(String(place[..<colon]), port: port)
        }
        let path = text.hasPrefix("unix://") ? String(text.dropFirst(7)) : text
        guard (1..<108).contains(path.utf8.count) else {
            throw line.error(token, expected: "the path of a Unix socket, of at most 107 octets")
        }
        return .unix(path)
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
