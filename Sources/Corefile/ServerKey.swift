/// One `[scheme://]zone[:port]` in front of a server block.
package struct ServerKey: Hashable, Sendable {
    package let transport: ServerScheme
    /// Lower-cased, with the final dot. A network in CIDR notation stands for several reverse zones.
    package let zones: [String]
    package let port: Int?
    package let text: String
    package let at: SourcePosition

    package init(transport: ServerScheme, zones: [String], port: Int?, text: String, at: SourcePosition) {
        self.transport = transport
        self.zones = zones
        self.port = port
        self.text = text
        self.at = at
    }

    /// Reads a key; `directive` is named when it is wrong.
    package init(_ token: Token, directive: String = "server block") throws(ConfigurationError) {
        func wrong(_ expected: String) -> ConfigurationError {
            ConfigurationError(
                at: token.at, directive: directive, found: ConfigurationError.shown(token.text), expected: expected)
        }
        let (scheme, rest) = ServerScheme.split(token.text)
        var zone = rest
        var port: Int?
        if let colon = rest.utf8.lastIndex(of: UInt8(ascii: ":")) {
            let digits = rest.utf8[rest.utf8.index(after: colon)...]
            guard !digits.isEmpty else { throw wrong("a port after the last colon") }
            if digits.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }) {
                guard let number = Int(Substring(digits)), number <= 65535 else {
                    throw wrong("a port from 0 to 65535")
                }
                port = number
                zone = String(rest[..<colon])
            }
        }
        do {
            let zones = try ZoneText.zones(zone)
            self.init(transport: scheme ?? .dns, zones: zones, port: port, text: token.text, at: token.at)
        } catch {
            throw wrong(error.expected)
        }
    }
}
