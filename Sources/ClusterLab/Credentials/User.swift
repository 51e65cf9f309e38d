import HTTPTypes
import NIOSSL

/// Who asks, as the API server would say it.
struct User: Sendable, Equatable {
    let name: String
    let groups: [String]
    /// The user's unique identity, where one is known.
    var uid = ""

    var mayDoEverything: Bool { groups.contains(CertificateAuthority.administratorsGroup) }

    static let authenticatedGroup = "system:authenticated"
    static let serviceAccountPrefix = "system:serviceaccount:"

    init(name: String, groups: [String], uid: String = "") {
        self.name = name
        self.groups = groups.contains(Self.authenticatedGroup) ? groups : groups + [Self.authenticatedGroup]
        self.uid = uid
    }

    static let administrator = User(name: "lab-admin", groups: [CertificateAuthority.administratorsGroup])

    init(serviceAccount name: String, namespace: String, uid: String = "") {
        self.init(
            name: "\(Self.serviceAccountPrefix)\(namespace):\(name)",
            groups: ["system:serviceaccounts", "system:serviceaccounts:\(namespace)"], uid: uid)
    }

    /// The ServiceAccount a user name stands for; nil for people.
    static func serviceAccount(named name: String) -> (namespace: String, name: String)? {
        guard name.hasPrefix(serviceAccountPrefix) else { return nil }
        let parts = name.dropFirst(serviceAccountPrefix.count).split(separator: ":", omittingEmptySubsequences: false)
        guard parts.count == 2, !parts[0].isEmpty, !parts[1].isEmpty else { return nil }
        return (String(parts[0]), String(parts[1]))
    }

    /// The user an administrator asks to be (`kubectl --as`); without such a wish the user itself.
    func acting(by headers: HTTPFields) throws(StatusError) -> User {
        guard let name = headers[.impersonateUser] else { return self }
        guard mayDoEverything else {
            throw StatusError(
                code: 403, reason: "Forbidden",
                message: "users \"\(name)\" is forbidden: User \"\(self.name)\" cannot impersonate resource \"users\" "
                    + "in API group \"\" at the cluster scope")
        }
        let groups = headers[values: .impersonateGroup]
        if groups.isEmpty, let account = Self.serviceAccount(named: name) {
            return User(serviceAccount: account.name, namespace: account.namespace)
        }
        return User(name: name, groups: groups)
    }

    /// The user a verified client certificate names: its common name, groups from its organisations.
    init?(certificate: NIOSSLCertificate) {
        guard let octets = try? certificate.toDERBytes(), let parsed = Certificate(octets: octets),
            let name = parsed.commonNames.last
        else { return nil }
        self.init(name: name, groups: parsed.organizations)
    }
}

extension HTTPField.Name {
    fileprivate static let impersonateUser = Self("Impersonate-User") ?? .authorization
    fileprivate static let impersonateGroup = Self("Impersonate-Group") ?? .authorization
}
