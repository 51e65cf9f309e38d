import DNSWire
import Text

/// One key of SkyDNS: a host, and what else is said about it.
struct EtcdRecord: Sendable, Equatable {
    enum Host: Sendable, Equatable {
        case address(IPAddress)
        case name(Name)
    }

    /// The name that the key stands for.
    let name: Name
    /// Parts of the key behind the path.
    let depth: Int
    /// Nil for a record of text alone.
    let host: Host?
    let port: UInt16
    let priority: UInt16
    /// Zero where nothing is said.
    let weight: UInt16
    let text: String
    let isMail: Bool
    let ttl: UInt32
    let group: String

    /// The TTL of records that say none, in seconds.
    static let usualTTL: UInt32 = 300
    static let usualPriority: UInt16 = 10

    /// Nil for a value that is no record.
    ///
    /// - Parameters:
    ///   - labels: the key's parts behind the path, topmost domain first.
    ///   - leaseTTL: seconds that the key's lease was granted for; nil without a lease.
    init?(labels: [String], value: [UInt8], leaseTTL: UInt32?) {
        guard let name = Name(labels: labels.reversed()), let json = try? JSONReader.read(value), json.isObject else {
            return nil
        }
        self.name = name
        depth = labels.count
        func number(_ member: String) -> UInt16 { UInt16(clamping: json[member].number ?? 0) }
        port = number("port")
        priority = number("priority") == 0 ? Self.usualPriority : number("priority")
        weight = number("weight")
        text = json["text"].text ?? ""
        isMail = json["mail"].flag ?? false
        group = json["group"].text ?? ""
        let said = UInt32(clamping: json["ttl"].number ?? 0)
        ttl = min(
            [leaseTTL ?? 0, min(said, UInt32(Int32.max))].filter { $0 > 0 }.min() ?? Self.usualTTL, UInt32(Int32.max))
        guard let host = json["host"].text, !host.isEmpty else {
            self.host = nil
            return
        }
        if let address = IPAddress(host) {
            self.host = .address(address)
        } else if var target = Name(host) {
            for _ in 0..<max(0, min(json["targetstrip"].number ?? 0, 127)) { target = target.parent }
            self.host = .name(target)
        } else {
            return nil
        }
    }
}
