/// What somebody wants to do: a verb on a resource, or on a path that is none.
struct Access: Sendable, Equatable {
    var verb: String
    var group = ""
    /// The plural, with `/subresource` where one is meant.
    var resource = ""
    /// Empty for all namespaces and for kinds outside them.
    var namespace = ""
    /// Empty for a whole collection.
    var name = ""
    /// A path such as `/metrics`; empty for resources.
    var path = ""

    init(verb: String, path: String) {
        self.verb = verb
        self.path = path
    }

    init(verb: String, group: String, resource: String, namespace: String = "", name: String = "") {
        (self.verb, self.group, self.resource) = (verb, group, resource)
        (self.namespace, self.name) = (namespace, name)
    }

    init(verb: String, _ address: ResourceAddress) {
        self.verb = verb
        group = address.kind.group
        resource = address.kind.plural + (address.subresource.map { "/" + $0 } ?? "")
        namespace = address.namespace ?? ""
        // A request for a namespace itself is one inside it.
        if address.kind == .namespace, let name = address.name { namespace = name }
        name = address.name ?? ""
    }

    /// The words of the API server's refusal after "User … cannot".
    var description: String {
        if !path.isEmpty { return "\(verb) path \"\(path)\"" }
        let scope = namespace.isEmpty ? "at the cluster scope" : "in the namespace \"\(namespace)\""
        return "\(verb) resource \"\(resource)\" in API group \"\(group)\" \(scope)"
    }
}
