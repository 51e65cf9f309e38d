package import Corefile
package import EventLoop

/// One upstream as the configuration names it.
package struct UpstreamTarget: Hashable, Sendable {
    /// NIO has an address type of the same name.
    package typealias Address = SocketAddress

    /// What is spoken with it.
    package let scheme: ServerScheme
    package let address: SocketAddress
    /// The Unix socket that it listens on, in place of the address.
    package var socketPath: String?
    /// What its certificate has to name; nil for its address.
    package var serverName: String?

    package init(_ address: SocketAddress, scheme: ServerScheme = .dns, serverName: String? = nil) {
        self.address = address
        self.scheme = scheme
        self.serverName = serverName
    }

    /// An upstream of this host that listens on a Unix socket; no certificate names a path, so it is `localhost` there.
    package init(socketPath: String, scheme: ServerScheme) {
        self.init(.anyIPv4(port: UInt16(clamping: scheme.defaultPort)), scheme: scheme, serverName: "localhost")
        self.socketPath = socketPath
    }

    /// As metrics and messages name it.
    package var label: String { socketPath.map { "unix://\($0)" } ?? address.description }

    /// Begins a connection to it.
    package func connect() throws(SystemError) -> StreamSocket {
        if let socketPath { return try StreamSocket(connectingTo: socketPath) }
        return try StreamSocket(connectingTo: address)
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
    /// False where something else than DNS is spoken: no protocol is agreed on then (RFC 7301).
    package var speaksDNS: Bool

    package init(
        schemes: Set<ServerScheme>, credentials: UpstreamCredentials?, asksByGET: Bool = false, speaksDNS: Bool = true
    ) {
        self.schemes = schemes
        self.credentials = credentials
        self.asksByGET = asksByGET
        self.speaksDNS = speaksDNS
    }
}

/// The files of a `tls` line about upstreams.
package struct UpstreamCredentials: Hashable, Sendable {
    /// What upstreams are shown; nil for nothing.
    package var certificateFile: String?
    package var keyFile: String?
    /// Certificates by which upstreams are judged; nil for those of the system.
    package var authorityFile: String?
    /// False where any certificate will do.
    package var verifies: Bool

    package init(
        certificateFile: String? = nil, keyFile: String? = nil, authorityFile: String? = nil, verifies: Bool = true
    ) {
        self.certificateFile = certificateFile
        self.keyFile = keyFile
        self.authorityFile = authorityFile
        self.verifies = verifies
    }
}
