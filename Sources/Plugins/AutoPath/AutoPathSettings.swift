import Corefile
import DNSServer
import DNSWire

/// What the `autopath` line of a server block says.
struct AutoPathSettings: Sendable {
    enum Source: Sendable {
        /// A plugin of the block that knows each client's path, as `@` and its name.
        case clients(Token)
        /// The `search` line of a file, the same for every client; at least one element.
        case list([Name])
    }

    var zones: [Name] = []
    var source = Source.list([])
    /// The search path of this host, which pods have behind that of the cluster.
    var hostSearch: [Name] = []
    private var directive: Directive?

    /// More than any resolver takes: each element is a question that may have to go to an upstream.
    private static let longestPath = 16
    private static let meaning = "@kubernetes or a file like /etc/resolv.conf"
    private static let hostFile = "/etc/resolv.conf"

    init(_ directives: [Directive], in block: BlockSettings) throws(ConfigurationErrors) {
        var check = SettingsCheck()
        directive = check.only(directives)
        if let directive {
            check.attempt(try directive.noBlock())
            if let word = directive.arguments.last {
                zones = check.zones(directive.arguments.dropLast(), of: directive, else: block.zones)
                read(word, directive, block, &check)
            } else {
                check.report(directive.error(found: "nothing", expected: Self.meaning))
            }
        }
        try check.finish()
    }

    private mutating func read(
        _ word: Token, _ directive: Directive, _ block: BlockSettings, _ check: inout SettingsCheck
    ) {
        if word.text.hasPrefix("@") {
            source = .clients(word)
            guard block.directives.contains(String(word.text.dropFirst())) else {
                return check.report(wrongProvider(word))
            }
            // Without the file pods have nothing behind the cluster's path either.
            let text = (try? block.files.read(Self.hostFile)) ?? ""
            hostSearch = Array(Self.search(in: text).compactMap { Name($0) }.prefix(Self.longestPath))
        } else if let elements = check.attempt(try Self.elements(of: word, directive, block)) {
            source = .list(elements)
        }
    }

    private static func elements(
        of word: Token, _ directive: Directive, _ block: BlockSettings
    ) throws(ConfigurationError) -> [Name] {
        let shown = ConfigurationError.shown(word.text)
        let text: String
        do {
            text = try block.files.unrooted.read(word.text)
        } catch {
            throw directive.error(found: "\(shown), which cannot be read: \(error)", expected: meaning, at: word.at)
        }
        let words = search(in: text)
        let elements = words.compactMap { Name($0) }
        guard elements.count == words.count, (1...longestPath).contains(elements.count) else {
            let found =
                words.isEmpty
                ? "\(shown) without a search line" : "\(shown) with search \(words.joined(separator: " "))"
            throw directive.error(found: found, expected: "1 to \(longestPath) domain names to search", at: word.at)
        }
        return elements
    }

    /// The words of the last `search` or `domain` line (resolv.conf(5)).
    static func search(in text: String) -> [String] {
        let lines = text.split(whereSeparator: \.isNewline).map { $0.split(whereSeparator: \.isWhitespace) }
        let line = lines.last { $0.count > 1 && ($0[0] == "search" || $0[0] == "domain") }
        return line?.dropFirst().map(String.init) ?? []
    }

    func wrongProvider(_ word: Token) -> ConfigurationError {
        let expected = "@ and a plugin of this server block that knows its clients: kubernetes"
        return directive?.error(word, expected: expected)
            ?? ConfigurationError(
                at: word.at, directive: AutoPathPlugin.directive, found: word.text, expected: expected)
    }
}
