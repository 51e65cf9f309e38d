import HTTPTypes
import Hummingbird
import NIOSSL
import Text

/// Finds out who asks: the administrator's token, a ServiceAccount's token, or a client certificate.
struct Authenticator: Sendable {
    let cluster: Cluster
    let behaviour: ServerBehaviour
    let tokens: ServiceAccountTokens

    /// The user behind a request; nil means 401.
    func user(of request: Request, _ context: LabRequestContext) async -> User? {
        if let authorization = request.headers[.authorization] {
            let words = authorization.split(separator: " ", maxSplits: 1)
            guard words.count == 2, words[0].lowercased() == "bearer" else { return nil }
            return user(token: words[1].trimmed)
        }
        // An HTTP/2 request runs on a channel of its own; TLS belongs to the connection's.
        for channel in [context.channel.parent, context.channel].compactMap({ $0 }) {
            if let certificate = try? await channel.nioSSL_peerCertificate().get() {
                return User(certificate: certificate)
            }
        }
        return nil
    }

    func user(token: some StringProtocol) -> User? {
        if token == behaviour.token { return .administrator }
        guard let claims = tokens.claims(of: token, now: Timestamp.now.seconds) else { return nil }
        // The token of an account that was deleted, and made again, is not the new one's.
        let account = cluster.read {
            $0.store.find(.serviceAccount, namespace: claims.namespace, name: claims.account)?.value(.serviceAccount)
        }
        guard let account, account.uid == claims.uid else { return nil }
        return User(serviceAccount: claims.account, namespace: claims.namespace, uid: claims.uid)
    }
}

extension Cluster {
    /// Refuses with 403, and the words of the API server, what the user may not do.
    func authorize(_ user: User, _ access: Access) throws(StatusError) {
        if user.mayDoEverything { return }
        guard read({ Authorizer.allows(user, access, in: $0) }) else { throw .forbidden(user, access) }
    }
}
