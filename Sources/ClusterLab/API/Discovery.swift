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
        guard let kind = kinds.first(where: { $0.group == name && !name.isEmpty }) else { return nil }
        let version: JSONValue = ["groupVersion": .string(kind.apiVersion), "version": .string(kind.version)]
        return ["name": .string(name), "versions": [version], "preferredVersion": version]
    }

    static func groups(_ kinds: [ResourceKind]) -> JSONValue {
        var names: [String] = []
        for kind in kinds where !kind.group.isEmpty && !names.contains(kind.group) { names.append(kind.group) }
        return [
            "kind": "APIGroupList", "apiVersion": "v1", "groups": .array(names.compactMap { group($0, kinds) }),
        ]
    }

    static func resources(group: String, version: String, _ kinds: [ResourceKind]) -> JSONValue? {
        let verbs: JSONValue = ["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"]
        var resources: [JSONValue] = []
        for kind in kinds where kind.group == group && kind.version == version {
            resources.append([
                "name": .string(kind.plural), "singularName": .string(kind.singular),
                "namespaced": .bool(kind.isNamespaced), "kind": .string(kind.kind), "verbs": verbs,
                "shortNames": kind.shortNames.isEmpty ? .null : JSONValue(texts: kind.shortNames),
                "categories": ["Pod", "Service", "Deployment", "StatefulSet", "ReplicaSet"].contains(kind.kind)
                    ? ["all"] : .null,
            ])
            for subresource in kind.subresources {
                let isScale = subresource == "scale"
                resources.append([
                    "name": .string("\(kind.plural)/\(subresource)"), "singularName": "",
                    "namespaced": .bool(kind.isNamespaced), "group": isScale ? "autoscaling" : .null,
                    "version": isScale ? "v1" : .null, "kind": .string(isScale ? "Scale" : kind.kind),
                    "verbs": ["get", "patch", "update"],
                ])
            }
        }
        if resources.isEmpty { return nil }
        return [
            "kind": "APIResourceList", "apiVersion": "v1",
            "groupVersion": .string(group.isEmpty ? version : "\(group)/\(version)"),
            "resources": .array(resources),
        ]
    }
}
