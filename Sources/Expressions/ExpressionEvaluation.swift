import Patterns

/// One evaluation of an expression; every operation is checked, since its operands come from clients.
struct ExpressionEvaluation {
    let variables: [ExpressionValue]
    /// What `#` stands for.
    let element: ExpressionValue?

    /// Octets that a string made here may have.
    static let longestString = 65_535

    func value<Subject: ~Copyable>(
        _ syntax: ExpressionSyntax, _ subject: borrowing Subject, _ call: Expression.Call<Subject>
    ) throws(EvaluationError) -> ExpressionValue {
        switch syntax {
        case .literal(let value): return value
        case .list(let parts): return .list(try values(parts, subject, call))
        case .variable(let place):
            guard variables.indices.contains(place) else { throw EvaluationError("a variable without a value") }
            return variables[place]
        case .element:
            guard let element else { throw EvaluationError("# outside of a list") }
            return element
        case .function(let place, let parts): return try call(place, try values(parts, subject, call), subject)
        case .builtin(let builtin, let parts): return try self.builtin(builtin, parts, subject, call)
        case .not(let inner): return .boolean(try !truth(inner, subject, call))
        case .negative(let inner):
            let number = try value(inner, subject, call).integer()
            return .integer(try Self.exact(number.multipliedReportingOverflow(by: -1)))
        case .and(let parts):
            for part in parts where try !truth(part, subject, call) { return .boolean(false) }
            return .boolean(true)
        case .or(let parts):
            for part in parts where try truth(part, subject, call) { return .boolean(true) }
            return .boolean(false)
        case .binary(let operation, let left, let right):
            return try Self.apply(operation, try value(left, subject, call), try value(right, subject, call))
        case .matches(let inner, let pattern):
            return .boolean(pattern.matches(Array(try value(inner, subject, call).string().utf8)))
        case .choice(let condition, let yes, let no):
            return try value(try truth(condition, subject, call) ? yes : no, subject, call)
        case .index(let list, let index):
            return try Self.element(of: try value(list, subject, call), at: try value(index, subject, call))
        }
    }

    private func truth<Subject: ~Copyable>(
        _ syntax: ExpressionSyntax, _ subject: borrowing Subject, _ call: Expression.Call<Subject>
    ) throws(EvaluationError) -> Bool {
        guard case .boolean(let truth) = try value(syntax, subject, call) else {
            throw EvaluationError("a condition that is neither true nor false")
        }
        return truth
    }

    private func values<Subject: ~Copyable>(
        _ parts: [ExpressionSyntax], _ subject: borrowing Subject, _ call: Expression.Call<Subject>
    ) throws(EvaluationError) -> [ExpressionValue] {
        var values: [ExpressionValue] = []
        values.reserveCapacity(parts.count)
        for part in parts { values.append(try value(part, subject, call)) }
        return values
    }

    private func builtin<Subject: ~Copyable>(
        _ builtin: ExpressionBuiltin, _ parts: [ExpressionSyntax], _ subject: borrowing Subject,
        _ call: Expression.Call<Subject>
    ) throws(EvaluationError) -> ExpressionValue {
        guard builtin.hasPredicate, parts.count == 2 else {
            return try builtin.value(try values(parts, subject, call))
        }
        for element in try value(parts[0], subject, call).elements() {
            let inner = ExpressionEvaluation(variables: variables, element: element)
            let holds = try inner.truth(parts[1], subject, call)
            if holds != (builtin == .all) { return .boolean(builtin == .any) }
        }
        return .boolean(builtin != .any)
    }

    // MARK: Operators

    private static func apply(
        _ operation: ExpressionOperator, _ left: ExpressionValue, _ right: ExpressionValue
    ) throws(EvaluationError) -> ExpressionValue {
        switch operation {
        case .equal: return .boolean(left == right)
        case .notEqual: return .boolean(left != right)
        case .less: return .boolean(try isLess(left, right))
        case .lessOrEqual: return .boolean(try !isLess(right, left))
        case .greater: return .boolean(try isLess(right, left))
        case .greaterOrEqual: return .boolean(try !isLess(left, right))
        case .plus:
            guard case .string(let text) = left else {
                return .integer(try exact(try left.integer().addingReportingOverflow(try right.integer())))
            }
            return try .bounded(text + right.string())
        case .minus: return .integer(try exact(try left.integer().subtractingReportingOverflow(try right.integer())))
        case .times: return .integer(try exact(try left.integer().multipliedReportingOverflow(by: try right.integer())))
        case .remainder:
            return .integer(try exact(try left.integer().remainderReportingOverflow(dividingBy: try right.integer())))
        case .in: return .boolean(try right.elements().contains(left))
        case .contains: return .boolean(try left.string().contains(try right.string()))
        case .startsWith: return .boolean(try left.string().hasPrefix(try right.string()))
        case .endsWith: return .boolean(try left.string().hasSuffix(try right.string()))
        }
    }

    private static func isLess(
        _ left: ExpressionValue, _ right: ExpressionValue
    ) throws(EvaluationError) -> Bool {
        if case .string(let text) = left { return text.utf8.lexicographicallyPrecedes(try right.string().utf8) }
        return try left.integer() < right.integer()
    }

    private static func exact(_ result: (partialValue: Int, overflow: Bool)) throws(EvaluationError) -> Int {
        guard !result.overflow else { throw EvaluationError("a number that is too large, or a division by zero") }
        return result.partialValue
    }

    private static func element(
        of list: ExpressionValue, at index: ExpressionValue
    ) throws(EvaluationError) -> ExpressionValue {
        let (elements, index) = (try list.elements(), try index.integer())
        // Counted from the end where it is negative.
        let place = index < 0 ? elements.count + max(index, -elements.count - 1) : index
        guard elements.indices.contains(place) else {
            throw EvaluationError("no element \(index) in a list of \(elements.count)")
        }
        return elements[place]
    }
}

extension ExpressionValue {
    func integer() throws(EvaluationError) -> Int {
        guard case .integer(let number) = self else { throw EvaluationError("\(type.description) for a number") }
        return number
    }

    func string() throws(EvaluationError) -> String {
        guard case .string(let text) = self else { throw EvaluationError("\(type.description) for a string") }
        return text
    }

    func elements() throws(EvaluationError) -> [ExpressionValue] {
        guard case .list(let values) = self else { throw EvaluationError("\(type.description) for a list") }
        return values
    }

    /// A string, unless it is longer than any may be.
    static func bounded(_ text: String) throws(EvaluationError) -> ExpressionValue {
        guard text.utf8.count <= ExpressionEvaluation.longestString else {
            throw EvaluationError("a string of more than \(ExpressionEvaluation.longestString) octets")
        }
        return .string(text)
    }
}
