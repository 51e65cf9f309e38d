import COpenSSL
import Glibc
import Text

/// An X.509 certificate in libcrypto's memory; nothing changes it after it was made.
@safe final class Certificate: @unchecked Sendable {
    private let raw: OpaquePointer

    /// What a certificate is for.
    enum Usage: Sendable {
        /// It signs others.
        case authority
        /// It proves that a server has these names and addresses.
        case server(hosts: [String])
        case client
    }

    /// Who is certified.
    struct Subject: Sendable {
        var organization: String?
        let commonName: String
    }

    /// A certificate for a key, signed by an issuer; without one it signs itself. It is good for ten years, from an
    /// hour ago, so that a client whose clock is a little behind accepts it.
    init(
        _ subject: Subject, for usage: Usage, key: PrivateKey,
        issuer: (certificate: Certificate, key: PrivateKey)? = nil
    ) throws(LabError) {
        var hosts: [String] = []
        var extendedUsage: String?
        switch usage {
        case .authority: break
        case .server(let names): (extendedUsage, hosts) = ("serverAuth", names)
        case .client: extendedUsage = "clientAuth"
        }
        let start = Timestamp.now.seconds - 3600
        let texts = [subject.organization, subject.commonName, extendedUsage] + hosts
        let made = unsafe withTexts(texts) { texts in
            var request = unsafe co_request()
            unsafe request.organization = texts[0]
            unsafe request.common_name = texts[1]
            unsafe request.extended_key_usage = texts[2]
            unsafe request.host_count = hosts.count
            unsafe request.not_before = start
            unsafe request.not_after = start + 10 * 365 * 86400
            return unsafe texts[3...].withContiguousStorageIfAvailable { names in
                unsafe request.hosts = names.baseAddress
                return unsafe co_certificate_new(&request, key.raw, issuer?.certificate.raw, (issuer?.key ?? key).raw)
            } ?? nil
        }
        guard let made = unsafe made else { throw .cannotIssue("a certificate for \(subject.commonName)") }
        unsafe raw = made
    }

    /// Reads a certificate in DER; nil for octets that are none.
    init?(octets: [UInt8]) {
        guard let read = unsafe co_certificate_read(octets, octets.count) else { return nil }
        unsafe raw = read
    }

    deinit { unsafe co_certificate_free(raw) }

    var pem: String {
        get throws(LabError) {
            guard let text = unsafe takeText(co_certificate_pem(raw)) else { throw .cannotIssue("a certificate's PEM") }
            return text
        }
    }

    /// The subject's common names, in their order.
    var commonNames: [String] { values(organizations: false) }

    /// The organizations that the subject belongs to, in their order.
    var organizations: [String] { values(organizations: true) }

    private func values(organizations: Bool) -> [String] {
        Array(
            sequence(state: 0 as CInt) { index in
                defer { index += 1 }
                return unsafe takeText(co_subject(self.raw, organizations ? 1 : 0, index))
            })
    }
}

/// Gives texts as C has them, nil as NULL, for as long as the body runs.
private func withTexts<Result>(_ texts: [String?], _ body: ([UnsafePointer<CChar>?]) -> Result) -> Result {
    let copies = unsafe texts.map { unsafe $0.map { unsafe strdup($0) } ?? nil }
    defer { unsafe copies.forEach { unsafe free($0) } }
    return unsafe body(copies.map { unsafe UnsafePointer($0) })
}
