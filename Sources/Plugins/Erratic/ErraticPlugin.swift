package import Corefile
package import DNSServer
import DNSWire
import EventLoop
import Synchronization

/// Answers late, cut or not at all, for those who test their clients.
package final class ErraticPlugin: Plugin {
    package static let directive = "erratic"

    private let settings: ErraticSettings
    private let count = Atomic<UInt64>(0)

    package init(_ directives: [Directive], in block: BlockSettings) throws(ConfigurationErrors) {
        var check = SettingsCheck()
        settings = ErraticSettings(directives, &check)
        try check.finish()
    }

    package func makeHandler(on server: LoopServer) -> (any Handler)? { ErraticHandler(settings, self, on: server) }

    /// How many queries came before this one.
    func next() -> UInt64 { count.wrappingAdd(1, ordering: .relaxed).oldValue }
}

/// One in so many queries each; 0 for none.
struct ErraticSettings: Sendable {
    private(set) var drop: UInt64?
    private(set) var truncate: UInt64?
    private(set) var delay: UInt64?
    /// Nanoseconds.
    private(set) var pause: UInt64 = 100_000_000
    private(set) var isLarge = false

    private static let usual: UInt64 = 2

    private static var options: OptionTable<Self> {
        [
            .custom("drop") { line, settings, _ throws(ConfigurationError) in settings.drop = try amount(line, 0...1) },
            .custom("truncate") { line, settings, _ throws(ConfigurationError) in
                settings.truncate = try amount(line, 0...1)
            },
            .custom("delay") { line, settings, _ throws(ConfigurationError) in
                settings.delay = try amount(line, 0...2)
                if line.arguments.count > 1 { settings.pause = try line.nanoseconds(1) }
            },
            .flag("large", \.isLarge),
        ]
    }

    init(_ directives: [Directive], _ check: inout SettingsCheck) {
        for directive in directives {
            check.attempt(try directive.expectCount(0))
            Self.options.read(directive.block, into: &self, &check)
        }
        if drop == nil, truncate == nil, delay == nil { drop = Self.usual }
    }

    private static func amount(_ line: Directive, _ count: ClosedRange<Int>) throws(ConfigurationError) -> UInt64 {
        try line.expectCount(count)
        return line.arguments.isEmpty ? usual : UInt64(try line.integer(0, in: 0...Int(Int32.max)))
    }

    /// True when it is the turn of the query of that number.
    static func isDue(_ number: UInt64, _ amount: UInt64?) -> Bool {
        guard let amount, amount > 0 else { return false }
        return number % amount == 0
    }
}

/// Misbehaves on one loop.
final class ErraticHandler: Handler, TimerTarget {
    private let settings: ErraticSettings
    private let plugin: ErraticPlugin
    private unowned let server: LoopServer
    private var late: [UInt64: ParkingID] = [:]
    private var lastToken: UInt64 = 0

    /// 192.0.2.53 and 2001:db8::53, of the networks for documentation (RFC 5737, RFC 3849).
    private static let address: [UInt8] = [192, 0, 2, 53]
    private static let longAddress: [UInt8] = [0x20, 0x01, 0x0d, 0xb8] + [UInt8](repeating: 0, count: 11) + [0x53]
    /// As many records as do not fit into 512 octets.
    private static let many = 30

    init(_ settings: ErraticSettings, _ plugin: ErraticPlugin, on server: LoopServer) {
        self.settings = settings
        self.plugin = plugin
        self.server = server
    }

    func answer(_ exchange: inout Exchange) -> Verdict {
        let number = plugin.next()
        guard !ErraticSettings.isDue(number, settings.drop) else { return .dropped }
        let isKnown = exchange.question.type == .a || exchange.question.type == .aaaa
        if isKnown {
            write(&exchange, isCut: ErraticSettings.isDue(number, settings.truncate))
        } else {
            exchange.response.code = .serverFailure
        }
        guard ErraticSettings.isDue(number, settings.delay) else {
            return isKnown ? .answered : .failed(.serverFailure)
        }
        guard let id = server.chain.park(for: exchange.client) else { return .failed(.serverFailure) }
        lastToken &+= 1
        late[lastToken] = id
        _ = server.loop.schedule(after: settings.pause, self, token: lastToken)
        return .suspended(id)
    }

    private func write(_ exchange: inout Exchange, isCut: Bool) {
        exchange.isAuthoritative = true
        let type = exchange.question.type
        for _ in 0..<(settings.isLarge && type == .a ? Self.many : 1) {
            withBytes(type == .a ? Self.address : Self.longAddress) { address in
                let isWritten = exchange.response.appendRecord(
                    owner: exchange.question.nameOffset, type: type, ttl: 0, data: address, in: .answer)
                if !isWritten { exchange.response.truncate() }
            }
        }
        if isCut { exchange.response.truncate() }
    }

    func timerFired(_ token: UInt64) {
        guard let id = late.removeValue(forKey: token) else { return }
        server.chain.resume(id, with: .written)
    }
}
