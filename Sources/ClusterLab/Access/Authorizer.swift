import Text

/// Decides by the Roles and ClusterRoles that are bound to a user (rbac.authorization.k8s.io/v1).
enum Authorizer {
    /// What every authenticated user may read, as `system:discovery` and `system:public-info-viewer` grant it.
    private static let publicPaths = [
        "/api", "/api/*", "/apis", "/apis/*", "/healthz", "/livez", "/readyz", "/openapi", "/openapi/*", "/version",
        "/version/",
    ]
    /// What every authenticated user may ask about itself, as `system:basic-user` grants it.
    private static let reviews = ["selfsubjectaccessreviews", "selfsubjectrulesreviews", "selfsubjectreviews"]

    static func allows(_ user: User, _ access: Access, in state: borrowing ClusterState) -> Bool {
        if user.mayDoEverything { return true }
        if !access.path.isEmpty, access.verb == "get", publicPaths.contains(where: { matches($0, access.path) }) {
            return true
        }
        if access.verb == "create", reviews.contains(access.resource) { return true }
        return rules(of: user, namespace: access.namespace, in: state).contains { allows($0, access) }
    }

    /// The rules bound to a user: those for the whole cluster and, given a namespace, those of it.
    static func rules(of user: User, namespace: String, in state: borrowing ClusterState) -> [JSONValue] {
        var found: [JSONValue] = []
        for stored in state.store.list(.clusterRoleBinding) {
            let binding = stored.value(.clusterRoleBinding)
            if names(user, binding, namespace: "") {
                found += rules(of: binding["roleRef"], namespace: "", in: state)
            }
        }
        guard !namespace.isEmpty else { return found }
        for stored in state.store.list(.roleBinding, namespace: namespace) {
            let binding = stored.value(.roleBinding)
            if names(user, binding, namespace: namespace) {
                found += rules(of: binding["roleRef"], namespace: namespace, in: state)
            }
        }
        return found
    }

    private static func names(_ user: User, _ binding: JSONValue, namespace: String) -> Bool {
        binding["subjects"].elements.contains { subject in
            let name = subject["name"].text ?? ""
            switch subject["kind"].text {
            case "User": return name == user.name
            case "Group": return user.groups.contains(name)
            case "ServiceAccount":
                // Without a namespace, the account is one of the binding's.
                let home = subject["namespace"].text ?? namespace
                return user.name == "\(User.serviceAccountPrefix)\(home):\(name)"
            default: return false
            }
        }
    }

    private static func rules(
        of reference: JSONValue, namespace: String, in state: borrowing ClusterState
    ) -> [JSONValue] {
        let name = reference["name"].text ?? ""
        guard reference["kind"].text == "ClusterRole" else {
            guard !namespace.isEmpty else { return [] }
            return state.store.find(.role, namespace: namespace, name: name)?.value(.role)["rules"].elements ?? []
        }
        guard let role = state.store.find(.clusterRole, namespace: "", name: name)?.value(.clusterRole) else {
            return []
        }
        let selectors = role["aggregationRule"]["clusterRoleSelectors"].elements
        if selectors.isEmpty { return role["rules"].elements }
        return state.store.list(.clusterRole).flatMap { other -> [JSONValue] in
            let value = other.value(.clusterRole)
            let labels = value.labels
            let isPart = selectors.contains { selector in
                let wanted = selector["matchLabels"].textMembers
                return !wanted.isEmpty && wanted.allSatisfy { labels[$0.key] == $0.value }
            }
            return isPart ? value["rules"].elements : []
        }
    }

    private static func allows(_ rule: JSONValue, _ access: Access) -> Bool {
        func lists(_ member: String, _ wanted: String) -> Bool {
            rule[member].elements.contains { $0.text == wanted || $0.text == "*" }
        }
        guard lists("verbs", access.verb) else { return false }
        if !access.path.isEmpty {
            return rule["nonResourceURLs"].elements.contains { matches($0.text ?? "", access.path) }
        }
        guard lists("apiGroups", access.group) else { return false }
        var resources = [access.resource]
        if let slash = access.resource.firstIndex(of: "/") { resources.append("*" + access.resource[slash...]) }
        guard resources.contains(where: { lists("resources", $0) }) else { return false }
        let names = rule["resourceNames"].elements
        return names.isEmpty || !access.name.isEmpty && names.contains { $0.text == access.name }
    }

    /// A path, or a prefix that ends in `*`.
    private static func matches(_ pattern: String, _ path: String) -> Bool {
        pattern.hasSuffix("*") ? path.hasPrefix(pattern.dropLast()) : pattern == path
    }
}
