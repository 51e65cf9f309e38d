import Text

// Kinds that CustomResourceDefinitions bring: served while their definition is there.
extension ClusterState {
    /// Every kind that is served, custom ones last.
    package var kinds: [ResourceKind] {
        var served = ResourceKind.all.filter { kind in
            guard let definition = kind.definition else { return true }
            return store.count(kind) > 0
                || store.find(.customResourceDefinition, namespace: "", name: definition) != nil
        }
        for definition in customKinds.keys.sorted() { served += customKinds[definition] ?? [] }
        return served
    }

    package func kind(apiVersion: String, kind: String) -> ResourceKind? {
        if let known = ResourceKind.named(apiVersion: apiVersion, kind: kind) { return known }
        for kinds in customKinds.values {
            if let found = kinds.first(where: { $0.kind == kind && $0.apiVersion == apiVersion }) { return found }
        }
        return nil
    }

    /// Whether a built-in kind has the names a definition asks for.
    private static func isTaken(_ definition: JSONValue) -> Bool {
        let (group, names) = (definition["spec"]["group"].text ?? "", definition["spec"]["names"])
        return ResourceKind.all.contains {
            $0.group == group && $0.definition == nil
                && ($0.plural == names["plural"].text || $0.kind == names["kind"].text)
        }
    }

    /// Checks a definition and writes the conditions by which clients see that it is served.
    func admitDefinition(_ definition: inout JSONValue) throws(StatusError) {
        let spec = definition["spec"]
        let (group, plural) = (spec["group"].text ?? "", spec["names"]["plural"].text ?? "")
        func required(_ field: String) -> StatusError {
            .invalid("CustomResourceDefinition", definition.name, field: field, "Required value")
        }
        guard !group.isEmpty else { throw required("spec.group") }
        guard !plural.isEmpty else { throw required("spec.names.plural") }
        guard spec["names"]["kind"].text?.isEmpty == false else { throw required("spec.names.kind") }
        guard definition.name == "\(plural).\(group)" else {
            throw .invalid(
                "CustomResourceDefinition", definition.name, field: "metadata.name",
                "Invalid value: \"\(definition.name)\": must be spec.names.plural+\".\"+spec.group")
        }
        guard ["Namespaced", "Cluster"].contains(spec["scope"].text ?? "") else {
            throw .invalid(
                "CustomResourceDefinition", definition.name, field: "spec.scope",
                "Unsupported value: \(spec["scope"].description): supported values: \"Cluster\", \"Namespaced\"")
        }
        guard spec["versions"].elements.count(where: { $0["storage"].flag == true }) == 1 else {
            throw .invalid(
                "CustomResourceDefinition", definition.name, field: "spec.versions",
                "Invalid value: must have exactly one version marked as storage version")
        }
        var names = spec["names"]
        let kind = names["kind"].text ?? ""
        names.setDefault("singular", .string(kind.lowercased()))
        names.setDefault("listKind", .string(kind + "List"))
        definition.set("spec", "names", names)
        if spec["conversion"].isNull { definition.set("spec", "conversion", ["strategy": "None"]) }
        definition["status"] = Self.status(of: definition, names, isAccepted: !Self.isTaken(definition))
    }

    private static func status(of definition: JSONValue, _ names: JSONValue, isAccepted: Bool) -> JSONValue {
        let now = JSONValue.string(Timestamp.now.text())
        let old = definition["status"]["conditions"].elements
        let wanted: [(String, String, String)] =
            isAccepted
            ? [
                ("NamesAccepted", "NoConflicts", "no conflicts found"),
                ("Established", "InitialNamesAccepted", "the initial names have been accepted"),
            ]
            : [
                ("NamesAccepted", "PluralConflict", "a built-in kind has these names"),
                ("Established", "NotAccepted", "not all names are accepted"),
            ]
        let conditions = wanted.map { type, reason, message -> JSONValue in
            let status: JSONValue = isAccepted ? "True" : "False"
            if let earlier = old.first(where: { $0["type"].text == type }), earlier["status"] == status {
                return earlier
            }
            return [
                "type": .string(type), "status": status, "lastTransitionTime": now, "reason": .string(reason),
                "message": .string(message),
            ]
        }
        let stored = definition["spec"]["versions"].elements.filter { $0["storage"].flag == true }.map { $0["name"] }
        return [
            "conditions": .array(conditions), "acceptedNames": isAccepted ? names : ["plural": "", "kind": ""],
            "storedVersions": .array(stored),
        ]
    }

    /// Serves the kinds of a definition that was written.
    mutating func define(_ definition: JSONValue) {
        customKinds[definition.name] = nil
        guard !Self.isTaken(definition) else { return }
        let spec = definition["spec"]
        let (group, names) = (spec["group"].text ?? "", spec["names"])
        let plural = names["plural"].text ?? ""
        let builtIn = ResourceKind.all.first { $0.group == group && $0.plural == plural }
        let index: Int
        if let builtIn {
            index = builtIn.index
        } else if let earlier = customCollections[definition.name] {
            index = earlier
        } else {
            index = store.addCollection()
            customCollections[definition.name] = index
        }
        customKinds[definition.name] = spec["versions"].elements.compactMap { version in
            guard version["served"].flag == true, let name = version["name"].text, builtIn?.version != name else {
                return nil
            }
            let custom = CustomVersion(names: names, version: version)
            var subresources: [String] = []
            if version["subresources"].has("status") { subresources.append("status") }
            if custom.scale != nil { subresources.append("scale") }
            return ResourceKind(
                group: group, version: name, kind: names["kind"].text ?? "", plural: plural,
                shortNames: names["shortNames"].elements.compactMap(\.text),
                isNamespaced: spec["scope"].text == "Namespaced", subresources: subresources, hasGeneration: true,
                index: index, custom: custom)
        }
    }

    /// Takes the kinds of a deleted definition away, with their objects.
    mutating func undefine(_ definition: JSONValue) {
        // The versions of a kind share their objects.
        let builtIn = ResourceKind.all.filter { $0.definition == definition.name }
        for kind in builtIn + (customKinds[definition.name] ?? []).prefix(1) {
            for object in store.list(kind) { remove(kind, object) }
        }
        customKinds[definition.name] = nil
    }
}
