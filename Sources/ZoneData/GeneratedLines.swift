/// The lines of `$GENERATE RANGE OWNER [TTL] [CLASS] TYPE DATA`, as the manual of BIND 9 describes it ("BIND Primary File
/// Extension").
struct GeneratedLines {
    /// The most lines of one directive, as in CoreDNS.
    static let most = 65536
    /// The most characters of a number.
    private static let greatestWidth = 255

    private enum Part {
        case text([UInt8])
        case number(Form)
    }

    /// `${OFFSET[,WIDTH[,BASE]]}`.
    private struct Form {
        var offset = 0
        /// The fewest characters.
        var width = 0
        var base = UInt8(ascii: "d")
    }

    let numbers: StrideThrough<Int>
    private let parts: [Part]

    /// - Parameter line: the whole directive.
    init(_ line: [UInt8]) throws(ZoneContentError) {
        let words = line.words
        guard words.count >= 4 else {
            throw ZoneContentError("$GENERATE, expected a range, an owner, a type and data")
        }
        let range = words[1]
        let halves = range.split(separator: UInt8(ascii: "/"), maxSplits: 1, omittingEmptySubsequences: false)
        let ends = halves[0].split(separator: UInt8(ascii: "-"), maxSplits: 1, omittingEmptySubsequences: false)
        let step = halves.count > 1 ? Self.number(halves[1]) : 1
        guard ends.count == 2, let first = Self.number(ends[0]), let last = Self.number(ends[1]), let step,
            first <= last, step > 0
        else { throw ZoneContentError("$GENERATE \(range.shown), expected a range, as 1-10 or 0-100/10") }
        let count = (last - first) / step + 1
        guard count <= Self.most else {
            throw ZoneContentError("$GENERATE \(range.shown): \(count) records, expected at most \(Self.most)")
        }
        numbers = stride(from: first, through: last, by: step)
        parts = try Self.parts(line[words[2].startIndex...])
    }

    /// The line of a number.
    func line(_ number: Int) throws(ZoneContentError) -> [UInt8] {
        var line: [UInt8] = []
        for part in parts {
            switch part {
            case .text(let text): line += text
            case .number(let form):
                let value = number + form.offset
                guard value >= 0 else { throw ZoneContentError("$GENERATE: \(value), expected no number below 0") }
                line += Self.written(value, form)
            }
        }
        return line
    }

    private static func parts(_ template: ArraySlice<UInt8>) throws(ZoneContentError) -> [Part] {
        var parts: [Part] = []
        var text: [UInt8] = []
        var rest = template
        while let octet = rest.popFirst() {
            guard octet == UInt8(ascii: "$") else {
                text.append(octet)
                // What is escaped stays so: the record is read like any other.
                if octet == UInt8(ascii: "\\"), let next = rest.popFirst() { text.append(next) }
                continue
            }
            // Earlier versions of BIND wrote $$ for what is \$ today.
            if rest.first == octet {
                rest.removeFirst()
                text += [UInt8(ascii: "\\"), octet]
                continue
            }
            parts.append(.text(text))
            text = []
            guard rest.first == UInt8(ascii: "{") else {
                parts.append(.number(Form()))
                continue
            }
            let inner = rest.dropFirst().prefix { $0 != UInt8(ascii: "}") }
            guard inner.endIndex < rest.endIndex, let form = form(inner) else {
                throw ZoneContentError(
                    "$GENERATE: $\(rest.prefix(inner.count + 2).shown), expected ${OFFSET,WIDTH,BASE}, as ${0,3,d}")
            }
            parts.append(.number(form))
            rest = rest[(inner.endIndex + 1)...]
        }
        return parts + [.text(text)]
    }

    private static func form(_ text: ArraySlice<UInt8>) -> Form? {
        let fields = text.split(separator: UInt8(ascii: ","), omittingEmptySubsequences: false)
        guard fields.count <= 3, let first = fields.first else { return nil }
        let isNegative = first.first == UInt8(ascii: "-")
        let isSigned = isNegative || first.first == UInt8(ascii: "+")
        guard let offset = number(isSigned ? first.dropFirst() : first) else { return nil }
        var form = Form(offset: isNegative ? -offset : offset)
        if fields.count > 1 {
            guard let width = number(fields[1]), width <= greatestWidth else { return nil }
            form.width = width
        }
        if fields.count > 2 {
            guard fields[2].count == 1, let base = fields[2].first, Array("doxXnN".utf8).contains(base) else {
                return nil
            }
            form.base = base
        }
        return form
    }

    private static func written(_ value: Int, _ form: Form) -> [UInt8] {
        let isLarge = form.base == UInt8(ascii: "X") || form.base == UInt8(ascii: "N")
        let radix =
            switch form.base {
            case UInt8(ascii: "d"): 10
            case UInt8(ascii: "o"): 8
            default: 16
            }
        let digits = String(value, radix: radix, uppercase: isLarge).utf8
        guard form.base | 0x20 == UInt8(ascii: "n") else {
            return [UInt8](repeating: UInt8(ascii: "0"), count: max(0, form.width - digits.count)) + digits
        }
        // Nibbles as ip6.arpa has them; the width counts their dots.
        let count = max(digits.count, (form.width + 1) / 2)
        let nibbles = digits.reversed() + [UInt8](repeating: UInt8(ascii: "0"), count: count - digits.count)
        return Array(nibbles.map { [$0] }.joined(separator: [UInt8(ascii: ".")]))
    }

    /// A number without a sign that may be added to another.
    private static func number(_ text: ArraySlice<UInt8>) -> Int? {
        guard (1...10).contains(text.count),
            text.allSatisfy({ UInt8(ascii: "0") <= $0 && $0 <= UInt8(ascii: "9") }),
            let number = Int(text.shown), number <= Int(Int32.max)
        else { return nil }
        return number
    }
}
