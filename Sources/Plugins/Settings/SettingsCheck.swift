import Corefile
import DNSServer
import DNSWire
import EventLoop

/// Gathers everything that is wrong with a plugin's lines, so that it is reported together.
struct SettingsCheck {
    private(set) var errors: [ConfigurationError] = []

    /// Reads settings with a check of their own, and throws what is wrong.
    static func gather<Value>(_ read: (inout SettingsCheck) -> Value) throws(ConfigurationErrors) -> Value {
        var check = SettingsCheck()
        let value = read(&check)
        try check.finish()
        return value
    }

    func finish() throws(ConfigurationErrors) {
        guard errors.isEmpty else { throw ConfigurationErrors(errors) }
    }

    /// Keeps the error of `value`; nil when there was one.
    @discardableResult
    mutating func attempt<Value>(_ value: @autoclosure () throws(ConfigurationError) -> Value) -> Value? {
        do throws(ConfigurationError) {
            return try value()
        } catch {
            errors.append(error)
            return nil
        }
    }

    /// Reads one after the other, and keeps the errors of all.
    mutating func each<Input, Output>(
        _ inputs: some Sequence<Input>, _ read: (Input) throws(ConfigurationError) -> Output
    ) -> [Output] {
        var outputs: [Output] = []
        for input in inputs {
            if let output = attempt(try read(input)) { outputs.append(output) }
        }
        return outputs
    }

    mutating func report(_ error: ConfigurationError) { errors.append(error) }

    /// The line of a plugin that stands once in a block; every line after the first is an error.
    mutating func only(_ directives: [Directive]) -> Directive? {
        for again in directives.dropFirst() {
            errors.append(again.error(found: "a second \(again.name) in this server block", expected: "one"))
        }
        return directives.first
    }

    /// For plugins whose whole line is their name.
    mutating func expectNameOnly(_ directives: [Directive]) {
        guard let directive = only(directives) else { return }
        attempt(try directive.expectCount(0))
        attempt(try directive.noBlock())
    }

    /// Zones named by the arguments from `index` on, or those of the block when there are none.
    mutating func zones(of directive: Directive, from index: Int = 0, else zones: [Name]) -> [Name] {
        self.zones(directive.arguments.dropFirst(index), of: directive, else: zones)
    }

    mutating func zones(_ words: ArraySlice<Token>, of directive: Directive, else zones: [Name]) -> [Name] {
        words.isEmpty ? zones : each(words, directive.names).flatMap(\.self)
    }

    /// The first zone that is not reverse: what PTR records point into.
    mutating func primaryZone(of zones: [Name], _ directive: Directive) -> Name {
        if let zone = zones.first(where: { !$0.isReverse }) { return zone }
        report(directive.error(found: "only reverse zones", expected: "at least one zone that is not"))
        return .root
    }

    /// Where a status page is to listen, when the first argument says it.
    mutating func listenAddress(of directive: Directive, in block: BlockSettings) -> SocketAddress? {
        guard let token = directive.arguments.first else { return nil }
        return attempt(try directive.listenAddress(token, wildcard: block.wildcard))
    }
}
