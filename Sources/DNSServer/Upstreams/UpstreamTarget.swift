package import Corefile
package import EventLoop

/// One upstream as the configuration names it.
package struct UpstreamTarget: Hashable, Sendable {
    /// NIO has an address type of the same name.
    package typealias Address = SocketAddress

    /// What is spoken with it.
    package let scheme: ServerScheme
    package let address: SocketAddress
    /// What its certificate has to name; nil for its address.
    package var serverName: String?

    package init(_ address: SocketAddress, scheme: ServerScheme = .dns, serverName: String? = nil) {
        self.address = address
        self.scheme = scheme
        self.serverName = serverName
    }

    /// False where queries go over UDP first.
    package var hasConnectionsOnly: Bool { scheme != .dns }

    /// Where a request is for, as HTTP wants it.
    package var authority: String {
        guard let serverName else { return "\(address)" }
        return Int(address.port) == scheme.defaultPort ? serverName : "\(serverName):\(address.port)"
    }
}

/// What upstreams of one line have in common, as far as TLS and HTTP are concerned.
package struct UpstreamSessionSettings: Hashable, Sendable {
    /// What is spoken with some of them.
    package var schemes: Set<ServerScheme>
    /// Nil for clear text, which only gRPC may be.
    package var credentials: UpstreamCredentials?
    /// Queries over HTTPS stand in the path (RFC 8484 §4.1).
    package var asksByGET: Bool

    package init(schemes: Set<ServerScheme>, credentials: UpstreamCredentials?, asksByGET: Bool = false) {
        self.schemes = schemes
        self.credentials = credentials
        self.asksByGET = asksByGET
    }
}

/// The files of a `tls` line about upstreams.
package struct UpstreamCredentials: Hashable, Sendable {
    /// What upstreams are shown; nil for nothing.
    package var certificateFile: String?
    package var keyFile: String?
    /// Certificates by which upstreams are judged; nil for those of the system.
    package var authorityFile: String?

    package init(certificateFile: String? = nil, keyFile: String? = nil, authorityFile: String? = nil) {
        self.certificateFile = certificateFile
        self.keyFile = keyFile
        self.authorityFile = authorityFile
    }
}
