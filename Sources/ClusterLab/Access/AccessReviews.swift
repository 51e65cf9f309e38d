import HTTPTypes
import Hummingbird
import Text

/// Answers the questions about access and identity: objects that are posted, filled in, and never kept.
struct AccessReviews: Sendable {
    let cluster: Cluster
    let authenticator: Authenticator
    let user: User

    /// The kinds of review by group and plural.
    static let kinds: [(group: String, plural: String, kind: String)] = [
        ("authorization.k8s.io", "selfsubjectaccessreviews", "SelfSubjectAccessReview"),
        ("authorization.k8s.io", "selfsubjectrulesreviews", "SelfSubjectRulesReview"),
        ("authorization.k8s.io", "subjectaccessreviews", "SubjectAccessReview"),
        ("authentication.k8s.io", "selfsubjectreviews", "SelfSubjectReview"),
        ("authentication.k8s.io", "tokenreviews", "TokenReview"),
    ]

    func answer(_ request: Request, group: String, plural: String) async throws -> Response {
        guard request.method == .post else { throw StatusError.methodNotAllowed }
        try cluster.authorize(user, Access(verb: "create", group: group, resource: plural))
        let body = try await RequestLimits.body(of: request)
        let review = try (try? ObjectEncoding.decode(body)) ?? Self.parse(body)
        let kind = Self.kinds.first { $0.group == group && $0.plural == plural }?.kind ?? ""
        guard review.kind.isEmpty || review.kind == kind else {
            throw StatusError.badRequest("kind: found \(review.kind), expected \(kind)")
        }
        guard let form = Representation(accept: request.headers[.accept], hasProtobuf: true) else {
            throw StatusError.notAcceptable
        }
        let answered: JSONValue = [
            "kind": .string(kind), "apiVersion": .string("\(group)/v1"), "metadata": .object([]),
            "spec": review["spec"], "status": status(of: review, kind),
        ]
        return APIResponder.bytes(.created, try form.body(of: answered), type: form.contentType)
    }

    private static func parse(_ body: [UInt8]) throws(StatusError) -> JSONValue {
        do {
            let value = try JSONReader.read(body)
            if value.isObject { return value }
            throw StatusError.badRequest("the body: found \(value.description), expected an object")
        } catch let error as StatusError {
            throw error
        } catch {
            throw .badRequest("the body: \(error)")
        }
    }

    private func status(of review: JSONValue, _ kind: String) -> JSONValue {
        let spec = review["spec"]
        switch kind {
        case "SelfSubjectAccessReview": return allowed(user, spec)
        case "SubjectAccessReview":
            let groups = spec["groups"].elements.compactMap(\.text)
            return allowed(User(name: spec["user"].text ?? "", groups: groups), spec)
        case "SelfSubjectRulesReview": return rules(namespace: spec["namespace"].text ?? "")
        case "SelfSubjectReview": return ["userInfo": Self.info(user)]
        default:
            guard let owner = authenticator.user(token: spec["token"].text ?? "") else {
                return ["authenticated": false, "error": "the token is not valid here"]
            }
            return [
                "authenticated": true, "user": Self.info(owner),
                "audiences": spec["audiences"].isNull
                    ? [.string(ServiceAccountTokens.issuer)] : spec["audiences"],
            ]
        }
    }

    private func allowed(_ user: User, _ spec: JSONValue) -> JSONValue {
        let access: Access
        if spec["nonResourceAttributes"].isObject {
            let asked = spec["nonResourceAttributes"]
            access = Access(verb: asked["verb"].text ?? "", path: asked["path"].text ?? "")
        } else {
            let asked = spec["resourceAttributes"]
            let part = asked["subresource"].text.flatMap { $0.isEmpty ? nil : "/" + $0 } ?? ""
            access = Access(
                verb: asked["verb"].text ?? "", group: asked["group"].text ?? "",
                resource: (asked["resource"].text ?? "") + part, namespace: asked["namespace"].text ?? "",
                name: asked["name"].text ?? "")
        }
        let isAllowed = cluster.read { Authorizer.allows(user, access, in: $0) }
        return ["allowed": .bool(isAllowed)]
    }

    private func rules(namespace: String) -> JSONValue {
        var all = cluster.read { Authorizer.rules(of: user, namespace: namespace, in: $0) }
        if user.mayDoEverything {
            all = [
                ["verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]],
                ["verbs": ["*"], "nonResourceURLs": ["*"]],
            ]
        }
        return [
            "resourceRules": .array(all.filter { $0.has("resources") }),
            "nonResourceRules": .array(all.filter { $0.has("nonResourceURLs") }), "incomplete": false,
        ]
    }

    private static func info(_ user: User) -> JSONValue {
        [
            "username": .string(user.name), "uid": user.uid.isEmpty ? .null : .string(user.uid),
            "groups": JSONValue(texts: user.groups),
        ]
    }
}
