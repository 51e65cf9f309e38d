import NIOSSL

/// The cluster's own CA with the server's and the administrator's certificates, made anew for every lab.
struct CertificateAuthority: Sendable {
    let certificatePEM: String
    let server: Identity
    let administrator: Identity

    /// A certificate and its private key as PEM.
    struct Identity: Sendable {
        let certificatePEM: String
        let keyPEM: String
    }

    /// Members of this organisation may do everything.
    static let administratorsGroup = "system:masters"

    init(hosts: [String]) throws(LabError) {
        let key = try PrivateKey()
        let authority = try Certificate(.init(commonName: "cluster-dns-lab-ca"), for: .authority, key: key)
        certificatePEM = try authority.pem
        func issue(_ subject: Certificate.Subject, _ usage: Certificate.Usage) throws(LabError) -> Identity {
            let own = try PrivateKey()
            let certificate = try Certificate(subject, for: usage, key: own, issuer: (authority, key))
            return Identity(certificatePEM: try certificate.pem, keyPEM: try own.pem)
        }
        server = try issue(.init(commonName: "kube-apiserver"), .server(hosts: hosts))
        administrator = try issue(
            .init(organization: Self.administratorsGroup, commonName: "lab-admin"), .client)
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
