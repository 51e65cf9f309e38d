import Text

/// The checks of the API server that people meet.
enum Validation {
    static func metadata(_ kind: ResourceKind, _ object: JSONValue) throws(StatusError) {
        let name = object.name
        guard !name.isEmpty else {
            throw .invalid(kind.kind, "", field: "metadata.name", "Required value: name or generateName is required")
        }
        guard isPathSegment(name), kind.group.hasPrefix("rbac") || isSubdomain(name) else {
            throw .invalid(
                kind.kind, name, field: "metadata.name",
                "Invalid value: \"\(name)\": a lowercase RFC 1123 subdomain must consist of lower case alphanumeric "
                    + "characters, '-' or '.', and must start and end with an alphanumeric character")
        }
        if kind == .service || kind == .namespace, name.contains(".") || name.utf8.count > 63 {
            throw .invalid(
                kind.kind, name, field: "metadata.name",
                "Invalid value: \"\(name)\": must be a DNS label of at most 63 characters")
        }
        if kind.isNamespaced, object.namespace.isEmpty {
            throw .invalid(kind.kind, name, field: "metadata.namespace", "Required value")
        }
        for member in ["labels", "annotations"] {
            let map = object["metadata"][member]
            guard map.isNull || map.isObject else {
                throw .badRequest("metadata.\(member): found \(map.description), expected an object")
            }
            if let wrong = map.members.first(where: { $0.value.text == nil }) {
                throw .badRequest(
                    "metadata.\(member)[\(wrong.name)]: found \(wrong.value.description), expected text")
            }
        }
        guard let schema = kind.schema else { return }
        do {
            var writer = ProtobufWriter()
            try writer.write(object, as: schema)
        } catch {
            throw .badRequest("\(kind.kind) \"\(name)\" cannot be handled: \(error)")
        }
    }

    static func sameObject(
        _ kind: ResourceKind, old: JSONValue, new: JSONValue, namespace: String, name: String
    ) throws(StatusError) {
        guard new.name.isEmpty || new.name == name else {
            throw .badRequest("the name of the object (\(new.name)) does not match the name on the URL (\(name))")
        }
        guard new.namespace.isEmpty || new.namespace == namespace else {
            throw .badRequest(
                "the namespace of the object (\(new.namespace)) does not match the namespace on the URL (\(namespace))")
        }
        if let uid = new["metadata"]["uid"].text, !uid.isEmpty, uid != old.uid {
            throw .conflict(
                kind, name, "Precondition failed: UID in precondition: \(uid), UID in object meta: \(old.uid)")
        }
    }

    private static func isPathSegment(_ text: String) -> Bool {
        text.utf8.count <= 253 && text != "." && text != ".." && !text.contains("/") && !text.contains("%")
    }

    private static func isSubdomain(_ text: String) -> Bool {
        text.split(separator: ".", omittingEmptySubsequences: false).allSatisfy { label in
            let bytes = Array(label.utf8)
            func isAlphanumeric(_ byte: UInt8) -> Bool {
                (0x30...0x39).contains(byte) || (0x61...0x7A).contains(byte)
            }
            guard let first = bytes.first, let last = bytes.last else { return false }
            return isAlphanumeric(first) && isAlphanumeric(last)
                && bytes.allSatisfy { isAlphanumeric($0) || $0 == UInt8(ascii: "-") }
        }
    }
}
