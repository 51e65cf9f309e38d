import DNSWire

/// What stands before the type on the line of a record: `[OWNER] [TTL] [CLASS]` or `[OWNER] [CLASS] [TTL]` (RFC 1035 §5.1).
///
/// The first word is an owner, whatever it looks like, unless the line begins with a blank.
struct RecordHead {
    /// Seconds; nil where the line has none.
    private(set) var ttl: UInt32?
    private let owner: Range<Int>
    private var ttlWord: Range<Int>?
    private var classWord: Range<Int>?
    /// From behind the last of these words on.
    private let rest: Int

    init(_ line: [UInt8]) throws(ZoneContentError) {
        let isOwned = line.first.map { !$0.isBlank } ?? false
        owner = 0..<(isOwned ? line.word(from: 0)?.upperBound ?? 0 : 0)
        var place = owner.upperBound
        while let word = line.word(from: place) {
            let text = line[word]
            if UInt8(ascii: "0") <= line[word.lowerBound], line[word.lowerBound] <= UInt8(ascii: "9") {
                // No type begins with a digit.
                guard ttlWord == nil else { throw ZoneContentError("\(text.shown), expected a type") }
                ttl = try Self.seconds(text)
                ttlWord = word
            } else if classWord == nil, Self.isClass(text) {
                classWord = word
            } else {
                break
            }
            place = word.upperBound
        }
        rest = place
    }

    /// The line as ldns reads it, which knows the TTL before the class only.
    func ordered(_ line: [UInt8]) -> [UInt8] {
        guard let ttlWord, let classWord, classWord.lowerBound < ttlWord.lowerBound else { return line }
        let blank = [UInt8(ascii: " ")]
        return line[owner] + blank + line[ttlWord] + blank + line[classWord] + line[rest...]
    }

    /// A number of seconds, or numbers with the units that BIND has for them: 1h30m.
    static func seconds(_ text: ArraySlice<UInt8>) throws(ZoneContentError) -> UInt32 {
        var sum: UInt64 = 0
        var number: UInt64?
        for octet in text where sum <= UInt32.max && number ?? 0 <= UInt32.max {
            if UInt8(ascii: "0") <= octet, octet <= UInt8(ascii: "9") {
                number = (number ?? 0) * 10 + UInt64(octet - UInt8(ascii: "0"))
                continue
            }
            guard let count = number, let unit = unit(octet) else {
                throw ZoneContentError("\(text.shown), expected a TTL, as 3600 or 1h30m")
            }
            sum += count * unit
            number = nil
        }
        sum += number ?? 0
        guard !text.isEmpty, sum <= UInt32.max else {
            throw ZoneContentError("\(text.shown), expected a TTL of at most \(UInt32.max) seconds")
        }
        return UInt32(sum)
    }

    /// Its seconds.
    private static func unit(_ letter: UInt8) -> UInt64? {
        switch letter | 0x20 {
        case UInt8(ascii: "s"): 1
        case UInt8(ascii: "m"): 60
        case UInt8(ascii: "h"): 3600
        case UInt8(ascii: "d"): 86400
        case UInt8(ascii: "w"): 7 * 86400
        default: nil
        }
    }

    /// By its name, or as RFC 3597 §5 has it.
    private static func isClass(_ text: ArraySlice<UInt8>) -> Bool {
        switch text.count {
        case 2: return text.isWord("in") || text.isWord("ch") || text.isWord("hs")
        case 3: return text.isWord("any")
        case 4: return text.isWord("none")
        case 6...10:
            return text.prefix(5).isWord("class")
                && text.dropFirst(5).allSatisfy { UInt8(ascii: "0") <= $0 && $0 <= UInt8(ascii: "9") }
        default: return false
        }
    }
}

extension ArraySlice<UInt8> {
    /// As errors show it.
    var shown: String { String(decoding: self, as: UTF8.self) }

    /// Whether these are the letters of `word`, which has small ones, in any case.
    func isWord(_ word: String) -> Bool { count == word.utf8.count && lazy.map(folded).elementsEqual(word.utf8) }
}
