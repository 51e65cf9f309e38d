import Corefile
import DNSServer
import DNSWire

/// Gathers everything that is wrong with a plugin's lines, so that it is reported together.
struct SettingsCheck {
    private(set) var errors: [ConfigurationError] = []

    /// Runs `body` and keeps its error; nil when there was one.
    @discardableResult
    mutating func attempt<Value>(_ body: () throws(ConfigurationError) -> Value) -> Value? {
        do throws(ConfigurationError) {
            return try body()
        } catch {
            errors.append(error)
            return nil
        }
    }

    mutating func report(_ error: ConfigurationError) { errors.append(error) }

    func finish() throws(ConfigurationErrors) {
        guard errors.isEmpty else { throw ConfigurationErrors(errors) }
    }

    /// Reports every line after the first of a plugin that stands once in a block.
    mutating func expectOnce(_ directives: [Directive]) {
        for again in directives.dropFirst() {
            errors.append(again.error(found: "a second \(again.name) in this server block", expected: "one"))
        }
    }

    /// Zones named by the arguments from `index` on, or those of the block when there are none.
    mutating func zones(of directive: Directive, from index: Int = 0, else zones: [Name]) -> [Name] {
        guard directive.arguments.count > index else { return zones }
        return directive.arguments[index...].flatMap { token in
            (attempt { () throws(ConfigurationError) in try directive.zones(token) } ?? []).compactMap { Name($0) }
        }
    }
}

extension Directive {
    /// Where a status page is to listen: `:8080`, `127.0.0.1:8080`; a missing address means all of them.
    func listenAddress(_ token: Token, wildcard: IPAddress) throws(ConfigurationError) -> (IPAddress, UInt16) {
        let expected = "an address to listen on, such as :8080 or 127.0.0.1:8080"
        let text = token.text
        guard let colon = text.lastIndex(of: ":"), let port = UInt16(text[text.index(after: colon)...]) else {
            throw error(token, expected: expected)
        }
        var host = String(text[..<colon])
        if host.hasPrefix("["), host.hasSuffix("]") { host = String(host.dropFirst().dropLast()) }
        if host.isEmpty { return (wildcard, port) }
        if host == "localhost" { return (IPAddress(v4: 0x7F00_0001), port) }
        guard let address = IPAddress(host) else { throw error(token, expected: expected) }
        return (address, port)
    }
}
