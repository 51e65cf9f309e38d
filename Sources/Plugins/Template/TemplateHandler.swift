import DNSServer
import DNSWire
import Expressions
import Patterns

/// Answers from templates on one loop: the first rule that takes a question answers it.
final class TemplateHandler: Handler {
    private let rules: [TemplateScope]
    private let counters: TemplateCounters
    private let functions: QuestionFunctions
    private var search = PatternSearch()

    init(_ rules: [TemplateRule], _ counters: TemplateCounters, _ metadata: (any MetadataReader)?) {
        self.rules = rules.map(TemplateScope.init)
        self.counters = counters
        functions = QuestionFunctions(metadata: metadata)
    }

    func answer(_ exchange: inout Exchange) -> Verdict {
        // Most names are of no template's zone: their text is made for those that are.
        var name: String?
        for scope in rules {
            guard let zone = scope.zone(of: exchange.question) else { continue }
            let text = name ?? exchange.question.folded.nameText
            name = text
            do throws(EvaluationError) {
                guard let subject = try match(scope.rule, text, zone, exchange) else {
                    if scope.fallthroughZones.contains(exchange.question.folded) { continue }
                    return .failed(.serverFailure, because: "no match in template, and no fallthrough")
                }
                return answer(scope.rule, subject, &exchange)
            } catch {
                return .failed(.serverFailure, because: "an expression of template without a value: \(error)")
            }
        }
        return .next
    }

    // MARK: Matching

    /// What the rule knows of the question; nil when no pattern or not every condition is met.
    private func match(
        _ rule: TemplateRule, _ name: String, _ zone: String, _ exchange: borrowing Exchange
    ) throws(EvaluationError) -> TemplateSubject? {
        let octets = Array(name.utf8)
        for pattern in rule.patterns {
            guard let match = search.firstMatch(of: pattern, in: octets) else { continue }
            let asked = exchange.question.type == .any ? rule.type ?? .any : exchange.question.type
            var subject = TemplateSubject(
                name: name, zone: zone, class: RecordClass.text(exchange.question.class), type: asked.description,
                pattern: pattern, match: match, metadata: functions.metadata)
            for variable in rule.variables {
                subject.variables.append(try value(variable.value, subject, exchange))
            }
            for condition in rule.conditions where try value(condition, subject, exchange) != .boolean(true) {
                return nil
            }
            return subject
        }
        return nil
    }

    private func value(
        _ expression: Expression, _ subject: TemplateSubject, _ exchange: borrowing Exchange
    ) throws(EvaluationError) -> ExpressionValue {
        try expression.value(of: exchange, variables: subject.variables) {
            [functions] place, arguments, exchange throws(EvaluationError) in
            guard place < QuestionFunctions.functions.count else {
                return .string(arguments.first.map(subject.group) ?? "")
            }
            return try functions.value(place, arguments, exchange)
        }
    }

    // MARK: Answering

    private func answer(_ rule: TemplateRule, _ subject: TemplateSubject, _ exchange: inout Exchange) -> Verdict {
        let labels = TemplateCounters.Labels(
            zone: subject.zone, class: subject.class, type: subject.type.hasPrefix("TYPE") ? "" : subject.type)
        counters.matched(labels)
        guard rule.code != .serverFailure else {
            return .failed(.serverFailure, rule.extendedError, because: "the template says so")
        }
        // All of them before any is written: a record that fails leaves no part of an answer.
        let sections: [[RecordText]]
        do throws(RecordFailure) {
            sections = [
                try records(rule.answer, "answer", subject, labels, exchange),
                try records(rule.authority, "authority", subject, labels, exchange),
                try records(rule.additional, "additional", subject, labels, exchange),
            ]
        } catch {
            return .failed(.serverFailure, because: error.reason)
        }
        // A refusal is no data of ours.
        let isData = rule.code == .noError || rule.code == .nameError
        if exchange.isFirstQuestion { exchange.isAuthoritative = isData }
        exchange.response.code = rule.code
        if let error = rule.extendedError { exchange.response.extendedError = error }
        let targets = write(sections[0], &exchange)
        if rule.code == .noError, let target = chainEnd(sections[0], targets, exchange) {
            // What belongs to this name alone would stand before the records that the CNAME leads to.
            return exchange.chase(targetAt: target)
        }
        for record in sections[1] { _ = append(record, in: .authority, &exchange) }
        for record in sections[2] { _ = append(record, in: .additional, &exchange) }
        return .answered
    }

    /// A record that cannot be made.
    private struct RecordFailure: Error {
        let reason: String
    }

    /// The records of a section.
    private func records(
        _ templates: [RecordTemplate], _ section: String, _ subject: TemplateSubject,
        _ labels: TemplateCounters.Labels, _ exchange: borrowing Exchange
    ) throws(RecordFailure) -> [RecordText] {
        var records: [RecordText] = []
        for template in templates {
            let text: String
            do throws(EvaluationError) {
                text = try template.text(for: subject, exchange)
            } catch {
                counters.failed(labels, section, template.text)
                throw RecordFailure(reason: "template without a text: \(error)")
            }
            do throws(RecordTextError) {
                // A text without a record is one that a condition left out.
                if let record = try RecordText.first(in: Array(text.utf8)) { records.append(record) }
            } catch {
                counters.failedRecord(labels, section, template.text)
                throw RecordFailure(reason: "template with a text that is no record: \(error)")
            }
        }
        return records
    }

    /// Writes the answer; gives where each record's data stands, as far as they went.
    private func write(_ records: [RecordText], _ exchange: inout Exchange) -> [Int] {
        var places: [Int] = []
        for record in records {
            guard append(record, in: .answer, &exchange) else {
                exchange.response.truncate()
                break
            }
            places.append(exchange.response.count - record.data.count)
        }
        return places
    }

    /// A record of the asked name has the client's letter case.
    private func append(_ record: RecordText, in section: Section, _ exchange: inout Exchange) -> Bool {
        let isAsked = withBytes(record.owner) { $0.equalsName(exchange.question.folded) }
        return exchange.response.append(record, at: isAsked ? exchange.question.nameOffset : nil, in: section)
    }

    /// Where the name stands that the CNAMEs lead to, when nothing of it is answered here.
    private func chainEnd(_ records: [RecordText], _ places: [Int], _ exchange: borrowing Exchange) -> Int? {
        guard exchange.question.type != .cname, exchange.question.type != .any else { return nil }
        var name = exchange.question.folded.array
        var found: Int?
        // At most one link for each record, whatever they say.
        for _ in places {
            let link = zip(records, places).first { $0.0.type == .cname && $0.0.owner.map(folded) == name }
            guard let (record, place) = link else { break }
            name = record.data.map(folded)
            found = place
        }
        let isAnswered = records.contains { $0.type == exchange.question.type && $0.owner.map(folded) == name }
        return isAnswered ? nil : found
    }
}

/// A rule as one loop compares questions with it.
private struct TemplateScope {
    let rule: TemplateRule
    let fallthroughZones: ZoneSet
    /// Longest first, so that the first match is the best one.
    private let zones: [(wire: ByteBlock, text: String)]

    init(_ rule: TemplateRule) {
        self.rule = rule
        zones = rule.zones.sorted { $0.wire.count > $1.wire.count }.map { (ByteBlock($0.wire), $0.description) }
        fallthroughZones = ZoneSet(rule.fallthroughZones ?? [])
    }

    /// The zone in which the rule takes this question; nil when it does not.
    func zone(of question: Question) -> String? {
        if let type = rule.type, question.type != type, question.type != .any { return nil }
        if let `class` = rule.class, question.class != `class` { return nil }
        return zones.first { question.folded.isSubdomain(of: $0.wire.view) }?.text
    }
}
