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

    private static let properties = [
        "match", "var", "expr", "answer", "additional", "authority", "rcode", "ederror", "fallthrough",
    ]

    init(_ directive: Directive, zones block: [Name], _ check: inout SettingsCheck) {
        zones = check.zones(of: directive, from: 2, else: block)
        check.attempt { () throws(ConfigurationError) in try readQuestion(directive) }
        for property in directive.block where property.name == "match" {
            check.attempt { () throws(ConfigurationError) in try readPatterns(property) }
        }
        if patterns.isEmpty, let all = try? Pattern(".*") { patterns = [all] }
        readExpressions(directive, &check)
        let names = RecordTemplate.Names(
            groups: Set(patterns.flatMap { $0.names.compactMap(\.self) }), variables: variables.map(\.name))
        for property in directive.block where !["match", "var", "expr"].contains(property.name) {
            check.attempt { () throws(ConfigurationError) in try read(property, names) }
        }
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

    private mutating func readPatterns(_ property: Directive) throws(ConfigurationError) {
        try property.expectCount(1...)
        for token in property.arguments {
            do throws(PatternError) {
                patterns.append(try Pattern(token.text))
            } catch {
                let shown = ConfigurationError.shown(token.text)
                throw property.error(
                    found: "match with \(error.found) at character \(error.position) of \(shown)",
                    expected: error.expected, at: token.at)
            }
        }
    }

    /// In file order, because a variable is known to the lines behind it.
    private mutating func readExpressions(_ directive: Directive, _ check: inout SettingsCheck) {
        var names = ExpressionNames(functions: Self.functions)
        for property in directive.block {
            check.attempt { () throws(ConfigurationError) in
                switch property.name {
                case "var":
                    let name = try Self.variableName(property, names)
                    let value = try property.expression(from: 1, names)
                    names.add(variable: name, value.type)
                    variables.append((name, value))
                case "expr": conditions.append(try property.expression(from: 0, names, wants: .boolean))
                default: break
                }
            }
        }
    }

    private static func variableName(
        _ property: Directive, _ names: ExpressionNames
    ) throws(ConfigurationError) -> String {
        let expected = "the name of a new variable: letters, digits and _, and no word that has a meaning already"
        let word = try property.argument(0, expected)
        let isName = word.text.utf8.enumerated().allSatisfy { place, octet in
            let isDigit = (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(octet)
            return octet == UInt8(ascii: "_") || (0x61...0x7A).contains(folded(octet)) || isDigit && place > 0
        }
        guard isName, !word.text.isEmpty, !names.isTaken(word.text) else {
            throw property.error(word, expected: expected)
        }
        return word.text
    }

    private mutating func read(
        _ property: Directive, _ names: RecordTemplate.Names
    ) throws(ConfigurationError) {
        switch property.name {
        case "answer": answer += try Self.records(property, names)
        case "authority": authority += try Self.records(property, names)
        case "additional": additional += try Self.records(property, names)
        case "rcode": code = try Self.responseCode(property)
        case "ederror": try readExtendedError(property)
        case "fallthrough":
            var zones: [Name] = []
            for token in property.arguments { zones += try property.zones(token).compactMap { Name($0) } }
            fallthroughZones = zones.isEmpty ? [.root] : zones
        case "upstream": break  // Without meaning in CoreDNS too, kept for old files.
        default: throw property.unknownProperty(known: Self.properties)
        }
    }

    private static func records(
        _ property: Directive, _ names: RecordTemplate.Names
    ) throws(ConfigurationError) -> [RecordTemplate] {
        try property.expectCount(1...)
        var templates: [RecordTemplate] = []
        for token in property.arguments {
            do throws(TemplateError) {
                templates.append(try RecordTemplate(token.text, names: names))
            } catch {
                let shown = ConfigurationError.shown(token.text)
                throw property.error(
                    found: "\(property.name) with \(error.found) at character \(error.character) of \(shown)",
                    expected: error.expected, at: token.at)
            }
        }
        return templates
    }

    private static func responseCode(_ property: Directive) throws(ConfigurationError) -> ResponseCode {
        try property.expectCount(1)
        let codes = (0...10).map { ResponseCode(rawValue: $0) }
        let word = try property.argument(0, "a response code")
        guard let code = codes.first(where: { $0.description == word.text.uppercased() }) else {
            throw property.error(word, expected: "a response code: \(codes.map(\.description).joined(separator: ", "))")
        }
        return code
    }

    /// More would not leave a response of 512 octets room for its records.
    private static let longestReason = 200

    private mutating func readExtendedError(_ property: Directive) throws(ConfigurationError) {
        try property.expectCount(1...2)
        let code = UInt16(try property.integer(0, in: 0...65535))
        guard property.arguments.count == 2 else {
            extendedError = ExtendedError(code: code)
            return
        }
        let word = property.arguments[1]
        guard word.text.utf8.count <= Self.longestReason else {
            throw property.error(
                found: "ederror with a text of \(word.text.utf8.count) octets",
                expected: "at most \(Self.longestReason)", at: word.at)
        }
        extendedError = ExtendedError(code: code, text: Array(word.text.utf8))
    }
}
