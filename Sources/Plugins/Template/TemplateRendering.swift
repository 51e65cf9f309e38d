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

    init(_ subject: TemplateSubject) { self.subject = subject }

    mutating func append(_ parts: [TemplatePart], _ exchange: borrowing Exchange) throws(EvaluationError) {
        for part in parts {
            switch part {
            case .text(let text): try append(text)
            case .value(let term): try append(try value(term, exchange).description)
            case .assignment(let place, let term): locals[place] = try value(term, exchange)
            case .choice(let branches):
                for (condition, parts) in branches {
                    if let condition, try !Self.isTrue(value(condition, exchange)) { continue }
                    try append(parts, exchange)
                    break
                }
            }
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
