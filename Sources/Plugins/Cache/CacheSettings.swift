import Corefile
import DNSServer
import DNSWire

/// What a `cache` line says.
struct CacheSettings: Sendable, Equatable {
    /// Limits of one kind of reply.
    struct Kind: Sendable, Equatable {
        /// Replies kept at most.
        var capacity = 10_000
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
    /// Properties that were read but change nothing in this build.
    var ineffective: [String] = []

    init(zones: [Name]) { self.zones = zones }
}

extension CacheSettings {
    /// Reads the lines of one server block.
    init(_ directives: [Directive], zones: [Name], _ check: inout SettingsCheck) {
        self.init(zones: zones)
        check.expectOnce(directives)
        guard let directive = directives.first else { return }
        var firstZone = 0
        // A first argument that is a number is the TTL, as CoreDNS reads it.
        if let token = directive.arguments.first, Int(token.text) != nil {
            firstZone = 1
            let ttl = check.attempt { () throws(ConfigurationError) in
                try UInt32(directive.integer(token, in: 1...Int(Int32.max)))
            }
            if let ttl { (success.maximumTTL, denial.maximumTTL) = (ttl, ttl) }
        }
        self.zones = check.zones(of: directive, from: firstZone, else: zones)
        for property in directive.block {
            check.attempt { () throws(ConfigurationError) in try read(property) }
        }
    }

    private static let properties = [
        "success", "denial", "prefetch", "serve_stale", "serve_stale_policy", "servfail", "disable", "keepttl",
    ]

    private mutating func read(_ property: Directive) throws(ConfigurationError) {
        switch property.name {
        case "success": try Self.read(property, into: &success)
        case "denial": try Self.read(property, into: &denial)
        case "prefetch": prefetch = try Self.readPrefetch(property)
        case "serve_stale": stale = try readStale(property)
        case "serve_stale_policy":
            try property.expectCount(1)
            _ = try property.oneOf(0, ["prefer_positive"])
            ineffective.append("serve_stale_policy")
        case "servfail":
            try property.expectCount(1)
            failureTTL = UInt32(try property.duration(0, in: .zero ... .seconds(300)).components.seconds)
        case "disable": try readDisable(property)
        case "keepttl":
            try property.noArguments()
            keepsTTL = true
        default: throw property.unknownProperty(known: Self.properties)
        }
    }

    private static func read(_ property: Directive, into kind: inout Kind) throws(ConfigurationError) {
        try property.expectCount(1...3)
        kind.capacity = try property.integer(0, in: 1...10_000_000)
        if property.arguments.count > 1 {
            kind.maximumTTL = UInt32(try property.integer(1, in: 1...Int(Int32.max)))
        }
        if property.arguments.count > 2 {
            kind.minimumTTL = UInt32(try property.integer(2, in: 0...Int(kind.maximumTTL)))
        }
    }

    private static func readPrefetch(_ property: Directive) throws(ConfigurationError) -> Prefetch {
        try property.expectCount(1...3)
        var prefetch = Prefetch(amount: try property.integer(0, in: 0...1_000_000))
        if property.arguments.count > 1 { prefetch.gap = try nanoseconds(property, 1) }
        if property.arguments.count > 2 {
            let token = property.arguments[2]
            guard token.text.hasSuffix("%"), let share = UInt64(token.text.dropLast()), (10...90).contains(share) else {
                throw property.error(token, expected: "a share of the TTL from 10% to 90%")
            }
            prefetch.percentage = share
        }
        return prefetch
    }

    private mutating func readStale(_ property: Directive) throws(ConfigurationError) -> Stale {
        var stale = Stale()
        var words = property.arguments[...]
        if words.popFirst() != nil { stale.duration = try Self.nanoseconds(property, 0) }
        guard let mode = words.popFirst() else { return stale }
        stale.verifies = try property.oneOf(mode, ["immediate", "verify"]) == "verify"
        if stale.verifies, let timeout = words.popFirst() {
            _ = try property.duration(timeout)
            ineffective.append("serve_stale verify TIMEOUT")
        }
        if let ttl = words.popFirst() {
            stale.ttl = UInt32(try property.duration(ttl, in: .zero ... .seconds(Int32.max)).components.seconds)
        }
        if let recheck = words.popFirst() {
            stale.recheck = Self.nanoseconds(try property.duration(recheck, in: .zero ... .seconds(300)))
        }
        if let extra = words.popFirst() { throw property.error(extra, expected: "nothing more") }
        return stale
    }

    private mutating func readDisable(_ property: Directive) throws(ConfigurationError) {
        let kind = try property.oneOf(0, ["success", "denial"])
        var names: [Name] = []
        for token in property.arguments.dropFirst() {
            names += try property.zones(token).compactMap { Name($0) }
        }
        if names.isEmpty { names = [.root] }
        if kind == "success" { success.disabledZones += names } else { denial.disabledZones += names }
    }

    private static func nanoseconds(_ property: Directive, _ index: Int) throws(ConfigurationError) -> UInt64 {
        nanoseconds(try property.duration(index, in: .zero ... .seconds(86400 * 365)))
    }

    private static func nanoseconds(_ duration: Duration) -> UInt64 {
        let (seconds, attoseconds) = duration.components
        return UInt64(max(0, seconds)) * 1_000_000_000 + UInt64(max(0, attoseconds) / 1_000_000_000)
    }
}
