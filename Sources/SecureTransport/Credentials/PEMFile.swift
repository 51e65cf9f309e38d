import DNSServer
import EventLoop
import NIOCore
import NIOSSL

/// A file of certificates or of a key, as a `tls` line names it.
enum PEMFile {
    /// The most octets of a file; a bundle of all public authorities has some 220 KiB.
    private static let longest = 4 << 20

    static func octets(_ file: String) throws(CredentialsFailure) -> [UInt8] {
        let content: [UInt8]?
        do throws(SystemError) {
            content = try FileOctets.read(file, limit: longest)
        } catch {
            throw CredentialsFailure(file: file, found: error.reason, expected: "a readable PEM file")
        }
        guard let content else {
            throw CredentialsFailure(file: file, found: "no such file", expected: "a readable PEM file")
        }
        return content
    }

    static func certificates(
        _ octets: [UInt8], _ file: String
    ) throws(CredentialsFailure) -> [NIOSSLCertificate] {
        if let certificates = try? NIOSSLCertificate.fromPEMBytes(octets), !certificates.isEmpty { return certificates }
        throw CredentialsFailure(file: file, found: "no certificate", expected: "certificates as PEM")
    }

    static func key(_ octets: [UInt8], _ file: String) throws(CredentialsFailure) -> NIOSSLPrivateKey {
        if let key = try? NIOSSLPrivateKey(bytes: octets, format: .pem) { return key }
        throw CredentialsFailure(file: file, found: "no key", expected: "a private key as PEM, not encrypted")
    }
}

extension TLSConfiguration {
    /// What holds for clients and for upstreams alike.
    mutating func keepToRecommended() {
        minimumTLSVersion = .tlsv12
        // Of TLS 1.2, what RFC 9325 §4.2 recommends; those of TLS 1.3 are all sound.
        cipherSuites = "ECDHE+AESGCM:ECDHE+CHACHA20"
        shutdownTimeout = .seconds(1)
    }

    /// The error of a context that could not be made.
    static func misfit(_ keyFile: String, _ certificateFile: String) -> CredentialsFailure {
        CredentialsFailure(
            file: keyFile, found: "a key that does not fit \(certificateFile)",
            expected: "the key of the first certificate there")
    }
}
