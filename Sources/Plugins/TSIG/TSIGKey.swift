import DNSWire
import ZoneData

/// How a message authentication code is computed (RFC 8945 §6).
enum TSIGAlgorithm: String, CaseIterable {
    case md5 = "hmac-md5.sig-alg.reg.int"
    case sha1 = "hmac-sha1"
    case sha256 = "hmac-sha256"
    case sha384 = "hmac-sha384"
    case sha512 = "hmac-sha512"

    private static let names: [(name: [UInt8], algorithm: Self)] = allCases.map {
        (Name($0.rawValue)?.wire ?? [], $0)
    }

    /// - Parameter name: folded wire form.
    init?(name: [UInt8]) {
        guard let known = Self.names.first(where: { $0.name == name }) else { return nil }
        self = known.algorithm
    }

    private var digest: MessageDigest {
        switch self {
        case .md5: .md5
        case .sha1: .sha1
        case .sha256: .sha256
        case .sha384: .sha384
        case .sha512: .sha512
        }
    }

    /// Octets of a whole code.
    var length: Int { digest.length }

    /// Empty where the digest is not there, so that nothing can have it.
    func code(of octets: [UInt8], _ key: TSIGKey) -> [UInt8] { digest.code(of: octets, key: key.secret) ?? [] }
}

/// A secret that a client shares with this server.
struct TSIGKey: Sendable {
    let name: Name
    let secret: [UInt8]

    init(_ name: Name, _ secret: [UInt8]) {
        self.name = name
        self.secret = secret
    }
}
