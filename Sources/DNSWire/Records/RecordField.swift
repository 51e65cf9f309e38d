/// A field of a record's data: what its text must be, and its octets.
package enum RecordField {
    case address(isIPv4: Bool)
    case name(String)
    /// So many octets.
    case number(String, Int)
    /// Seconds in four octets.
    case time(String)
    case string(String)
    /// One string or more.
    case strings
    /// The tag of RFC 8659 §4.1, and the value, all that follows.
    case tag, value

    /// The fields of a known type one behind the other (RFC 1035 §3.3, RFC 2782, RFC 3403 §4.1, RFC 8659 §4.1).
    static func layout(of type: RecordType) -> [RecordField]? {
        let name = RecordField.name("a domain name")
        switch type {
        case .a: return [.address(isIPv4: true)]
        case .aaaa: return [.address(isIPv4: false)]
        case .cname, .dname, .ns, .ptr: return [name]
        case .mx: return [.number("a preference", 2), name]
        case .srv: return [.number("a priority", 2), .number("a weight", 2), .number("a port", 2), name]
        case .txt: return [.strings]
        case .hinfo: return [.string("a CPU"), .string("an operating system")]
        case .soa:
            return [
                .name("the primary server's name"), .name("the mailbox of who is responsible"),
                .number("a serial number", 4), .time("a refresh interval"), .time("a retry interval"),
                .time("an expire interval"), .time("a minimum TTL"),
            ]
        case .caa: return [.number("flags", 1), .tag, .value]
        case .naptr:
            return [
                .number("an order", 2), .number("a preference", 2), .string("flags"), .string("services"),
                .string("a regular expression"), name,
            ]
        default: return nil
        }
    }

    /// True when octets are data of that type, as far as it is known.
    package static func isWellFormed(_ data: [UInt8], _ type: RecordType) -> Bool {
        guard let layout = layout(of: type) else { return true }
        var rest = data[...]
        return layout.allSatisfy { $0.take(&rest) } && rest.isEmpty
    }

    /// Takes the field off the front; false when it is not whole.
    private func take(_ rest: inout ArraySlice<UInt8>) -> Bool {
        let length: Int
        switch self {
        case .address(let isIPv4): length = isIPv4 ? 4 : 16
        case .number(_, let octets): length = octets
        case .time: length = 4
        case .value: length = rest.count
        case .string, .tag: length = 1 + Int(rest.first ?? 0)
        case .strings:
            repeat {
                guard RecordField.string("").take(&rest) else { return false }
            } while !rest.isEmpty
            return true
        case .name:
            let all = rest.count
            while let length = rest.first, length < 64, rest.count > Int(length) {
                rest = rest.dropFirst(1 + Int(length))
                if length == 0 { return all - rest.count <= 255 }
            }
            return false
        }
        guard rest.count >= length else { return false }
        rest = rest.dropFirst(length)
        return true
    }
}
