import Expressions

// What functions of templates give, as Go's do.
extension TemplateRendering {
    /// - Parameter values: as many as the function takes.
    static func value(
        of function: TemplateFunction, _ values: [ExpressionValue]
    ) throws(EvaluationError) -> ExpressionValue {
        switch function {
        case .not: return .boolean(!isTrue(values[0]))
        case .eq:
            for other in values.dropFirst() where try isEqual(values[0], other) { return .boolean(true) }
            return .boolean(false)
        case .ne: return .boolean(try !isEqual(values[0], values[1]))
        case .lt: return .boolean(try isLess(values[0], values[1]))
        case .le: return .boolean(try !isLess(values[1], values[0]))
        case .gt: return .boolean(try isLess(values[1], values[0]))
        case .ge: return .boolean(try !isLess(values[0], values[1]))
        case .index: return try element(values[0], values[1])
        case .len: return try length(values[0])
        case .parseInt: return try number(values)
        case .print: return .string(printed(values))
        case .println: return .string(values.map(\.description).joined(separator: " ") + "\n")
        case .slice: return try slice(values)
        case .html: return .string(TextEscaping.html(printed(values)))
        case .js: return .string(TextEscaping.javaScript(printed(values)))
        case .urlquery: return .string(TextEscaping.urlQuery(printed(values)))
        case .and, .or: return values[0]
        }
    }

    private static func isEqual(_ left: ExpressionValue, _ right: ExpressionValue) throws(EvaluationError) -> Bool {
        guard left.type == right.type, left.type != .list else {
            throw EvaluationError("\(left.type.description) compared with \(right.type.description)")
        }
        return left == right
    }

    private static func isLess(_ left: ExpressionValue, _ right: ExpressionValue) throws(EvaluationError) -> Bool {
        switch (left, right) {
        case (.string(let left), .string(let right)): return left.utf8.lexicographicallyPrecedes(right.utf8)
        case (.integer(let left), .integer(let right)): return left < right
        default: throw EvaluationError("\(left.type.description) compared with \(right.type.description)")
        }
    }

    private static func element(
        _ list: ExpressionValue, _ index: ExpressionValue
    ) throws(EvaluationError) -> ExpressionValue {
        guard case .list(let values) = list, case .integer(let place) = index, values.indices.contains(place) else {
            throw EvaluationError("index of \(list.type.description) at \(index.description.prefix(40))")
        }
        return values[place]
    }

    /// A part of a text or a list: from one place up to another.
    private static func slice(_ values: [ExpressionValue]) throws(EvaluationError) -> ExpressionValue {
        var bounds: [Int] = []
        for value in values.dropFirst() {
            guard case .integer(let place) = value else { throw EvaluationError("slice at \(value.type.description)") }
            bounds.append(place)
        }
        func range(_ count: Int) throws(EvaluationError) -> Range<Int> {
            let start = bounds.first ?? 0
            let end = bounds.count > 1 ? bounds[1] : count
            guard start >= 0, start <= end, end <= count else {
                throw EvaluationError("slice from \(start) to \(end) of \(count)")
            }
            return start..<end
        }
        switch values[0] {
        case .string(let text):
            let octets = Array(text.utf8)
            return .string(String(decoding: octets[try range(octets.count)], as: UTF8.self))
        case .list(let elements): return .list(Array(elements[try range(elements.count)]))
        case let value: throw EvaluationError("slice of \(value.type.description)")
        }
    }

    private static func length(_ value: ExpressionValue) throws(EvaluationError) -> ExpressionValue {
        switch value {
        case .string(let text): return .integer(text.utf8.count)
        case .list(let values): return .integer(values.count)
        default: throw EvaluationError("\(value.type.description) without a length")
        }
    }

    /// A text, a base from 2 to 36 and the most bits that the number may take; 0 for 64.
    private static func number(_ values: [ExpressionValue]) throws(EvaluationError) -> ExpressionValue {
        guard case .string(let text) = values[0], case .integer(let base) = values[1],
            case .integer(let bits) = values[2], (2...36).contains(base), (0...64).contains(bits)
        else { throw EvaluationError("parseInt without a text, a base from 2 to 36 and bits up to 64") }
        guard text.first?.isHexDigit ?? false || text.first?.isLetter ?? false, let value = Int(text, radix: base),
            bits == 0 || bits == 64 || value >> bits == 0
        else { throw EvaluationError("'\(text.prefix(40))', which is no number of base \(base) in \(bits) bits") }
        return .integer(value)
    }

    /// One behind the other, with a blank between two of which neither is a string.
    private static func printed(_ values: [ExpressionValue]) -> String {
        var text = ""
        for (place, value) in values.enumerated() {
            if place > 0, value.type != .string, values[place - 1].type != .string { text += " " }
            text += value.description
        }
        return text
    }
}
