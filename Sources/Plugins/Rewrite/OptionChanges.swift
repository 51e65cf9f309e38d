import DNSServer
import DNSWire
import EventLoop

/// What `edns0` rules make of the options of one query.
struct OptionChanges {
    private struct Option {
        let code: UInt16
        var data: [UInt8]

        var octets: [UInt8] { EDNSOptions.option(code, data) }
    }

    /// All options, the client's included.
    private var options: [Option]
    /// Those that rules speak of: no other is sent on.
    private var named: Set<UInt16> = []
    private var reverted: [UInt16: [UInt8]] = [:]

    /// - Parameter options: the client's, as they stand in OPT.
    init(_ options: ByteView) {
        self.options = EDNSOptions(options).map { Option(code: $0.code, data: $0.data.array) }
    }

    /// False when the rule is not for these options.
    mutating func apply(_ rule: OptionRule, _ data: [UInt8]) -> Bool {
        named.insert(rule.code)
        let place = options.firstIndex { $0.code == rule.code }
        switch (rule.action, place) {
        case (.unset, _): options.removeAll { $0.code == rule.code }
        case (.set, let place?), (.replace, let place?):
            if rule.reverts { revert(rule.code, to: options[place].octets) }
            options[place].data = data
        case (.set, nil), (.append, nil):
            if rule.reverts { revert(rule.code, to: []) }
            options.append(Option(code: rule.code, data: data))
        case (.append, _), (.replace, nil): return false
        }
        return true
    }

    /// Of several rules that revert, the first knew what was there before.
    private mutating func revert(_ code: UInt16, to octets: [UInt8]) {
        if reverted[code] == nil { reverted[code] = octets }
    }

    /// What upstreams are sent; nil for nothing.
    var result: UpstreamOptions? {
        let sent = options.lazy.filter { named.contains($0.code) }
        return sent.isEmpty ? nil : UpstreamOptions(sent.flatMap(\.octets), reverted: reverted)
    }
}

extension OptionRule {
    /// The data of the option for the current question; nil where it is not known.
    ///
    /// - Parameter name: the name as other rules left it.
    func data(
        _ exchange: borrowing Exchange, name: String, type: RecordType, _ metadata: (any MetadataReader)?
    ) -> [UInt8]? {
        switch value {
        case .octets(let octets): octets
        case .subnet(let v4, let v6): Self.subnet(exchange.client.address, v4: v4, v6: v6)
        case .property(.name): Array(name.utf8)
        case .property(.type): Self.octets(type.rawValue)
        case .property(.clientAddress): exchange.client.address.octets
        case .property(.clientPort): Self.octets(exchange.client.port)
        case .property(.transport): Array(exchange.transport.text.utf8)
        case .property(.serverAddress): exchange.server?.address.octets
        case .property(.serverPort): exchange.server.map { Self.octets($0.port) }
        case .property(.label(let label)):
            metadata?.value(label, of: exchange).flatMap { $0.isEmpty ? nil : Array($0.utf8) }
        }
    }

    private static func octets(_ number: UInt16) -> [UInt8] { [UInt8(number >> 8), UInt8(number & 0xFF)] }

    /// Family, source prefix length, scope prefix length 0, and no more octets than the prefix has (RFC 7871 §6).
    private static func subnet(_ client: IPAddress, v4: Int, v6: Int) -> [UInt8] {
        let bits = client.isIPv4 ? v4 : v6
        var address = Array(client.octets.prefix((bits + 7) / 8))
        if bits % 8 != 0, let last = address.popLast() { address.append(last & ~(0xFF >> UInt8(bits % 8))) }
        return [0, client.isIPv4 ? 1 : 2, UInt8(bits), 0] + address
    }
}
