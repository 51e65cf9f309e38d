import Text

/// Why bytes of an API server could not be understood; none of these ends the process, all of them end the request.
package enum DecodingFailure: Error, Equatable, CustomStringConvertible {
    /// The body ended in the middle of an item.
    case truncated
    /// The first octets are not those of a protobuf object ("k8s" and a zero octet).
    case wrongMagic
    /// An item is larger than the limit, in octets.
    case tooLarge(limit: Int)
    /// JSON nested deeper than `JSONValueScanner.depthLimit`.
    case tooDeep
    /// What was being read.
    case malformed(String)

    package var description: String {
        switch self {
        case .truncated: "the body ends in the middle of an item"
        case .wrongMagic: "the body does not start like a Kubernetes protobuf object"
        case .tooLarge(let limit): "an item is larger than \(limit) octets"
        case .tooDeep: "JSON nested deeper than \(JSONValueScanner.depthLimit) levels"
        case .malformed(let what): "malformed \(what)"
        }
    }
}

extension DecodingFailure {
    init(_ failure: ProtobufFailure) { self = .malformed(failure.rawValue) }
}

/// The largest pieces that are held in memory while reading, in octets.
enum SizeLimit {
    /// One object of a list; etcd refuses more than about 1.5 MiB.
    static let item = 4 << 20
    /// One watch frame, as client-go limits it.
    static let frame = 16 << 20
    /// ListMeta, which holds a version and a page token.
    static let listMetadata = 64 << 10
    /// A body that is read whole because it tells an error.
    static let errorBody = 64 << 10
    /// A body that is read whole because it is one object.
    static let objectBody = 4 << 20
    /// All octets of one list page; items are dropped as they are read, so this bounds time, not memory. Servers that
    /// answer from memory send everything on one page: 5,000 objects of a megabyte are 5 GB.
    static let page = 1 << 36
}
