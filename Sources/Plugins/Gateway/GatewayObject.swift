import ClusterModel
import DNSWire
import Text

/// What `k8s_gateway` keeps of an object.
struct GatewayObject: Sendable, Equatable {
    /// Where a name leads.
    struct Target: Sendable, Equatable {
        var addresses: [IPAddress] = []
        /// Of load balancers that have a name instead of an address.
        var hostNames: [Name] = []
        var texts: [String] = []

        mutating func add(_ other: Target) {
            for address in other.addresses where !addresses.contains(address) { addresses.append(address) }
            for name in other.hostNames where !hostNames.contains(name) { hostNames.append(name) }
            for text in other.texts where !texts.contains(text) { texts.append(text) }
        }

        var isEmpty: Bool { addresses.isEmpty && hostNames.isEmpty && texts.isEmpty }
    }

    /// Names it is reached by, as they are written: with the zone or without.
    var names: [String] = []
    /// Where all of its names lead.
    var target = Target()
    /// Where single names lead, beside that.
    var targets: [(name: String, target: Target)] = []
    /// The class of an Ingress or Gateway; empty without one.
    var className = ""
    /// Gateways whose addresses are a route's.
    var parents: [ObjectKey] = []
    /// The Service that an EndpointSlice belongs to.
    var service = ""
    /// A Service whose endpoints' addresses are wanted instead of its own.
    var wantsEndpoints = false

    static func == (one: Self, other: Self) -> Bool {
        one.names == other.names && one.target == other.target && one.className == other.className
            && one.parents == other.parents && one.service == other.service
            && one.wantsEndpoints == other.wantsEndpoints
            && one.targets.elementsEqual(other.targets) { $0.name == $1.name && $0.target == $1.target }
    }
}

// MARK: - What of an object counts

extension GatewayObject {
    private static let ignored = "k8s-gateway.dns/ignore"
    private static let endpointsWanted = "k8s-gateway.dns/resolve-endpoints"
    private static let nameAnnotations = ["coredns.io/hostname", "external-dns.alpha.kubernetes.io/hostname"]

    /// - Parameter nodeAddress: the type of the addresses wanted of nodes.
    init(_ kind: GatewayKind, _ object: JSONValue, nodeAddress: String) {
        let (metadata, spec, status) = (object["metadata"], object["spec"], object["status"])
        guard metadata["labels"].textMembers[Self.ignored] != "true" else { return }
        switch kind {
        case .ingress:
            names = spec["rules"].elements.compactMap { $0["host"].text }
            className = spec["ingressClassName"].text ?? ""
            target = Self.balancers(status)
        case .service: readService(metadata, spec, status)
        case .endpointSlice:
            service = metadata["labels"].textMembers["kubernetes.io/service-name"] ?? ""
            let ready = object["endpoints"].elements.filter { $0["conditions"]["ready"].flag != false }
            target.addresses = ready.flatMap { $0["addresses"].elements.compactMap(Self.address) }
        case .httpRoute, .tlsRoute, .grpcRoute:
            names = spec["hostnames"].elements.compactMap(\.text)
            let own = metadata["namespace"].text ?? ""
            parents = spec["parentRefs"].elements.compactMap { parent in
                guard (parent["kind"].text ?? "Gateway") == "Gateway", let name = parent["name"].text else {
                    return nil
                }
                return ObjectKey(namespace: parent["namespace"].text ?? own, name: name)
            }
        case .gateway:
            names = spec["listeners"].elements.compactMap { $0["hostname"].text }
            className = spec["gatewayClassName"].text ?? ""
            for address in status["addresses"].elements {
                if address["type"].text == "Hostname" {
                    if let name = address["value"].text.flatMap({ Name($0) }) { target.hostNames.append(name) }
                } else if let value = Self.address(address["value"]) {
                    target.addresses.append(value)
                }
            }
        case .dnsEndpoint:
            targets = spec["endpoints"].elements.compactMap { endpoint in
                guard let name = endpoint["dnsName"].text else { return nil }
                var target = Target()
                switch endpoint["recordType"].text {
                case "A", "AAAA": target.addresses = endpoint["targets"].elements.compactMap(Self.address)
                case "TXT": target.texts = endpoint["targets"].elements.compactMap(\.text)
                default: return nil
                }
                return (name, target)
            }
        case .node:
            let addresses = status["addresses"].elements
            names = addresses.filter { $0["type"].text == "Hostname" }.compactMap { $0["address"].text }
            target.addresses = addresses.filter { $0["type"].text == nodeAddress }
                .compactMap { Self.address($0["address"]) }
        }
    }

    private mutating func readService(_ metadata: JSONValue, _ spec: JSONValue, _ status: JSONValue) {
        let annotations = metadata["annotations"].textMembers
        wantsEndpoints = annotations[Self.endpointsWanted] == "true"
        guard wantsEndpoints || spec["type"].text == "LoadBalancer" else { return }
        if let written = Self.nameAnnotations.lazy.compactMap({ annotations[$0] }).first {
            names = written.split(separator: ",").map { $0.filter { $0 != " " } }
        } else if let name = metadata["name"].text, let namespace = metadata["namespace"].text {
            names = ["\(name).\(namespace)"]
        }
        guard !wantsEndpoints else { return }
        let external = spec["externalIPs"].elements.compactMap(Self.address)
        if external.isEmpty { target = Self.balancers(status) } else { target.addresses = external }
    }

    private static func balancers(_ status: JSONValue) -> Target {
        var target = Target()
        for entry in status["loadBalancer"]["ingress"].elements {
            if let name = entry["hostname"].text, !name.isEmpty {
                if let name = Name(name) { target.hostNames.append(name) }
            } else if let address = address(entry["ip"]) {
                target.addresses.append(address)
            }
        }
        return target
    }

    private static func address(_ value: JSONValue) -> IPAddress? { value.text.flatMap { IPAddress($0) } }
}
