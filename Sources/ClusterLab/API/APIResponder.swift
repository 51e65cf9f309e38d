import HTTPTypes
import Hummingbird
import Logging
import NIOCore
import NIOSSL

/// A request's channel, from which a client certificate can be read.
struct LabRequestContext: RequestContext {
    var coreContext: CoreRequestContextStorage
    let channel: any Channel

    init(source: ApplicationRequestContextSource) {
        coreContext = CoreRequestContextStorage(source: source)
        channel = source.channel
    }
}

/// Answers every request: who asks, what is asked, and the handler of it.
struct APIResponder: HTTPResponder {
    typealias Context = LabRequestContext

    let cluster: Cluster
    let behaviour: ServerBehaviour
    let logger: Logger

    func respond(to request: Request, context: Context) async throws -> Response {
        let path = request.uri.path
        let target = RequestTarget(path: path)
        let accept = request.headers[.accept]
        do {
            try await refuseByFault(target)
            if case .health = target { return Self.text(.ok, "ok") }
            guard let user = await user(of: request, context) else { throw StatusError.unauthorized }
            return try await answer(target, request, try user.acting(by: request.headers), context)
        } catch let error as StatusError {
            return Self.refusal(error, accept: accept)
        } catch let error as PlainRefusal {
            return error.response
        }
    }

    private func answer(
        _ target: RequestTarget, _ request: Request, _ user: User, _ context: Context
    ) async throws -> Response {
        let isRead = request.method == .get || request.method == .head
        let kinds = cluster.servedKinds
        switch target {
        case .resource(let address):
            guard kinds.contains(address.kind) else { throw PlainRefusal.notFound }
            return try await ResourceHandler(
                cluster: cluster, behaviour: behaviour, address: address, user: user, channel: context.channel
            ).answer(request)
        case .openAPI(["v2"]) where isRead:
            return request.headers[.accept]?.contains("proto-openapi") == true
                ? Self.bytes(.ok, OpenAPI.emptyV2Protobuf, type: OpenAPI.v2ProtobufType)
                : Self.json(.ok, OpenAPI.emptyV2)
        case .openAPI(let words):
            guard isRead, let document = OpenAPI.document(words, of: kinds) else { throw PlainRefusal.notFound }
            return Self.json(.ok, document)
        case .unknown: throw PlainRefusal.notFound
        case .accessReview where request.method == .post:
            return Self.json(
                .created,
                [
                    "kind": "SelfSubjectAccessReview", "apiVersion": "authorization.k8s.io/v1", "metadata": .object([]),
                    "spec": .object([]), "status": ["allowed": .bool(user.mayDoEverything)],
                ])
        case _ where !isRead: throw StatusError.methodNotAllowed
        case .version: return Self.json(.ok, Discovery.version)
        case .legacyVersions: return Self.json(.ok, Discovery.legacyVersions(host: request.head.authority ?? ""))
        case .groups: return Self.json(.ok, Discovery.groups(kinds))
        case .group(let name):
            guard let group = Discovery.group(name, kinds) else { throw PlainRefusal.notFound }
            return Self.json(.ok, .object([.init("kind", "APIGroup"), .init("apiVersion", "v1")] + group.members))
        case .resources(let group, let version):
            guard let list = Discovery.resources(group: group, version: version, kinds) else {
                throw PlainRefusal.notFound
            }
            return Self.json(.ok, list)
        case .health: return Self.text(.ok, "ok")
        case .accessReview: throw StatusError.methodNotAllowed
        }
    }

    private func refuseByFault(_ target: RequestTarget) async throws {
        switch behaviour.fault {
        case .tooManyRequests(let retryAfter):
            var response = Self.text(.tooManyRequests, "Too many requests, please try again later.\n")
            if let retryAfter { response.headers[.retryAfter] = String(retryAfter) }
            throw PlainRefusal(response: response)
        case .serverError:
            throw StatusError(
                code: 500, reason: "InternalError", message: "Internal error occurred: a fault was asked for")
        case .forbidden:
            guard case .resource(let address) = target else { return }
            throw StatusError.forbidden(user: "lab-admin", verb: "list", address.kind, namespace: address.namespace)
        default: break
        }
    }

    /// The user behind a bearer token or a client certificate; nil means 401.
    private func user(of request: Request, _ context: Context) async -> User? {
        if let authorization = request.headers[.authorization] {
            let words = authorization.split(separator: " ", maxSplits: 1)
            guard words.count == 2, words[0].lowercased() == "bearer", words[1].trimmed == behaviour.token else {
                return nil
            }
            return User(name: "lab-admin", groups: [CertificateAuthority.administratorsGroup])
        }
        // An HTTP/2 request runs on a channel of its own; TLS belongs to the connection's.
        for channel in [context.channel.parent, context.channel].compactMap({ $0 }) {
            if let certificate = try? await channel.nioSSL_peerCertificate().get() {
                return User(certificate: certificate)
            }
        }
        return nil
    }

    // MARK: Answers

    static func json(_ status: HTTPResponse.Status, _ value: JSONValue) -> Response {
        bytes(status, value.bytes + [0x0A], type: Representation.jsonType)
    }

    static func text(_ status: HTTPResponse.Status, _ text: String) -> Response {
        bytes(status, Array(text.utf8), type: "text/plain; charset=utf-8")
    }

    static func bytes(_ status: HTTPResponse.Status, _ bytes: [UInt8], type: String) -> Response {
        Response(
            status: status, headers: [.contentType: type], body: ResponseBody(byteBuffer: ByteBuffer(bytes: bytes)))
    }

    static func refusal(_ error: StatusError, accept: String?) -> Response {
        let form = Representation(accept: accept, hasProtobuf: true) ?? Representation()
        var plain = form
        plain.shape = .whole
        let body = (try? plain.body(of: error.object)) ?? error.object.bytes
        var response = bytes(.init(code: error.code), body, type: plain.contentType)
        if let seconds = error.retryAfter { response.headers[.retryAfter] = String(seconds) }
        return response
    }
}

/// A refusal whose body is not a Status object.
struct PlainRefusal: Error {
    let response: Response

    static var notFound: PlainRefusal {
        PlainRefusal(response: APIResponder.text(.notFound, "404 page not found\n"))
    }
}
