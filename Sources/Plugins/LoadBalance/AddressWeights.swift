import DNSWire

/// How often each address of a name is to come first, relative to the name's others.
struct AddressWeights: Sendable {
    /// A line that is neither a name nor an address with its weight.
    struct Mistake: Error, CustomStringConvertible {
        let line: Int
        let found: String
        let expected: String
        var description: String { "line \(line): found \(found), expected \(expected)" }
    }

    /// What addresses weigh that the file does not name.
    static let usual = 1

    private var names: [Name: [IPAddress: Int]] = [:]

    init() {}

    /// Reads lines of one name each, followed by its lines `ADDRESS WEIGHT`; `#` begins a comment.
    init(_ text: String) throws(Mistake) {
        var name: Name?
        for (index, line) in text.split(separator: "\n", omittingEmptySubsequences: false).enumerated() {
            let words = line.prefix { $0 != "#" }.split(whereSeparator: \.isWhitespace).map(String.init)
            guard let first = words.first else { continue }
            switch words.count {
            case 1:
                guard let read = Name(first), IPAddress(first) == nil else {
                    throw Mistake(
                        line: index + 1, found: first, expected: "a domain name, or an address and its weight")
                }
                name = read
                names[read] = names[read] ?? [:]
            case 2:
                guard let name else {
                    throw Mistake(line: index + 1, found: first, expected: "a domain name before its addresses")
                }
                guard let address = IPAddress(first) else {
                    throw Mistake(line: index + 1, found: first, expected: "an IP address")
                }
                guard let weight = Int(words[1]), (1...255).contains(weight) else {
                    throw Mistake(line: index + 1, found: words[1], expected: "a weight from 1 to 255")
                }
                names[name]?[address] = weight
            default:
                throw Mistake(
                    line: index + 1, found: "\(words.count) words", expected: "a name, or an address and its weight")
            }
        }
    }

    /// The weights of a name's addresses; nil when the file does not have the name.
    ///
    /// - Parameter name: uncompressed.
    func weights(_ name: ByteView) -> [IPAddress: Int]? { names.isEmpty ? nil : names[Name(name)] }
}
