import ClusterModel
import DNSWire
import KubernetesAPI

/// What `k8s_gateway` answers at one moment.
struct GatewayTable: Sendable {
    struct Entry: Sendable, Equatable {
        /// Octets of all addresses of a family, one behind the other.
        var v4: [UInt8] = []
        var v6: [UInt8] = []
        /// The data of TXT records.
        var texts: [[UInt8]] = []
        /// Of a name that leads to a load balancer's name, uncompressed.
        var cname: [UInt8] = []

        init(_ target: GatewayObject.Target) {
            v4 = target.addresses.filter(\.isIPv4).flatMap(\.octets)
            v6 = target.addresses.filter { !$0.isIPv4 }.flatMap(\.octets)
            texts = target.texts.map(Self.strings)
            // A name has one CNAME and nothing beside it (RFC 2181 §10.1).
            if target.addresses.isEmpty, target.texts.isEmpty, let name = target.hostNames.first { cname = name.wire }
        }

        /// Strings of at most 255 octets (RFC 1035 §3.3.14).
        private static func strings(_ text: String) -> [UInt8] {
            let octets = Array(text.utf8.prefix(65_000))
            guard !octets.isEmpty else { return [0] }
            return stride(from: 0, to: octets.count, by: 255).flatMap { start in
                let part = octets[start..<min(start + 255, octets.count)]
                return [UInt8(part.count)] + part
            }
        }
    }

    /// By folded name, wildcards with their `*`.
    private(set) var entries: [[UInt8]: Entry] = [:]
    /// Names without records that stand above others (RFC 8020).
    private(set) var emptyNames: Set<[UInt8]> = []
    /// Nil once all kinds have been listed: what is waited for.
    var missing: String? = "the API server has not been listed yet"
    var serial: UInt32 = 0

    init() {}

    /// - Parameter names: what each resource makes of names, the resource that comes first in `resources` first.
    init(_ names: [[Name: GatewayObject.Target]], zones: [Name]) {
        for resource in names {
            for (name, target) in resource where !target.isEmpty && entries[name.wire] == nil {
                entries[name.wire] = Entry(target)
            }
        }
        for wire in entries.keys {
            withBytes(wire) { view in
                var name = Name(view).parent
                while zones.contains(where: name.isSubdomain), entries[name.wire] == nil {
                    guard emptyNames.insert(name.wire).inserted else { break }
                    name = name.parent
                }
            }
        }
    }

    /// The entry of a name, or of the wildcard in the place of its first label.
    func entry(_ name: [UInt8], zone: Int) -> Entry? {
        if let exact = entries[name] { return exact }
        guard !emptyNames.contains(name), name.count > zone, let length = name.first else { return nil }
        return entries[[1, UInt8(ascii: "*")] + name.dropFirst(Int(length) + 1)]
    }
}
