import HTTPTypes
import Hummingbird
import NIOCore

/// Answers one request for a collection, an object or a sub-resource.
struct ResourceHandler: Sendable {
    let cluster: Cluster
    let behaviour: ServerBehaviour
    let tokens: ServiceAccountTokens
    let address: ResourceAddress
    let user: User
    let channel: any Channel

    var kind: ResourceKind { address.kind }
    var namespace: String { address.namespace ?? "" }
    var name: String { address.name ?? "" }

    func answer(_ request: Request) async throws -> Response {
        var options = try ListOptions(query: request.uri.query ?? "", kind: kind)
        // A watch of one object by its path is a watch narrowed to its name.
        let verb = try verb(request, options)
        let access = Access(verb: verb, address)
        guard !behaviour.forbids(kind.plural) else { throw StatusError.forbidden(user, access) }
        try cluster.authorize(user, access)
        let hasProtobuf = ["scale", "token"].contains(address.subresource) || kind.schema != nil
        guard let form = Representation(accept: request.headers[.accept], hasProtobuf: hasProtobuf) else {
            throw StatusError.notAcceptable
        }
        switch verb {
        case "watch":
            if let name = address.name { options.fields = try FieldSelector("metadata.name=\(name)", kind: kind) }
            return try WatchHandler(resource: self, options: options, form: form).answer()
        case "list":
            return try await ListHandler(
                resource: self, options: options, form: form, acceptsGzip: Compression.isAccepted(by: request)
            ).answer()
        case "get": return try respond(.ok, find(), form)
        case "delete", "deletecollection":
            return try await DeleteHandler(resource: self, options: options, form: form).answer(request)
        default: return try await WriteHandler(resource: self, form: form).answer(verb, request)
        }
    }

    private func verb(_ request: Request, _ options: ListOptions) throws(StatusError) -> String {
        let hasName = address.name != nil
        if address.subresource == "token" {
            guard request.method == .post else { throw .methodNotAllowed }
            return "create"
        }
        switch request.method {
        case .get, .head: return options.isWatch ? "watch" : hasName ? "get" : "list"
        case .post where !hasName: return "create"
        case .put where hasName: return "update"
        case .patch where hasName: return "patch"
        case .delete where address.subresource == nil: return hasName ? "delete" : "deletecollection"
        default: throw .methodNotAllowed
        }
    }

    func find() throws(StatusError) -> StoredObject {
        guard let object = cluster.read({ $0.store.find(kind, namespace: namespace, name: name) }) else {
            throw .notFound(kind, name)
        }
        return object
    }

    /// One object, or its scale, in the form the client wants.
    func respond(
        _ status: HTTPResponse.Status, _ object: StoredObject, _ form: Representation
    ) throws -> Response {
        if address.subresource == "scale" {
            let scale = Scale.of(object.value(kind), kind)
            return APIResponder.bytes(status, try form.body(of: scale), type: form.contentType)
        }
        let body: [UInt8]
        if form.encoding == .protobuf, form.shape == .whole {
            body = ObjectEncoding.envelope(try object.protobuf(kind), apiVersion: kind.apiVersion, kind: kind.kind)
        } else {
            body = try form.body(of: form.shaped(object, kind))
        }
        return APIResponder.bytes(status, body, type: form.contentType)
    }
}
