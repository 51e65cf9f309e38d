import Foundation
import Text

/// Issues and checks the tokens of ServiceAccounts: JSON web tokens (RFC 7519) signed with a key of this lab (ES256).
///
/// They need no list of issued tokens: a token is good until it expires or its account is gone. The key is made anew
/// for every lab.
struct ServiceAccountTokens: Sendable {
    private let key: PrivateKey

    static let issuer = "https://kubernetes.default.svc.cluster.local"
    /// Seconds a token lives at least, at most, and without a wish.
    static let lifetimes: ClosedRange<Int64> = 600...4_294_967_296
    static let usualLifetime: Int64 = 3600

    init() throws { key = try PrivateKey() }

    /// What a valid token says.
    struct Claims: Sendable, Equatable {
        var namespace: String
        var account: String
        var uid: String
        var audiences: [String]
        /// Seconds since 1970.
        var expiry: Int64
    }

    func issue(_ claims: Claims, now: Int64) throws -> String {
        let head: JSONValue = ["alg": "ES256", "typ": "JWT"]
        let body: JSONValue = [
            "aud": JSONValue(texts: claims.audiences), "exp": .int(claims.expiry), "iat": .int(now),
            "iss": .string(Self.issuer), "jti": .string(UUID().uuidString.lowercased()),
            "kubernetes.io": [
                "namespace": .string(claims.namespace),
                "serviceaccount": ["name": .string(claims.account), "uid": .string(claims.uid)],
            ], "nbf": .int(now),
            "sub": .string("\(User.serviceAccountPrefix)\(claims.namespace):\(claims.account)"),
        ]
        let signed = Base64URL.text(of: head.bytes) + "." + Base64URL.text(of: body.bytes)
        return signed + "." + Base64URL.text(of: try key.signature(of: Array(signed.utf8)))
    }

    /// The claims of a token that this lab signed and that is valid now; nil for everything else.
    func claims(of token: some StringProtocol, now: Int64) -> Claims? {
        let parts = token.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count == 3, let signature = Base64URL.octets(of: String(parts[2])),
            key.signed(Array("\(parts[0]).\(parts[1])".utf8), with: signature),
            let bytes = Base64URL.octets(of: String(parts[1])), let body = try? JSONReader.read(bytes),
            let expiry = body["exp"].number, now < expiry
        else { return nil }
        let account = body["kubernetes.io"]["serviceaccount"]
        return Claims(
            namespace: body["kubernetes.io"]["namespace"].text ?? "", account: account["name"].text ?? "",
            uid: account["uid"].text ?? "", audiences: body["aud"].elements.compactMap(\.text), expiry: expiry)
    }
}
