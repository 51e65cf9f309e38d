package import Flags

/// What is scaled: an object with a `scale` sub-resource in the autoscaler's namespace.
package struct ScaleTarget: Equatable, Hashable, Sendable, CustomStringConvertible {
    /// Lower case: `deployment`, or `kind.version.group` for what only discovery knows.
    package let kind: String
    package let name: String

    package init(kind: String, name: String) {
        self.kind = kind
        self.name = name
    }

    package var description: String { "\(kind)/\(name)" }

    /// Kinds that need no discovery.
    package static let known = ["deployment", "replicaset", "statefulset", "replicationcontroller"]

    /// Reads flag `--target`: targets separated by commas, in any case.
    package static func list(_ text: String) throws(ParameterError) -> [ScaleTarget] {
        var targets: [ScaleTarget] = []
        for word in text.lowercased().split(separator: ",", omittingEmptySubsequences: false) {
            let parts = word.trimmingSpaces().split(separator: "/", omittingEmptySubsequences: false)
            guard parts.count == 2, isKind(parts[0]), isName(parts[1]) else {
                throw ParameterError(
                    at: "--target", found: "\"\(word.trimmingSpaces().prefix(80))\"",
                    expected: "KIND/NAME with a KIND of \(known.joined(separator: ", ")), or KIND.VERSION.GROUP/NAME")
            }
            let target = ScaleTarget(kind: String(parts[0]), name: String(parts[1]))
            if !targets.contains(target) { targets.append(target) }
        }
        return targets
    }

    private static func isKind(_ text: Substring) -> Bool {
        if known.contains(String(text)) { return true }
        // KIND.VERSION.GROUP, where groups other than the core's have dots or are one word such as apps.
        let labels = text.split(separator: ".", omittingEmptySubsequences: false)
        return labels.count >= 3 && labels.allSatisfy { !$0.isEmpty && $0.utf8.allSatisfy(isNameOctet) }
    }

    /// RFC 1123 subdomain (Kubernetes object names); what it lets through is safe in a path.
    private static func isName(_ text: Substring) -> Bool {
        guard let first = text.utf8.first, let last = text.utf8.last, text.utf8.count <= 253 else { return false }
        let dot = UInt8(ascii: "."), dash = UInt8(ascii: "-")
        return first != dot && first != dash && last != dot && last != dash
            && text.utf8.allSatisfy { isNameOctet($0) || $0 == dot }
    }

    private static func isNameOctet(_ octet: UInt8) -> Bool {
        (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(octet)
            || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(octet)
            || octet == UInt8(ascii: "-")
    }
}

extension StringProtocol {
    func trimmingSpaces() -> SubSequence {
        guard let first = firstIndex(where: { !$0.isWhitespace }), let last = lastIndex(where: { !$0.isWhitespace })
        else { return self[endIndex...] }
        return self[first...last]
    }
}
