/// A label selector, as clients write it: `environment in (production, qa), tier!=frontend, !legacy`.
///
/// The grammar is that of Kubernetes' own clients (k8s.io/apimachinery/pkg/labels), without `<` and `>`, which only
/// nodes have.
package struct LabelSelector: Hashable, Sendable {
    package struct Mistake: Error, Equatable {
        package let found: String
        package let expected: String
    }

    /// As it was written.
    package let text: String

    package init(_ text: String) throws(Mistake) {
        self.text = text
        var reader = Reader(text)
        guard reader.next != .end else { return }
        repeat { try reader.requirement() } while reader.take(.symbol(","))
        guard reader.next == .end else { throw reader.mistake("a comma, or nothing more") }
    }

    private enum Word: Equatable {
        case text(Substring)
        case symbol(String)
        case end
    }

    private struct Reader {
        private let words: [Word]
        private var position = 0

        init(_ text: String) {
            var words: [Word] = []
            var rest = text[...]
            while let character = rest.first {
                if character.isWhitespace {
                    rest.removeFirst()
                } else if let symbol = ["!=", "==", "=", "!", "(", ")", ",", "<", ">"].first(where: rest.hasPrefix) {
                    rest = rest.dropFirst(symbol.count)
                    words.append(.symbol(symbol))
                } else {
                    let word = rest.prefix { !$0.isWhitespace && !"=!(),<>".contains($0) }
                    rest = rest.dropFirst(word.count)
                    words.append(.text(word))
                }
            }
            self.words = words
        }

        var next: Word { position < words.count ? words[position] : .end }

        mutating func take(_ word: Word) -> Bool {
            guard next == word else { return false }
            position += 1
            return true
        }

        func mistake(_ expected: String) -> Mistake {
            switch next {
            case .text(let text): Mistake(found: String(text.prefix(70)), expected: expected)
            case .symbol(let symbol): Mistake(found: symbol, expected: expected)
            case .end: Mistake(found: "nothing more", expected: expected)
            }
        }

        /// `KEY`, `!KEY`, `KEY = VALUE`, `KEY == VALUE`, `KEY != VALUE`, `KEY in (VALUES)`, `KEY notin (VALUES)`.
        mutating func requirement() throws(Mistake) {
            let isAbsence = take(.symbol("!"))
            guard case .text(let key) = next, LabelSelector.isKey(key) else {
                throw mistake("a label, such as app or example.org/app")
            }
            position += 1
            if isAbsence || next == .end || next == .symbol(",") { return }
            if take(.symbol("=")) || take(.symbol("==")) || take(.symbol("!=")) { return try value() }
            guard take(.text("in")) || take(.text("notin")) else {
                throw mistake("=, ==, !=, in, notin, a comma, or nothing more")
            }
            guard take(.symbol("(")) else { throw mistake("values in brackets") }
            guard next != .symbol(")") else { throw mistake("a value") }
            repeat { try value() } while take(.symbol(","))
            guard take(.symbol(")")) else { throw mistake("a comma, or ) behind the values") }
        }

        /// A value, which may be nothing.
        private mutating func value() throws(Mistake) {
            guard case .text(let text) = next else { return }
            guard LabelSelector.isName(text) else {
                throw mistake(
                    "a value of at most 63 letters, digits, -, _ and ., which begins and ends with none of these")
            }
            position += 1
        }
    }

    /// A name, with or without a domain and a slash before it.
    private static func isKey(_ text: Substring) -> Bool {
        let parts = text.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
        guard parts.count == 2 else { return isName(text) }
        let domain = parts[0].split(separator: ".", omittingEmptySubsequences: false)
        let isDomain =
            parts[0].utf8.count <= 253
            && domain.allSatisfy { label in
                isName(label)
                    && label.utf8.allSatisfy {
                        isLetterOrDigit($0) && !(0x41...0x5A).contains($0) || $0 == UInt8(ascii: "-")
                    }
            }
        return isDomain && isName(parts[1])
    }

    private static func isName(_ text: Substring) -> Bool {
        guard let first = text.utf8.first, let last = text.utf8.last, text.utf8.count <= 63 else { return false }
        return isLetterOrDigit(first) && isLetterOrDigit(last)
            && text.utf8.allSatisfy {
                isLetterOrDigit($0) || [UInt8(ascii: "-"), UInt8(ascii: "_"), UInt8(ascii: ".")].contains($0)
            }
    }

    private static func isLetterOrDigit(_ octet: UInt8) -> Bool {
        (0x30...0x39).contains(octet) || (0x41...0x5A).contains(octet) || (0x61...0x7A).contains(octet)
    }
}
