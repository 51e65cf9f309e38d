import Corefile
import DNSServer
import DNSWire

extension ForwardSettings {
    private static var options: OptionTable<Self> { OptionTable(first + encryption + last) }

    private static var first: [Option<Self>] {
        [
            .each("except", \.except) { token, line, _ throws(ConfigurationError) in try line.names(token) },
            .flag("force_tcp", \.forcesTCP),
            // Queries go over UDP first anyway, whatever the client came by.
            .ignored("prefer_udp", 0...0),
            .nanoseconds("expire", \.expire, rest: .refusedLast),
            .nanoseconds("max_age", \.maximumAge, rest: .refusedLast),
            .integer("max_idle_conns", 0...65535, \.maximumIdleConnections, rest: .refusedLast),
            .nanoseconds("read_timeout", \.readTimeout, least: 1_000_000, rest: .refusedLast),
            .integer("max_fails", 0...1_000_000, \.maximumFailures, rest: .refusedLast),
            .value("max_connect_attempts", \.maximumAttempts, rest: .refusedLast) { line throws(ConfigurationError) in
                try line.integer(0, in: 0...1_000_000)
            },
            .custom("doh_method") { line, settings, _ throws(ConfigurationError) in
                settings.asksByGET = try line.oneOf(0, ["POST", "GET"]) == "GET"
                try line.expectCount(1)
            },
        ]
    }

    private static var last: [Option<Self>] {
        [
            .choice("policy", \.policy),
            .custom("health_check") { line, settings, _ throws(ConfigurationError) in
                try settings.readHealthCheck(line)
            },
            .integer("max_concurrent", 0...Int(Int32.max), \.maximumConcurrent, rest: .refusedLast),
            .line("next", \.next, 1...Int.max, codes),
            .flag("next_on_nodata", \.nextOnNoData),
            .flag("failfast_all_unhealthy_upstreams", \.failsWhenAllAreDown),
            .line("failover", \.failover, 1...Int.max, codes),
            .each("source_address", \.ineffective, withoutEffect),
            .each("resolver", \.ineffective, withoutEffect),
        ]
    }

    /// An address is looked at, and nothing is done with it.
    private static func withoutEffect(_ token: Token, _ line: Directive, _: Self) throws(ConfigurationError) -> [String]
    {
        guard TargetReader.address(token.text) != nil else { throw line.error(token, expected: "an IP address") }
        return token == line.arguments.first ? [line.name] : []
    }

    /// Reads one `forward` line; nil when something is wrong, which is then in `check`.
    init?(_ directive: Directive, in block: BlockSettings, _ check: inout SettingsCheck) {
        let before = check.errors.count
        self.init(at: directive.at)
        check.attempt(try directive.expectCount(2...))
        guard directive.arguments.count >= 2 else { return nil }
        if let name = check.attempt(try directive.names(directive.arguments[0]))?.first { from = name }
        Self.options.read(directive.block, into: &self, &check)
        let reader = TargetReader(directive, in: block, serverName: serverName, takesHosts: true)
        if ineffective.contains("resolver"), directive.arguments.dropFirst().contains(where: { reader.host($0) != nil })
        {
            check.report(
                directive.error(
                    found: "resolver with a host name as upstream",
                    expected: "its address, or no resolver: names are looked up by that of this system"))
        }
        readTargets(directive, reader, &check)
        // Unlike gRPC's, such upstreams are never spoken with in clear text.
        if credentials == nil { credentials = UpstreamCredentials() }
        if maximumAge > 0, maximumAge < expire {
            check.report(directive.error(found: "max_age below expire", expected: "max_age of at least expire"))
        }
        guard check.errors.count == before, !targets.isEmpty else { return nil }
    }

    private mutating func readHealthCheck(_ line: Directive) throws(ConfigurationError) {
        probeInterval = max(10_000_000, try line.nanoseconds(0))
        var index = 1
        while index < line.arguments.count {
            let token = line.arguments[index]
            switch token.text {
            case "no_rec":
                probeAsksRecursion = false
            case "domain":
                index += 1
                let argument = try line.argument(index, "a domain name")
                guard let name = Name(argument.text) else { throw line.error(argument, expected: "a domain name") }
                probeName = name
            default:
                throw line.error(token, expected: "no_rec or domain NAME")
            }
            index += 1
        }
    }

    private static func codes(_ line: Directive) throws(ConfigurationError) -> Set<ResponseCode> {
        var codes: Set<ResponseCode> = []
        for token in line.arguments {
            guard let code = ResponseCode(name: token.text), code != .badVersion,
                code != .noError || line.name == "next"
            else {
                throw line.error(token, expected: "a response code such as SERVFAIL, REFUSED or NXDOMAIN")
            }
            codes.insert(code)
        }
        return codes
    }
}
