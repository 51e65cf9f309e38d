// What the functions of the language give.
extension ExpressionBuiltin {
    /// - Parameter arguments: as many as there are parameters; checked when the expression was read.
    func value(_ arguments: [ExpressionValue]) throws(EvaluationError) -> ExpressionValue {
        guard let first = arguments.first, arguments.count == parameters.count else {
            throw EvaluationError("\(rawValue) without its arguments")
        }
        switch self {
        case .len: return .integer(try Self.length(first))
        case .int: return .integer(try Self.number(first))
        case .string: return try .bounded(first.description)
        case .lower: return try .bounded(first.string().lowercased())
        case .upper: return try .bounded(first.string().uppercased())
        case .trim: return .string(Self.trimmed(try first.string()))
        case .trimPrefix:
            let (text, prefix) = (try first.string(), try arguments[1].string())
            return .string(text.hasPrefix(prefix) ? String(text.dropFirst(prefix.count)) : text)
        case .trimSuffix:
            let (text, suffix) = (try first.string(), try arguments[1].string())
            return .string(text.hasSuffix(suffix) ? String(text.dropLast(suffix.count)) : text)
        case .hasPrefix: return .boolean(try first.string().hasPrefix(try arguments[1].string()))
        case .hasSuffix: return .boolean(try first.string().hasSuffix(try arguments[1].string()))
        case .replace:
            let pieces = try Self.pieces(of: try first.string(), between: try arguments[1].string())
            return try Self.joined(pieces, try arguments[2].string())
        case .split:
            let pieces = try Self.pieces(of: try first.string(), between: try arguments[1].string())
            return .list(pieces.map { .string($0) })
        case .join:
            var texts: [String] = []
            for element in try first.elements() { texts.append(try element.string()) }
            return try Self.joined(texts, try arguments[1].string())
        case .any, .all, .none: throw EvaluationError("\(rawValue) without a list")
        }
    }

    /// Characters of a string or elements of a list.
    private static func length(_ value: ExpressionValue) throws(EvaluationError) -> Int {
        switch value {
        case .string(let text): return text.unicodeScalars.count
        case .list(let values): return values.count
        default: throw EvaluationError("\(value.type.description) without a length")
        }
    }

    private static func number(_ value: ExpressionValue) throws(EvaluationError) -> Int {
        if case .integer(let number) = value { return number }
        let text = try value.string()
        guard let number = Int(text) else { throw EvaluationError("'\(text.prefix(40))', which is no number") }
        return number
    }

    private static func trimmed(_ text: String) -> String {
        let kept = text.drop { $0.isWhitespace }
        return kept.lastIndex { !$0.isWhitespace }.map { String(kept[...$0]) } ?? ""
    }

    private static func pieces(of text: String, between separator: String) throws(EvaluationError) -> [String] {
        guard !separator.isEmpty else { throw EvaluationError("an empty string to look for") }
        return text.split(separator: separator, omittingEmptySubsequences: false).map(String.init)
    }

    private static func joined(_ texts: [String], _ separator: String) throws(EvaluationError) -> ExpressionValue {
        let count = texts.reduce(0) { $0 + $1.utf8.count } + separator.utf8.count * max(texts.count - 1, 0)
        guard count <= ExpressionEvaluation.longestString else {
            throw EvaluationError("a string of more than \(ExpressionEvaluation.longestString) octets")
        }
        return .string(texts.joined(separator: separator))
    }
}
