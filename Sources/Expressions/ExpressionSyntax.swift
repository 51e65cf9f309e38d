import Patterns

/// An expression as a tree, names resolved and types checked as far as they are known.
indirect enum ExpressionSyntax: Sendable {
    case literal(ExpressionValue)
    case list([ExpressionSyntax])
    /// By its place among the variables.
    case variable(Int)
    /// The element that a predicate is asked about: `#`.
    case element
    /// By its place among the supplied functions.
    case function(Int, [ExpressionSyntax])
    case builtin(ExpressionBuiltin, [ExpressionSyntax])
    case not(ExpressionSyntax)
    case negative(ExpressionSyntax)
    /// True when all are; the first that is not ends it.
    case and([ExpressionSyntax])
    case or([ExpressionSyntax])
    case binary(ExpressionOperator, ExpressionSyntax, ExpressionSyntax)
    case matches(ExpressionSyntax, Pattern)
    case choice(ExpressionSyntax, ExpressionSyntax, ExpressionSyntax)
    case index(ExpressionSyntax, ExpressionSyntax)
}

/// Operators with a value on either side, but for those that may leave their right side alone.
enum ExpressionOperator: String, Sendable {
    case equal = "=="
    case notEqual = "!="
    case less = "<"
    case lessOrEqual = "<="
    case greater = ">"
    case greaterOrEqual = ">="
    case plus = "+"
    case minus = "-"
    case times = "*"
    case remainder = "%"
    case `in`
    case contains
    case startsWith
    case endsWith

    /// As in the expr language: a higher one binds closer.
    var precedence: Int {
        switch self {
        case .plus, .minus: 30
        case .times, .remainder: 60
        default: 20
        }
    }
}

/// Functions of the language itself.
enum ExpressionBuiltin: String, Sendable {
    case len, lower, upper, trim, trimPrefix, trimSuffix, hasPrefix, hasSuffix, replace, split, join, int, string
    case any, all, none

    /// Nil for what may be of more than one type.
    var parameters: [ExpressionType] {
        switch self {
        case .len, .int, .string: [.unknown]
        case .lower, .upper, .trim: [.string]
        case .trimPrefix, .trimSuffix, .hasPrefix, .hasSuffix, .split: [.string, .string]
        case .replace: [.string, .string, .string]
        case .join: [.list, .string]
        case .any, .all, .none: [.list, .boolean]
        }
    }

    var result: ExpressionType {
        switch self {
        case .len, .int: .integer
        case .lower, .upper, .trim, .trimPrefix, .trimSuffix, .replace, .join, .string: .string
        case .hasPrefix, .hasSuffix, .any, .all, .none: .boolean
        case .split: .list
        }
    }

    /// True when the second argument is asked anew for each element of the first.
    var hasPredicate: Bool { self == .any || self == .all || self == .none }
}
