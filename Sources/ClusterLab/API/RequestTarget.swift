/// What a URL's path names.
enum RequestTarget: Equatable {
    case health
    case version
    case legacyVersions
    case groups
    case group(String)
    case resources(group: String, version: String)
    case openAPI([String])
    case resource(ResourceAddress)
    /// A question about access or identity, such as `kubectl auth can-i` asks.
    case review(group: String, plural: String)
    /// The lab's own switch for faults.
    case faults
    case unknown

    init(path: String, kinds: [ResourceKind]) {
        let words = path.split(separator: "/", omittingEmptySubsequences: true).map { Percent.decode(String($0)) }
        switch words.first {
        case "healthz", "livez", "readyz": self = .health
        case "version" where words.count == 1: self = .version
        case "openapi": self = .openAPI(Array(words.dropFirst()))
        case "api":
            if words.count == 1 {
                self = .legacyVersions
            } else {
                self = Self.inVersion(group: "", version: words[1], words[2...], kinds)
            }
        case "apis":
            switch words.count {
            case 1: self = .groups
            case 2: self = .group(words[1])
            case 4
            where words[2] == "v1" && AccessReviews.kinds.contains { $0.group == words[1] && $0.plural == words[3] }:
                self = .review(group: words[1], plural: words[3])
            default: self = Self.inVersion(group: words[1], version: words[2], words[3...], kinds)
            }
        case "lab" where words == ["lab", "fault"]: self = .faults
        default: self = .unknown
        }
    }

    private static func inVersion(
        group: String, version: String, _ rest: ArraySlice<String>, _ kinds: [ResourceKind]
    ) -> RequestTarget {
        var words = Array(rest)
        if words.isEmpty, AccessReviews.kinds.contains(where: { $0.group == group && version == "v1" }) {
            return .resources(group: group, version: version)
        }
        let kinds = kinds.filter { $0.group == group && $0.version == version }
        if kinds.isEmpty { return .unknown }
        if words.isEmpty { return .resources(group: group, version: version) }
        var namespace: String?
        let ofNamespaceItself = ["status", "finalize"]
        if words[0] == "namespaces", words.count >= 3, !ofNamespaceItself.contains(words[2]) {
            namespace = words[1]
            words.removeFirst(2)
        }
        guard words.count <= 3, let kind = kinds.first(where: { $0.plural == words[0] }),
            namespace == nil || kind.isNamespaced
        else { return .unknown }
        let name = words.count > 1 ? words[1] : nil
        if name != nil, kind.isNamespaced, namespace == nil { return .unknown }
        let subresource = words.count > 2 ? words[2] : nil
        if let subresource, !kind.subresources.contains(subresource) { return .unknown }
        return .resource(ResourceAddress(kind: kind, namespace: namespace, name: name, subresource: subresource))
    }
}

/// A collection, an object, or a sub-resource of one.
struct ResourceAddress: Sendable, Equatable {
    let kind: ResourceKind
    /// Nil means all namespaces, or a kind outside namespaces.
    let namespace: String?
    let name: String?
    let subresource: String?
}

/// The encoding of URLs (RFC 3986).
enum Percent {
    static func decode(_ text: String, plusIsSpace: Bool = false) -> String {
        var bytes: [UInt8] = []
        var rest = Array(text.utf8)[...]
        while let byte = rest.popFirst() {
            if byte == UInt8(ascii: "%"), rest.count >= 2,
                let value = UInt8(String(decoding: rest.prefix(2), as: UTF8.self), radix: 16)
            {
                bytes.append(value)
                rest = rest.dropFirst(2)
            } else {
                bytes.append(plusIsSpace && byte == UInt8(ascii: "+") ? UInt8(ascii: " ") : byte)
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}
