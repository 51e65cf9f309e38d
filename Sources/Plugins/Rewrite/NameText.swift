import DNSWire
import Patterns

/// Text in which `{1}`, `{2}`, … stand for what the groups of a pattern matched.
struct NameText: Sendable {
    private enum Part: Sendable {
        case octets([UInt8])
        case group(Int)
    }

    private let parts: [Part]
    /// The largest group used; zero without any.
    let lastGroup: Int

    init(_ text: String) {
        var parts: [Part] = []
        var lastGroup = 0
        var rest = text[...]
        while let open = rest.firstIndex(of: "{"), let close = rest[open...].firstIndex(of: "}") {
            let inside = rest[rest.index(after: open)..<close]
            let end = rest.index(after: close)
            if let number = Int(inside), number >= 0, number < 100 {
                parts.append(.octets(Array(rest[..<open].utf8)))
                parts.append(.group(number))
                lastGroup = max(lastGroup, number)
            } else {
                parts.append(.octets(Array(rest[..<end].utf8)))
            }
            rest = rest[end...]
        }
        parts.append(.octets(Array(rest.utf8)))
        self.parts = parts
        self.lastGroup = lastGroup
    }

    /// The text with the groups of `match` in it.
    func filled(_ match: PatternMatch) -> [UInt8] {
        parts.flatMap { part in
            switch part {
            case .octets(let octets): octets
            case .group(let number): match.octets(of: number) ?? []
            }
        }
    }
}

/// Which names a rule is for. Names are presentation format, letters folded, with the final dot.
enum NameMatch: Sendable {
    case exact([UInt8])
    case prefix([UInt8])
    case suffix([UInt8])
    case substring([UInt8])
    case regex(Pattern)

    func matches(_ name: [UInt8]) -> Bool {
        switch self {
        case .exact(let whole): name == whole
        case .prefix(let start): name.starts(with: start)
        case .suffix(let end): name.count >= end.count && name[(name.count - end.count)...].elementsEqual(end)
        case .substring(let part): !NameMatch.places(of: part, in: name).isEmpty
        case .regex(let pattern): pattern.firstMatch(in: name) != nil
        }
    }

    /// The name with `text` in place of what matches; nil when nothing does.
    func replaced(in name: [UInt8], by text: NameText) -> [UInt8]? {
        if case .regex(let pattern) = self { return pattern.firstMatch(in: name).map(text.filled) }
        guard matches(name) else { return nil }
        let new = text.plain
        switch self {
        case .prefix(let start): return new + name[start.count...]
        case .suffix(let end): return name[..<(name.count - end.count)] + new
        case .substring(let part):
            var result: [UInt8] = []
            var copied = 0
            for place in NameMatch.places(of: part, in: name) {
                result += name[copied..<place] + new
                copied = place + part.count
            }
            return result + name[copied...]
        case .exact, .regex: return new
        }
    }

    /// Where `part` begins in `name`, places that do not overlap.
    private static func places(of part: [UInt8], in name: [UInt8]) -> [Int] {
        guard !part.isEmpty, part.count <= name.count else { return [] }
        var places: [Int] = []
        var index = 0
        while index <= name.count - part.count {
            if name[index..<(index + part.count)].elementsEqual(part) {
                places.append(index)
                index += part.count
            } else {
                index += 1
            }
        }
        return places
    }
}

extension NameText {
    /// The text as it stands, for rules without groups.
    var plain: [UInt8] {
        parts.flatMap { part in
            switch part {
            case .octets(let octets): octets
            case .group(let number): Array("{\(number)}".utf8)
            }
        }
    }
}
