import DNSServer
import DNSWire
import EventLoop
import Expressions
import Patterns

/// A question as templates see it.
struct TemplateSubject {
    /// Presentation form, letters folded.
    let name: String
    let zone: String
    let `class`: String
    let type: String
    let pattern: Pattern
    let match: PatternMatch
    var variables: [ExpressionValue] = []
    let metadata: (any MetadataReader)?

    /// What the group of this name or number took in; empty when there is none.
    func group(_ key: ExpressionValue) -> String {
        let number: Int? =
            switch key {
            case .integer(let number): number
            case .string(let name): pattern.group(named: name) ?? Int(name)
            default: nil
            }
        return number.flatMap(match.octets(of:)).map { String(decoding: $0, as: UTF8.self) } ?? ""
    }
}

/// Fills in one template for one question.
struct TemplateRendering {
    private(set) var output = ""
    private let subject: TemplateSubject
    private var locals: [Int: ExpressionValue] = [:]
    private var rounds = 0

    /// How many rounds all loops of one text may take together.
    private static let mostRounds = 1000

    /// How the parts of a loop ended.
    private enum Flow {
        case onward, nextRound, afterLoop
    }

    init(_ subject: TemplateSubject) { self.subject = subject }

    mutating func append(_ parts: [TemplatePart], _ exchange: borrowing Exchange) throws(EvaluationError) {
        _ = try follow(parts, exchange)
    }

    private mutating func follow(
        _ parts: [TemplatePart], _ exchange: borrowing Exchange
    ) throws(EvaluationError) -> Flow {
        for part in parts {
            switch part {
            case .text(let text): try append(text)
            case .value(let term): try append(try value(term, exchange).description)
            case .assignment(let place, let term): locals[place] = try value(term, exchange)
            case .choice(let branches):
                let flow = try follow(branches, exchange)
                if flow != .onward { return flow }
            case .loop(let loop):
                let flow = try follow(loop, exchange)
                if flow != .onward { return flow }
            case .leave(let isForGood): return isForGood ? .afterLoop : .nextRound
            }
        }
        return .onward
    }

    private mutating func follow(
        _ branches: [TemplatePart.Branch], _ exchange: borrowing Exchange
    ) throws(EvaluationError) -> Flow {
        for branch in branches {
            if let condition = branch.condition {
                let value = try value(condition, exchange)
                for place in branch.places { locals[place] = value }
                guard Self.isTrue(value) else { continue }
            }
            return try follow(branch.parts, exchange)
        }
        return .onward
    }

    private mutating func follow(
        _ loop: TemplatePart.Loop, _ exchange: borrowing Exchange
    ) throws(EvaluationError) -> Flow {
        let elements = try elements(of: loop.list, exchange)
        if elements.isEmpty { return try follow(loop.otherwise, exchange) }
        for (key, element) in elements {
            rounds += 1
            guard rounds <= Self.mostRounds else {
                throw EvaluationError("more than \(Self.mostRounds) rounds of range")
            }
            for place in loop.keys { locals[place] = key }
            for place in loop.elements { locals[place] = element }
            if try follow(loop.parts, exchange) == .afterLoop { break }
        }
        return .onward
    }

    /// What a loop goes through, each with its key: lists by their places, groups in the order of their keys, and the
    /// numbers below one.
    private func elements(
        of term: TemplateTerm, _ exchange: borrowing Exchange
    ) throws(EvaluationError) -> [(key: ExpressionValue, element: ExpressionValue)] {
        if case .groups = term {
            let keys = subject.match.groups.indices.map(String.init) + subject.pattern.names.compactMap(\.self)
            return keys.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
                .map { (.string($0), .string(subject.group(.string($0)))) }
        }
        switch try value(term, exchange) {
        case .list(let values): return values.enumerated().map { (.integer($0.offset), $0.element) }
        case .integer(let count):
            guard count <= Self.mostRounds else {
                throw EvaluationError("more than \(Self.mostRounds) rounds of range")
            }
            return (0..<max(0, count)).map { (.integer($0), .integer($0)) }
        case let value: throw EvaluationError("range over \(value.type.description)")
        }
    }

    private mutating func append(_ text: String) throws(EvaluationError) {
        output += text
        guard output.utf8.count <= RecordText.longest else {
            throw EvaluationError("more than \(RecordText.longest) octets of text")
        }
    }

    // MARK: Values

    private func value(
        _ term: TemplateTerm, _ exchange: borrowing Exchange
    ) throws(EvaluationError) -> ExpressionValue {
        switch term {
        case .literal(let value): return value
        case .field(let field): return value(field, exchange)
        case .group(let name): return .string(subject.group(.string(name)))
        case .groups: throw EvaluationError(".Group as a whole")
        case .variable(let place):
            guard subject.variables.indices.contains(place) else { throw EvaluationError("a variable without a value") }
            return subject.variables[place]
        case .local(let place):
            guard let value = locals[place] else { throw EvaluationError("a variable without a value") }
            return value
        case .metadata(let label):
            guard case .string(let text) = try value(label, exchange) else {
                throw EvaluationError("a label that is no string")
            }
            return .string(subject.metadata?.value(text, of: exchange) ?? "")
        case .print(let format, let terms): return .string(try format.text(try values(terms, exchange)))
        case .call(let function, let terms): return try call(function, terms, exchange)
        }
    }

    private func values(
        _ terms: [TemplateTerm], _ exchange: borrowing Exchange
    ) throws(EvaluationError) -> [ExpressionValue] {
        var values: [ExpressionValue] = []
        for term in terms { values.append(try value(term, exchange)) }
        return values
    }

    private func value(_ field: TemplateField, _ exchange: borrowing Exchange) -> ExpressionValue {
        switch field {
        case .zone: .string(subject.zone)
        case .name: .string(subject.name)
        case .class: .string(subject.class)
        case .type: .string(subject.type)
        case .match: .list(subject.match.groups.indices.map { .string(subject.group(.integer($0))) })
        case .regex: .string(subject.pattern.text)
        case .remote: .string(exchange.client.address.description)
        case .questionName: .string(exchange.question.name.nameText)
        case .questionType: .integer(Int(exchange.question.type.rawValue))
        case .questionClass: .integer(Int(exchange.question.class))
        case .id: .integer(Int(exchange.asked.id))
        case .opcode: .integer(Int(exchange.asked.opcode))
        case .recursionDesired: .boolean(exchange.asked.recursionDesired)
        case .checkingDisabled: .boolean(exchange.asked.checkingDisabled)
        case .authenticatedData: .boolean(exchange.asked.authenticData)
        }
    }

    // MARK: Functions

    private func call(
        _ function: TemplateFunction, _ terms: [TemplateTerm], _ exchange: borrowing Exchange
    ) throws(EvaluationError) -> ExpressionValue {
        switch function {
        case .and, .or: return try firstDeciding(terms, decides: function == .or, exchange)
        case .index, .len:
            if case .groups? = terms.first {
                guard function == .index, terms.count == 2 else {
                    return .integer(subject.match.groups.count + subject.pattern.names.count { $0 != nil })
                }
                return .string(subject.group(try value(terms[1], exchange)))
            }
        default: break
        }
        let values = try values(terms, exchange)
        guard function.argumentCount.contains(values.count) else {
            throw EvaluationError("\(function.rawValue) without its arguments")
        }
        return try Self.value(of: function, values)
    }

    /// The first value that decides `and` or `or`, else the last; what stands behind it is left alone.
    private func firstDeciding(
        _ terms: [TemplateTerm], decides: Bool, _ exchange: borrowing Exchange
    ) throws(EvaluationError) -> ExpressionValue {
        var last = ExpressionValue.boolean(!decides)
        for term in terms {
            last = try value(term, exchange)
            if Self.isTrue(last) == decides { return last }
        }
        return last
    }

    /// As in Go: nothing, zero, false and what is empty are not.
    static func isTrue(_ value: ExpressionValue) -> Bool {
        switch value {
        case .string(let text): !text.isEmpty
        case .integer(let number): number != 0
        case .boolean(let truth): truth
        case .list(let values): !values.isEmpty
        }
    }
}
