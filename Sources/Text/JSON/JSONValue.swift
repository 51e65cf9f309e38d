/// A JSON document (RFC 8259) as a value; members keep the order in which they were written.
package enum JSONValue: Sendable, Equatable {
    case null
    case bool(Bool)
    case int(Int64)
    /// Any number but a whole one of 64 bits.
    indirect case real(JSONReal)
    case string(String)
    case array([JSONValue])
    case object([Member])

    /// One name and value of an object.
    package struct Member: Sendable, Equatable {
        package var name: String
        package var value: JSONValue

        package init(_ name: String, _ value: JSONValue) {
            self.name = name
            self.value = value
        }
    }

    /// The member of that name, `.null` when there is none; writing `.null` removes it.
    package subscript(_ name: String) -> JSONValue {
        get {
            guard case .object(let members) = self else { return .null }
            return members.first { $0.name == name }?.value ?? .null
        }
        set {
            var members = self.members
            self = .null
            if let position = members.firstIndex(where: { $0.name == name }) {
                if newValue == .null {
                    members.remove(at: position)
                } else {
                    members[position].value = newValue
                }
            } else if newValue != .null {
                members.append(Member(name, newValue))
            }
            self = .object(members)
        }
    }

    package subscript(path names: [String]) -> JSONValue {
        names.reduce(self) { $0[$1] }
    }

    package func has(_ name: String) -> Bool { members.contains { $0.name == name } }

    package var isNull: Bool { if case .null = self { true } else { false } }
    package var members: [Member] { if case .object(let members) = self { members } else { [] } }
    package var elements: [JSONValue] { if case .array(let elements) = self { elements } else { [] } }
    package var text: String? { if case .string(let text) = self { text } else { nil } }
    package var flag: Bool? { if case .bool(let flag) = self { flag } else { nil } }

    /// The value as a whole number; a float without a fraction counts, as in the API server.
    package var number: Int64? {
        switch self {
        case .int(let number): number
        case .real(let number): Int64(exactly: number.value)
        default: nil
        }
    }

    /// The members whose values are text, as a dictionary (labels, selectors, annotations).
    package var textMembers: [String: String] {
        var found: [String: String] = [:]
        for member in members {
            if let text = member.value.text { found[member.name] = text }
        }
        return found
    }

    package var isArray: Bool { if case .array = self { true } else { false } }
    package var isObject: Bool { if case .object = self { true } else { false } }
}

extension JSONValue: ExpressibleByStringLiteral, ExpressibleByIntegerLiteral, ExpressibleByBooleanLiteral,
    ExpressibleByArrayLiteral, ExpressibleByDictionaryLiteral
{
    package init(stringLiteral value: String) { self = .string(value) }
    package init(integerLiteral value: Int64) { self = .int(value) }
    package init(booleanLiteral value: Bool) { self = .bool(value) }
    package init(arrayLiteral elements: JSONValue...) { self = .array(elements) }

    /// Members whose value is `.null` are left out.
    package init(dictionaryLiteral elements: (String, JSONValue)...) {
        self = .object(elements.filter { !$0.1.isNull }.map { Member($0.0, $0.1) })
    }

    package init(_ text: String?) { self = text.map(JSONValue.string) ?? .null }
    package init(texts: [String]) { self = .array(texts.map(JSONValue.string)) }
    package init(sorted members: [String: String]) {
        self = .object(members.sorted { $0.key < $1.key }.map { Member($0.key, .string($0.value)) })
    }
}
