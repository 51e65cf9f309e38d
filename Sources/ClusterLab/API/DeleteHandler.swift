import HTTPTypes
import Hummingbird
import Text

/// Answers the deletion of an object or a collection.
struct DeleteHandler: Sendable {
    let resource: ResourceHandler
    let options: ListOptions
    let form: Representation

    private var kind: ResourceKind { resource.kind }
    /// Kinds whose deletion is answered with the object, not with a Status.
    private static let returnedKinds: Set<String> = ["Pod", "Service", "ServiceAccount"]

    func answer(_ request: Request) async throws -> Response {
        let writes = try WriteOptions(query: request.uri.query ?? "")
        let body = try await RequestLimits.body(of: request)
        let given = (try? JSONReader.read(body)) ?? (try? ObjectEncoding.decode(body)) ?? .object([])
        if let seconds = given["gracePeriodSeconds"].number, seconds < 0 {
            throw StatusError.invalid(
                "DeleteOptions", "", field: "gracePeriodSeconds",
                "Invalid value: \(seconds): must be greater than or equal to 0")
        }
        let wish = Deletion(
            gracePeriod: given["gracePeriodSeconds"].number ?? writes.gracePeriod,
            orphansOwned: given["propagationPolicy"].text == "Orphan" || given["orphanDependents"].flag == true
                || writes.orphansOwned)
        let isDryRun = writes.isDryRun || given["dryRun"].elements.contains("All")
        guard resource.address.name != nil else { return deleteCollection(wish, isDryRun: isDryRun) }
        let deleted = try delete(wish, preconditions: given["preconditions"], isDryRun: isDryRun)
        if !deleted.isGone || kind.custom == nil && Self.returnedKinds.contains(kind.kind) {
            return try resource.respond(.ok, deleted.object, form)
        }
        return APIResponder.json(
            .ok,
            [
                "kind": "Status", "apiVersion": "v1", "metadata": .object([]), "status": "Success",
                "details": [
                    "name": .string(resource.name), "group": kind.group.isEmpty ? .null : .string(kind.group),
                    "kind": .string(kind.plural), "uid": .string(deleted.object.value(kind).uid),
                ],
            ])
    }

    private func delete(
        _ wish: Deletion, preconditions: JSONValue, isDryRun: Bool
    ) throws(StatusError) -> (object: StoredObject, isGone: Bool) {
        let (namespace, name) = (resource.namespace, resource.name)
        return try resource.cluster.update { state throws(StatusError) -> (object: StoredObject, isGone: Bool) in
            guard let current = state.store.find(kind, namespace: namespace, name: name) else {
                throw .notFound(kind, name)
            }
            let uid = current.value(kind).uid
            if let wanted = preconditions["uid"].text, wanted != uid {
                throw .conflict(
                    kind, name, "the UID in the precondition (\(wanted)) does not match the UID in record (\(uid))")
            }
            if let version = preconditions["resourceVersion"].text, version != String(current.version) {
                throw .conflict(kind, name, "the ResourceVersion in the precondition does not match")
            }
            if isDryRun { return (current, true) }
            let last = try state.delete(kind, namespace: namespace, name: name, wish)
            return (last, state.store.find(kind, namespace: namespace, name: name) == nil)
        }
    }

    private func deleteCollection(_ wish: Deletion, isDryRun: Bool) -> Response {
        resource.cluster.update { state in
            for object in state.store.list(kind, namespace: resource.address.namespace) {
                let value = object.value(kind)
                guard options.labels.matches(value.labels), options.fields.matches(value) else { continue }
                if !isDryRun { _ = try? state.delete(kind, namespace: object.namespace, name: object.name, wish) }
            }
        }
        return APIResponder.json(
            .ok, ["kind": "Status", "apiVersion": "v1", "metadata": .object([]), "status": "Success"])
    }
}
