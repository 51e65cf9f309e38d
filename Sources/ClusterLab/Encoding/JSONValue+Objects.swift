package import Text

// What every Kubernetes object has.
extension JSONValue {
    package var kind: String { self["kind"].text ?? "" }
    package var apiVersion: String { self["apiVersion"].text ?? "" }
    package var name: String { self["metadata"]["name"].text ?? "" }
    package var namespace: String { self["metadata"]["namespace"].text ?? "" }
    package var uid: String { self["metadata"]["uid"].text ?? "" }
    package var labels: [String: String] { self["metadata"]["labels"].textMembers }
    package var annotations: [String: String] { self["metadata"]["annotations"].textMembers }

    /// Writes a member two levels deep without naming the intermediate object.
    package mutating func set(_ outer: String, _ inner: String, _ value: JSONValue) {
        var container = self[outer]
        container[inner] = value
        self[outer] = container
    }

    /// Sets a member only where nothing is set yet.
    package mutating func setDefault(_ name: String, _ value: JSONValue) {
        if self[name].isNull { self[name] = value }
    }

    /// What the value is, for messages to people.
    package var description: String {
        switch self {
        case .null: "null"
        case .bool(let flag): "\(flag)"
        case .int(let number): "\(number)"
        case .real(let number): "\(number.value)"
        case .string(let text): "\"\(text)\""
        case .array: "a list"
        case .object: "an object"
        }
    }
}
