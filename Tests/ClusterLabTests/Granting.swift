import Testing

@testable import ClusterLab

@Suite("What Roles allow") struct Granting {
    private static let roles = """
        apiVersion: rbac.authorization.k8s.io/v1
        kind: ClusterRole
        metadata: {name: dns}
        rules:
        - {apiGroups: [""], resources: [services, "*/status"], verbs: [list, watch]}
        - {apiGroups: [""], resources: [configmaps], resourceNames: [one], verbs: [get]}
        - {nonResourceURLs: ["/metrics/*"], verbs: [get]}
        ---
        apiVersion: rbac.authorization.k8s.io/v1
        kind: ClusterRoleBinding
        metadata: {name: dns}
        roleRef: {kind: ClusterRole, name: dns}
        subjects: [{kind: ServiceAccount, name: dns, namespace: kube-system}]
        ---
        apiVersion: rbac.authorization.k8s.io/v1
        kind: RoleBinding
        metadata: {name: here, namespace: default}
        roleRef: {kind: ClusterRole, name: dns}
        subjects: [{kind: User, name: ann}]
        """

    @Test(
        "a ServiceAccount bound in the whole cluster",
        arguments: [
            (Access(verb: "list", group: "", resource: "services"), true),
            (Access(verb: "watch", group: "", resource: "services", namespace: "a"), true),
            (Access(verb: "get", group: "", resource: "services", namespace: "a", name: "b"), false),
            (Access(verb: "list", group: "apps", resource: "services"), false),
            (Access(verb: "list", group: "", resource: "pods"), false),
            (Access(verb: "list", group: "", resource: "pods/status"), true),
            (Access(verb: "get", group: "", resource: "configmaps", namespace: "a", name: "one"), true),
            (Access(verb: "get", group: "", resource: "configmaps", namespace: "a", name: "two"), false),
            (Access(verb: "get", path: "/metrics/cadvisor"), true), (Access(verb: "get", path: "/metrics"), false),
            (Access(verb: "get", path: "/version"), true), (Access(verb: "put", path: "/lab/fault"), false),
        ])
    func account(_ access: Access, _ isAllowed: Bool) {
        let state = makeCluster(Self.roles)
        let user = User(serviceAccount: "dns", namespace: "kube-system")
        #expect(Authorizer.allows(user, access, in: state) == isAllowed, "\(access.description)")
        let other = User(serviceAccount: "dns", namespace: "default")
        #expect(Authorizer.allows(other, access, in: state) == (access.path == "/version"))
        #expect(Authorizer.allows(.administrator, access, in: state))
    }

    @Test("a user bound in one namespace") func namespaced() {
        let state = makeCluster(Self.roles)
        let ann = User(name: "ann", groups: [])
        func may(_ namespace: String) -> Bool {
            Authorizer.allows(
                ann, Access(verb: "list", group: "", resource: "services", namespace: namespace), in: state)
        }
        #expect(may("default") && !may("kube-system") && !may(""))
    }

    @Test("tokens are good until they expire, and only as they were signed") func tokens() throws {
        let tokens = try ServiceAccountTokens()
        let claims = ServiceAccountTokens.Claims(
            namespace: "kube-system", account: "dns", uid: "u", audiences: ["a"], expiry: 2000)
        let token = try tokens.issue(claims, now: 1000)
        #expect(tokens.claims(of: token, now: 1999) == claims)
        #expect(tokens.claims(of: token, now: 2000) == nil)
        #expect(try ServiceAccountTokens().claims(of: token, now: 1500) == nil)
        #expect(tokens.claims(of: "e30" + token.dropFirst(10), now: 1500) == nil)
        for wrong in ["", ".", "..", "...", "a.b.c", "\u{0}.\u{0}.\u{0}"] {
            #expect(tokens.claims(of: wrong, now: 1500) == nil)
        }
    }
}
