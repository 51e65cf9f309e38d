import Expressions

/// The format of a `printf`: `%s`, `%d`, `%x`, `%X`, `%v` and `%%`, with `-`, `0` and a width.
struct PrintFormat: Sendable {
    struct Mistake: Error {
        let found: String
        let expected: String
    }

    private enum Piece: Sendable {
        case text(String)
        case value(Verb, width: Int, isLeft: Bool, fillsZeros: Bool)
    }

    private enum Verb: Character, Sendable {
        case string = "s"
        case decimal = "d"
        case hexadecimal = "x"
        case upperHexadecimal = "X"
        case any = "v"
    }

    static let widest = 100

    private let pieces: [Piece]
    let argumentCount: Int

    init(_ format: String) throws(Mistake) {
        var pieces: [Piece] = []
        var rest = format[...]
        while let percent = rest.firstIndex(of: "%") {
            if percent > rest.startIndex { pieces.append(.text(String(rest[..<percent]))) }
            rest = rest[percent...].dropFirst()
            pieces.append(try Self.piece(&rest))
        }
        if !rest.isEmpty { pieces.append(.text(String(rest))) }
        self.pieces = pieces
        argumentCount = pieces.count { if case .value = $0 { true } else { false } }
    }

    /// What stands behind a percent sign.
    private static func piece(_ rest: inout Substring) throws(Mistake) -> Piece {
        let start = rest
        var (isLeft, fillsZeros) = (false, false)
        while let flag = rest.first, flag == "-" || flag == "0" {
            if flag == "-" { isLeft = true } else { fillsZeros = true }
            rest.removeFirst()
        }
        let digits = rest.prefix { $0.isASCII && $0.isNumber }
        let width = digits.isEmpty ? 0 : Int(digits) ?? .max
        rest = rest.dropFirst(digits.count)
        if rest.first == "%", start.first == "%" {
            rest.removeFirst()
            return .text("%")
        }
        guard let verb = rest.first.flatMap(Verb.init), width <= widest else {
            throw Mistake(
                found: "%\(start.prefix(10))",
                expected: "%s, %d, %x, %X, %v or %%, with -, 0 and a width up to \(widest)")
        }
        rest.removeFirst()
        return .value(verb, width: width, isLeft: isLeft, fillsZeros: fillsZeros)
    }

    /// - Parameter values: as many as `argumentCount`.
    func text(_ values: [ExpressionValue]) throws(EvaluationError) -> String {
        var text = ""
        var rest = values[...]
        for piece in pieces {
            switch piece {
            case .text(let literal): text += literal
            case .value(let verb, let width, let isLeft, let fillsZeros):
                guard let value = rest.popFirst() else { throw EvaluationError("printf without a value") }
                let shown = try Self.shown(value, verb)
                text += Self.padded(shown, width, isLeft: isLeft, fillsZeros: fillsZeros)
            }
        }
        return text
    }

    private static func shown(_ value: ExpressionValue, _ verb: Verb) throws(EvaluationError) -> String {
        switch (verb, value) {
        case (.any, _), (.string, .string), (.string, .list), (.decimal, .integer): return value.description
        case (.hexadecimal, .integer(let number)): return String(number, radix: 16)
        case (.upperHexadecimal, .integer(let number)): return String(number, radix: 16, uppercase: true)
        case (.hexadecimal, .string(let text)): return hexadecimal(text, uppercase: false)
        case (.upperHexadecimal, .string(let text)): return hexadecimal(text, uppercase: true)
        default: throw EvaluationError("printf of \(value.type.description) with %\(verb.rawValue)")
        }
    }

    private static func hexadecimal(_ text: String, uppercase: Bool) -> String {
        text.utf8.map { ($0 < 16 ? "0" : "") + String($0, radix: 16, uppercase: uppercase) }.joined()
    }

    private static func padded(_ text: String, _ width: Int, isLeft: Bool, fillsZeros: Bool) -> String {
        let missing = max(width - text.count, 0)
        if isLeft { return text + String(repeating: " ", count: missing) }
        let isNegative = fillsZeros && text.hasPrefix("-")
        return (isNegative ? "-" : "") + String(repeating: fillsZeros ? "0" : " ", count: missing)
            + (isNegative ? String(text.dropFirst()) : text)
    }
}
