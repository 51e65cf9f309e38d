import Flags
import Text

/// A JSON object whose members are read into fields by Go's rules: names match in any case, null changes nothing,
/// unknown members are passed over, a later member replaces an earlier one.
struct ParameterObject {
    /// The ConfigMap's key, for errors.
    let mode: String
    private let members: [JSONValue.Member]

    /// - Parameter text: the value of the ConfigMap's key.
    init(_ text: String, mode: String) throws(ParameterError) {
        self.mode = mode
        switch try JSONValue(parameters: text, at: mode) {
        case .object(let members): self.members = members
        case .null: members = []
        case let other: throw ParameterError(at: mode, found: other.meaning, expected: "a JSON object")
        }
    }

    /// The values given for `field`, in order, without null.
    private func values(_ field: String) -> [JSONValue] {
        let wanted = Self.folded(field)
        return members.filter { $0.value != .null && Self.folded($0.name) == wanted }.map(\.value)
    }

    /// Case folding of encoding/json: ASCII letters, and the two letters beyond ASCII that fold to one.
    private static func folded(_ name: String) -> String {
        String(
            String.UnicodeScalarView(
                name.unicodeScalars.map { scalar in
                    switch scalar {
                    case "A"..."Z": Unicode.Scalar(UInt8(scalar.value + 32))
                    case "\u{212A}": "k"
                    case "\u{17F}": "s"
                    default: scalar
                    }
                }))
    }

    private func read<Value>(
        _ field: String, else standard: Value, _ expected: String, _ convert: (JSONValue) -> Value?
    ) throws(ParameterError) -> Value {
        var result = standard
        for tree in values(field) {
            guard let value = convert(tree) else {
                throw ParameterError(at: "\(mode).\(field)", found: tree.meaning, expected: expected)
            }
            result = value
        }
        return result
    }

    /// A float64.
    func number(_ field: String) throws(ParameterError) -> Double {
        try read(field, else: 0, "a number") { tree in
            switch tree {
            case .int(let value): Double(value)
            case .real(let number): number.value.isFinite ? number.value : nil
            default: nil
            }
        }
    }

    /// A Go int: no fraction, no exponent.
    func integer(_ field: String) throws(ParameterError) -> Int {
        try read(field, else: 0, "a whole number") { Self.integer($0) }
    }

    func flag(_ field: String) throws(ParameterError) -> Bool {
        try read(field, else: false, "true or false, without quotes") { tree in
            if case .bool(let value) = tree { value } else { nil }
        }
    }

    /// An array of [threshold, replicas]. Go's fixed arrays: missing numbers are 0, surplus ones are dropped.
    func steps(_ field: String) throws(ParameterError) -> [LadderParameters.Step] {
        try read(field, else: [], "an array of [number, replicas] with whole numbers") { tree in
            guard case .array(let elements) = tree else { return nil }
            var steps: [LadderParameters.Step] = []
            for element in elements {
                var pair = [0, 0]
                switch element {
                case .null: break
                case .array(let numbers):
                    for (index, number) in numbers.prefix(2).enumerated() where number != .null {
                        guard let value = Self.integer(number) else { return nil }
                        pair[index] = value
                    }
                default: return nil
                }
                steps.append(LadderParameters.Step(from: pair[0], replicas: pair[1]))
            }
            return steps
        }
    }

    private static func integer(_ tree: JSONValue) -> Int? {
        switch tree {
        case .int(let value): Int(value)
        case .real(let number): Int(number.text)
        default: nil
        }
    }
}

extension JSONValue {
    /// - Parameter place: what holds the text, for errors.
    init(parameters text: String, at place: String) throws(ParameterError) {
        do throws(JSONError) {
            self = try JSONReader.read(text, repeated: .allKept)
        } catch {
            throw ParameterError(at: place, found: "text that is not JSON", expected: "JSON, \(error)")
        }
    }

    /// What a person calls this kind of value.
    var meaning: String {
        switch self {
        case .null: "null"
        case .bool: "true or false"
        case .int(let number): "the number \(number)"
        case .real(let number): "the number \(number.text.prefix(40))"
        case .string(let text): "the string \"\(text.prefix(40))\""
        case .array: "an array"
        case .object: "an object"
        }
    }
}
