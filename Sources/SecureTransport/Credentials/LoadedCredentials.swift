import Corefile
package import DNSServer
import NIOCore
import NIOSSL

/// What the files of a `tls` line hold, ready for handshakes.
package struct LoadedCredentials: Sendable {
    let files: TransportCredentials
    /// The octets of the files, by which a change is noticed.
    let octets: [[UInt8]]
    private let context: NIOSSLContext

    /// Throws what is wrong with the files.
    package static func examine(_ files: TransportCredentials) throws(CredentialsFailure) {
        _ = try LoadedCredentials(files, agreeingOn: [])
    }

    /// - Parameter protocols: what may be agreed on by ALPN (RFC 7301), the best first.
    init(_ files: TransportCredentials, agreeingOn protocols: [String]) throws(CredentialsFailure) {
        try self.init(files, octets: try Self.read(files), agreeingOn: protocols)
    }

    init(
        _ files: TransportCredentials, octets: [[UInt8]], agreeingOn protocols: [String]
    ) throws(CredentialsFailure) {
        self.files = files
        self.octets = octets
        var configuration = TLSConfiguration.makeServerConfiguration(
            certificateChain: try PEMFile.certificates(octets[0], files.certificateFile).map { .certificate($0) },
            privateKey: .privateKey(try PEMFile.key(octets[1], files.keyFile)))
        configuration.keepToRecommended()
        configuration.applicationProtocols = protocols
        if octets.count > 2, let file = files.authorityFile {
            configuration.trustRoots = .certificates(try PEMFile.certificates(octets[2], file))
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
            throw TLSConfiguration.misfit(files.keyFile, files.certificateFile)
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
    static func applicationProtocols(_ scheme: ServerScheme) -> [String] {
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
            octets.append(try PEMFile.octets(file))
        }
        return octets
    }
}
