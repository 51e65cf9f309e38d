/// What an expression is made of and comes to.
package enum ExpressionValue: Equatable, Sendable {
    case string(String)
    case integer(Int)
    case boolean(Bool)
    case list([ExpressionValue])

    package var type: ExpressionType {
        switch self {
        case .string: .string
        case .integer: .integer
        case .boolean: .boolean
        case .list: .list
        }
    }
}

extension ExpressionValue: CustomStringConvertible {
    /// As text, a list in brackets with blanks between.
    package var description: String {
        switch self {
        case .string(let text): text
        case .integer(let number): String(number)
        case .boolean(let truth): String(truth)
        case .list(let values): "[" + values.map(\.description).joined(separator: " ") + "]"
        }
    }
}

/// What is known of a value before there is a question.
package enum ExpressionType: Sendable {
    case string, integer, boolean, list
    /// Known only when it is there.
    case unknown

    /// False when a value of the one can never be one of the other.
    func mayBe(_ other: ExpressionType) -> Bool { self == other || self == .unknown || other == .unknown }

    package var description: String {
        switch self {
        case .string: "a string"
        case .integer: "a number"
        case .boolean: "true or false"
        case .list: "a list"
        case .unknown: "a value"
        }
    }
}

/// A function that whoever evaluates an expression supplies.
package struct ExpressionFunction: Sendable {
    package let name: String
    package let parameters: [ExpressionType]
    package let result: ExpressionType

    package init(_ name: String, _ parameters: ExpressionType..., gives result: ExpressionType) {
        self.name = name
        self.parameters = parameters
        self.result = result
    }
}

/// The names that an expression may use beside those of the language.
package struct ExpressionNames: Sendable {
    package let functions: [ExpressionFunction]
    package private(set) var variables: [(name: String, type: ExpressionType)] = []

    package init(functions: [ExpressionFunction]) { self.functions = functions }

    package mutating func add(variable name: String, _ type: ExpressionType) { variables.append((name, type)) }

    /// True for a word of the language, a function or a variable.
    package func isTaken(_ name: String) -> Bool {
        ExpressionLexer.words.contains(name) || ExpressionBuiltin(rawValue: name) != nil
            || functions.contains { $0.name == name } || variables.contains { $0.name == name }
    }
}
