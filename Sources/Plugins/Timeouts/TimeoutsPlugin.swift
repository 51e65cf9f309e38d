package import Corefile
package import DNSServer

/// How long clients over streams may take.
package final class TimeoutsPlugin: StreamTimeouts {
    package static let directive = "timeouts"
    package let times: StreamTimes

    private static var options: OptionTable<StreamTimes> {
        [
            option("read", \.message), option("write", \.write), option("idle", \.idle),
            .value("maxtcpqueries", \.queries) { line throws(ConfigurationError) in
                // -1 is how CoreDNS says that there is no limit.
                line.words.first == "-1" ? Int.max : try line.integer(0, in: 1...Int(Int32.max))
            },
        ]
    }

    private static func option(
        _ name: String, _ path: WritableKeyPath<StreamTimes, UInt64?>
    ) -> Option<StreamTimes> {
        .value(name, path) { line throws(ConfigurationError) in
            // A number alone is of seconds, as CoreDNS has it here.
            if let number = line.words.first.flatMap({ UInt64($0) }), (1...86400).contains(number) {
                return number * 1_000_000_000
            }
            let (seconds, attoseconds) = try line.duration(0, in: .seconds(1) ... .seconds(86400)).components
            return UInt64(seconds) * 1_000_000_000 + UInt64(attoseconds / 1_000_000_000)
        }
    }

    package init(_ directives: [Directive], in block: BlockSettings) throws(ConfigurationErrors) {
        var check = SettingsCheck()
        var times = StreamTimes()
        if let directive = check.only(directives) {
            check.attempt(try directive.expectCount(0))
            Self.options.read(directive.block, into: &times, &check)
            if directive.block.isEmpty {
                check.report(directive.error(found: "no timeout", expected: "read, write, idle or maxtcpqueries"))
            }
        }
        self.times = times
        try check.finish()
    }
}
