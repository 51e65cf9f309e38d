/// A record read from its presentation form (RFC 1035 §5.1): owner, TTL and class if it says them, type, data.
///
/// Names are absolute whether they end in a dot or not; `@` is not known. Parentheses and comments are.
package struct RecordText: Equatable, Sendable {
    /// Wire form, letter case kept.
    package let owner: [UInt8]
    /// Seconds; nil when the text says none.
    package let ttl: UInt32?
    package let `class`: UInt16
    package let type: RecordType
    /// RDATA, its names uncompressed.
    package let data: [UInt8]

    /// The most octets the text of one record may take.
    package static let longest = 65_535

    /// Reads the first record of `text`; nil when there is none, only white space and comments.
    package static func first(in text: [UInt8]) throws(RecordTextError) -> RecordText? {
        guard text.count <= longest else {
            throw RecordTextError(word: 1, found: "\(text.count) octets", expected: "a record of at most \(longest)")
        }
        let words = try RecordWord.firstLine(of: text)
        return words.isEmpty ? nil : try RecordText(words)
    }

    package init(_ text: String) throws(RecordTextError) {
        guard let record = try Self.first(in: Array(text.utf8)) else {
            throw RecordTextError(word: 1, found: "nothing", expected: "a record")
        }
        self = record
    }

    private init(_ words: [RecordWord]) throws(RecordTextError) {
        var fields = RecordFields(words)
        owner = try fields.name("a domain name as owner")
        var ttl: UInt32?
        var `class`: UInt16?
        while let word = fields.next, !word.isQuoted {
            if ttl == nil, let seconds = RecordFields.seconds(word.octets) {
                ttl = seconds
            } else if `class` == nil, let number = RecordClass.number(word.text) {
                `class` = number
            } else {
                break
            }
            fields.skip()
        }
        self.ttl = ttl
        self.class = `class` ?? RecordClass.internet
        type = try fields.type()
        data = try fields.data(of: type)
        try fields.finish()
    }
}

/// What is wrong with the text of a record.
package struct RecordTextError: Error, Equatable, Sendable, CustomStringConvertible {
    /// The word it is found at, from 1 on.
    package let word: Int
    package let found: String
    package let expected: String

    package var description: String { "at word \(word): found \(found), expected \(expected)" }
}

extension RecordClass {
    /// The class of this mnemonic, or of `CLASS` and a number (RFC 3597 §5), in any letter case.
    package static func number(_ text: String) -> UInt16? {
        switch text.uppercased() {
        case "IN": internet
        case "CH": chaos
        case "HS": 4
        case let upper: upper.hasPrefix("CLASS") ? UInt16(upper.dropFirst(5)) : nil
        }
    }
}
