package import Text

/// Strategic merge patch: as a merge patch, but well-known lists merge by a key of their elements.
package enum StrategicMergePatch {
    /// List member → the key of its elements; lists not named here are replaced as a whole.
    private static let mergeKeys: [String: [String]] = [
        "containers": ["name"], "initContainers": ["name"], "ephemeralContainers": ["name"], "env": ["name"],
        "volumes": ["name"], "volumeMounts": ["mountPath"], "volumeDevices": ["devicePath"],
        "imagePullSecrets": ["name"], "hostAliases": ["ip"], "topologySpreadConstraints": ["topologyKey"],
        "conditions": ["type"], "addresses": ["type"], "ownerReferences": ["uid"], "taints": ["key"],
        "podIPs": ["ip"], "hostIPs": ["ip"], "secrets": ["name"],
        // A Service's ports merge by port, a container's by containerPort: whichever the element has.
        "ports": ["containerPort", "port"],
    ]
    /// Lists of plain values that merge as sets.
    private static let sets: Set<String> = ["finalizers"]

    package static func apply(_ patch: JSONValue, to target: JSONValue) -> JSONValue {
        guard case .object(let changes) = patch else { return patch }
        if patch["$patch"].text == "replace" { return withoutDirectives(patch) }
        if patch["$patch"].text == "delete" { return .object([]) }
        var result: JSONValue = target.isObject ? target : .object([])
        if case .array(let kept) = patch["$retainKeys"] {
            let names = Set(kept.compactMap(\.text))
            result = .object(result.members.filter { names.contains($0.name) })
        }
        for change in changes {
            if change.name.hasPrefix("$deleteFromPrimitiveList/") {
                let name = String(change.name.dropFirst("$deleteFromPrimitiveList/".count))
                let removed = change.value.elements
                result[name] = .array(result[name].elements.filter { !removed.contains($0) })
            } else if change.name.hasPrefix("$") {
                continue
            } else if change.value.isNull {
                result[change.name] = .null
            } else {
                let order = patch["$setElementOrder/\(change.name)"].elements
                result[change.name] = merged(change.name, change.value, into: result[change.name], order: order)
            }
        }
        return result
    }

    private static func merged(
        _ name: String, _ patch: JSONValue, into target: JSONValue, order: [JSONValue]
    ) -> JSONValue {
        switch patch {
        case .object: return apply(patch, to: target)
        case .array(let elements):
            if sets.contains(name) {
                return .array(target.elements + elements.filter { !target.elements.contains($0) })
            }
            guard let keys = mergeKeys[name],
                let key = keys.first(where: { key in elements.contains { $0.has(key) } }),
                // An EndpointSlice's and Endpoints' lists are atomic: their elements lack these keys, or hold plain text.
                elements.allSatisfy(\.isObject)
            else { return .array(elements.map(withoutDirectives)) }
            return .array(sorted(merged(elements, into: target.elements, key: key), order, key))
        default: return patch
        }
    }

    private static func merged(_ patch: [JSONValue], into target: [JSONValue], key: String) -> [JSONValue] {
        if patch.contains(where: { $0["$patch"].text == "replace" }) {
            return patch.filter { $0["$patch"].isNull }.map(withoutDirectives)
        }
        var result = target
        for element in patch {
            let position = place(of: element, in: result, key: key, among: patch)
            if element["$patch"].text == "delete" {
                if let position { result.remove(at: position) }
            } else if let position {
                result[position] = apply(element, to: result[position])
            } else {
                result.append(withoutDirectives(element))
            }
        }
        return result
    }

    /// Ports with the same number differ by their protocol.
    private static func place(
        of element: JSONValue, in list: [JSONValue], key: String, among patch: [JSONValue]
    ) -> Int? {
        let same = list.indices.filter { list[$0][key] == element[key] }
        guard ["port", "containerPort"].contains(key) else { return same.first }
        let wanted = element["protocol"].text ?? "TCP"
        if let exact = same.first(where: { (list[$0]["protocol"].text ?? "TCP") == wanted }) { return exact }
        // The only ones with their number on either side: the protocol is what changes.
        return same.count == 1 && patch.count(where: { $0[key] == element[key] }) == 1 ? same.first : nil
    }

    private static func sorted(_ elements: [JSONValue], _ order: [JSONValue], _ key: String) -> [JSONValue] {
        guard !order.isEmpty else { return elements }
        func rank(_ element: JSONValue) -> Int { order.firstIndex { $0[key] == element[key] } ?? -1 }
        return elements.enumerated().sorted { (rank($0.element), $0.offset) < (rank($1.element), $1.offset) }
            .map(\.element)
    }

    private static func withoutDirectives(_ value: JSONValue) -> JSONValue {
        switch value {
        case .object(let members):
            .object(
                members.filter { !$0.name.hasPrefix("$") && !$0.value.isNull }
                    .map { .init($0.name, withoutDirectives($0.value)) })
        case .array(let elements): .array(elements.map(withoutDirectives))
        default: value
        }
    }
}
