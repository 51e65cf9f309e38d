import Corefile
package import DNSServer
import DNSWire
import EventLoop
import NIOCore
import NIOSSL

/// Speaks with the upstreams of one line through TLS, HTTP/2 or both.
package struct SecureUpstreams: UpstreamSessions {
    /// One for each scheme; empty for clear text.
    private let contexts: [ServerScheme: NIOSSLContext]
    private let asksByGET: Bool

    /// Throws what is wrong with the files.
    package init(_ settings: UpstreamSessionSettings) throws(CredentialsFailure) {
        asksByGET = settings.asksByGET
        var contexts: [ServerScheme: NIOSSLContext] = [:]
        if let credentials = settings.credentials {
            for scheme in settings.schemes { contexts[scheme] = try Self.context(credentials, scheme) }
        }
        self.contexts = contexts
    }

    private static func context(
        _ files: UpstreamCredentials, _ scheme: ServerScheme
    ) throws(CredentialsFailure) -> NIOSSLContext {
        var configuration = TLSConfiguration.makeClientConfiguration()
        configuration.keepToRecommended()
        // "dot" is what IANA registered for RFC 7858.
        configuration.applicationProtocols = [scheme == .tls ? "dot" : "h2"]
        if let file = files.authorityFile {
            configuration.trustRoots = .certificates(try PEMFile.certificates(try PEMFile.octets(file), file))
        }
        let (certificateFile, keyFile) = (files.certificateFile ?? "", files.keyFile ?? "")
        if files.certificateFile != nil {
            configuration.certificateChain = try PEMFile.certificates(
                try PEMFile.octets(certificateFile), certificateFile
            ).map { .certificate($0) }
            configuration.privateKey = .privateKey(try PEMFile.key(try PEMFile.octets(keyFile), keyFile))
        }
        do {
            return try NIOSSLContext(configuration: configuration)
        } catch {
            if files.certificateFile != nil { throw TLSConfiguration.misfit(keyFile, certificateFile) }
            throw CredentialsFailure(
                file: files.authorityFile ?? "the system's authorities", found: "\(error)",
                expected: "certificates of authorities")
        }
    }

    package func session(with target: UpstreamTarget) -> any UpstreamSession {
        let security: TLSPart?
        let peer: NIOCore.SocketAddress
        do {
            security = try contexts[target.scheme].map { try TLSPart($0, target) }
            peer = try security?.judgedAddress ?? NIOCore.SocketAddress(target.address)
        } catch {
            return EndedSession(
                UpstreamSessionEnd("\(target.serverName ?? "") is no name of a server", isRejection: true))
        }
        switch target.scheme {
        case .https: return HTTPSession(HTTPSCall(target, asksByGET: asksByGET), target, peer, security)
        case .grpc: return HTTPSession(GRPCCall(target, isEncrypted: security != nil), target, peer, security)
        default:
            guard let security else {
                return EndedSession(UpstreamSessionEnd("no TLS to speak through", isRejection: true))
            }
            return FramedTLSSession(target, security)
        }
    }
}

/// The TLS of one connection, as it judges the peer.
struct TLSPart {
    let handler: NIOSSLClientHandler
    /// What NIOSSL takes for the peer's address: a certificate that names it is the right one, whatever name is wanted.
    let judgedAddress: NIOCore.SocketAddress

    init(_ context: NIOSSLContext, _ target: UpstreamTarget) throws {
        let literal = target.serverName.flatMap { IPAddress($0) }
        let name = literal == nil ? target.serverName : nil
        if name == nil {
            let address = literal.map { UpstreamTarget.Address($0, port: target.address.port) } ?? target.address
            judgedAddress = try NIOCore.SocketAddress(address)
        } else {
            // Where a name is wanted, it has to be there: an address that no certificate can name.
            judgedAddress = try NIOCore.SocketAddress(unixDomainSocketPath: "/")
        }
        handler = try NIOSSLClientHandler(context: context, serverHostname: name)
    }
}

extension NIOCore.SocketAddress {
    fileprivate init(_ address: UpstreamTarget.Address) throws {
        try self.init(ipAddress: address.address.description, port: Int(address.port))
    }
}
