import Corefile
package import DNSServer
import EventLoop
import NIOCore
import NIOSSL

/// What the files of a `tls` line hold, ready for handshakes.
package struct LoadedCredentials: Sendable {
    let files: TransportCredentials
    /// The octets of the files, by which a change is noticed.
    let octets: [[UInt8]]
    private let context: NIOSSLContext

    /// The most octets of a file; a bundle of all public authorities has some 220 KiB.
    private static let longestFile = 4 << 20

    /// Throws what is wrong with the files.
    package static func examine(_ files: TransportCredentials) throws(CredentialsFailure) {
        _ = try LoadedCredentials(files, for: .tls)
    }

    init(_ files: TransportCredentials, for scheme: ServerScheme) throws(CredentialsFailure) {
        try self.init(files, octets: try Self.read(files), for: scheme)
    }

    init(_ files: TransportCredentials, octets: [[UInt8]], for scheme: ServerScheme) throws(CredentialsFailure) {
        self.files = files
        self.octets = octets
        var configuration = TLSConfiguration.makeServerConfiguration(
            certificateChain: try Self.certificates(octets[0], files.certificateFile).map { .certificate($0) },
            privateKey: .privateKey(try Self.key(octets[1], files.keyFile)))
        configuration.minimumTLSVersion = .tlsv12
        // Of TLS 1.2, what RFC 9325 §4.2 recommends; those of TLS 1.3 are all sound.
        configuration.cipherSuites = "ECDHE+AESGCM:ECDHE+CHACHA20"
        configuration.applicationProtocols = Self.applicationProtocols(scheme)
        configuration.shutdownTimeout = .seconds(1)
        if octets.count > 2, let file = files.authorityFile {
            configuration.trustRoots = .certificates(try Self.certificates(octets[2], file))
            configuration.sendCANameList = true
        }
        configuration.certificateVerification =
            switch files.clientAuthentication {
            case .nothing: .none
            case .request, .verifyIfGiven: .optionalVerification
            case .require, .requireAndVerify: .noHostnameVerification
            }
        do {
            context = try NIOSSLContext(configuration: configuration)
        } catch {
            throw CredentialsFailure(
                file: files.keyFile, found: "a key that does not fit \(files.certificateFile)",
                expected: "the key of the first certificate there")
        }
    }

    /// The handler of one connection.
    func makeHandler() -> NIOSSLServerHandler {
        switch files.clientAuthentication {
        case .request, .require:
            NIOSSLServerHandler(context: context) { _, verdict in verdict.succeed(.certificateVerified) }
        default:
            NIOSSLServerHandler(context: context)
        }
    }

    /// RFC 7858 has none of its own; "dot" is what IANA registered for it.
    private static func applicationProtocols(_ scheme: ServerScheme) -> [String] {
        switch scheme {
        case .https: ["h2", "http/1.1"]
        case .grpc: ["h2"]
        default: ["dot"]
        }
    }

    // MARK: Files

    /// The octets of certificate, key and, where there is one, authority.
    static func read(_ files: TransportCredentials) throws(CredentialsFailure) -> [[UInt8]] {
        var octets: [[UInt8]] = []
        for file in [files.certificateFile, files.keyFile] + (files.authorityFile.map { [$0] } ?? []) {
            let content: [UInt8]?
            do throws(SystemError) {
                content = try FileOctets.read(file, limit: longestFile)
            } catch {
                throw CredentialsFailure(file: file, found: error.reason, expected: "a readable PEM file")
            }
            guard let content else {
                throw CredentialsFailure(file: file, found: "no such file", expected: "a readable PEM file")
            }
            octets.append(content)
        }
        return octets
    }

    private static func certificates(
        _ octets: [UInt8], _ file: String
    ) throws(CredentialsFailure) -> [NIOSSLCertificate] {
        if let certificates = try? NIOSSLCertificate.fromPEMBytes(octets), !certificates.isEmpty { return certificates }
        throw CredentialsFailure(file: file, found: "no certificate", expected: "certificates as PEM")
    }

    private static func key(_ octets: [UInt8], _ file: String) throws(CredentialsFailure) -> NIOSSLPrivateKey {
        if let key = try? NIOSSLPrivateKey(bytes: octets, format: .pem) { return key }
        throw CredentialsFailure(file: file, found: "no key", expected: "a private key as PEM, not encrypted")
    }
}
