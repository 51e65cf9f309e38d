import Corefile
import DNSServer
import DNSWire
import Expressions
import Patterns

/// One `template` line with its block: which questions it takes, and what it answers them.
struct TemplateRule: Sendable {
    /// Nil for every class.
    private(set) var `class`: UInt16?
    /// Nil for every type.
    private(set) var type: RecordType?
    let zones: [Name]
    /// The first that is found in the name is taken; at least one.
    private(set) var patterns: [Pattern] = []
    private(set) var variables: [(name: String, value: Expression)] = []
    private(set) var conditions: [Expression] = []
    private(set) var answer: [RecordTemplate] = []
    private(set) var authority: [RecordTemplate] = []
    private(set) var additional: [RecordTemplate] = []
    private(set) var code = ResponseCode.noError
    private(set) var extendedError: ExtendedError?
    /// Zones whose names go on when no pattern is found in them; nil for none.
    private(set) var fallthroughZones: [Name]?

    /// Functions beside those of every question: `group`.
    static let functions = QuestionFunctions.functions + [ExpressionFunction("group", .unknown, gives: .string)]

    /// What expressions may name: variables only behind the line that makes them.
    private var known = ExpressionNames(functions: Self.functions)

    /// Those of RFC 1035 and 2136.
    private static let codes = (0...10).map { ResponseCode(rawValue: $0) }

    private static var options: OptionTable<Self> {
        [
            .each("match", \.patterns, pattern),
            .custom("var") { line, rule, _ throws(ConfigurationError) in
                let name = try variableName(line, rule.known)
                let value = try line.expression(from: 1, rule.known)
                rule.known.add(variable: name, value.type)
                rule.variables.append((name, value))
            },
            .custom("expr") { line, rule, _ throws(ConfigurationError) in
                rule.conditions.append(try line.expression(from: 0, rule.known, wants: .boolean))
            },
            .each("answer", \.answer, record),
            .each("additional", \.additional, record),
            .each("authority", \.authority, record),
            .value("rcode", \.code) { line throws(ConfigurationError) in
                try line.parsed("a response code: \(codes.map(\.description).joined(separator: ", "))") { text in
                    ResponseCode(name: text).flatMap { codes.contains($0) ? $0 : nil }
                }
            },
            .line("ederror", \.extendedError, 1...2, extendedError),
            .fallthroughZones(\.fallthroughZones),
            // Without meaning in CoreDNS too, kept for old files.
            .ignored("upstream", isListed: false),
        ]
    }

    init(_ directive: Directive, zones block: [Name], _ check: inout SettingsCheck) {
        zones = check.zones(of: directive, from: 2, else: block)
        check.attempt(try readQuestion(directive))
        // Records may name the groups and variables of every line, wherever it stands.
        let expressions: Set = ["var", "expr"]
        Self.options.read(directive.block.filter { $0.name == "match" }, into: &self, &check)
        if patterns.isEmpty, let all = try? Pattern(".*") { patterns = [all] }
        Self.options.read(directive.block.filter { expressions.contains($0.name) }, into: &self, &check)
        let others = directive.block.filter { $0.name != "match" && !expressions.contains($0.name) }
        Self.options.read(others, into: &self, &check)
    }

    private mutating func readQuestion(_ directive: Directive) throws(ConfigurationError) {
        let classWord = try directive.argument(0, "a class such as IN, or ANY")
        if classWord.text.uppercased() != "ANY" {
            guard let number = RecordClass.number(classWord.text) else {
                throw directive.error(classWord, expected: "a class such as IN, or ANY")
            }
            `class` = number
        }
        let typeWord = try directive.argument(1, "a record type such as A, or ANY")
        guard let found = RecordType(typeWord.text) else {
            throw directive.error(typeWord, expected: "a record type such as A, or ANY")
        }
        type = found == .any ? nil : found
    }

    private static func pattern(_ token: Token, _ line: Directive, _: Self) throws(ConfigurationError) -> [Pattern] {
        do throws(PatternError) {
            return [try Pattern(token.text)]
        } catch {
            throw Self.error(token, line, error.found, at: error.position, expected: error.expected)
        }
    }

    private static func record(
        _ token: Token, _ line: Directive, _ rule: Self
    ) throws(ConfigurationError) -> [RecordTemplate] {
        let groups = Set(rule.patterns.flatMap { $0.names.compactMap(\.self) })
        do throws(TemplateError) {
            let names = RecordTemplate.Names(groups: groups, variables: rule.variables.map(\.name))
            return [try RecordTemplate(token.text, names: names)]
        } catch {
            throw Self.error(token, line, error.found, at: error.character, expected: error.expected)
        }
    }

    private static func error(
        _ token: Token, _ line: Directive, _ found: String, at character: Int, expected: String
    ) -> ConfigurationError {
        let shown = ConfigurationError.shown(token.text)
        return line.error(
            found: "\(line.name) with \(found) at character \(character) of \(shown)", expected: expected, at: token.at)
    }

    private static func variableName(
        _ line: Directive, _ names: ExpressionNames
    ) throws(ConfigurationError) -> String {
        let expected = "the name of a new variable: letters, digits and _, and no word that has a meaning already"
        let word = try line.argument(0, expected)
        let isName = word.text.utf8.enumerated().allSatisfy { place, octet in
            let isDigit = (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(octet)
            return octet == UInt8(ascii: "_") || (0x61...0x7A).contains(folded(octet)) || isDigit && place > 0
        }
        guard isName, !word.text.isEmpty, !names.isTaken(word.text) else {
            throw line.error(word, expected: expected)
        }
        return word.text
    }

    /// More would not leave a response of 512 octets room for its records.
    private static let longestReason = 200

    private static func extendedError(_ line: Directive) throws(ConfigurationError) -> ExtendedError? {
        let code = UInt16(try line.integer(0, in: 0...65535))
        guard line.arguments.count == 2 else { return ExtendedError(code: code) }
        let word = line.arguments[1]
        guard word.text.utf8.count <= longestReason else {
            throw line.error(
                found: "ederror with a text of \(word.text.utf8.count) octets",
                expected: "at most \(longestReason)", at: word.at)
        }
        return ExtendedError(code: code, text: Array(word.text.utf8))
    }
}
