import CLDNS

/// Reads a zone file (RFC 1035 §5): lines and directives by itself, records with ldns.
struct ZoneFileReader {
    /// How many files may include one another.
    private static let greatestDepth = 8

    private enum Directive {
        case origin, ttl, include, generate
    }

    /// A file that `$INCLUDE` names.
    private struct Included {
        let octets: [UInt8]
        let file: String
        let state: ZoneFileState
    }

    /// Gives the octets of an included file.
    let readFile: (String) throws -> [UInt8]

    /// Hands every record of `octets` to `take`: text whose octets mean what its writer chose (RFC 1035 §5.1).
    ///
    /// - Parameters:
    ///   - origin: wire form of what relative names stand below.
    ///   - take: owner, type, class, TTL and data; gives what is wrong with the record, if anything.
    func read(
        _ octets: [UInt8], named file: String, origin: [UInt8], _ take: (ZoneRecord) -> String?
    ) throws(ZoneFileError) {
        try read(Included(octets: octets, file: file, state: ZoneFileState(origin: origin)), depth: 0, take)
    }

    private func read(
        _ source: Included, depth: Int, _ take: (ZoneRecord) -> String?
    ) throws(ZoneFileError) {
        var lines = ZoneFileLines(source.octets)
        while true {
            let included: Included?
            do throws(ZoneContentError) {
                guard try lines.next() else { return }
                included = try follow(lines.text, of: source, depth, take)
            } catch {
                throw ZoneFileError(file: source.file, line: lines.number, found: error.description)
            }
            if let included { try read(included, depth: depth + 1, take) }
        }
    }

    /// Does what a line says; gives the file that is to be read next.
    private func follow(
        _ line: [UInt8], of source: Included, _ depth: Int, _ take: (ZoneRecord) -> String?
    ) throws(ZoneContentError) -> Included? {
        let state = source.state
        guard line[0] == UInt8(ascii: "$"), let directive = Self.directive(line) else {
            try state.read(line, take)
            return nil
        }
        let words = line.words
        switch directive {
        case .origin:
            guard words.count == 2 else { throw ZoneContentError("$ORIGIN, expected one domain name") }
            try state.setOrigin(words[1])
        case .ttl:
            guard words.count == 2 else { throw ZoneContentError("$TTL, expected one TTL, as 3600 or 1h30m") }
            state.setTTL(try RecordHead.seconds(words[1]))
        case .generate:
            let generated = try GeneratedLines(line)
            // A line without an owner has the last one that is written in the file, as behind $INCLUDE.
            let inner = state.copy()
            for number in generated.numbers { try inner.read(try generated.line(number), take) }
        case .include:
            return try include(words, of: source, depth)
        }
        return nil
    }

    /// `$INCLUDE FILE [ORIGIN]` (RFC 1035 §5.1); the file is looked for beside the one that names it. It begins with the
    /// owner and the TTL that hold here (RFC 2308 §4), and changes neither: BIND and CoreDNS go on with them, too.
    private func include(
        _ words: [ArraySlice<UInt8>], of source: Included, _ depth: Int
    ) throws(ZoneContentError) -> Included {
        guard words.count >= 2 else { throw ZoneContentError("$INCLUDE without a file") }
        guard words.count <= 3 else { throw ZoneContentError("$INCLUDE, expected a file and at most one domain name") }
        guard depth < Self.greatestDepth else {
            throw ZoneContentError("files that include one another without an end")
        }
        var name = words[1].shown
        if !name.hasPrefix("/"), let slash = source.file.lastIndex(of: "/") { name = source.file[...slash] + name }
        let state = source.state.copy()
        if words.count > 2 { try state.setOrigin(words[2]) }
        do {
            return Included(octets: try readFile(name), file: name, state: state)
        } catch {
            throw ZoneContentError("\(name), which cannot be read")
        }
    }

    /// In letters of any case, as CoreDNS and NSD have them; what else begins with a dollar is a name.
    private static func directive(_ line: [UInt8]) -> Directive? {
        guard let word = line.word(from: 0) else { return nil }
        let text = line[word]
        if text.isWord("$origin") { return .origin }
        if text.isWord("$ttl") { return .ttl }
        if text.isWord("$include") { return .include }
        return text.isWord("$generate") ? .generate : nil
    }
}
