import CLDNS

/// What octets are condensed to, by the libcrypto that ldns signs with.
package enum MessageDigest: Sendable {
    case md5, sha1, sha256, sha384, sha512

    /// Octets of a digest.
    package var length: Int {
        switch self {
        case .md5: 16
        case .sha1: 20
        case .sha256: 32
        case .sha384: 48
        case .sha512: 64
        }
    }

    private var method: OpaquePointer? {
        switch self {
        case .md5: unsafe EVP_md5()
        case .sha1: unsafe EVP_sha1()
        case .sha256: unsafe EVP_sha256()
        case .sha384: unsafe EVP_sha384()
        case .sha512: unsafe EVP_sha512()
        }
    }

    /// The digest of `octets`; nil where libcrypto was told not to know it, as under FIPS 140.
    package func digest(of octets: [UInt8]) -> [UInt8]? {
        var result = [UInt8](repeating: 0, count: length)
        guard unsafe EVP_Digest(octets, octets.count, &result, nil, method, nil) == 1 else { return nil }
        return result
    }

    /// The message authentication code of `octets` (HMAC, RFC 2104); nil where libcrypto was told not to know the digest.
    package func code(of octets: [UInt8], key: [UInt8]) -> [UInt8]? {
        var result = [UInt8](repeating: 0, count: length)
        let code = unsafe HMAC(method, key, Int32(key.count), octets, octets.count, &result, nil)
        return unsafe code == nil ? nil : result
    }
}
