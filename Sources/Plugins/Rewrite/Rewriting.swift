import DNSServer
import DNSWire
import Patterns

/// What the rules make of one question, and then of its answer.
final class Rewriting: NameChange {
    private let asked: [UInt8]
    private let original: [UInt8]
    /// The name as the rules left it: presentation format, letters folded.
    private var current: [UInt8]
    private(set) var type: RecordType
    private(set) var `class`: UInt16
    private(set) var hasMatched = false
    private var answers: [AnswerChange] = []
    private var lifetimes: [ClosedRange<UInt32>] = []
    private var codes: [(ResponseCode, ResponseCode)] = []
    private var targets: [(NameMatch, NameText)] = []
    /// What became of the query's options; nil when no rule is about them.
    private(set) var options: OptionChanges?
    private lazy var rewritten = wire ?? []
    private let room = ByteBlock(capacity: 255)

    init(_ question: Question) {
        asked = question.name.array
        original = Array(question.folded.nameText.utf8)
        current = original
        type = question.type
        `class` = question.class
    }

    /// The name to ask for, as the client spelled it where it is still the same; nil when it is no domain name.
    var wire: [UInt8]? {
        current == original ? asked : Name(String(decoding: current, as: UTF8.self))?.wire
    }

    var text: String { String(decoding: current, as: UTF8.self) }

    // MARK: The question

    /// False when the rule is not for this question.
    func apply(_ rule: RewriteRule, _ exchange: borrowing Exchange, _ metadata: (any MetadataReader)?) -> Bool {
        switch rule.change {
        case .name(let match, let text, let answer):
            guard let new = match.replaced(in: current, by: text) else { return false }
            var answer = answer
            let old = current
            current = new.last == UInt8(ascii: ".") ? new : new + [UInt8(ascii: ".")]
            if answer.restoresName { answer.suffix = (current, old) }
            answers.append(answer)
        case .type(let old, let new):
            guard type == old else { return false }
            type = new
        case .class(let old, let new):
            guard `class` == old else { return false }
            `class` = new
        case .ttl(let match, let range):
            guard match.matches(current) else { return false }
            lifetimes.append(range)
        case .code(let match, let old, let new):
            guard match.matches(current) else { return false }
            codes.append((old, new))
        case .target(let match, let text):
            // Whether it is for this question shows in the answer only.
            targets.append((match, text))
        case .option(let rule): return change(rule, exchange, metadata)
        }
        hasMatched = true
        return true
    }

    /// Options are for upstreams: the question stays what it is, so nothing is asked again.
    private func change(_ rule: OptionRule, _ exchange: borrowing Exchange, _ metadata: (any MetadataReader)?) -> Bool {
        let name = current == original ? exchange.question.name.nameText : text
        guard let data = rule.data(exchange, name: name, type: type, metadata) else { return false }
        var changes = options ?? OptionChanges(exchange.clientOptions)
        defer { options = changes }
        return changes.apply(rule, data)
    }

    // MARK: The answer

    func code(_ code: ResponseCode) -> ResponseCode {
        codes.reversed().reduce(code) { code, rule in code == rule.0 ? rule.1 : code }
    }

    func ttl(_ ttl: UInt32) -> UInt32 {
        lifetimes.reversed().reduce(ttl) { max($1.lowerBound, min($0, $1.upperBound)) }
    }

    /// Where a CNAME is to lead, be it where it leads already; nil when no rule is for its target.
    func cnameTarget(_ record: RecordPlace, of response: InnerResponse) -> [UInt8]? {
        guard !targets.isEmpty,
            let length = try? MessageReader.expandName(response.message, at: record.dataOffset, into: room.bytes)
        else { return nil }
        let target = Array(Name(room.bytes.view(length)).description.utf8)
        for (match, text) in targets {
            guard let new = match.replaced(in: target, by: text) else { continue }
            return Name(String(decoding: new, as: UTF8.self))?.wire
        }
        return nil
    }

    func owner(_ name: ByteView) -> ByteView {
        // Whatever became of the question, its answer is about the name that was asked.
        if withBytes(rewritten, { name.equalsName($0) }) { return keep(asked) }
        return changed(name) { $0.owners }
    }

    func target(_ name: ByteView, _ type: RecordType) -> ByteView { changed(name) { $0.targets } }

    private func changed(
        _ name: ByteView, _ patterns: (AnswerChange) -> [(Pattern, NameText)]
    ) -> ByteView {
        guard !answers.isEmpty else { return name }
        let before = Array(name.nameText.utf8)
        var text = before
        for answer in answers.reversed() {
            if let suffix = answer.suffix, let new = Self.moved(text, from: suffix.rewritten, to: suffix.original) {
                text = new
            }
            for (pattern, replacement) in patterns(answer) {
                if let match = pattern.firstMatch(in: text.map(folded)) { text = replacement.filled(match) }
            }
        }
        guard text != before, let wire = Name.wireKeepingCase(String(decoding: text, as: UTF8.self)) else {
            return name
        }
        return keep(wire)
    }

    /// `name` with another end where it ends with `old` at a label, letter case aside; nil where it does not.
    private static func moved(_ name: [UInt8], from old: [UInt8], to new: [UInt8]) -> [UInt8]? {
        let start = name.count - old.count
        guard start >= 0, name[start...].lazy.map(folded).elementsEqual(old) else { return nil }
        guard start == 0 || old.first == UInt8(ascii: ".") || name[start - 1] == UInt8(ascii: ".") else { return nil }
        return name[..<start] + new
    }

    private func keep(_ name: [UInt8]) -> ByteView {
        for (index, octet) in name.prefix(255).enumerated() { room.bytes.store(octet, at: index) }
        return room.bytes.view(min(name.count, 255))
    }
}

extension Exchange {
    /// The options of the client's query, as they stand in OPT.
    fileprivate var clientOptions: ByteView {
        asked.edns.map { message.slice($0.optionsOffset, $0.optionsLength) } ?? .empty
    }
}
