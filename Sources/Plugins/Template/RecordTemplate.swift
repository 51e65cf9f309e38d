import DNSServer
import Expressions

/// The text of a record with parts that each question fills in: the part of Go's text/template that records need.
struct RecordTemplate: Sendable {
    /// As written; the label of its metrics.
    let text: String
    private let parts: [TemplatePart]

    /// What a template can refer to beside the question.
    struct Names: Sendable {
        /// Names of the patterns' groups.
        var groups: Set<String> = []
        /// In the order of their values.
        var variables: [String] = []
    }

    init(_ text: String, names: Names) throws(TemplateError) {
        var parser = TemplateParser(text, names: names)
        parts = try parser.parse()
        self.text = text
    }

    /// - Throws: why there is no text for this question.
    func text(for subject: TemplateSubject, _ exchange: borrowing Exchange) throws(EvaluationError) -> String {
        var rendering = TemplateRendering(subject)
        try rendering.append(parts, exchange)
        return rendering.output
    }
}

/// What is wrong with a template.
struct TemplateError: Error, Equatable, Sendable {
    /// The character it is found at, from 1 on.
    let character: Int
    let found: String
    let expected: String
}

/// A piece of a template.
indirect enum TemplatePart: Sendable {
    case text(String)
    case value(TemplateTerm)
    /// Gives a variable of the template's own its value.
    case assignment(Int, TemplateTerm)
    /// The parts of the first condition that is true; a missing condition always is.
    case choice([Branch])
    /// The parts for each element of a list.
    case loop(Loop)
    /// Leaves the innermost loop, or goes on with its next element.
    case leave(isForGood: Bool)

    struct Branch: Sendable {
        let condition: TemplateTerm?
        /// Where the condition's value goes, for the dot of `with` and for a variable.
        var places: [Int] = []
        let parts: [TemplatePart]
    }

    struct Loop: Sendable {
        let list: TemplateTerm
        /// Where the key of each element goes, and the element.
        let keys: [Int]
        let elements: [Int]
        let parts: [TemplatePart]
        /// For a list without elements.
        let otherwise: [TemplatePart]
    }
}

/// What stands between braces.
indirect enum TemplateTerm: Sendable {
    case literal(ExpressionValue)
    case field(TemplateField)
    /// What a group of this name took in.
    case group(String)
    /// All groups: only to be looked into by `index` and `len`.
    case groups
    /// The value of a `var` line, by its place.
    case variable(Int)
    /// The value of a variable of the template's own.
    case local(Int)
    /// What other plugins know of the question by this label.
    case metadata(TemplateTerm)
    case call(TemplateFunction, [TemplateTerm])
    case print(PrintFormat, [TemplateTerm])
}

/// What a template knows of the question, as it is written behind a dot.
enum TemplateField: String, CaseIterable, Sendable {
    case zone = "Zone"
    case name = "Name"
    case `class` = "Class"
    case type = "Type"
    case match = "Match"
    case regex = "Regex"
    case remote = "Remote"
    case questionName = "Question.Name"
    case questionType = "Question.Qtype"
    case questionClass = "Question.Qclass"
    case id = "Message.Id"
    case opcode = "Message.Opcode"
    case recursionDesired = "Message.RecursionDesired"
    case checkingDisabled = "Message.CheckingDisabled"
    case authenticatedData = "Message.AuthenticatedData"
}

/// Functions of templates, but for `printf`, whose first argument is known before.
enum TemplateFunction: String, CaseIterable, Sendable {
    case and, or, not, eq, ne, lt, le, gt, ge, index, slice, len, parseInt, print, println, html, js, urlquery

    var argumentCount: ClosedRange<Int> {
        switch self {
        case .and, .or, .print, .println, .html, .js, .urlquery: 1...20
        case .eq: 2...20
        case .not, .len: 1...1
        case .ne, .lt, .le, .gt, .ge, .index: 2...2
        case .slice: 1...3
        case .parseInt: 3...3
        }
    }
}
