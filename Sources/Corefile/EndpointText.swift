package import Text

/// An address argument: `[scheme://]` and an IP address, a host name or nothing, with or without a port.
package struct EndpointText: Hashable, Sendable {
    package enum Host: Hashable, Sendable {
        /// `:53`
        case any
        case address(IPLiteral)
        /// Lower-cased, with the final dot.
        case name(String)
    }

    package let scheme: ServerScheme?
    package let host: Host
    package let port: Int?

    package init(scheme: ServerScheme?, host: Host, port: Int?) {
        self.scheme = scheme
        self.host = host
        self.port = port
    }

    package init?(_ text: String) {
        let (scheme, rest) = ServerScheme.split(text)
        if let address = IPLiteral(rest) {
            self.init(scheme: scheme, host: .address(address), port: nil)
            return
        }
        guard let (hostText, port) = Self.splitPort(rest), let host = Self.host(hostText, hasPort: port != nil) else {
            return nil
        }
        self.init(scheme: scheme, host: host, port: port)
    }

    /// Takes the port off the end; nothing when there is a colon without one.
    private static func splitPort(_ text: String) -> (String, Int?)? {
        guard let colon = text.utf8.lastIndex(of: UInt8(ascii: ":")), text.utf8.last != UInt8(ascii: "]") else {
            return (text, nil)
        }
        let digits = text.utf8[text.utf8.index(after: colon)...]
        guard !digits.isEmpty, digits.allSatisfy({ (0x30...0x39).contains($0) }),
            let port = Int(Substring(digits)), port <= 65535
        else { return nil }
        return (String(text[..<colon]), port)
    }

    private static func host(_ text: String, hasPort: Bool) -> Host? {
        if text.isEmpty { return hasPort ? .any : nil }
        if text.utf8.first == UInt8(ascii: "["), text.utf8.last == UInt8(ascii: "]") {
            guard let address = IPLiteral(String(Substring(text.utf8.dropFirst().dropLast()))), address.isV6 else {
                return nil
            }
            return .address(address)
        }
        // An IPv6 address must be in brackets here: its last group would be taken for the port.
        if let address = IPLiteral(text), !address.isV6 { return .address(address) }
        guard isHostName(text), let name = ZoneText.normalised(text) else { return nil }
        return .name(name)
    }

    /// A last label of digits is a mistyped address: no top level domain is a number (RFC 3696 §2).
    private static func isHostName(_ text: String) -> Bool {
        guard let last = text.utf8.split(separator: UInt8(ascii: ".")).last else { return false }
        let forbidden = "/:[]".unicodeScalars
        return !last.allSatisfy { (0x30...0x39).contains($0) }
            && text.unicodeScalars.allSatisfy { !$0.properties.isWhitespace && !forbidden.contains($0) }
    }
}
