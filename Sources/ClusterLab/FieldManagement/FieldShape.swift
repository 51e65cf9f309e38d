import Text

/// How the parts of an object are owned and merged at one place: as a whole, member by member, or element by element.
///
/// Built-in kinds go by the names of their members (the `+listType` and `+structType` marks of the API), custom kinds
/// by their schema.
struct FieldShape {
    /// How a list's elements are told apart.
    enum List: Equatable {
        case keys([String])
        case values
        /// Not at all: the list is one value.
        case whole
    }

    private let name: String
    private let parent: String
    /// The custom kind's schema here; nil for built-in kinds.
    private let schema: JSONValue?

    init(_ kind: ResourceKind) { self.init(name: "", parent: "", schema: kind.custom?.schema) }

    private init(name: String, parent: String, schema: JSONValue?) {
        (self.name, self.parent, self.schema) = (name, parent, schema)
    }

    func member(_ name: String) -> FieldShape {
        // Metadata is that of every object, also in a custom kind.
        let isMetadata = parent.isEmpty && self.name.isEmpty && name == "metadata"
        let inner = schema.map { $0["properties"].has(name) ? $0["properties"][name] : $0["additionalProperties"] }
        return FieldShape(name: name, parent: self.name, schema: isMetadata ? nil : inner)
    }

    var element: FieldShape {
        FieldShape(name: name + "[]", parent: parent, schema: schema.map { $0["items"] })
    }

    /// Structures that are one value although they are objects.
    private static let wholeObjects: Set<String> = [
        "selector", "nodeSelector", "labelSelector", "podSelector", "namespaceSelector", "targetRef", "roleRef",
        "involvedObject", "regarding", "related", "scaleTargetRef", "fieldRef", "resourceFieldRef", "configMapKeyRef",
        "secretKeyRef", "claimRef", "localObjectReference",
    ]

    var isWholeObject: Bool {
        guard let schema else { return Self.wholeObjects.contains(name) }
        return schema["x-kubernetes-map-type"].text == "atomic"
    }

    private static let keyedLists: [String: [String]] = [
        "containers": ["name"], "initContainers": ["name"], "ephemeralContainers": ["name"], "env": ["name"],
        "volumes": ["name"], "volumeMounts": ["mountPath"], "volumeDevices": ["devicePath"],
        "imagePullSecrets": ["name"], "hostAliases": ["ip"], "conditions": ["type"], "ownerReferences": ["uid"],
        "topologySpreadConstraints": ["topologyKey", "whenUnsatisfiable"], "podIPs": ["ip"], "hostIPs": ["ip"],
        "secrets": ["name"], "addresses": ["type"],
    ]

    var list: List {
        if let schema {
            switch schema["x-kubernetes-list-type"].text {
            case "map": return .keys(schema["x-kubernetes-list-map-keys"].elements.compactMap(\.text))
            case "set": return .values
            default: return .whole
            }
        }
        if name == "finalizers", parent == "metadata" { return .values }
        // Containers' and Services' ports are told apart; those of slices and policies are not.
        if name == "ports" {
            if ["containers[]", "initContainers[]", "ephemeralContainers[]"].contains(parent) {
                return .keys(["containerPort", "protocol"])
            }
            return parent == "spec" ? .keys(["port", "protocol"]) : .whole
        }
        return Self.keyedLists[name].map(List.keys) ?? .whole
    }

    /// The name an element has among its siblings, as `fieldsV1` writes it; nil when it lacks its keys.
    func step(of element: JSONValue) -> String? {
        switch list {
        case .whole: return nil
        case .values: return "v:" + String(decoding: element.bytes, as: UTF8.self)
        case .keys(let keys):
            var members: [JSONValue.Member] = []
            for key in keys.sorted() {
                var value = element[key]
                // The one key that has a default.
                if value.isNull, key == "protocol" { value = "TCP" }
                if value.isNull { return nil }
                members.append(.init(key, value))
            }
            return members.isEmpty ? nil : "k:" + String(decoding: JSONValue.object(members).bytes, as: UTF8.self)
        }
    }
}
