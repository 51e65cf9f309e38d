import Corefile
import DNSWire
import Patterns

/// Reads `rewrite` lines. A line in block form is the words of its block.
struct RewriteRuleReader {
    let line: Directive
    private var words: [Token]

    private static let fields = "name, type, class, ttl, rcode, cname or edns0"
    private static let matches = ["exact", "prefix", "suffix", "substring", "regex"]

    static func read(_ directive: Directive) throws(ConfigurationError) -> RewriteRule {
        var reader = RewriteRuleReader(directive)
        return try reader.rule()
    }

    private init(_ directive: Directive) {
        line = directive
        words = directive.arguments
        for property in directive.block {
            words.append(Token(text: property.name, at: property.at))
            words += property.arguments
        }
    }

    mutating func take(_ meaning: String) throws(ConfigurationError) -> Token {
        guard !words.isEmpty else { throw line.error(found: "the end of the rule", expected: meaning) }
        return words.removeFirst()
    }

    /// True when the next word is `word`, which is then taken.
    mutating func takeWord(_ word: String) -> Bool {
        guard words.first?.text == word else { return false }
        words.removeFirst()
        return true
    }

    private mutating func rule() throws(ConfigurationError) -> RewriteRule {
        var goesOn = false
        if let first = words.first?.text, first == "continue" || first == "stop" {
            goesOn = first == "continue"
            words.removeFirst()
        }
        let field = try take(Self.fields)
        let change: RewriteRule.Change
        switch field.text.lowercased() {
        case "name": change = try name()
        case "type": change = try type()
        case "class": change = try `class`()
        case "ttl": change = .ttl(try match(), try lifetime())
        case "rcode": change = .code(try match(), try code(), to: try code())
        case "cname":
            let (from, text) = try matchAndText()
            change = .target(from, to: text)
        case "edns0": change = .option(try option())
        default: throw line.error(field, expected: Self.fields)
        }
        if let more = words.first { throw line.error(more, expected: "the end of the rule") }
        return RewriteRule(change: change, goesOn: goesOn)
    }

    // MARK: Names

    private mutating func name() throws(ConfigurationError) -> RewriteRule.Change {
        let (from, text) = try matchAndText()
        var answer = AnswerChange()
        if case .exact(let whole) = from { answer.suffix = (text.plain, whole) }
        guard let first = words.first else { return .name(from, to: text, answer) }
        guard first.text == "answer" else { throw line.error(first, expected: "answer, or the end of the rule") }
        while !words.isEmpty {
            // It may be left out from the second time on.
            _ = takeWord("answer")
            try readAnswer(from, text, into: &answer)
        }
        return .name(from, to: text, answer)
    }

    private mutating func readAnswer(
        _ from: NameMatch, _ text: NameText, into answer: inout AnswerChange
    ) throws(ConfigurationError) {
        var kind = try take("auto, name or value")
        switch kind.text {
        case "auto":
            switch from {
            case .exact: break
            case .suffix(let end): answer.suffix = (text.plain, end)
            case .prefix, .substring, .regex: answer.restoresName = true
            }
            return
        case "name", "value": break
        default:
            // The oldest form has the pattern right behind the word.
            words.insert(kind, at: 0)
            kind = Token(text: "name", at: kind.at)
        }
        let pattern = try self.pattern(try take("a regular expression"))
        let replacement = try self.text(for: pattern)
        if kind.text == "name" {
            answer.owners.append((pattern, replacement))
        } else {
            answer.targets.append((pattern, replacement))
        }
    }

    private mutating func matchAndText() throws(ConfigurationError) -> (NameMatch, NameText) {
        let kind = matchWord()
        let from = try match(kind)
        if case .regex(let pattern) = from { return (from, try text(for: pattern)) }
        let token = try take("the new name")
        let name = normal(token.text, kind)
        // Only whole names can be looked at now; parts are when there is a question.
        if kind == "exact", Name(name) == nil { throw line.error(token, expected: "a domain name") }
        return (from, NameText(name))
    }

    private mutating func matchWord() -> String {
        guard let word = words.first?.text.lowercased(), Self.matches.contains(word) else { return "exact" }
        words.removeFirst()
        return word
    }

    private mutating func match() throws(ConfigurationError) -> NameMatch {
        let kind = matchWord()
        return try match(kind)
    }

    private mutating func match(_ kind: String) throws(ConfigurationError) -> NameMatch {
        let token = try take("the name to look for")
        if kind == "regex" { return .regex(try pattern(token)) }
        let octets = Array(normal(token.text, kind).utf8)
        switch kind {
        case "prefix": return .prefix(octets)
        case "suffix": return .suffix(octets)
        case "substring": return .substring(octets)
        default:
            guard let name = Name(token.text) else { throw line.error(token, expected: "a domain name") }
            return .exact(Array(name.description.utf8))
        }
    }

    /// Lower case; what ends a name ends with its dot.
    private func normal(_ text: String, _ kind: String) -> String {
        let lower = text.lowercased()
        return (kind == "exact" || kind == "suffix") && !lower.hasSuffix(".") ? lower + "." : lower
    }

    private func pattern(_ token: Token) throws(ConfigurationError) -> Pattern {
        do {
            return try Pattern(token.text)
        } catch {
            throw line.error(token, expected: "a regular expression (\(error))")
        }
    }

    private mutating func text(for pattern: Pattern) throws(ConfigurationError) -> NameText {
        let token = try take("the new name")
        let text = NameText(token.text)
        guard text.lastGroup <= pattern.groupCount else {
            throw line.error(
                token, expected: "groups up to {\(pattern.groupCount)}, which is how many the expression has")
        }
        return text
    }

    // MARK: Other fields

    private mutating func type() throws(ConfigurationError) -> RewriteRule.Change {
        func read(_ token: Token) throws(ConfigurationError) -> RecordType {
            guard let type = RecordType(token.text), type != .axfr, type != .ixfr else {
                throw line.error(token, expected: "a record type such as AAAA, and none of transfers")
            }
            return type
        }
        return .type(try read(try take("a record type")), to: try read(try take("the new record type")))
    }

    private mutating func `class`() throws(ConfigurationError) -> RewriteRule.Change {
        func read(_ token: Token) throws(ConfigurationError) -> UInt16 {
            let classes: [String: UInt16] = ["IN": 1, "CS": 2, "CH": 3, "HS": 4, "NONE": 254, "ANY": 255]
            guard let value = classes[token.text.uppercased()] else {
                throw line.error(token, expected: "IN, CS, CH, HS, NONE or ANY")
            }
            return value
        }
        return .class(try read(try take("a class")), to: try read(try take("the new class")))
    }

    private mutating func code() throws(ConfigurationError) -> ResponseCode {
        let token = try take("a response code")
        guard let code = ResponseCode(token.text) else {
            throw line.error(token, expected: "a response code such as NXDOMAIN, or its number")
        }
        return code
    }

    /// Seconds: `30`, `30-300`, `30-` or `-300`.
    private mutating func lifetime() throws(ConfigurationError) -> ClosedRange<UInt32> {
        let token = try take("a TTL")
        let expected = "seconds, or a range such as 30-300, 30- or -300"
        let parts = token.text.split(separator: "-", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
        func seconds(_ text: String, else missing: UInt32) throws(ConfigurationError) -> UInt32 {
            if text.isEmpty { return missing }
            guard let value = UInt32(text), value <= UInt32(Int32.max) else {
                throw line.error(token, expected: expected)
            }
            return value
        }
        guard parts.contains(where: { !$0.isEmpty }) else { throw line.error(token, expected: expected) }
        let low = try seconds(parts[0], else: 0)
        let high = parts.count == 1 ? low : try seconds(parts[1], else: UInt32(Int32.max))
        guard low <= high else { throw line.error(token, expected: "the smaller TTL first") }
        return low...high
    }
}
