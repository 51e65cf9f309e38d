package import Corefile
package import EventLoop

/// One address where clients speak through TLS or HTTP, and what they are shown there.
package struct SecureEndpoint: Hashable, Sendable {
    /// NIO has an address type of the same name.
    package typealias Address = SocketAddress

    /// What a listener is known by: with other credentials it is still the same one.
    package struct Place: Hashable, Sendable {
        package let scheme: ServerScheme
        package let address: SocketAddress

        package init(scheme: ServerScheme, address: SocketAddress) {
            self.scheme = scheme
            self.address = address
        }

        /// As metrics and log lines name it: `tls://:853`, `https://192.0.2.1:443`.
        package var label: String {
            address.isWildcard ? "\(scheme.rawValue)://:\(address.port)" : "\(scheme.rawValue)://\(address)"
        }
    }

    package let place: Place
    /// Nil for clear text.
    package let credentials: TransportCredentials?
    package let limits: EndpointLimits

    package init(place: Place, credentials: TransportCredentials?, limits: EndpointLimits = EndpointLimits()) {
        self.place = place
        self.credentials = credentials
        self.limits = limits
    }
}

/// What a configuration says of the clients of one address; nil where it says nothing.
package struct EndpointLimits: Hashable, Sendable {
    /// Open connections.
    package var connections: Int?
    /// HTTP/2 streams of one connection.
    package var requests: Int?
    package var times = StreamTimes()

    package init() {}
}

/// The plugin of a block that limits the clients of one scheme.
package protocol EndpointLimiting: Plugin {
    static var scheme: ServerScheme { get }
    var limits: EndpointLimits { get }
}

/// The files of a `tls` line, and what it asks of clients.
package struct TransportCredentials: Hashable, Sendable {
    package let certificateFile: String
    package let keyFile: String
    /// Certificates by which clients' are judged; nil for those of the system.
    package let authorityFile: String?
    package let clientAuthentication: ClientAuthentication

    package init(
        certificateFile: String, keyFile: String, authorityFile: String?, clientAuthentication: ClientAuthentication
    ) {
        self.certificateFile = certificateFile
        self.keyFile = keyFile
        self.authorityFile = authorityFile
        self.clientAuthentication = clientAuthentication
    }
}

/// What clients have to show, in the words of a Corefile.
package enum ClientAuthentication: String, Sendable, CaseIterable {
    case nothing = "nocert"
    /// A certificate is asked for; none and any are taken.
    case request
    /// Any certificate.
    case require
    /// None, or one of the authority.
    case verifyIfGiven = "verify_if_given"
    /// One of the authority.
    case requireAndVerify = "require_and_verify"
}

/// A file of a `tls` line that cannot be used.
package struct CredentialsFailure: Error, CustomStringConvertible {
    package let file: String
    package let found: String
    package let expected: String

    package init(file: String, found: String, expected: String) {
        self.file = file
        self.found = found
        self.expected = expected
    }

    package var description: String { "\(file): found \(found), expected \(expected)" }
}

/// The plugin of a block that says by what its clients recognise this server.
package protocol CredentialsProvider: Plugin {
    var credentials: TransportCredentials { get }
}

/// A place for which this program was built without a listener.
struct NobodyListens: Error, CustomStringConvertible {
    let place: SecureEndpoint.Place
    var description: String { "listen on \(place.label): nothing here speaks \(place.scheme.rawValue)://" }
}

/// Listens where clients speak through TLS or HTTP, and hands each message to the loops.
package protocol SecureListening: Sendable {
    /// Opens what `endpoints` need and is not open yet; nobody is served there before `activate`.
    ///
    /// - Throws: when an address or a file cannot be had; nothing changed then.
    func prepare(_ endpoints: [SecureEndpoint]) async throws

    func discardPrepared() async

    /// Serves exactly what was prepared from now on; addresses that stay are not closed in between.
    func activate() async

    /// Answers what was received, up to `grace`, then closes everything.
    func stop(grace: Duration) async
}
