package import Text

/// JSON merge patch (RFC 7386).
package enum MergePatch {
    package static func apply(_ patch: JSONValue, to target: JSONValue) -> JSONValue {
        guard case .object(let changes) = patch else { return patch }
        var result: JSONValue = target.isObject ? target : .object([])
        for change in changes {
            if change.value.isNull {
                result[change.name] = .null
            } else {
                result[change.name] = apply(change.value, to: result[change.name])
            }
        }
        return result
    }
}
