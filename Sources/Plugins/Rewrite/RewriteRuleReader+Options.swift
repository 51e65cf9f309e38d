import Corefile
import DNSServer
import DNSWire
import Text

extension RewriteRuleReader {
    /// Reads what stands behind `edns0`.
    mutating func option() throws(ConfigurationError) -> OptionRule {
        let kind = try take("local, nsid or subnet")
        guard let kind = OptionKind(rawValue: kind.text.lowercased()) else {
            throw line.error(kind, expected: "local, nsid or subnet")
        }
        let word = try take("set, append, replace or unset")
        guard let action = OptionRule.Action(rawValue: word.text.lowercased()) else {
            throw line.error(word, expected: "set, append, replace or unset")
        }
        let code = try code(of: kind)
        let value = action == .unset ? .octets([]) : try value(of: kind)
        let reverts = action != .unset && takeWord("revert")
        return OptionRule(action: action, code: code, value: value, reverts: reverts)
    }

    private enum OptionKind: String {
        case local
        case nsid
        case subnet
    }

    private mutating func code(of kind: OptionKind) throws(ConfigurationError) -> UInt16 {
        switch kind {
        case .nsid: return OptionRule.nsid
        case .subnet: return OptionRule.subnet
        case .local:
            let token = try take("the code of an option")
            guard let code = Self.number(token.text) else {
                throw line.error(token, expected: "the code of an option, such as 0xffee or 65518")
            }
            return code
        }
    }

    private mutating func value(of kind: OptionKind) throws(ConfigurationError) -> OptionRule.Value {
        switch kind {
        case .nsid: return .octets([])
        case .subnet: return .subnet(v4: try bits(32, "an IPv4"), v6: try bits(128, "an IPv6"))
        case .local:
            let token = try take("the option's data")
            if token.text.hasPrefix("{"), token.text.hasSuffix("}") { return .property(try property(token)) }
            guard let octets = Self.octets(token.text), octets.count <= Self.longestData else {
                throw line.error(
                    token, expected: "text, octets such as 0x6162, or a variable; at most \(Self.longestData) octets")
            }
            return .octets(octets)
        }
    }

    /// What still leaves room for a second option.
    private static let longestData = UpstreamOptions.longest / 2 - 4

    private mutating func bits(_ most: Int, _ family: String) throws(ConfigurationError) -> Int {
        let expected = "a prefix length of \(family) address, from 0 to \(most)"
        let token = try take(expected)
        guard let bits = Self.number(token.text), bits <= most else { throw line.error(token, expected: expected) }
        return Int(bits)
    }

    private func property(_ token: Token) throws(ConfigurationError) -> OptionRule.QueryProperty {
        let word = String(token.text.dropFirst().dropLast())
        switch word {
        case "qname": return .name
        case "qtype": return .type
        case "client_ip": return .clientAddress
        case "client_port": return .clientPort
        case "protocol": return .transport
        case "server_ip": return .serverAddress
        case "server_port": return .serverPort
        default:
            guard word.contains("/"), !word.hasPrefix("/"), !word.hasSuffix("/") else {
                throw line.error(
                    token,
                    expected:
                        "{qname}, {qtype}, {client_ip}, {client_port}, {protocol}, {server_ip}, {server_port} or a label such as {kubernetes/client-namespace}"
                )
            }
            return .label(word)
        }
    }

    /// Decimal, or with the prefix `0x`, `0o` or `0b`, or octal behind a zero, as Go reads numbers.
    private static func number(_ text: String) -> UInt16? {
        for (prefix, radix) in [("0x", 16), ("0o", 8), ("0b", 2), ("0", 8)]
        where text.lowercased().hasPrefix(prefix) && text.count > prefix.count {
            return UInt16(text.dropFirst(prefix.count), radix: radix)
        }
        return UInt16(text)
    }

    /// The text as it stands, or what its hexadecimal digits behind `0x` say; nil where those are none.
    private static func octets(_ text: String) -> [UInt8]? {
        guard text.hasPrefix("0x") else { return Array(text.utf8) }
        let digits = Array(text.utf8.dropFirst(2))
        guard digits.count.isMultiple(of: 2) else { return nil }
        var octets: [UInt8] = []
        for index in stride(from: 0, to: digits.count, by: 2) {
            guard let high = hexValue(digits[index]), let low = hexValue(digits[index + 1]) else { return nil }
            octets.append(high << 4 | low)
        }
        return octets
    }
}
