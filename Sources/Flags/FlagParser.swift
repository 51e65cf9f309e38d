import Text

/// Reads a command line as Go's programs do: `--name=value`, `--name value`, dashes or underscores, switches with or
/// without `=true`.
package struct FlagParser {
    /// Which of Go's two packages is meant.
    package enum Dashes: Sendable {
        /// pflag: only names of one letter have one dash.
        case two
        /// flag: one dash and two say the same.
        case oneOrTwo
    }

    /// One flag of the table.
    package struct Flag: Sendable {
        package let name: String
        /// What kind of value, for the help; empty for a switch.
        package let value: String
        package let help: String

        package init(_ name: String, _ value: String = "", _ help: String) {
            self.name = name
            self.value = value
            self.help = help
        }

        package var isSwitch: Bool { value.isEmpty }
    }

    private let table: [String: Flag]
    private let dashes: Dashes
    /// Values by name; a later one replaces an earlier one.
    package private(set) var values: [String: String] = [:]

    package init(_ flags: [Flag], dashes: Dashes = .two) {
        self.dashes = dashes
        table = Dictionary(flags.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
    }

    package mutating func parse(_ arguments: [String]) throws(ParameterError) {
        var rest = arguments[...]
        while let word = rest.popFirst() {
            if word == "--" { break }
            guard word.hasPrefix("-"), word != "-" else {
                throw ParameterError(at: "command line", found: "\"\(word)\"", expected: "a flag")
            }
            let isLong = dashes == .oneOrTwo || word.hasPrefix("--")
            let parts = word.drop { $0 == "-" }.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            guard let written = parts.first, let flag = table[Self.normal(written)], isLong || written.count == 1 else {
                throw ParameterError(at: "command line", found: word, expected: "a flag that --help lists")
            }
            if parts.count > 1 {
                values[flag.name] = String(parts[1])
            } else if flag.isSwitch {
                values[flag.name] = "true"
            } else if let value = rest.popFirst() {
                values[flag.name] = value
            } else {
                throw ParameterError(at: word, found: "nothing after it", expected: flag.value)
            }
        }
    }

    private static func normal(_ name: Substring) -> String { String(name.map { $0 == "_" ? "-" : $0 }) }

    // MARK: Values

    /// The flag as its users write it.
    package func place(_ name: String) -> String { (dashes == .two ? "--" : "-") + name }

    /// nil when the flag was not given, or is empty.
    package func text(_ name: String) -> String? { values[name].flatMap { $0.isEmpty ? nil : $0 } }

    package func flag(_ name: String, else standard: Bool = false) throws(ParameterError) -> Bool {
        switch values[name] {
        case nil: return standard
        case "0", "f", "F", "false", "FALSE", "False": return false
        case "1", "t", "T", "true", "TRUE", "True": return true
        case let other?: throw ParameterError(at: place(name), found: "\"\(other)\"", expected: "true or false")
        }
    }

    package func integer(
        _ name: String, else standard: Int?, in range: ClosedRange<Int>
    ) throws(ParameterError) -> Int? {
        guard let text = text(name) else { return standard }
        guard let value = Int(text), range.contains(value) else {
            let limits = range.upperBound == Int(Int32.max) ? "\(range.lowerBound) or more" : "\(range)"
            throw ParameterError(at: place(name), found: "\"\(text)\"", expected: "a whole number, \(limits)")
        }
        return value
    }

    /// A number above 0.
    package func number(_ name: String, else standard: Double) throws(ParameterError) -> Double {
        guard let text = text(name) else { return standard }
        guard let value = Double(text), value.isFinite, value > 0 else {
            throw ParameterError(at: place(name), found: "\"\(text)\"", expected: "a number above 0")
        }
        return value
    }

    /// A Go duration such as 1m30s.
    package func duration(_ name: String, else standard: Duration) throws(ParameterError) -> Duration {
        guard let text = text(name) else { return standard }
        // A hundred years are as good as never.
        guard let value = DurationText.parse(text), (.zero ... .seconds(3_200_000_000)).contains(value) else {
            throw ParameterError(at: place(name), found: "\"\(text)\"", expected: "a time such as 15s, 500ms or 1h30m")
        }
        return value
    }
}

extension FlagParser {
    /// Flags as a help text lists them.
    ///
    /// - Parameter column: where what they mean begins.
    package static func list(_ title: String, _ flags: [Flag], dashes: String, column: Int) -> String {
        let lines = flags.map { flag in
            let head = "  \(dashes)\(flag.name)" + (flag.isSwitch ? "" : "=\(flag.value)")
            return head + String(repeating: " ", count: max(2, column - head.count)) + flag.help + "\n"
        }
        return "\(title):\n" + lines.joined()
    }
}
