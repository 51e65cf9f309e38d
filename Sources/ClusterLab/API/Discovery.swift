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

    private static var groupNames: [String] {
        var names: [String] = []
        for kind in ResourceKind.all where !kind.group.isEmpty && !names.contains(kind.group) {
            names.append(kind.group)
        }
        return names
    }

    static func group(_ name: String) -> JSONValue? {
        guard let kind = ResourceKind.all.first(where: { $0.group == name && !name.isEmpty }) else { return nil }
        let version: JSONValue = ["groupVersion": .string(kind.apiVersion), "version": .string(kind.version)]
        return ["name": .string(name), "versions": [version], "preferredVersion": version]
    }

    static var groups: JSONValue {
        ["kind": "APIGroupList", "apiVersion": "v1", "groups": .array(groupNames.compactMap { group($0) })]
    }

    static func resources(group: String, version: String) -> JSONValue {
        let verbs: JSONValue = ["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"]
        var resources: [JSONValue] = []
        for kind in ResourceKind.all where kind.group == group && kind.version == version {
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
        return [
            "kind": "APIResourceList", "apiVersion": "v1",
            "groupVersion": .string(group.isEmpty ? version : "\(group)/\(version)"),
            "resources": .array(resources),
        ]
    }

    /// Enough of OpenAPI v3 that kubectl leaves validation to the server.
    static func openAPI(_ words: [String]) -> JSONValue? {
        guard words.first == "v3" else { return nil }
        if words.count == 1 {
            var paths: JSONValue = .object([])
            for kind in ResourceKind.all {
                let path = kind.group.isEmpty ? "api/\(kind.version)" : "apis/\(kind.apiVersion)"
                paths[path] = ["serverRelativeURL": .string("/openapi/v3/\(path)?hash=lab")]
            }
            return ["paths": paths]
        }
        let isLegacy = words[1] == "api"
        let group = isLegacy ? "" : words.count > 2 ? words[2] : ""
        let version = words.last ?? ""
        let kinds = ResourceKind.all.filter { $0.group == group && $0.version == version }
        guard !kinds.isEmpty else { return nil }
        var paths: JSONValue = .object([])
        var schemas: JSONValue = .object([])
        for kind in kinds {
            let type: JSONValue = [
                "group": .string(kind.group), "version": .string(kind.version), "kind": .string(kind.kind),
            ]
            let base = isLegacy ? "/api/\(version)" : "/apis/\(group)/\(version)"
            let path = base + (kind.isNamespaced ? "/namespaces/{namespace}" : "") + "/\(kind.plural)/{name}"
            paths[path] = [
                "patch": [
                    "parameters": [
                        ["name": "fieldValidation", "in": "query", "schema": ["type": "string"]],
                        ["name": "dryRun", "in": "query", "schema": ["type": "string"]],
                    ], "x-kubernetes-group-version-kind": type, "responses": .object([]),
                ]
            ]
            schemas["\(group).\(version).\(kind.kind)"] = [
                "type": "object", "x-kubernetes-group-version-kind": [type],
                "x-kubernetes-preserve-unknown-fields": true,
            ]
        }
        return [
            "openapi": "3.0.0", "info": ["title": "Kubernetes", "version": "v1.36.2"], "paths": paths,
            "components": ["schemas": schemas],
        ]
    }
}
