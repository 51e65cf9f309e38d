package import Text

/// JSON patch (RFC 6902): a list of operations on paths.
package enum JSONPatch {
    package static func apply(_ patch: JSONValue, to target: JSONValue) throws(StatusError) -> JSONValue {
        guard case .array(let operations) = patch else {
            throw .badRequest("a JSON patch: found \(patch.description), expected a list of operations")
        }
        guard operations.count <= 10_000 else {
            throw StatusError(
                code: 413, reason: "RequestEntityTooLarge",
                message: "The allowed maximum operations in a JSON patch is 10000, got \(operations.count)")
        }
        var result = target
        for operation in operations { try apply(operation, &result) }
        return result
    }

    private static func apply(_ operation: JSONValue, _ document: inout JSONValue) throws(StatusError) {
        let path = try pointer(operation["path"].text)
        switch operation["op"].text {
        case "add": try add(operation["value"], at: path[...], in: &document)
        case "remove": _ = try remove(at: path[...], in: &document)
        case "replace":
            _ = try value(at: path, in: document)
            try replace(operation["value"], at: path[...], in: &document)
        case "move":
            let moved = try remove(at: pointer(operation["from"].text)[...], in: &document)
            try add(moved, at: path[...], in: &document)
        case "copy":
            try add(value(at: pointer(operation["from"].text), in: document), at: path[...], in: &document)
        case "test":
            let found = try value(at: path, in: document)
            guard found.sortedByName == operation["value"].sortedByName else {
                throw failed("test failed at \(operation["path"].text ?? "")")
            }
        default:
            throw .badRequest(
                "op: found \(operation["op"].description), expected add, remove, replace, move, copy or test")
        }
    }

    private static func failed(_ message: String) -> StatusError {
        StatusError(
            code: 422, reason: "Invalid",
            message: "the server rejected our request due to an error in our request: \(message)")
    }

    private static func pointer(_ text: String?) throws(StatusError) -> [String] {
        guard let text, text.isEmpty || text.hasPrefix("/") else {
            throw .badRequest("a JSON patch path: found \(text ?? "nothing"), expected /member/…")
        }
        return text.split(separator: "/", omittingEmptySubsequences: false).dropFirst().map {
            String($0.replacing("~1", with: "/").replacing("~0", with: "~"))
        }
    }

    private static func index(_ word: String, in elements: [JSONValue], allowingEnd: Bool) throws(StatusError) -> Int {
        if allowingEnd, word == "-" { return elements.count }
        guard let index = Int(word), index >= 0, index < elements.count + (allowingEnd ? 1 : 0) else {
            throw failed("invalid array index \(word)")
        }
        return index
    }

    private static func value(at path: [String], in document: JSONValue) throws(StatusError) -> JSONValue {
        var current = document
        for word in path {
            switch current {
            case .object where current.has(word): current = current[word]
            case .array(let elements): current = elements[try index(word, in: elements, allowingEnd: false)]
            default: throw failed("the path \(word) does not exist")
            }
        }
        return current
    }

    /// Walks to the container of the last path element and lets `change` edit it.
    private static func edit(
        _ path: ArraySlice<String>, in document: inout JSONValue,
        _ change: (String, inout JSONValue) throws(StatusError) -> Void
    ) throws(StatusError) {
        guard let word = path.first else { throw failed("an empty path") }
        if path.count == 1 { return try change(word, &document) }
        switch document {
        case .object where document.has(word):
            var inner = document[word]
            try edit(path.dropFirst(), in: &inner, change)
            document[word] = inner
        case .array(var elements):
            let index = try index(word, in: elements, allowingEnd: false)
            try edit(path.dropFirst(), in: &elements[index], change)
            document = .array(elements)
        default: throw failed("the path \(word) does not exist")
        }
    }

    private static func add(
        _ value: JSONValue, at path: ArraySlice<String>, in document: inout JSONValue
    ) throws(StatusError) {
        if path.isEmpty {
            document = value
            return
        }
        try edit(path, in: &document) { word, container throws(StatusError) in
            switch container {
            case .object: container[word] = value
            case .array(var elements):
                elements.insert(value, at: try index(word, in: elements, allowingEnd: true))
                container = .array(elements)
            default: throw failed("the path \(word) has no container")
            }
        }
    }

    private static func replace(
        _ value: JSONValue, at path: ArraySlice<String>, in document: inout JSONValue
    ) throws(StatusError) {
        if path.isEmpty {
            document = value
            return
        }
        try edit(path, in: &document) { word, container throws(StatusError) in
            switch container {
            case .object: container[word] = value
            case .array(var elements):
                elements[try index(word, in: elements, allowingEnd: false)] = value
                container = .array(elements)
            default: throw failed("the path \(word) has no container")
            }
        }
    }

    private static func remove(
        at path: ArraySlice<String>, in document: inout JSONValue
    ) throws(StatusError) -> JSONValue {
        var removed: JSONValue = .null
        try edit(path, in: &document) { word, container throws(StatusError) in
            switch container {
            case .object where container.has(word):
                removed = container[word]
                container[word] = .null
            case .array(var elements):
                removed = elements.remove(at: try index(word, in: elements, allowingEnd: false))
                container = .array(elements)
            default: throw failed("Unable to remove nonexistent key: \(word)")
            }
        }
        return removed
    }
}
