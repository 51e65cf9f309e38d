import Crypto
import Foundation
import NIOSSL
import SwiftASN1
import X509

/// The cluster's own CA with the server's and the administrator's certificates, made anew for every lab.
struct CertificateAuthority: Sendable {
    let certificatePEM: String
    let server: Identity
    let administrator: Identity
    private let certificate: Certificate
    private let key: Certificate.PrivateKey

    /// A certificate and its private key as PEM.
    struct Identity: Sendable {
        let certificatePEM: String
        let keyPEM: String
    }

    /// Members of this organisation may do everything.
    static let administratorsGroup = "system:masters"

    init(hosts: [String]) throws {
        let key = Certificate.PrivateKey(P256.Signing.PrivateKey())
        self.key = key
        let name = try DistinguishedName { CommonName("cluster-dns-lab-ca") }
        certificate = try Certificate(
            version: .v3, serialNumber: .init(), publicKey: key.publicKey,
            notValidBefore: Self.start, notValidAfter: Self.end, issuer: name, subject: name,
            signatureAlgorithm: .ecdsaWithSHA256,
            extensions: Certificate.Extensions {
                Critical(BasicConstraints.isCertificateAuthority(maxPathLength: nil))
                Critical(KeyUsage(keyCertSign: true, cRLSign: true))
                SubjectKeyIdentifier(hash: key.publicKey)
            },
            issuerPrivateKey: key)
        certificatePEM = try certificate.serializeAsPEM().pemString
        server = try Self.issue(
            to: DistinguishedName { CommonName("kube-apiserver") }, hosts: hosts, usage: .serverAuth,
            by: certificate, key)
        administrator = try Self.issue(
            to: DistinguishedName {
                OrganizationName(Self.administratorsGroup)
                CommonName("lab-admin")
            }, hosts: [], usage: .clientAuth, by: certificate, key)
    }

    // An hour back, so that a client whose clock is a little behind accepts it.
    private static var start: Date { Date().addingTimeInterval(-3600) }
    private static var end: Date { Date().addingTimeInterval(10 * 365 * 86400) }

    /// A client certificate for another user, who belongs to no group.
    func clientIdentity(user: String) throws -> Identity {
        try Self.issue(
            to: DistinguishedName { CommonName(user) }, hosts: [], usage: .clientAuth, by: certificate, key)
    }

    private static func issue(
        to subject: DistinguishedName, hosts: [String], usage: ExtendedKeyUsage.Usage, by issuer: Certificate,
        _ issuerKey: Certificate.PrivateKey
    ) throws -> Identity {
        let key = Certificate.PrivateKey(P256.Signing.PrivateKey())
        let names = hosts.map { host -> GeneralName in
            IPText.bytes(host).map { .ipAddress(ASN1OctetString(contentBytes: $0[...])) } ?? .dnsName(host)
        }
        let certificate = try Certificate(
            version: .v3, serialNumber: .init(), publicKey: key.publicKey,
            notValidBefore: start, notValidAfter: end, issuer: issuer.subject, subject: subject,
            signatureAlgorithm: .ecdsaWithSHA256,
            extensions: try Certificate.Extensions {
                Critical(BasicConstraints.notCertificateAuthority)
                Critical(KeyUsage(digitalSignature: true))
                try ExtendedKeyUsage([usage])
                if !names.isEmpty { SubjectAlternativeNames(names) }
            },
            issuerPrivateKey: issuerKey)
        return Identity(
            certificatePEM: try certificate.serializeAsPEM().pemString, keyPEM: try key.serializeAsPEM().pemString)
    }

    /// TLS for the server: its certificate, and client certificates of this CA where a client offers one.
    func serverTLS() throws -> TLSConfiguration {
        let chain = try NIOSSLCertificate.fromPEMBytes(Array(server.certificatePEM.utf8))
        let key = try NIOSSLPrivateKey(bytes: Array(server.keyPEM.utf8), format: .pem)
        let authority = try NIOSSLCertificate.fromPEMBytes(Array(certificatePEM.utf8))
        var configuration = TLSConfiguration.makeServerConfiguration(
            certificateChain: chain.map { .certificate($0) }, privateKey: .privateKey(key))
        configuration.certificateVerification = .optionalVerification
        configuration.trustRoots = .certificates(authority)
        return configuration
    }
}
