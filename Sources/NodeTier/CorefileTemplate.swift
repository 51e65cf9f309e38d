package import Corefile

/// A Corefile with words that a node fills in.
package struct CorefileTemplate: Sendable {
    private let lines: [Substring]
    private let file: String

    /// What the words stand for.
    package struct Values: Sendable {
        package var addresses: [String]
        /// What the environment has for the cluster's DNS; nil when it has nothing.
        package var clusterDNS: String?
        package var upstreamVariable: String
        /// nil for the resolvers of the node.
        package var upstreams: [String]?
        package var prometheus: String

        package init(
            _ settings: NodeSettings, clusterDNS: String?, upstreams: [String]?
        ) {
            addresses = settings.addresses
            self.clusterDNS = clusterDNS
            upstreamVariable = settings.upstreamVariable
            self.upstreams = upstreams
            prometheus = settings.prometheus
        }
    }

    private enum Word {
        static let local = "__PILLAR__LOCAL__DNS__"
        static let server = "__PILLAR__DNS__SERVER__"
        static let cluster = "__PILLAR__CLUSTER__DNS__"
        static let upstreams = "__PILLAR__UPSTREAM__SERVERS__"
        static let prometheus = "__PROMETHEUS__ENDPOINT__"
        /// What words that nobody knows look like.
        static let mark = "__PILLAR__"
    }

    package init(_ text: String, file: String) {
        lines = text.split(separator: "\n", omittingEmptySubsequences: false)
        self.file = file
    }

    /// The Corefile: each line of it stands where it does in the template, so that errors name the right one.
    package func filled(_ values: Values) throws(ConfigurationErrors) -> String {
        if values.clusterDNS == nil { try refuseWord(Word.cluster, values.upstreamVariable) }
        let first = values.addresses.first ?? ""
        let words = [
            // An address with a port is one address: the health page has one.
            (Word.local + ":", (first.contains(":") ? "[\(first)]" : first) + ":"),
            (Word.local, values.addresses.joined(separator: " ")), (Word.server, ""),
            (Word.cluster, values.clusterDNS ?? ""),
            (Word.upstreams, values.upstreams?.joined(separator: " ") ?? "/etc/resolv.conf"),
            (Word.prometheus, values.prometheus),
        ]
        return (values.upstreams == nil ? lines : linesWithoutTCP).map { line in
            words.reduce(String(line)) { line, word in line.replacing(word.0, with: word.1) }
        }.joined(separator: "\n")
    }

    /// Words that whoever applied the manifest was to fill in, with their lines.
    package var remarks: [String] {
        let known = [Word.local, Word.server, Word.cluster, Word.upstreams]
        return lines.enumerated().filter { !isComment($0.element) }.compactMap { number, line in
            let rest = known.reduce(String(line)) { $0.replacing($1, with: "") }
            guard let start = rest.firstRange(of: Word.mark)?.lowerBound else { return nil }
            let word = rest[start...].prefix { $0 == "_" || $0.isLetter }
            return
                "\(file):\(number + 1): found \(word), expected what it stands for: the manifest was applied as it is"
        }
    }

    private func refuseWord(_ word: String, _ variable: String) throws(ConfigurationErrors) {
        let places = lines.enumerated().filter { $0.element.contains(word) && !isComment($0.element) }
        guard !places.isEmpty else { return }
        throw ConfigurationErrors(
            places.map { number, line in
                ConfigurationError(
                    at: SourcePosition(file: file, line: number + 1), directive: word,
                    found: "no address in the environment variable \(variable)",
                    expected: "the Service that -upstreamsvc names, with a cluster IP, before this pod starts")
            })
    }

    private func isComment(_ line: Substring) -> Bool { line.first { !$0.isWhitespace } == "#" }

    /// Upstreams that somebody configured are asked over UDP, as node-cache does: TCP is for the resolvers of clouds.
    private var linesWithoutTCP: [Substring] {
        var lines = lines
        for number in lines.indices.dropLast(2)
        where words(lines[number]) == ["forward", ".", Word.upstreams, "{"]
            && words(lines[number + 1]) == ["force_tcp"] && words(lines[number + 2]) == ["}"]
        {
            lines[number] = lines[number].prefix { $0 != "{" }
            lines[number + 1] = ""
            lines[number + 2] = ""
        }
        return lines
    }

    private func words(_ line: Substring) -> [String] { line.split(whereSeparator: \.isWhitespace).map(String.init) }
}
