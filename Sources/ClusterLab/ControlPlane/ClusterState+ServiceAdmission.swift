import Text

// What the API server does to a Service: families, ClusterIPs, node ports, the load balancer's address.
extension ClusterState {
    mutating func admitService(_ service: inout JSONValue, replacing old: JSONValue?) throws(StatusError) {
        var spec = service["spec"]
        spec.setDefault("type", "ClusterIP")
        spec.setDefault("sessionAffinity", "None")
        let type = spec["type"].text ?? ""
        guard ["ClusterIP", "NodePort", "LoadBalancer", "ExternalName"].contains(type) else {
            throw .invalid(
                "Service", service.name, field: "spec.type",
                "Unsupported value: \"\(type)\": supported values: \"ClusterIP\", \"ExternalName\", \"LoadBalancer\", \"NodePort\""
            )
        }
        try admitPorts(&spec, service.name, type: type)
        if type == "ExternalName" {
            guard let target = spec["externalName"].text, !target.isEmpty else {
                throw .invalid("Service", service.name, field: "spec.externalName", "Required value")
            }
            if let old { releaseService(old) }
            for member in ["clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy", "internalTrafficPolicy"] {
                spec[member] = .null
            }
            service["spec"] = spec
            service["status"] = ["loadBalancer": .object([])]
            return
        }
        spec.setDefault("internalTrafficPolicy", "Cluster")
        let families = try families(of: &spec, service.name, old: old?["spec"])
        try allocateClusterIPs(&spec, service.name, families, old: old?["spec"])
        if type == "NodePort" || type == "LoadBalancer" {
            spec.setDefault("externalTrafficPolicy", "Cluster")
            if type == "LoadBalancer" { spec.setDefault("allocateLoadBalancerNodePorts", true) }
            try allocateNodePorts(&spec, service.name, old: old?["spec"])
        }
        service["spec"] = spec
        admitIngress(&service, families, old: old)
    }

    private func admitPorts(_ spec: inout JSONValue, _ name: String, type: String) throws(StatusError) {
        let ports = spec["ports"].elements
        if ports.isEmpty, type != "ExternalName", spec["clusterIP"].text != "None" {
            throw .invalid("Service", name, field: "spec.ports", "Required value")
        }
        var admitted: [JSONValue] = []
        for (position, port) in ports.enumerated() {
            var port = port
            port.setDefault("protocol", "TCP")
            guard let number = port["port"].number, (1...65535).contains(number) else {
                throw .invalid(
                    "Service", name, field: "spec.ports[\(position)].port",
                    "Invalid value: \(port["port"].description): must be between 1 and 65535, inclusive")
            }
            if ports.count > 1, (port["name"].text ?? "").isEmpty {
                throw .invalid("Service", name, field: "spec.ports[\(position)].name", "Required value")
            }
            port.setDefault("targetPort", .int(number))
            admitted.append(port)
        }
        if !ports.isEmpty { spec["ports"] = .array(admitted) }
    }

    private func families(
        of spec: inout JSONValue, _ name: String, old: JSONValue?
    ) throws(StatusError) -> [String] {
        var families = spec["ipFamilies"].elements.compactMap(\.text)
        guard families.allSatisfy({ $0 == "IPv4" || $0 == "IPv6" }), Set(families).count == families.count else {
            throw .invalid(
                "Service", name, field: "spec.ipFamilies", "Invalid value: supported values: \"IPv4\", \"IPv6\"")
        }
        if families.isEmpty {
            var asked = spec["clusterIPs"].elements.compactMap(\.text)
            if asked.isEmpty, let first = spec["clusterIP"].text { asked = [first] }
            families = asked.compactMap(IPText.family)
        }
        if families.isEmpty { families = old?["ipFamilies"].elements.compactMap(\.text) ?? [] }
        let isHeadlessWithoutSelector = spec["clusterIP"].text == "None" && spec["selector"].members.isEmpty
        spec.setDefault(
            "ipFamilyPolicy",
            .string(
                families.count > 1 || isHeadlessWithoutSelector && families.isEmpty ? "RequireDualStack" : "SingleStack"
            ))
        if families.isEmpty { families = ["IPv4"] }
        if spec["ipFamilyPolicy"].text == "SingleStack" {
            families = [families[0]]
        } else if families.count == 1 {
            families.append(families[0] == "IPv4" ? "IPv6" : "IPv4")
        }
        spec["ipFamilies"] = JSONValue(texts: families)
        return families
    }

    private mutating func allocateClusterIPs(
        _ spec: inout JSONValue, _ name: String, _ families: [String], old: JSONValue?
    ) throws(StatusError) {
        let held = old?["clusterIPs"].elements.compactMap(\.text) ?? []
        var asked = spec["clusterIPs"].elements.compactMap(\.text)
        if let first = spec["clusterIP"].text, !first.isEmpty { asked = [first] + asked.dropFirst() }
        if let first = held.first, let wish = asked.first, wish != first, !first.isEmpty {
            throw .invalid(
                "Service", name, field: "spec.clusterIPs[0]", "Invalid value: [\"\(wish)\"]: may not change once set")
        }
        if asked.isEmpty { asked = held }
        if asked.first == "None" {
            spec["clusterIP"] = "None"
            spec["clusterIPs"] = ["None"]
            return
        }
        var given: [String] = []
        for (position, family) in families.enumerated() {
            if position < held.count {
                given.append(held[position])
                continue
            }
            if position < asked.count {
                let wish = asked[position]
                let isInRange = services4.contains(wish) || services6.contains(wish)
                guard IPText.family(wish) == family, isInRange else {
                    releaseAddresses(Array(given.dropFirst(held.count)))
                    throw .invalid(
                        "Service", name, field: "spec.clusterIPs[\(position)]",
                        "Invalid value: \"\(wish)\": the provided IP is not a valid \(family) address of the range")
                }
                guard services4.claim(wish), services6.claim(wish) else {
                    releaseAddresses(Array(given.dropFirst(held.count)))
                    throw .invalid(
                        "Service", name, field: "spec.clusterIPs",
                        "Invalid value: [\"\(wish)\"]: failed to allocate IP \(wish): provided IP is already allocated")
                }
                given.append(wish)
            } else if let address = family == "IPv4" ? services4.allocate() : services6.allocate() {
                given.append(address)
            } else {
                throw StatusError(code: 500, reason: "InternalError", message: "the service address range is full")
            }
        }
        releaseAddresses(Array(held.dropFirst(families.count)))
        spec["clusterIP"] = JSONValue(given.first)
        spec["clusterIPs"] = JSONValue(texts: given)
    }

    private mutating func allocateNodePorts(
        _ spec: inout JSONValue, _ name: String, old: JSONValue?
    ) throws(StatusError) {
        guard spec["type"].text == "NodePort" || spec["allocateLoadBalancerNodePorts"].flag != false else { return }
        var ports = spec["ports"].elements
        let held = old?["ports"].elements ?? []
        for position in ports.indices {
            let earlier = held.first {
                $0["port"] == ports[position]["port"] && $0["protocol"] == ports[position]["protocol"]
            }?["nodePort"].number
            if let wish = ports[position]["nodePort"].number, wish != 0 {
                guard (30000...32767).contains(wish), wish == earlier || nodePorts.insert(wish).inserted else {
                    throw .invalid(
                        "Service", name, field: "spec.ports[\(position)].nodePort",
                        "Invalid value: \(wish): provided port is not free in the range 30000-32767")
                }
            } else if let earlier {
                ports[position]["nodePort"] = .int(earlier)
            } else {
                var free: Int64 = 30000
                while free <= 32767, nodePorts.contains(free) { free += 1 }
                guard free <= 32767 else {
                    throw StatusError(code: 500, reason: "InternalError", message: "the node port range is full")
                }
                nodePorts.insert(free)
                ports[position]["nodePort"] = .int(free)
            }
        }
        spec["ports"] = .array(ports)
    }

    private mutating func admitIngress(_ service: inout JSONValue, _ families: [String], old: JSONValue?) {
        var balancer = service["status"]["loadBalancer"]
        if balancer.isNull, let earlier = old?["status"]["loadBalancer"] { balancer = earlier }
        if service["spec"]["type"].text != "LoadBalancer" {
            for entry in balancer["ingress"].elements { releaseIngress(entry["ip"].text ?? "") }
            balancer = .object([])
        } else if balancer["ingress"].elements.isEmpty {
            let addresses = families.compactMap { $0 == "IPv4" ? ingress4.allocate() : ingress6.allocate() }
            balancer["ingress"] = .array(addresses.map { ["ip": .string($0), "ipMode": "VIP"] })
        } else {
            for entry in balancer["ingress"].elements {
                _ = ingress4.claim(entry["ip"].text ?? "")
                _ = ingress6.claim(entry["ip"].text ?? "")
            }
        }
        if balancer.isNull { balancer = .object([]) }
        service.set("status", "loadBalancer", balancer)
    }

    mutating func releaseService(_ service: JSONValue) {
        releaseAddresses(service["spec"]["clusterIPs"].elements.compactMap(\.text))
        for port in service["spec"]["ports"].elements {
            if let number = port["nodePort"].number { nodePorts.remove(number) }
        }
        for entry in service["status"]["loadBalancer"]["ingress"].elements { releaseIngress(entry["ip"].text ?? "") }
    }

    private mutating func releaseAddresses(_ addresses: [String]) {
        for address in addresses {
            services4.release(address)
            services6.release(address)
        }
    }

    private mutating func releaseIngress(_ address: String) {
        ingress4.release(address)
        ingress6.release(address)
    }
}
