import HTTPTypes
import Hummingbird
import Text

/// Answers creates, updates and patches of an object or one of its sub-resources.
struct WriteHandler: Sendable {
    let resource: ResourceHandler
    let form: Representation

    private var kind: ResourceKind { resource.kind }
    private var address: ResourceAddress { resource.address }
    private var namespace: String { resource.namespace }
    private var name: String { resource.name }

    /// A write's object and what is to be said about it.
    private struct Written {
        var object: StoredObject
        var isNew = false
        var unknown: [String] = []
    }

    func answer(_ verb: String, _ request: Request) async throws -> Response {
        let options = try WriteOptions(query: request.uri.query ?? "")
        let body = try await RequestLimits.body(of: request)
        let type = request.headers[.contentType] ?? Representation.jsonType
        let mediaType = String(type.split(separator: ";").first?.trimmed ?? "")
        var manager = FieldManager(
            name: options.fieldManager.isEmpty
                ? FieldManager.name(userAgent: request.headers[.userAgent]) : options.fieldManager,
            subresource: address.subresource ?? "")
        manager.isForced = options.isForced
        if address.subresource == "token" { return try token(decode(body, mediaType)) }
        let written: Written
        switch verb {
        case "create": written = try create(decode(body, mediaType), options, manager)
        case "update":
            let (object, unknown) = try known(decode(body, mediaType), options)
            let updated = try resource.cluster.update { state throws(StatusError) in
                try store(object, options, manager, in: &state)
            }
            written = Written(object: updated, unknown: unknown)
        default:
            written = try resource.cluster.update { state throws(StatusError) in
                try patch(body, mediaType, options, manager, in: &state)
            }
        }
        var response = try resource.respond(written.isNew ? .created : .ok, written.object, form)
        guard options.fieldValidation == .warn else { return response }
        for path in written.unknown {
            response.headers.append(.init(name: .warning, value: "299 - \"unknown field \\\"\(path)\\\"\""))
        }
        return response
    }

    private func token(_ request: JSONValue) throws -> Response {
        let account = try resource.find().value(kind)
        let answer = try TokenRequest.answer(request, account: account, by: resource.tokens)
        return APIResponder.bytes(.created, try form.body(of: answer), type: form.contentType)
    }

    private func create(
        _ given: JSONValue, _ options: WriteOptions, _ manager: FieldManager
    ) throws(StatusError) -> Written {
        var (object, unknown) = try known(given, options)
        if kind.isNamespaced {
            guard let namespace = address.namespace else { throw .methodNotAllowed }
            guard object.namespace.isEmpty || object.namespace == namespace else {
                throw .badRequest(
                    "the namespace of the provided object does not match the namespace sent on the request")
            }
            object.set("metadata", "namespace", .string(namespace))
        }
        if kind.subresources.contains("status"), kind != .pod, kind != .node {
            object["status"] = kind == .service ? ["loadBalancer": .object([])] : .null
        }
        let wanted = object
        let created = try resource.cluster.update { state throws(StatusError) in
            try state.create(kind, wanted, isDryRun: options.isDryRun, by: manager)
        }
        return Written(object: created, isNew: true, unknown: unknown)
    }

    /// Stores a whole object, its status, or its scale.
    private func store(
        _ object: JSONValue, _ options: WriteOptions, _ manager: FieldManager, in state: inout ClusterState
    ) throws(StatusError) -> StoredObject {
        if address.subresource == "scale" {
            guard let current = state.store.find(kind, namespace: namespace, name: name)?.value(kind) else {
                throw .notFound(kind, name)
            }
            return try state.update(
                kind, namespace: namespace, name: name, to: Scale.applied(object, to: current, kind),
                isDryRun: options.isDryRun, by: manager)
        }
        return try state.update(
            kind, namespace: namespace, name: name, to: object,
            part: address.subresource == "status" ? .status : .allButStatus, isDryRun: options.isDryRun, by: manager)
    }

    // MARK: Patches

    private func patch(
        _ body: [UInt8], _ mediaType: String, _ options: WriteOptions, _ manager: FieldManager,
        in state: inout ClusterState
    ) throws(StatusError) -> Written {
        let isApply = mediaType.hasPrefix("application/apply-patch")
        let patch = try parse(body, isYAML: isApply)
        if isApply, address.subresource != "scale" { return try apply(patch, options, manager, in: &state) }
        guard let stored = state.store.find(kind, namespace: namespace, name: name) else {
            throw .notFound(kind, name)
        }
        let isScale = address.subresource == "scale"
        let current = isScale ? Scale.of(stored.value(kind), kind) : stored.typed(kind)
        var result = try patched(current, by: patch, mediaType)
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
        var unknown: [String] = []
        if !isScale {
            (result, unknown) = UnknownFields.removed(from: result, kind)
            if options.fieldValidation == .strict, !unknown.isEmpty {
                let said = String(decoding: body.prefix(4096), as: UTF8.self)
                throw StatusError(
                    code: 422, reason: "Invalid",
                    message: " \"\" is invalid: patch: Invalid value: \"\(said)\": \(Self.strictError(unknown))",
                    details: [
                        "causes": [
                            [
                                "reason": "FieldValueInvalid", "message": .string(Self.strictError(unknown)),
                                "field": "patch",
                            ]
                        ]
                    ])
            }
        }
        return Written(object: try store(result, options, manager, in: &state), unknown: unknown)
    }

    private func patched(
        _ current: JSONValue, by patch: JSONValue, _ mediaType: String
    ) throws(StatusError) -> JSONValue {
        let isScale = address.subresource == "scale"
        switch mediaType {
        case "application/merge-patch+json": return MergePatch.apply(patch, to: current)
        case "application/json-patch+json": return try JSONPatch.apply(patch, to: current)
        case "application/strategic-merge-patch+json" where kind.custom == nil || isScale:
            // Their lists are atomic.
            return ["EndpointSlice", "Endpoints"].contains(kind.kind)
                ? MergePatch.apply(patch, to: current) : StrategicMergePatch.apply(patch, to: current)
        case _ where isScale && mediaType.hasPrefix("application/apply-patch"):
            return MergePatch.apply(patch, to: current)
        default: throw .unsupportedMediaType(mediaType)
        }
    }

    /// Server-side apply: merges into what is there, or creates.
    private func apply(
        _ patch: JSONValue, _ options: WriteOptions, _ manager: FieldManager, in state: inout ClusterState
    ) throws(StatusError) -> Written {
        guard !options.fieldManager.isEmpty else {
            throw .invalid("PatchOptions", "", field: "fieldManager", "Required value: is required for apply patch")
        }
        guard patch.isObject else {
            throw .badRequest("the body: found \(patch.description), expected an object")
        }
        guard patch["metadata"]["managedFields"].elements.isEmpty else {
            throw .badRequest("metadata.managedFields must be nil")
        }
        let (known, unknown) = UnknownFields.removed(from: patch, kind)
        if let path = unknown.first, kind.custom == nil {
            throw StatusError(
                code: 500, reason: "",
                message: "failed to create typed patch object (\(namespace)/\(name); \(kind.apiVersion), "
                    + "Kind=\(kind.kind)): .\(path): field not declared in schema")
        }
        if options.fieldValidation == .strict, !unknown.isEmpty {
            throw .badRequest(
                "error decoding patch: \(Self.strictError(unknown))")
        }
        var object = known
        object.set("metadata", "name", .string(name))
        if kind.isNamespaced { object.set("metadata", "namespace", .string(namespace)) }
        let apply = ServerSideApply(object, kind, by: manager)
        guard let stored = state.store.find(kind, namespace: namespace, name: name) else {
            guard address.subresource == nil else { throw .notFound(kind, name) }
            let outcome = apply.creating()
            let created = try state.create(kind, outcome.object, isDryRun: options.isDryRun, by: outcome.manager)
            return Written(object: created, isNew: true, unknown: unknown)
        }
        let outcome = try apply.updating(stored.typed(kind))
        let updated = try store(outcome.object, options, outcome.manager, in: &state)
        return Written(object: updated, unknown: unknown)
    }

    // MARK: Reading bodies

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
        let expected = ["scale": "Scale", "token": "TokenRequest"][address.subresource ?? ""] ?? kind.kind
        guard object.kind.isEmpty || object.kind == expected else {
            throw .badRequest("kind: found \(object.kind), expected \(expected)")
        }
        return object
    }

    /// The object without the fields its kind does not know; refused when the client wants it strict.
    private func known(
        _ object: JSONValue, _ options: WriteOptions
    ) throws(StatusError) -> (object: JSONValue, unknown: [String]) {
        if address.subresource == "scale" { return (object, []) }
        let (known, unknown) = UnknownFields.removed(from: object, kind)
        if options.fieldValidation == .strict, !unknown.isEmpty {
            throw .badRequest(
                "\(kind.kind) in version \"\(kind.version)\" cannot be handled as a \(kind.kind): "
                    + Self.strictError(unknown))
        }
        return (known, unknown)
    }

    private static func strictError(_ unknown: [String]) -> String {
        "strict decoding error: " + unknown.map { "unknown field \"\($0)\"" }.joined(separator: ", ")
    }
}

extension HTTPField.Name {
    /// Notes for the person at the client (RFC 7234 §5.5).
    fileprivate static let warning = Self("Warning") ?? .contentType
}
