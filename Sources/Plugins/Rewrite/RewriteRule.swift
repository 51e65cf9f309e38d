import DNSWire
import Patterns

/// One `rewrite` line.
struct RewriteRule: Sendable {
    enum Change: Sendable {
        case name(NameMatch, to: NameText, AnswerChange)
        case type(RecordType, to: RecordType)
        case `class`(UInt16, to: UInt16)
        case ttl(NameMatch, ClosedRange<UInt32>)
        case code(NameMatch, ResponseCode, to: ResponseCode)
        /// CNAMEs that lead to one name lead to another.
        case target(NameMatch, to: NameText)
        /// An EDNS option of the query.
        case option(OptionRule)
    }

    let change: Change
    /// True when further rules are looked at after this one.
    let goesOn: Bool
}

/// How the names of an answer are led back to those the client knows.
struct AnswerChange: Sendable {
    /// Names at or below the first become names at or below the second (`answer auto`).
    var suffix: (rewritten: [UInt8], original: [UInt8])?
    /// As above, for the name that the rule made and the one it made it of: known with the question only.
    var restoresName = false
    /// For owners (`answer name`).
    var owners: [(Pattern, NameText)] = []
    /// For names in data (`answer value`).
    var targets: [(Pattern, NameText)] = []
}
