package import Corefile
package import DNSServer
import DNSWire
import EventLoop

/// Says what serves here and who wrote it, in class CH (RFC 4892 §2).
package final class ChaosPlugin: Plugin {
    package static let directive = "chaos"
    private let version: String
    private let authors: [String]

    package init(_ directives: [Directive], in block: BlockSettings) throws(ConfigurationErrors) {
        var check = SettingsCheck()
        let words = check.only(directives)?.words ?? []
        version = words.first ?? "cluster-dns"
        authors = words.isEmpty ? ["the authors of cluster-dns"] : Array(words.dropFirst())
        for (directive, word) in directives.flatMap({ line in line.words.map { (line, $0) } })
        where word.utf8.count > 255 {
            check.report(
                directive.error(found: "a text of \(word.utf8.count) octets", expected: "at most 255 (RFC 1035 §3.3)"))
        }
        try check.finish()
    }

    package var answersChaos: Bool { true }

    package func makeHandler(on server: LoopServer) -> (any Handler)? {
        let host = [String(HostName.current.prefix(255))]
        return ChaosHandler([
            "version.bind": [version], "version.server": [version], "authors.bind": authors, "hostname.bind": host,
            "id.server": host,
        ])
    }
}

/// Answers on one loop.
final class ChaosHandler: Handler {
    private let texts: [(name: ByteBlock, texts: [[UInt8]])]

    init(_ texts: [String: [String]]) {
        self.texts = texts.compactMap { name, texts in
            Name(name).map { (ByteBlock($0.wire), texts.map { Array($0.utf8) }) }
        }
    }

    func answer(_ exchange: inout Exchange) -> Verdict {
        guard exchange.question.class == RecordClass.chaos else { return .next }
        guard exchange.question.type == .txt,
            let found = texts.first(where: { $0.name.view.equals(exchange.question.folded) })
        else { return .failed(.refused, .notAuthoritative) }
        let owner = exchange.question.name
        for text in found.texts.shuffled() {
            exchange.response.beginRecord(owner: owner, type: .txt, class: RecordClass.chaos, ttl: 0)
            exchange.response.write(UInt8(truncatingIfNeeded: text.count))
            withBytes(text) { exchange.response.write($0) }
            guard exchange.response.endRecord(in: .answer) else {
                exchange.response.truncate()
                break
            }
        }
        return .answered
    }
}
