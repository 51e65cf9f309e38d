import Text

/// The documents from which clients learn what is served.
enum Discovery {
    static let version: JSONValue = [
        "major": "1", "minor": "36", "emulationMajor": "1", "emulationMinor": "36", "minCompatibilityMajor": "1",
        "minCompatibilityMinor": "35", "gitVersion": "v1.36.2", "gitCommit": "cluster-dns-lab", "gitTreeState": "clean",
        "buildDate": "1970-01-01T00:00:00Z", "goVersion": "none", "compiler": "swiftc", "platform": "linux/amd64",
    ]

    static func legacyVersions(host: String) -> JSONValue {
        [
            "kind": "APIVersions", "versions": ["v1"],
            "serverAddressByClientCIDRs": [["clientCIDR": "0.0.0.0/0", "serverAddress": .string(host)]],
        ]
    }

    static func group(_ name: String, _ kinds: [ResourceKind]) -> JSONValue? {
        let found = versions(of: name, kinds)
        guard !name.isEmpty, let preferred = found.first else { return nil }
        func value(_ version: String) -> JSONValue {
            ["groupVersion": .string("\(name)/\(version)"), "version": .string(version)]
        }
        return [
            "name": .string(name), "versions": .array(found.map(value)), "preferredVersion": value(preferred),
        ]
    }

    /// The groups with a name, in the order in which their kinds are listed.
    static func groupNames(_ kinds: [ResourceKind]) -> [String] {
        var names: [String] = []
        for group in kinds.map(\.group) + AccessReviews.kinds.map(\.group)
        where !group.isEmpty && !names.contains(group) {
            names.append(group)
        }
        return names
    }

    /// The versions of a group, the preferred one first.
    static func versions(of group: String, _ kinds: [ResourceKind]) -> [String] {
        var found: [String] = []
        for kind in kinds where kind.group == group && !found.contains(kind.version) { found.append(kind.version) }
        if found.isEmpty, AccessReviews.kinds.contains(where: { $0.group == group }) { return ["v1"] }
        return found.sorted { Self.isPreferred($0, to: $1) }
    }

    /// Stable versions before beta before alpha, the higher number first (v2, v1, v1beta1, v1alpha1).
    private static func isPreferred(_ one: String, to other: String) -> Bool {
        func rank(_ version: String) -> (Int, Int, Int) {
            for (place, word) in ["alpha", "beta"].enumerated() {
                guard let range = version.firstRange(of: word) else { continue }
                return (
                    place, Int(version[..<range.lowerBound].dropFirst()) ?? 0, Int(version[range.upperBound...]) ?? 0
                )
            }
            return (2, Int(version.dropFirst()) ?? 0, 0)
        }
        return rank(one) > rank(other)
    }

    static func groups(_ kinds: [ResourceKind]) -> JSONValue {
        [
            "kind": "APIGroupList", "apiVersion": "v1",
            "groups": .array(groupNames(kinds).compactMap { group($0, kinds) }),
        ]
    }

    static let verbs: JSONValue = [
        "create", "delete", "deletecollection", "get", "list", "patch", "update", "watch",
    ]

    /// What a sub-resource is: its kind, and what can be done with it.
    static func part(
        _ subresource: String, of kind: ResourceKind
    ) -> (group: String, version: String, kind: String, verbs: JSONValue) {
        switch subresource {
        case "scale": ("autoscaling", "v1", "Scale", ["get", "patch", "update"])
        case "token": ("authentication.k8s.io", "v1", "TokenRequest", ["create"])
        default: (kind.group, kind.version, kind.kind, ["get", "patch", "update"])
        }
    }

    static func resources(group: String, version: String, _ kinds: [ResourceKind]) -> JSONValue? {
        var resources: [JSONValue] = []
        for kind in kinds where kind.group == group && kind.version == version {
            resources.append([
                "name": .string(kind.plural), "singularName": .string(kind.singular),
                "namespaced": .bool(kind.isNamespaced), "kind": .string(kind.kind), "verbs": verbs,
                "shortNames": kind.shortNames.isEmpty ? .null : JSONValue(texts: kind.shortNames),
                "categories": kind.categories.isEmpty ? .null : JSONValue(texts: kind.categories),
            ])
            for subresource in kind.subresources {
                let part = part(subresource, of: kind)
                let isOther = part.group != kind.group
                resources.append([
                    "name": .string("\(kind.plural)/\(subresource)"), "singularName": "",
                    "namespaced": .bool(kind.isNamespaced), "group": isOther ? .string(part.group) : .null,
                    "version": isOther ? .string(part.version) : .null, "kind": .string(part.kind),
                    "verbs": part.verbs,
                ])
            }
        }
        for review in AccessReviews.kinds where review.group == group {
            resources.append([
                "name": .string(review.plural), "singularName": .string(review.kind.lowercased()),
                "namespaced": false, "kind": .string(review.kind), "verbs": ["create"],
            ])
        }
        if resources.isEmpty { return nil }
        return [
            "kind": "APIResourceList", "apiVersion": "v1",
            "groupVersion": .string(group.isEmpty ? version : "\(group)/\(version)"),
            "resources": .array(resources),
        ]
    }
}
