package import Corefile
package import DNSServer
import Telemetry

/// Where CoreDNS serves profiles of Go programs; here it only says what to use.
package final class PprofPlugin: Plugin {
    package static let directive = "pprof"

    package init(_ directives: [Directive], in block: BlockSettings) throws(ConfigurationErrors) {
        var check = SettingsCheck()
        if let directive = check.only(directives) {
            check.attempt(try directive.expectCount(0...1))
            _ = check.listenAddress(of: directive, in: block)
            let options: OptionTable<Void> = [
                .custom("block") { line, _, _ throws(ConfigurationError) in
                    try line.expectCount(0...1)
                    if let rate = line.arguments.first { _ = try line.integer(rate, in: Int.min...Int.max) }
                }
            ]
            options.read(directive.block, &check)
        }
        try check.finish()
    }

    package func start(_ environment: any PluginEnvironment) async {
        Log.warning("plugin/pprof: there are no Go profiles here: profile this process with `perf record -g -p PID`")
    }
}
