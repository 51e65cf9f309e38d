/// The lines of a zone file (RFC 1035 §5.1): each with those that its parentheses join to it, and without comments.
struct ZoneFileLines {
    private let octets: [UInt8]
    private var position = 0
    /// Ends of lines before `position`.
    private var ended = 0
    /// The number of the line in the file, from 1 on; of its first one where there are several.
    private(set) var number = 0
    /// What the line says; never blank.
    private(set) var text: [UInt8] = []

    init(_ octets: [UInt8]) { self.octets = octets }

    /// Goes to the next line that says something; gives whether there is one.
    mutating func next() throws(ZoneContentError) -> Bool {
        while position < octets.count {
            try readLine()
            if text.contains(where: { !$0.isBlank }) { return true }
        }
        return false
    }

    private mutating func readLine() throws(ZoneContentError) {
        number = ended + 1
        text.removeAll(keepingCapacity: true)
        var isQuoted = false
        var depth = 0
        /// Up to where a blank is part of the text; ldns takes one at the end of a line for a word.
        var kept = 0
        defer { while text.count > kept, text.last?.isBlank == true { text.removeLast() } }
        while position < octets.count {
            var end = position
            while end < octets.count, !Self.isSpecial(octets[end]) { end += 1 }
            text += octets[position..<end]
            position = end
            guard position < octets.count else { break }
            let octet = octets[position]
            position += 1
            switch octet {
            case UInt8(ascii: "\n"):
                ended += 1
                if isQuoted {
                    // A part of the text, as for NSD and CoreDNS; ldns takes it escaped.
                    text += "\\010".utf8
                } else {
                    if depth == 0 { return }
                    text.append(UInt8(ascii: " "))
                }
            case UInt8(ascii: "\\"):
                text.append(octet)
                guard position < octets.count, octets[position] != UInt8(ascii: "\n") else { continue }
                text.append(octets[position])
                position += 1
                kept = text.count
            case UInt8(ascii: "\""):
                isQuoted.toggle()
                text.append(octet)
            case _ where isQuoted && octet != 0: text.append(octet)
            case UInt8(ascii: ";"):
                while position < octets.count, octets[position] != UInt8(ascii: "\n") { position += 1 }
            case UInt8(ascii: "("):
                depth += 1
                if !text.isEmpty { text.append(UInt8(ascii: " ")) }
            case UInt8(ascii: ")"):
                guard depth > 0 else { throw ZoneContentError("a ) without its (") }
                depth -= 1
                text.append(UInt8(ascii: " "))
            case UInt8(ascii: "\r"): text.append(UInt8(ascii: " "))
            default: continue
            }
        }
        guard !isQuoted else { throw ZoneContentError("a quotation mark without the one that ends the text") }
        guard depth == 0 else { throw ZoneContentError("a ( without its )") }
    }

    /// What may be anything but a part of the line as it stands; ldns ends at zeros.
    private static func isSpecial(_ octet: UInt8) -> Bool {
        switch octet {
        case 0, UInt8(ascii: "\n"), UInt8(ascii: "\r"), UInt8(ascii: "\""), UInt8(ascii: "("), UInt8(ascii: ")"),
            UInt8(ascii: ";"), UInt8(ascii: "\\"):
            true
        default: false
        }
    }
}

extension UInt8 {
    /// What stands between the words of a zone file, ends of lines aside.
    var isBlank: Bool { self == 0x20 || self == 0x09 || self == 0x0B || self == 0x0C || self == 0x0D }
}

extension [UInt8] {
    /// The next word from `place` on, which is at a blank or at the start of a word; nil where nothing follows.
    func word(from place: Int) -> Range<Int>? {
        var start = place
        while start < count, self[start].isBlank { start += 1 }
        var end = start
        while end < count, !self[end].isBlank { end += self[end] == UInt8(ascii: "\\") ? 2 : 1 }
        return start < count ? start..<Swift.min(end, count) : nil
    }

    /// All words.
    var words: [ArraySlice<UInt8>] {
        var found: [ArraySlice<UInt8>] = []
        var place = 0
        while let word = word(from: place) {
            found.append(self[word])
            place = word.upperBound
        }
        return found
    }
}
