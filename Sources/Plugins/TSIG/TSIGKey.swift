import Crypto
import DNSWire

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

    /// Octets of a whole code.
    var length: Int {
        switch self {
        case .md5: Insecure.MD5.byteCount
        case .sha1: Insecure.SHA1.byteCount
        case .sha256: SHA256.byteCount
        case .sha384: SHA384.byteCount
        case .sha512: SHA512.byteCount
        }
    }

    func code(of octets: [UInt8], _ key: SymmetricKey) -> [UInt8] {
        switch self {
        case .md5: Array(HMAC<Insecure.MD5>.authenticationCode(for: octets, using: key))
        case .sha1: Array(HMAC<Insecure.SHA1>.authenticationCode(for: octets, using: key))
        case .sha256: Array(HMAC<SHA256>.authenticationCode(for: octets, using: key))
        case .sha384: Array(HMAC<SHA384>.authenticationCode(for: octets, using: key))
        case .sha512: Array(HMAC<SHA512>.authenticationCode(for: octets, using: key))
        }
    }
}

/// A secret that a client shares with this server.
struct TSIGKey: Sendable {
    let name: Name
    let secret: SymmetricKey

    init(_ name: Name, _ secret: [UInt8]) {
        self.name = name
        self.secret = SymmetricKey(data: secret)
    }
}
