import ZoneData

/// What a script wants of one answer, in the words in which an answer is shown as well.
struct WantedAnswer {
    /// The code, and `aa` and `tc` where they are set.
    var head = "NOERROR"
    var records: [String] = []
    /// Extended errors; nil where any will do.
    var extendedErrors: [String]?
    /// Octets the answer must contain as they are, letter case and all.
    var spelled: [String] = []
    /// Instead of the records: how many.
    var answers: ClosedRange<Int>?
    /// Octets of the whole message.
    var size: ClosedRange<Int>?

    /// What is not as wanted; nil when everything is.
    func difference(_ octets: [UInt8]) throws -> String? {
        let message = try MessageText.text(of: octets)
        let got = Self.shown(message, hasRecords: answers == nil && size == nil, hasErrors: extendedErrors != nil)
        let wanted = ([head] + (records + (extendedErrors ?? []).map { "ede \($0)" }).sorted())
            .joined(separator: "\n")
        if got != wanted { return "wanted\n\(wanted)\ngot\n\(got)" }
        let text = (message.question + message.answer + message.authority + message.additional)
            .joined(separator: "\n").replacing("\t", with: " ")
        for literal in spelled where !text.contains(literal) { return "wanted \(literal) in\n\(text)" }
        for (name, limits, got) in [("answers", answers, message.answer.count), ("size", size, octets.count)] {
            if let limits, !limits.contains(got) { return "wanted \(name) \(limits), got \(got)" }
        }
        return nil
    }

    private static func shown(_ message: DecodedMessage, hasRecords: Bool, hasErrors: Bool) -> String {
        let flags = message.flags.split(separator: " ").filter { $0 == "aa" || $0 == "tc" }
        var lines = authority(message)
        if hasRecords {
            lines += message.answer.map { record(Self.words($0)) }
            lines += message.additional.map { "and " + record(Self.words($0)) }
        }
        if hasErrors { lines += errors(message.edns?.options ?? []).map { "ede \($0)" } }
        return ([([message.code] + flags.map(String.init)).joined(separator: " ")] + lines.sorted())
            .joined(separator: "\n")
    }

    /// An SOA by owner and TTL only: its serial is the cluster's.
    private static func authority(_ message: DecodedMessage) -> [String] {
        message.authority.map { line in
            let words = words(line)
            return words[3] == "SOA" ? soa(words[0], words[1]) : "authority " + record(words)
        }
    }

    private static func words(_ line: String) -> [String] {
        line.split(whereSeparator: \.isWhitespace).map(String.init)
    }

    static func soa(_ owner: String, _ ttl: String) -> String { "soa \(owner.lowercased()) \(ttl)" }

    /// - Parameter words: owner, TTL, class, type and data.
    static func record(_ words: [String]) -> String { words.joined(separator: " ").lowercased() }

    /// The codes of extended errors (RFC 8914) among EDNS options.
    private static func errors(_ options: [UInt8]) -> [Int] {
        var rest = options[...]
        var codes: [Int] = []
        while rest.count >= 4 {
            let octets = Array(rest.prefix(6)).map(Int.init)
            if octets[0] << 8 | octets[1] == 15, octets.count == 6 { codes.append(octets[4] << 8 | octets[5]) }
            rest = rest.dropFirst(4 + (octets[2] << 8 | octets[3]))
        }
        return codes
    }
}
