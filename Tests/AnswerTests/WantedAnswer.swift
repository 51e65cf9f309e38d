import Testing
import ZoneData

/// What a script wants of one answer, in the words in which an answer is shown as well.
struct WantedAnswer {
    /// The code, and `aa` and `tc` where they are set.
    var head = "NOERROR"
    var records: [String] = []
    /// Extended errors; nil where any will do.
    var extendedErrors: [String]?
    /// EDNS options but those, as code and hexadecimal digits; nil where any will do.
    var options: [String]?
    /// Bits of the header but QR, AA and TC; nil where any will do.
    var flags: [String]?
    /// Octets the answer must contain as they are, letter case and all.
    var spelled: [String] = []
    /// The first record of the answer, where its place matters.
    var first: String?
    /// Instead of the records: how many.
    var answers: ClosedRange<Int>?
    /// Octets of the whole message.
    var size: ClosedRange<Int>?
    /// Seconds before which there is no answer.
    var after = 0.0

    /// What is not as wanted; nil when everything is.
    ///
    /// - Parameters:
    ///   - octets: nil for silence.
    ///   - seconds: that it took.
    func difference(_ octets: [UInt8]?, after seconds: Double) throws -> String? {
        guard let octets else { return head == "silence" ? nil : "silence" }
        if seconds < after { return "wanted no answer before \(after) s, got one after \(seconds) s" }
        let message = try MessageText.text(of: octets)
        let got = shown(message)
        let wanted =
            [head]
            + (records + (extendedErrors ?? []).map { "ede \($0)" } + (options ?? [])
            + (flags ?? []).map { "flag \($0)" }).sorted()
        if !Self.fit(wanted, got) {
            return "wanted\n\(wanted.joined(separator: "\n"))\ngot\n\(got.joined(separator: "\n"))"
        }
        let text = (message.question + message.answer + message.authority + message.additional)
            .joined(separator: "\n").replacing("\t", with: " ")
        for literal in spelled where !text.contains(literal) { return "wanted \(literal) in\n\(text)" }
        let begins = message.answer.first.map { Self.record(Self.words($0)) } ?? "nothing"
        if let first, first != begins { return "wanted \(first) first, got \(begins)" }
        for (name, limits, got) in [("answers", answers, message.answer.count), ("size", size, octets.count)] {
            if let limits, !limits.contains(got) { return "wanted \(name) \(limits), got \(got)" }
        }
        return nil
    }

    /// The words of an answer that the script says something about.
    private func shown(_ message: DecodedMessage) -> [String] {
        let flags = message.flags.split(separator: " ").map(String.init)
        var lines = Self.authority(message)
        if answers == nil && size == nil {
            lines += message.answer.map { Self.record(Self.words($0)) }
            lines += message.additional.map { "and " + Self.record(Self.words($0)) }
        }
        let options = Self.options(message.edns?.options ?? [])
        if extendedErrors != nil { lines += options.compactMap(\.error).map { "ede \($0)" } }
        if self.options != nil { lines += options.filter { $0.error == nil }.map(\.text) }
        if self.flags != nil { lines += flags.filter { !["qr", "aa", "tc"].contains($0) }.map { "flag \($0)" } }
        let head = ([message.code] + flags.filter { $0 == "aa" || $0 == "tc" }).joined(separator: " ")
        return [head] + lines.sorted()
    }

    // MARK: Comparing

    /// True when each wanted line is met by one of its own, and none is left.
    private static func fit(_ wanted: [String], _ got: [String]) -> Bool {
        var rest = got
        for line in wanted {
            guard let index = rest.firstIndex(where: { fits(line, $0) }) else { return false }
            rest.remove(at: index)
        }
        return rest.isEmpty
    }

    /// Word by word; `N..M` is a number between them.
    private static func fits(_ wanted: String, _ got: String) -> Bool {
        let (wanted, got) = (wanted.split(separator: " "), got.split(separator: " "))
        return wanted.count == got.count
            && zip(wanted, got).allSatisfy { wanted, got in
                if wanted == got { return true }
                let ends = wanted.split(separator: ".").compactMap { Int($0) }
                guard wanted.contains(".."), ends.count == 2, let number = Int(got) else { return false }
                return ends[0] <= number && number <= ends[1]
            }
    }

    /// An SOA by owner and TTL only: its serial is the cluster's.
    private static func authority(_ message: DecodedMessage) -> [String] {
        message.authority.map { line in
            let words = words(line)
            return words[3] == "SOA" ? soa(words[0], words[1]) : "authority " + record(words)
        }
    }

    /// Without what ldns says of keys.
    private static func words(_ line: String) -> [String] {
        Array(line.split(whereSeparator: \.isWhitespace).map(String.init).prefix { !$0.hasPrefix(";{") })
    }

    static func soa(_ owner: String, _ ttl: String) -> String { "soa \(owner.lowercased()) \(ttl)" }

    /// - Parameter words: owner, TTL, class, type and data; of a signature the type covered, since no two are the same.
    static func record(_ words: [String]) -> String {
        words.prefix(words[3].uppercased() == "RRSIG" ? 5 : words.count).joined(separator: " ").lowercased()
    }

    /// EDNS options in words, those of extended errors (RFC 8914) with their code.
    private static func options(_ options: [UInt8]) -> [(text: String, error: Int?)] {
        var rest = options[...]
        var read: [(text: String, error: Int?)] = []
        while rest.count >= 4 {
            let head = rest.prefix(4).map(Int.init)
            let data = rest.dropFirst(4).prefix(head[2] << 8 | head[3]).map(\.self)
            let code = head[0] << 8 | head[1]
            let error = code == 15 && data.count >= 2 ? Int(data[0]) << 8 | Int(data[1]) : nil
            read.append(
                (["option", "\(code)", Hexadecimal.text(data)].filter { !$0.isEmpty }.joined(separator: " "), error))
            rest = rest.dropFirst(4 + data.count)
        }
        return read
    }
}
