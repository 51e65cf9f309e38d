/// One word of a record's text, its escapes still in it.
struct RecordWord {
    let octets: [UInt8]
    let isQuoted: Bool

    /// Everything that is no UTF-8 is shown as such.
    var text: String { String(decoding: octets, as: UTF8.self) }

    /// The words of the first line that has any; parentheses make several lines one.
    static func firstLine(of text: [UInt8]) throws(RecordTextError) -> [RecordWord] {
        var words: [RecordWord] = []
        var place = 0
        var depth = 0
        while place < text.count {
            switch text[place] {
            case UInt8(ascii: "\n"), UInt8(ascii: "\r"):
                if depth == 0, !words.isEmpty { return words }
                place += 1
            case UInt8(ascii: " "), UInt8(ascii: "\t"): place += 1
            case UInt8(ascii: "("):
                depth += 1
                place += 1
            case UInt8(ascii: ")"):
                guard depth > 0 else {
                    throw RecordTextError(word: words.count + 1, found: ")", expected: "a ( before it")
                }
                depth -= 1
                place += 1
            case UInt8(ascii: ";"):
                while place < text.count, text[place] != UInt8(ascii: "\n") { place += 1 }
            case UInt8(ascii: "\""): words.append(try quoted(text, &place, number: words.count + 1))
            default: words.append(bare(text, &place))
            }
        }
        guard depth == 0 else {
            throw RecordTextError(word: words.count + 1, found: "the end", expected: "a ) for each (")
        }
        return words
    }

    private static func quoted(
        _ text: [UInt8], _ place: inout Int, number: Int
    ) throws(RecordTextError) -> RecordWord {
        let start = place + 1
        place = start
        while place < text.count, text[place] != UInt8(ascii: "\"") {
            place += text[place] == UInt8(ascii: "\\") ? 2 : 1
        }
        guard place < text.count else {
            place = text.count
            throw RecordTextError(word: number, found: "a quoted string without its end", expected: "a \" behind it")
        }
        place += 1
        return RecordWord(octets: Array(text[start..<place - 1]), isQuoted: true)
    }

    private static func bare(_ text: [UInt8], _ place: inout Int) -> RecordWord {
        let start = place
        while place < text.count, !endsWord(text[place]) {
            place += text[place] == UInt8(ascii: "\\") ? 2 : 1
        }
        place = min(place, text.count)
        return RecordWord(octets: Array(text[start..<place]), isQuoted: false)
    }

    private static func endsWord(_ octet: UInt8) -> Bool {
        switch octet {
        case UInt8(ascii: " "), UInt8(ascii: "\t"), UInt8(ascii: "\n"), UInt8(ascii: "\r"), UInt8(ascii: "("),
            UInt8(ascii: ")"), UInt8(ascii: ";"), UInt8(ascii: "\""):
            true
        default: false
        }
    }

    /// The octets that `\DDD` and `\X` stand for (RFC 1035 §5.1); nil for a broken escape.
    var unescaped: [UInt8]? {
        guard octets.contains(UInt8(ascii: "\\")) else { return octets }
        var result: [UInt8] = []
        var rest = octets[...]
        while let octet = rest.popFirst() {
            guard octet == UInt8(ascii: "\\") else {
                result.append(octet)
                continue
            }
            guard let first = rest.first else { return nil }
            guard Self.digit(first) != nil else {
                result.append(rest.removeFirst())
                continue
            }
            let digits = rest.prefix(3).compactMap(Self.digit)
            guard digits.count == 3, let value = UInt8(exactly: digits.reduce(0) { $0 * 10 + $1 }) else { return nil }
            result.append(value)
            rest = rest.dropFirst(3)
        }
        return result
    }

    static func digit(_ octet: UInt8) -> Int? {
        (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(octet) ? Int(octet - UInt8(ascii: "0")) : nil
    }
}
