internal import NIOCore
internal import NIOSSL

/// The certificates of a connection as bytes, so that a change of their files is noticed by comparing.
struct ClientMaterial: Equatable {
    var authorities: [UInt8]?
    var chain: [UInt8]?
    var key: [UInt8]?

    init(_ endpoint: APIEndpoint) throws(CredentialsError) {
        func bytes(_ material: APIEndpoint.Material, _ expected: String) throws(CredentialsError) -> [UInt8] {
            switch material {
            case .given(let bytes): bytes
            case .file(let path): try SmallFile.read(path, expecting: expected)
            }
        }
        if case .authorities(let material) = endpoint.trust { authorities = try bytes(material, "PEM certificates") }
        if let certificate = endpoint.clientCertificate {
            chain = try bytes(certificate.chain, "a PEM certificate")
            key = try bytes(certificate.key, "a PEM private key")
        }
    }

    /// TLS 1.2 or later, with only these authorities and this identity.
    func configuration(for endpoint: APIEndpoint) throws(CredentialsError) -> TLSConfiguration {
        func source(_ material: APIEndpoint.Material?) -> String {
            if case .file(let path)? = material { path } else { endpoint.url }
        }
        func certificates(_ bytes: [UInt8], in source: String) throws(CredentialsError) -> [NIOSSLCertificate] {
            guard let certificates = try? NIOSSLCertificate.fromPEMBytes(bytes), !certificates.isEmpty else {
                throw CredentialsError(in: source, found: "no usable certificate", expected: "PEM certificates")
            }
            return certificates
        }
        var configuration = TLSConfiguration.makeClientConfiguration()
        configuration.minimumTLSVersion = .tlsv12
        switch endpoint.trust {
        case .system: break
        case .anyone: configuration.certificateVerification = .none
        case .authorities(let material):
            configuration.trustRoots = .certificates(try certificates(authorities ?? [], in: source(material)))
        }
        if let chain, let key {
            configuration.certificateChain =
                try certificates(chain, in: source(endpoint.clientCertificate?.chain)).map { .certificate($0) }
            guard let parsed = try? NIOSSLPrivateKey(bytes: key, format: .pem) else {
                throw CredentialsError(
                    in: source(endpoint.clientCertificate?.key), found: "no usable key", expected: "a PEM private key")
            }
            configuration.privateKey = .privateKey(parsed)
        }
        return configuration
    }
}
