import Corefile
import DNSServer
import DNSWire

extension ForwardSettings {
    /// Reads one `forward` line; nil when something is wrong, which is then in `check`.
    init?(_ directive: Directive, readFile: @escaping (String) throws -> String, _ check: inout SettingsCheck) {
        let before = check.errors.count
        self.init(at: directive.at)
        check.attempt { () throws(ConfigurationError) in try directive.expectCount(2...) }
        guard directive.arguments.count >= 2 else { return nil }
        let zone = check.attempt { () throws(ConfigurationError) in try directive.zones(directive.arguments[0]) }
        if let name = zone?.first.flatMap({ Name($0) }) { from = name }
        for property in directive.block {
            check.attempt { () throws(ConfigurationError) in try read(property) }
        }
        var seen: Set<String> = []
        for token in directive.arguments.dropFirst() {
            for target in TargetReader(directive, readFile: readFile).targets(token, &check)
            where seen.insert(target.description).inserted {
                targets.append(target)
            }
        }
        if targets.count > Self.mostTargets {
            check.report(
                directive.error(found: "\(targets.count) upstreams", expected: "at most \(Self.mostTargets)"))
        }
        if maximumAge > 0, maximumAge < expire {
            check.report(directive.error(found: "max_age below expire", expected: "max_age of at least expire"))
        }
        guard check.errors.count == before, !targets.isEmpty else { return nil }
    }

    private static let properties = [
        "except", "force_tcp", "prefer_udp", "expire", "max_age", "max_idle_conns", "read_timeout", "max_fails",
        "max_connect_attempts", "doh_method", "tls", "tls_servername", "policy", "health_check", "max_concurrent",
        "next", "next_on_nodata", "failfast_all_unhealthy_upstreams", "failover", "source_address", "resolver",
    ]

    private mutating func read(_ property: Directive) throws(ConfigurationError) {
        switch property.name {
        case "except":
            try property.expectCount(1...)
            for token in property.arguments {
                except += try property.zones(token).compactMap { Name($0) }
            }
        case "policy":
            try property.expectCount(1)
            let word = try property.oneOf(0, Policy.allCases.map(\.rawValue))
            policy = Policy(rawValue: word) ?? .random
        case "failover":
            failover = try Self.codes(property)
        case "next":
            next = try Self.codes(property)
        case "health_check":
            try readHealthCheck(property)
        case "tls", "tls_servername":
            throw Self.encryption(property, at: nil, found: property.name)
        case "doh_method":
            _ = try property.oneOf(0, ["POST", "GET"])
        case "source_address", "resolver":
            try property.expectCount(1...)
            for token in property.arguments where TargetReader.address(token.text) == nil {
                throw property.error(token, expected: "an IP address")
            }
            ineffective.append(property.name)
        default:
            if try !readFlag(property), try !readNumber(property) {
                throw property.unknownProperty(known: Self.properties)
            }
        }
    }

    private mutating func readFlag(_ property: Directive) throws(ConfigurationError) -> Bool {
        switch property.name {
        case "force_tcp": forcesTCP = true
        // Queries go over UDP first anyway, whatever the client came by.
        case "prefer_udp": break
        case "next_on_nodata": nextOnNoData = true
        case "failfast_all_unhealthy_upstreams": failsWhenAllAreDown = true
        default: return false
        }
        try property.noArguments()
        return true
    }

    private mutating func readNumber(_ property: Directive) throws(ConfigurationError) -> Bool {
        switch property.name {
        case "expire": expire = try Self.nanoseconds(property)
        case "max_age": maximumAge = try Self.nanoseconds(property)
        case "read_timeout": readTimeout = max(1_000_000, try Self.nanoseconds(property))
        case "max_idle_conns": maximumIdleConnections = try property.integer(0, in: 0...65535)
        case "max_fails": maximumFailures = try property.integer(0, in: 0...1_000_000)
        case "max_concurrent": maximumConcurrent = try property.integer(0, in: 0...Int(Int32.max))
        case "max_connect_attempts": maximumAttempts = try property.integer(0, in: 0...1_000_000)
        default: return false
        }
        try property.expectCount(1)
        return true
    }

    private mutating func readHealthCheck(_ property: Directive) throws(ConfigurationError) {
        probeInterval = max(10_000_000, try Self.nanoseconds(property))
        var index = 1
        while index < property.arguments.count {
            let token = property.arguments[index]
            switch token.text {
            case "no_rec":
                probeAsksRecursion = false
            case "domain":
                index += 1
                let argument = try property.argument(index, "a domain name")
                guard let name = Name(argument.text) else { throw property.error(argument, expected: "a domain name") }
                probeName = name
            default:
                throw property.error(token, expected: "no_rec or domain NAME")
            }
            index += 1
        }
    }

    private static func nanoseconds(_ property: Directive) throws(ConfigurationError) -> UInt64 {
        let (seconds, attoseconds) = try property.duration(0, in: .zero ... .seconds(86400 * 365)).components
        return UInt64(seconds) * 1_000_000_000 + UInt64(attoseconds / 1_000_000_000)
    }

    private static func codes(_ property: Directive) throws(ConfigurationError) -> Set<ResponseCode> {
        try property.expectCount(1...)
        var codes: Set<ResponseCode> = []
        for token in property.arguments {
            let code = (0...15).map { ResponseCode(rawValue: $0) }.first { $0.description == token.text.uppercased() }
            guard let code, code != .noError || property.name == "next" else {
                throw property.error(token, expected: "a response code such as SERVFAIL, REFUSED or NXDOMAIN")
            }
            codes.insert(code)
        }
        return codes
    }

    static func encryption(_ directive: Directive, at position: SourcePosition?, found: String) -> ConfigurationError {
        directive.error(
            found: found, expected: "an upstream over UDP or TCP: encrypted upstreams are not in this build yet",
            at: position)
    }
}
