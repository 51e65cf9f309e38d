import Corefile
import DNSServer
import DNSWire

/// What a `cache` line says.
struct CacheSettings: Sendable, Equatable {
    /// Limits of one kind of reply.
    struct Kind: Sendable, Equatable {
        /// Replies kept at most.
        var capacity = 10_000
        /// What a capacity of 0 stands for: the fewest that CoreDNS keeps.
        static let unsaidCapacity = 1024
        /// Seconds a reply is kept at most, and the most any TTL says.
        var maximumTTL: UInt32
        /// Seconds below which no TTL goes; 0 keeps TTLs as they are.
        var minimumTTL: UInt32 = 0
        /// Zones whose replies of this kind are not kept.
        var disabledZones: [Name] = []
    }

    struct Prefetch: Sendable, Equatable {
        /// Hits that make an entry worth asking for again before it ends.
        var amount: Int
        /// Nanoseconds between hits after which counting starts anew.
        var gap: UInt64 = 60_000_000_000
        /// Share of the lifetime, in percent, in which the entry is asked for again.
        var percentage: UInt64 = 10
    }

    struct Stale: Sendable, Equatable {
        /// Nanoseconds after its end that an entry may still be used (RFC 8767 §4).
        var duration: UInt64 = 3_600_000_000_000
        /// Asks first and uses the old answer only when that fails.
        var verifies = false
        /// TTL of records past their time, in seconds.
        var ttl: UInt32 = 0
        /// Nanoseconds to leave upstreams in peace after a failed attempt to renew.
        var recheck: UInt64 = 0
    }

    var zones: [Name]
    var success = Kind(maximumTTL: 3600)
    var denial = Kind(maximumTTL: 1800)
    /// Seconds to keep failures; 0 keeps none (RFC 9520 §3.2).
    var failureTTL: UInt32 = 5
    var prefetch: Prefetch?
    var stale: Stale?
    /// Does not lower TTLs by the age of the entry.
    var keepsTTL = false
    /// Names whose changes upstreams are asked to tell at most; 0 where they are not asked.
    var followed = 0
    static let mostFollowed = 8192
    /// Properties that were read but change nothing in this build.
    var ineffective: [String] = []

    init(zones: [Name]) { self.zones = zones }
}

extension CacheSettings {
    private static var options: OptionTable<Self> {
        [
            .custom("success") { line, settings, _ throws(ConfigurationError) in try settings.success.read(line) },
            .custom("denial") { line, settings, _ throws(ConfigurationError) in try settings.denial.read(line) },
            .line("prefetch", \.prefetch, 1...3, prefetch),
            .custom("serve_stale") { line, settings, _ throws(ConfigurationError) in try settings.readStale(line) },
            .custom("serve_stale_policy") { line, settings, _ throws(ConfigurationError) in
                try line.expectCount(1)
                _ = try line.oneOf(0, ["prefer_positive"])
                settings.ineffective.append("serve_stale_policy")
            },
            .value("servfail", \.failureTTL) { line throws(ConfigurationError) in
                UInt32(try line.duration(0, in: .zero ... .seconds(300)).components.seconds)
            },
            .custom("disable") { line, settings, check throws(ConfigurationError) in
                let kind = try line.oneOf(0, ["success", "denial"]) == "success" ? \Self.success : \.denial
                settings[keyPath: kind].disabledZones += check.zones(of: line, from: 1, else: [.root])
            },
            .flag("keepttl", \.keepsTTL),
            .custom("follow") { line, settings, _ throws(ConfigurationError) in
                try line.expectCount(0...1)
                settings.followed = line.arguments.isEmpty ? mostFollowed : try line.integer(0, in: 1...16_384)
            },
        ]
    }

    /// Reads the lines of one server block.
    init(_ directives: [Directive], zones: [Name], _ check: inout SettingsCheck) {
        self.init(zones: zones)
        guard let directive = check.only(directives) else { return }
        var firstZone = 0
        // A first argument that is a number is the TTL, as CoreDNS reads it.
        if let token = directive.arguments.first, Int(token.text) != nil {
            firstZone = 1
            let ttl = check.attempt(try UInt32(directive.integer(token, in: 1...Int(Int32.max))))
            if let ttl { (success.maximumTTL, denial.maximumTTL) = (ttl, ttl) }
        }
        self.zones = check.zones(of: directive, from: firstZone, else: zones)
        Self.options.read(directive.block, into: &self, &check)
    }

    private static func prefetch(_ line: Directive) throws(ConfigurationError) -> Prefetch? {
        var prefetch = Prefetch(amount: try line.integer(0, in: 0...1_000_000))
        if line.arguments.count > 1 { prefetch.gap = try line.nanoseconds(1) }
        if line.arguments.count > 2 {
            let token = line.arguments[2]
            guard token.text.hasSuffix("%"), let share = UInt64(token.text.dropLast()), (10...90).contains(share) else {
                throw line.error(token, expected: "a share of the TTL from 10% to 90%")
            }
            prefetch.percentage = share
        }
        return prefetch
    }

    private mutating func readStale(_ line: Directive) throws(ConfigurationError) {
        var stale = Stale()
        defer { self.stale = stale }
        var words = line.arguments[...]
        if words.popFirst() != nil { stale.duration = try line.nanoseconds(0) }
        guard let mode = words.popFirst() else { return }
        stale.verifies = try line.oneOf(mode, ["immediate", "verify"]) == "verify"
        if stale.verifies, let timeout = words.popFirst() {
            _ = try line.duration(timeout)
            ineffective.append("serve_stale verify TIMEOUT")
        }
        if let ttl = words.popFirst() {
            stale.ttl = UInt32(try line.duration(ttl, in: .zero ... .seconds(86400 * 365)).components.seconds)
        }
        if let recheck = words.popFirst() {
            stale.recheck = UInt64(try line.duration(recheck, in: .zero ... .seconds(300)) / .nanoseconds(1))
        }
        if let extra = words.popFirst() { throw line.error(extra, expected: "nothing more") }
    }
}

extension CacheSettings.Kind {
    /// `success` or `denial`, with a capacity and TTLs.
    fileprivate mutating func read(_ line: Directive) throws(ConfigurationError) {
        try line.expectCount(1...3)
        let said = try line.integer(0, in: 0...10_000_000)
        capacity = said == 0 ? Self.unsaidCapacity : said
        if line.arguments.count > 1 { maximumTTL = UInt32(try line.integer(1, in: 1...Int(Int32.max))) }
        if line.arguments.count > 2 {
            // The longest TTL is the longest, whatever the other says.
            minimumTTL = min(UInt32(try line.integer(2, in: 0...Int(Int32.max))), maximumTTL)
        }
    }
}

extension CacheSettings {
    /// How long a reply may be kept; nil for those that may not.
    func seconds(_ reply: UpstreamResponse, _ kind: CacheKind) -> UInt32? {
        let limits = kind == .success ? success : denial
        let seconds: UInt32
        switch reply.code {
        case .serverFailure, .notImplemented: seconds = failureTTL
        case .noError, .nameError:
            // Negative answers without SOA say nothing about how long they hold (RFC 2308 §5).
            guard reply.isPositive && reply.code == .noError || reply.hasSOA else { return nil }
            guard let smallest = reply.smallestTTL, smallest > 0 else { return nil }
            seconds = TTLBounds(minimum: limits.minimumTTL, maximum: limits.maximumTTL).bounded(smallest)
        default: return nil
        }
        return seconds > 0 ? seconds : nil
    }
}
