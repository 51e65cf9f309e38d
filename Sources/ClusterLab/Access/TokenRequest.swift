import Text

/// Answers `POST …/serviceaccounts/NAME/token`: a token for the account (authentication.k8s.io/v1).
enum TokenRequest {
    static func answer(
        _ request: JSONValue, account: JSONValue, by tokens: ServiceAccountTokens
    ) throws -> JSONValue {
        let now = Timestamp.now.seconds
        let asked = request["spec"]["expirationSeconds"].number ?? ServiceAccountTokens.usualLifetime
        guard ServiceAccountTokens.lifetimes.contains(asked) else {
            throw StatusError.invalid(
                "TokenRequest", "", field: "spec.expirationSeconds",
                "Invalid value: \(asked): may not specify a duration less than 10 minutes")
        }
        var audiences = request["spec"]["audiences"].elements.compactMap(\.text)
        if audiences.isEmpty { audiences = [ServiceAccountTokens.issuer] }
        let claims = ServiceAccountTokens.Claims(
            namespace: account.namespace, account: account.name, uid: account.uid, audiences: audiences,
            expiry: now + asked)
        var spec = request["spec"]
        spec["audiences"] = JSONValue(texts: audiences)
        spec["expirationSeconds"] = .int(asked)
        return [
            "kind": "TokenRequest", "apiVersion": "authentication.k8s.io/v1",
            "metadata": [
                "name": .string(account.name), "namespace": .string(account.namespace),
                "creationTimestamp": .string(Timestamp(seconds: now).text()),
            ], "spec": spec,
            "status": [
                "token": .string(try tokens.issue(claims, now: now)),
                "expirationTimestamp": .string(Timestamp(seconds: claims.expiry).text()),
            ],
        ]
    }
}
