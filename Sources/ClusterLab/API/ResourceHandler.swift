import HTTPTypes
import Hummingbird
import NIOCore

/// Answers one request for a collection, an object or a sub-resource.
struct ResourceHandler: Sendable {
    let cluster: Cluster
    let behaviour: ServerBehaviour
    let address: ResourceAddress
    let user: User
    let channel: any Channel

    var kind: ResourceKind { address.kind }
    private var namespace: String { address.namespace ?? "" }

    func answer(_ request: Request) async throws -> Response {
        var options = try ListOptions(query: request.uri.query ?? "", kind: kind)
        // A watch of one object by its path is a watch narrowed to its name.
        let verb = try verb(request, options)
        guard user.mayDoEverything else {
            throw StatusError.forbidden(user: user.name, verb: verb, kind, namespace: address.namespace)
        }
        let isScale = address.subresource == "scale"
        guard
            let form = Representation(
                accept: request.headers[.accept], hasProtobuf: isScale || kind.schema != nil)
        else { throw StatusError.notAcceptable }
        switch verb {
        case "watch":
            if let name = address.name { options.fields = try FieldSelector("metadata.name=\(name)", kind: kind) }
            return try WatchHandler(resource: self, options: options, form: form).answer()
        case "list": return try await ListHandler(resource: self, options: options, form: form).answer()
        case "get": return try respond(.ok, get(), form)
        case "delete": return try await delete(request, options)
        case "deletecollection": return try deleteCollection(options)
        default:
            let body = try await Self.body(of: request)
            let type = request.headers[.contentType] ?? Representation.jsonType
            return try write(verb, body, type: type, options, form)
        }
    }

    private func verb(_ request: Request, _ options: ListOptions) throws(StatusError) -> String {
        let hasName = address.name != nil
        switch request.method {
        case .get, .head: return options.isWatch ? "watch" : hasName ? "get" : "list"
        case .post where !hasName: return "create"
        case .put where hasName: return "update"
        case .patch where hasName: return "patch"
        case .delete where address.subresource == nil: return hasName ? "delete" : "deletecollection"
        default: throw .methodNotAllowed
        }
    }

    /// The whole body; more than the limit is refused before it is read.
    private static func body(of request: Request) async throws -> [UInt8] {
        if let length = request.headers[.contentLength].flatMap({ Int($0) }), length > RequestLimits.bodyBytes {
            throw StatusError.tooLarge
        }
        var bytes: [UInt8] = []
        for try await chunk in request.body {
            guard bytes.count + chunk.readableBytes <= RequestLimits.bodyBytes else { throw StatusError.tooLarge }
            bytes.append(contentsOf: chunk.readableBytesView)
        }
        return bytes
    }

    // MARK: Reading

    private func find() throws(StatusError) -> StoredObject {
        let name = address.name ?? ""
        guard let object = cluster.read({ $0.store.find(kind, namespace: namespace, name: name) }) else {
            throw .notFound(kind, name)
        }
        return object
    }

    private func get() throws(StatusError) -> StoredObject { try find() }

    private func respond(
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

    // MARK: Writing

    private func write(
        _ verb: String, _ body: [UInt8], type: String, _ options: ListOptions, _ form: Representation
    ) throws -> Response {
        let mediaType = String(type.split(separator: ";").first?.trimmed ?? "")
        switch verb {
        case "create":
            var object = try decode(body, mediaType)
            if kind.isNamespaced {
                guard let namespace = address.namespace else { throw StatusError.methodNotAllowed }
                guard object.namespace.isEmpty || object.namespace == namespace else {
                    throw StatusError.badRequest(
                        "the namespace of the provided object does not match the namespace sent on the request")
                }
                object.set("metadata", "namespace", .string(namespace))
            }
            if kind.subresources.contains("status"), kind != .pod, kind != .node {
                object["status"] = kind == .service ? ["loadBalancer": .object([])] : .null
            }
            let created = try cluster.update { state throws(StatusError) in
                try state.create(kind, object, isDryRun: options.isDryRun)
            }
            return try respond(.created, created, form)
        case "update":
            let object = try decode(body, mediaType)
            let updated = try cluster.update { state throws(StatusError) in
                try store(object, options, in: &state)
            }
            return try respond(.ok, updated, form)
        default:
            let (object, isNew) = try cluster.update { state throws(StatusError) in
                try patch(body, mediaType, options, in: &state)
            }
            return try respond(isNew ? .created : .ok, object, form)
        }
    }

    /// Stores a whole object, its status, or its scale.
    private func store(
        _ object: JSONValue, _ options: ListOptions, in state: inout ClusterState
    ) throws(StatusError) -> StoredObject {
        let name = address.name ?? ""
        if address.subresource == "scale" {
            guard let current = state.store.find(kind, namespace: namespace, name: name)?.value(kind) else {
                throw .notFound(kind, name)
            }
            return try state.update(
                kind, namespace: namespace, name: name, to: Scale.applied(object, to: current),
                isDryRun: options.isDryRun)
        }
        return try state.update(
            kind, namespace: namespace, name: name, to: object,
            part: address.subresource == "status" ? .status : .allButStatus, isDryRun: options.isDryRun)
    }

    private func patch(
        _ body: [UInt8], _ mediaType: String, _ options: ListOptions, in state: inout ClusterState
    ) throws(StatusError) -> (StoredObject, isNew: Bool) {
        let name = address.name ?? ""
        let isApply = mediaType.hasPrefix("application/apply-patch")
        let patch = try parse(body, isYAML: isApply)
        guard let stored = state.store.find(kind, namespace: namespace, name: name) else {
            guard isApply, address.subresource == nil else { throw .notFound(kind, name) }
            var object = patch
            object.set("metadata", "name", .string(name))
            if kind.isNamespaced { object.set("metadata", "namespace", .string(namespace)) }
            return (try state.create(kind, object, isDryRun: options.isDryRun), true)
        }
        let isScale = address.subresource == "scale"
        let current = isScale ? Scale.of(stored.value(kind), kind) : stored.typed(kind)
        let hasAtomicLists = ["EndpointSlice", "Endpoints"].contains(kind.kind)
        var result: JSONValue
        switch mediaType {
        case "application/merge-patch+json": result = MergePatch.apply(patch, to: current)
        case "application/json-patch+json": result = try JSONPatch.apply(patch, to: current)
        case _ where isApply, "application/strategic-merge-patch+json":
            result =
                hasAtomicLists ? MergePatch.apply(patch, to: current) : StrategicMergePatch.apply(patch, to: current)
        default: throw .unsupportedMediaType(mediaType)
        }
        guard result.isObject else {
            throw .badRequest("the patched object: found \(result.description), expected an object")
        }
        guard result["metadata"].isObject else {
            throw .badRequest("metadata: found \(result["metadata"].description), expected an object")
        }
        // A version the patch does not name is not a precondition.
        let named = result["metadata"]["resourceVersion"]
        if patch["metadata"]["resourceVersion"].isNull, named == current["metadata"]["resourceVersion"] {
            result.set("metadata", "resourceVersion", .null)
        }
        return (try store(result, options, in: &state), false)
    }

    private func parse(_ body: [UInt8], isYAML: Bool) throws(StatusError) -> JSONValue {
        do {
            return try JSONReader.read(body)
        } catch {
            if isYAML, let value = ManifestReader.object(inYAML: String(decoding: body, as: UTF8.self)) { return value }
            throw .badRequest("the body: \(error)")
        }
    }

    /// The object in a request's body, which must be of the URL's kind.
    private func decode(_ body: [UInt8], _ mediaType: String) throws(StatusError) -> JSONValue {
        let object: JSONValue
        switch mediaType {
        case Representation.protobufType:
            do {
                object = try ObjectEncoding.decode(body)
            } catch {
                throw .badRequest("the body: found no object, expected protobuf of a known kind (\(error))")
            }
        case "application/json", "", "*/*": object = try parse(body, isYAML: false)
        case "application/yaml": object = try parse(body, isYAML: true)
        default: throw .unsupportedMediaType(mediaType)
        }
        guard object.isObject else { throw .badRequest("the body: found \(object.description), expected an object") }
        let expected = address.subresource == "scale" ? "Scale" : kind.kind
        guard object.kind.isEmpty || object.kind == expected else {
            throw .badRequest("kind: found \(object.kind), expected \(expected)")
        }
        return object
    }

    // MARK: Deleting

    private func delete(_ request: Request, _ options: ListOptions) async throws -> Response {
        let body = try await Self.body(of: request)
        let deleteOptions = (try? JSONReader.read(body)) ?? (try? ObjectEncoding.decode(body)) ?? .object([])
        let name = address.name ?? ""
        let isDryRun = options.isDryRun || deleteOptions["dryRun"].elements.contains("All")
        let deleted = try cluster.update { state throws(StatusError) -> JSONValue in
            guard let current = state.store.find(kind, namespace: namespace, name: name) else {
                throw .notFound(kind, name)
            }
            let wanted = deleteOptions["preconditions"]
            let object = current.value(kind)
            if let uid = wanted["uid"].text, uid != object.uid {
                throw .conflict(
                    kind, name, "the UID in the precondition (\(uid)) does not match the UID in record (\(object.uid))")
            }
            if let version = wanted["resourceVersion"].text, version != String(current.version) {
                throw .conflict(kind, name, "the ResourceVersion in the precondition does not match")
            }
            if !isDryRun { try state.delete(kind, namespace: namespace, name: name) }
            return object
        }
        return APIResponder.json(
            .ok,
            [
                "kind": "Status", "apiVersion": "v1", "metadata": .object([]), "status": "Success",
                "details": [
                    "name": .string(name), "group": kind.group.isEmpty ? .null : .string(kind.group),
                    "kind": .string(kind.plural), "uid": .string(deleted.uid),
                ],
            ])
    }

    private func deleteCollection(_ options: ListOptions) throws -> Response {
        cluster.update { state in
            for object in state.store.list(kind, namespace: address.namespace) {
                let value = object.value(kind)
                guard options.labels.matches(value.labels), options.fields.matches(value) else { continue }
                if !options.isDryRun { _ = try? state.delete(kind, namespace: object.namespace, name: object.name) }
            }
        }
        return APIResponder.json(
            .ok, ["kind": "Status", "apiVersion": "v1", "metadata": .object([]), "status": "Success"])
    }
}

/// The `scale` sub-resource (autoscaling/v1).
enum Scale {
    static func of(_ workload: JSONValue, _ kind: ResourceKind) -> JSONValue {
        let selector = workload["spec"]["selector"]["matchLabels"].textMembers.sorted { $0.key < $1.key }
        let metadata = ["name", "namespace", "uid", "resourceVersion", "creationTimestamp"].map {
            JSONValue.Member($0, workload["metadata"][$0])
        }
        return [
            "kind": "Scale", "apiVersion": "autoscaling/v1", "metadata": .object(metadata),
            "spec": ["replicas": .int(workload["spec"]["replicas"].number ?? 1)],
            "status": [
                "replicas": .int(workload["status"]["replicas"].number ?? 0),
                "selector": .string(selector.map { "\($0.key)=\($0.value)" }.joined(separator: ",")),
            ],
        ]
    }

    /// The workload with the scale's number of replicas; an absent number is zero, as in Go.
    static func applied(_ scale: JSONValue, to workload: JSONValue) -> JSONValue {
        var changed = workload
        changed.set("spec", "replicas", .int(scale["spec"]["replicas"].number ?? 0))
        changed.set("metadata", "resourceVersion", scale["metadata"]["resourceVersion"])
        return changed
    }
}
