import Corefile
import DNSServer
import DNSWire
import Text

/// The `tsig` line: keys, and what must be signed.
struct TSIGSettings: Sendable {
    let zones: [Name]
    private(set) var keys: [TSIGKey] = []
    /// Types whose queries must be signed; nil for all.
    private(set) var required: Set<RecordType>? = []

    private static let fileExpected = "lines of key NAME { algorithm …; secret \"…\"; };"

    init(_ directive: Directive, in block: BlockSettings, _ check: inout SettingsCheck) {
        zones = check.zones(of: directive, else: block.zones)
        let options: OptionTable<Self> = [
            .custom("secret") { line, settings, _ throws(ConfigurationError) in
                try line.expectCount(2)
                try settings.add(line.arguments[0], line.arguments[1].text, line)
            },
            .custom("secrets") { line, settings, _ throws(ConfigurationError) in
                try line.expectCount(1)
                try settings.read(line, block)
            },
            .custom("require") { line, settings, _ throws(ConfigurationError) in
                try line.expectCount(1...)
                settings.required = try Self.types(line)
            },
        ]
        options.read(directive.block, into: &self, &check)
    }

    private static func types(_ line: Directive) throws(ConfigurationError) -> Set<RecordType>? {
        var types: Set<RecordType> = []
        if line.words[0] == "all" { return nil }
        if line.words[0] == "none" { return [] }
        for token in line.arguments {
            guard let type = RecordType(token.text) else {
                throw line.error(token, expected: "all, none, or record types such as AXFR")
            }
            types.insert(type)
        }
        return types
    }

    private mutating func add(_ token: Token, _ secret: String, _ line: Directive) throws(ConfigurationError) {
        guard let name = Name(token.text) else { throw line.error(token, expected: "the name of a key") }
        guard !keys.contains(where: { $0.name == name }) else {
            throw line.error(found: "a second secret of the key \(name)", expected: "one", at: token.at)
        }
        // Secrets are not shown.
        guard let octets = Base64.octets(of: secret), !octets.isEmpty else {
            throw line.error(
                found: "a secret of \(name) that is not Base64", expected: "a secret in Base64", at: token.at)
        }
        keys.append(TSIGKey(name, octets))
    }

    /// Reads the keys of a file in BIND's form.
    private mutating func read(_ line: Directive, _ block: BlockSettings) throws(ConfigurationError) {
        let path = line.words[0]
        let text: String
        do { text = try block.files.unrooted.read(path) } catch {
            throw line.error(found: "\(path), which cannot be read: \(error)", expected: "a file with keys")
        }
        var words = text.split { $0.isWhitespace || $0 == ";" || $0 == "\"" }.flatMap(Self.braced)[...]
        while let word = words.popFirst() {
            guard word == "key", let name = words.popFirst(), words.popFirst() == "{" else {
                throw line.error(found: "\"\(word)\" in \(path)", expected: Self.fileExpected)
            }
            var secret: Substring?
            while let property = words.popFirst(), property != "}" {
                guard property == "algorithm" || property == "secret", let value = words.popFirst() else {
                    throw line.error(
                        found: "\"\(property)\" of the key \(name) in \(path)", expected: Self.fileExpected)
                }
                if property == "secret" { secret = value }
            }
            guard let secret else {
                throw line.error(found: "no secret of the key \(name) in \(path)", expected: Self.fileExpected)
            }
            try add(Token(text: String(name), at: line.at), String(secret), line)
        }
    }

    /// Braces are words of their own.
    private static func braced(_ word: Substring) -> [Substring] {
        var words: [Substring] = []
        var rest = word
        while let place = rest.firstIndex(where: { $0 == "{" || $0 == "}" }) {
            if place > rest.startIndex { words.append(rest[..<place]) }
            words.append(rest[place...place])
            rest = rest[rest.index(after: place)...]
        }
        return rest.isEmpty ? words : words + [rest]
    }
}
