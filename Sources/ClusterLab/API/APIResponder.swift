import HTTPTypes
import Hummingbird
import Logging
import NIOCore
import Text

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
    let tokens: ServiceAccountTokens
    let faultHandler: FaultHandler
    let logger: Logger

    private var authenticator: Authenticator {
        Authenticator(cluster: cluster, behaviour: behaviour, tokens: tokens)
    }

    func respond(to request: Request, context: Context) async throws -> Response {
        let accept = request.headers[.accept]
        do {
            let kinds = cluster.servedKinds
            let target = RequestTarget(path: request.uri.path, kinds: kinds)
            if target != .faults { try refuseByFault() }
            if case .health = target { return Self.text(.ok, "ok") }
            guard let user = await authenticator.user(of: request, context) else { throw StatusError.unauthorized }
            let response = try await answer(target, request, try user.acting(by: request.headers), kinds, context)
            return Compression.applied(to: response, for: request)
        } catch let error as StatusError {
            return Self.refusal(error, accept: accept)
        } catch let error as PlainRefusal {
            return error.response
        }
    }

    private func answer(
        _ target: RequestTarget, _ request: Request, _ user: User, _ kinds: [ResourceKind], _ context: Context
    ) async throws -> Response {
        switch target {
        case .resource(let address):
            return try await ResourceHandler(
                cluster: cluster, behaviour: behaviour, tokens: tokens, address: address, user: user,
                channel: context.channel
            ).answer(request)
        case .review(let group, let plural):
            return try await AccessReviews(cluster: cluster, authenticator: authenticator, user: user)
                .answer(request, group: group, plural: plural)
        case .faults: return try await faultHandler.answer(request, user)
        case .unknown:
            try cluster.authorize(user, Access(verb: request.method.rawValue.lowercased(), path: request.uri.path))
            throw PlainRefusal.notFound
        default: break
        }
        try cluster.authorize(user, Access(verb: request.method.rawValue.lowercased(), path: request.uri.path))
        guard request.method == .get || request.method == .head else {
            if case .openAPI = target { throw PlainRefusal.notFound }
            throw StatusError.methodNotAllowed
        }
        return try document(target, request, kinds)
    }

    /// The documents from which clients learn what is served.
    private func document(_ target: RequestTarget, _ request: Request, _ kinds: [ResourceKind]) throws -> Response {
        let accept = request.headers[.accept]
        switch target {
        case .version: return Self.json(.ok, Discovery.version)
        case .legacyVersions:
            if let answer = AggregatedDiscovery.answer(accept, isLegacy: true, kinds) { return answer }
            return Self.json(.ok, Discovery.legacyVersions(host: request.head.authority ?? ""))
        case .groups:
            if let answer = AggregatedDiscovery.answer(accept, isLegacy: false, kinds) { return answer }
            return Self.json(.ok, Discovery.groups(kinds))
        case .group(let name):
            guard let group = Discovery.group(name, kinds) else { throw PlainRefusal.notFound }
            return Self.json(.ok, .object([.init("kind", "APIGroup"), .init("apiVersion", "v1")] + group.members))
        case .resources(let group, let version):
            guard let list = Discovery.resources(group: group, version: version, kinds) else {
                throw PlainRefusal.notFound
            }
            return Self.json(.ok, list)
        case .openAPI(["v2"]):
            return accept?.contains("proto-openapi") == true
                ? Self.bytes(.ok, OpenAPI.emptyV2Protobuf, type: OpenAPI.v2ProtobufType)
                : Self.json(.ok, OpenAPI.emptyV2)
        case .openAPI(let words):
            guard let document = OpenAPI.document(words, of: kinds) else { throw PlainRefusal.notFound }
            return Self.json(.ok, document)
        default: throw PlainRefusal.notFound
        }
    }

    private func refuseByFault() throws {
        for fault in behaviour.faults {
            if case .tooManyRequests(let retryAfter) = fault {
                var response = Self.text(.tooManyRequests, "Too many requests, please try again later.\n")
                if let retryAfter { response.headers[.retryAfter] = String(retryAfter) }
                throw PlainRefusal(response: response)
            }
            if fault == .serverError {
                throw StatusError(
                    code: 500, reason: "InternalError", message: "Internal error occurred: a fault was asked for")
            }
        }
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
