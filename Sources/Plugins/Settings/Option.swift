import Corefile
import DNSWire

/// One kind of line of a plugin's block.
struct Option<Settings> {
    typealias Reader = (Directive, inout Settings, inout SettingsCheck) throws(ConfigurationError) -> Void

    /// What becomes of arguments behind the one that an option takes.
    enum Rest {
        /// An error, as no argument is, before the value is looked at.
        case refused
        /// An error, once the value is found to be right.
        case refusedLast
        /// Nothing, as CoreDNS does.
        case ignored
    }

    /// As errors list it.
    let name: String
    private(set) var isListed = true
    private(set) var takes: (String) -> Bool
    let read: Reader

    private init(_ name: String, _ read: @escaping Reader) {
        self.name = name
        self.read = read
        takes = { $0 == name }
    }

    /// An option with a syntax of its own.
    static func custom(_ name: String, isListed: Bool = true, _ read: @escaping Reader) -> Self {
        var option = Self(name, read)
        option.isListed = isListed
        return option
    }

    /// A kind of lines that no single word begins.
    static func lines(_ meaning: String, where takes: @escaping (String) -> Bool, _ read: @escaping Reader) -> Self {
        var option = Self(meaning, read)
        option.takes = takes
        return option
    }

    /// One that is read without effect.
    static func ignored(_ name: String, _ count: ClosedRange<Int> = 0...Int.max, isListed: Bool = true) -> Self {
        .custom(name, isListed: isListed) { line, _, _ throws(ConfigurationError) in try line.expectCount(count) }
    }

    /// One that CoreDNS had once.
    static func removed(_ name: String, in version: String, instead: String) -> Self {
        .custom(name, isListed: false) { line, _, _ throws(ConfigurationError) in
            throw line.error(
                found: "\(name), which CoreDNS \(version) removed", expected: "the line left out: \(instead)")
        }
    }

    /// One whose whole line gives the value.
    static func line<Value>(
        _ name: String, _ path: WritableKeyPath<Settings, Value>, _ count: ClosedRange<Int>,
        _ value: @escaping (Directive) throws(ConfigurationError) -> Value
    ) -> Self {
        Self(name) { line, settings, _ throws(ConfigurationError) in
            try line.expectCount(count)
            settings[keyPath: path] = try value(line)
        }
    }

    /// One whose first argument gives the value.
    static func value<Value>(
        _ name: String, _ path: WritableKeyPath<Settings, Value>, rest: Rest = .refused,
        _ value: @escaping (Directive) throws(ConfigurationError) -> Value
    ) -> Self {
        Self(name) { line, settings, _ throws(ConfigurationError) in
            if rest == .refused { try line.expectCount(1) }
            settings[keyPath: path] = try value(line)
            if rest == .refusedLast { try line.expectCount(1) }
        }
    }

    /// One that adds something for each of its arguments, of which there is at least one where nothing else is said.
    static func each<Element>(
        _ name: String, _ path: WritableKeyPath<Settings, [Element]>, atLeast count: Int = 1,
        _ elements: @escaping (Token, Directive, Settings) throws(ConfigurationError) -> [Element]
    ) -> Self {
        Self(name) { line, settings, _ throws(ConfigurationError) in
            try line.expectCount(count...)
            for token in line.arguments { settings[keyPath: path] += try elements(token, line, settings) }
        }
    }

    // MARK: Values of one kind

    /// What is there only when the option is, read from the text of its argument.
    static func optional<Value>(
        _ name: String, _ path: WritableKeyPath<Settings, Value?>, _ meaning: String, rest: Rest = .refused,
        _ parse: @escaping (String) -> Value?
    ) -> Self {
        .value(name, path, rest: rest) { line throws(ConfigurationError) in try line.parsed(meaning, parse) }
    }

    static func flag(_ name: String, _ path: WritableKeyPath<Settings, Bool>, becomes value: Bool = true) -> Self {
        .line(name, path, 0...0) { _ in value }
    }

    static func integer<Value: FixedWidthInteger>(
        _ name: String, _ range: ClosedRange<Int>, _ path: WritableKeyPath<Settings, Value>, rest: Rest = .refused
    ) -> Self {
        .value(name, path, rest: rest) { line throws(ConfigurationError) in
            Value(clamping: try line.integer(0, in: range))
        }
    }

    static func duration(
        _ name: String, _ path: WritableKeyPath<Settings, Duration>, rest: Rest = .refused
    ) -> Self {
        .value(name, path, rest: rest) { line throws(ConfigurationError) in try line.duration(0) }
    }

    /// A duration of at most a year, kept as nanoseconds; shorter ones than `least` are taken as that.
    static func nanoseconds(
        _ name: String, _ path: WritableKeyPath<Settings, UInt64>, least: UInt64 = 0, rest: Rest = .refused
    ) -> Self {
        .value(name, path, rest: rest) { line throws(ConfigurationError) in max(least, try line.nanoseconds(0)) }
    }

    /// One of some words, each with what it stands for.
    static func choice<Value>(
        _ name: String, _ words: [(String, Value)], _ path: WritableKeyPath<Settings, Value>, rest: Rest = .refused
    ) -> Self {
        .value(name, path, rest: rest) { line throws(ConfigurationError) in
            let word = try line.oneOf(0, words.map(\.0))
            return words[words.firstIndex { $0.0 == word } ?? 0].1
        }
    }

    /// One of the cases of a type.
    static func choice<Value: RawRepresentable<String> & CaseIterable>(
        _ name: String, _ path: WritableKeyPath<Settings, Value>
    ) -> Self {
        .choice(name, Value.allCases.map { ($0.rawValue, $0) }, path)
    }

    /// A label selector, which may be several words.
    static func labelSelector(_ name: String, _ path: WritableKeyPath<Settings, String>) -> Self {
        .line(name, path, 1...Int.max) { line throws(ConfigurationError) in
            try line.labelSelector(line.words.joined(separator: " "))
        }
    }

    /// `fallthrough [ZONES...]`: unknown names in these zones, or all of them, go to the next plugin; of several lines
    /// the last holds.
    static func fallthroughZones(_ path: WritableKeyPath<Settings, [Name]?>) -> Self {
        .custom("fallthrough") { line, settings, check in
            settings[keyPath: path] = check.zones(of: line, else: [.root])
        }
    }
}
