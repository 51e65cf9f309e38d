import COpenSSL

/// A private key on P-256, made anew, in libcrypto's memory; nothing changes it after it was made.
@safe final class PrivateKey: @unchecked Sendable {
    let raw: OpaquePointer

    init() throws(LabError) {
        guard let key = unsafe co_key_new() else { throw .cannotIssue("a key on P-256") }
        unsafe raw = key
    }

    deinit { unsafe co_key_free(raw) }

    /// The key in PEM, PKCS #8.
    var pem: String {
        get throws(LabError) {
            guard let text = unsafe takeText(co_key_pem(raw)) else { throw .cannotIssue("a key's PEM") }
            return text
        }
    }

    /// The ES256 signature of octets (RFC 7518 §3.4): 64 octets.
    func signature(of octets: [UInt8]) throws(LabError) -> [UInt8] {
        var signature = [UInt8](repeating: 0, count: Int(CO_SIGNATURE_LENGTH))
        guard unsafe co_sign(raw, octets, octets.count, &signature) == 1 else { throw .cannotIssue("a signature") }
        return signature
    }

    /// Whether a signature, of whatever length, is this key's over these octets.
    func signed(_ octets: [UInt8], with signature: [UInt8]) -> Bool {
        guard signature.count == Int(CO_SIGNATURE_LENGTH) else { return false }
        return unsafe co_is_signed(raw, octets, octets.count, signature) == 1
    }
}

/// A text that libcrypto gave away; its memory goes back.
func takeText(_ text: UnsafeMutablePointer<CChar>?) -> String? {
    guard let text = unsafe text else { return nil }
    defer { unsafe co_text_free(text) }
    return unsafe String(cString: text)
}
