package import Text

/// A refusal as the API puts it: an HTTP status and a `Status` object.
package struct StatusError: Error, Sendable {
    package var code: Int
    package var reason: String
    package var message: String
    package var details: JSONValue = .null
    /// Seconds for the Retry-After header.
    package var retryAfter: Int?

    package var object: JSONValue {
        [
            "kind": "Status", "apiVersion": "v1", "metadata": .object([]), "status": "Failure",
            "message": .string(message), "reason": .string(reason), "details": details, "code": .int(Int64(code)),
        ]
    }

    static func badRequest(_ message: String) -> StatusError {
        StatusError(code: 400, reason: "BadRequest", message: message)
    }

    static let unauthorized = StatusError(code: 401, reason: "Unauthorized", message: "Unauthorized")

    static func forbidden(_ user: User, _ access: Access) -> StatusError {
        guard access.path.isEmpty else {
            return StatusError(
                code: 403, reason: "Forbidden",
                message: "forbidden: User \"\(user.name)\" cannot \(access.description)", details: .object([]))
        }
        let plural = access.resource.split(separator: "/").first.map(String.init) ?? ""
        let name = access.name.isEmpty ? "" : " \"\(access.name)\""
        let qualified = access.group.isEmpty ? plural : "\(plural).\(access.group)"
        return StatusError(
            code: 403, reason: "Forbidden",
            message: "\(qualified)\(name) is forbidden: User \"\(user.name)\" cannot \(access.description)",
            details: [
                "name": access.name.isEmpty ? .null : .string(access.name),
                "group": access.group.isEmpty ? .null : .string(access.group), "kind": .string(plural),
            ])
    }

    private static func details(_ kind: ResourceKind, _ name: String) -> JSONValue {
        [
            "name": .string(name), "group": kind.group.isEmpty ? .null : .string(kind.group),
            "kind": .string(kind.plural),
        ]
    }

    static func notFound(_ kind: ResourceKind, _ name: String) -> StatusError {
        StatusError(
            code: 404, reason: "NotFound", message: "\(kind.qualifiedPlural) \"\(name)\" not found",
            details: details(kind, name))
    }

    static let noSuchPath = StatusError(
        code: 404, reason: "NotFound", message: "the server could not find the requested resource",
        details: .object([]))

    static let methodNotAllowed = StatusError(
        code: 405, reason: "MethodNotAllowed",
        message: "the server does not allow this method on the requested resource")

    static let notAcceptable = StatusError(
        code: 406, reason: "NotAcceptable",
        message: "only the following media types are accepted: application/json, application/vnd.kubernetes.protobuf")

    static func alreadyExists(_ kind: ResourceKind, _ name: String) -> StatusError {
        StatusError(
            code: 409, reason: "AlreadyExists", message: "\(kind.qualifiedPlural) \"\(name)\" already exists",
            details: details(kind, name))
    }

    static func conflict(_ kind: ResourceKind, _ name: String, _ why: String) -> StatusError {
        StatusError(
            code: 409, reason: "Conflict",
            message: "Operation cannot be fulfilled on \(kind.qualifiedPlural) \"\(name)\": \(why)",
            details: details(kind, name))
    }

    static func namespaceTerminating(_ kind: ResourceKind, _ name: String, _ namespace: String) -> StatusError {
        let why = "unable to create new content in namespace \(namespace) because it is being terminated"
        var details = details(kind, name)
        details["causes"] = [
            [
                "reason": "NamespaceTerminating", "message": .string("namespace \(namespace) is being terminated"),
                "field": "metadata.namespace",
            ]
        ]
        return StatusError(
            code: 403, reason: "Forbidden", message: "\(kind.qualifiedPlural) \"\(name)\" is forbidden: \(why)",
            details: details)
    }

    static let staleVersion =
        "the object has been modified; please apply your changes to the latest version and try again"

    static func expired(_ message: String) -> StatusError {
        StatusError(code: 410, reason: "Expired", message: message)
    }

    static let tooLarge = StatusError(
        code: 413, reason: "RequestEntityTooLarge",
        message: "Request entity too large: limit is \(RequestLimits.bodyBytes)")

    static func unsupportedMediaType(_ type: String) -> StatusError {
        StatusError(
            code: 415, reason: "UnsupportedMediaType",
            message: "the body of the request was in an unknown format - found \"\(type)\"")
    }

    static func invalid(_ kind: String, _ name: String, field: String, _ message: String) -> StatusError {
        StatusError(
            code: 422, reason: "Invalid", message: "\(kind) \"\(name)\" is invalid: \(field): \(message)",
            details: [
                "name": name.isEmpty ? .null : .string(name), "kind": .string(kind),
                "causes": [["reason": "FieldValueInvalid", "message": .string(message), "field": .string(field)]],
            ])
    }

    static func versionTooLarge(_ asked: UInt64, current: UInt64) -> StatusError {
        StatusError(
            code: 504, reason: "Timeout", message: "Timeout: Too large resource version: \(asked), current: \(current)",
            details: [
                "causes": [["reason": "ResourceVersionTooLarge", "message": "Too large resource version"]],
                "retryAfterSeconds": 1,
            ], retryAfter: 1)
    }
}
