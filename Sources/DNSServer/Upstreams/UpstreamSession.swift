import Corefile
package import DNSWire

/// What is spoken over one connection to an upstream: queries become octets for the peer, its octets responses.
///
/// It has no socket and no clock, and lives on one loop.
package protocol UpstreamSession: AnyObject {
    /// True once the peer has shown who it is, where it has to.
    var isEstablished: Bool { get }

    /// False once the peer takes no more queries here, though responses may come.
    var takesQueries: Bool { get }

    /// Has a query sent with what is taken next. Its id, in its first two octets, is that of its response.
    func ask(_ query: [UInt8])

    /// The response with this id is not wanted any more.
    func forget(_ id: UInt16)

    /// What is to be sent to the peer now; given once.
    func takeOutgoing() -> [UInt8]

    /// Takes what the peer sent.
    func take(_ octets: ByteView)

    /// What came of that, one after the other; nil when nothing more did.
    func next() -> UpstreamEvent?

    /// Ends it; what is left to say is there to be sent.
    func end()
}

/// What an upstream said over a connection.
package enum UpstreamEvent: Equatable {
    /// A response, with the id of its query.
    case response([UInt8])
    /// No response to this query, by decision of the upstream.
    case refused(UInt16, reason: String)
    /// No response to this query here; another connection may bring one.
    case lost(UInt16, reason: String)
    /// Nothing more will come.
    case ended(UpstreamSessionEnd)
}

/// Why a session ended.
package struct UpstreamSessionEnd: Equatable, Sendable {
    package let reason: String
    /// True when the peer is not who it should be, or does not speak what it should: asking it again is of no use.
    package let isRejection: Bool

    package init(_ reason: String, isRejection: Bool = false) {
        self.reason = reason
        self.isRejection = isRejection
    }
}

/// Makes sessions with the upstreams of one line.
package protocol UpstreamSessions: Sendable {
    func session(with target: UpstreamTarget) -> any UpstreamSession

    /// A connection through TLS on which no DNS is spoken, for those who have no loop.
    ///
    /// - Throws: why there is none, as text.
    func stream(with target: UpstreamTarget) async throws(UpstreamStreamFailure) -> any OctetStream
}

extension UpstreamSessions {
    package func stream(with target: UpstreamTarget) async throws(UpstreamStreamFailure) -> any OctetStream {
        throw UpstreamStreamFailure(reason: "nothing here speaks TLS")
    }
}

/// Why a connection could not be made.
package struct UpstreamStreamFailure: Error {
    package let reason: String

    package init(reason: String) { self.reason = reason }
}

/// Makes what makes them; throws what is wrong with the files of a `tls` line.
package typealias MakeUpstreamSessions =
    @Sendable (UpstreamSessionSettings) throws(CredentialsFailure) ->
    any UpstreamSessions

/// For a program that was built without TLS.
package let noUpstreamSessions: MakeUpstreamSessions = { _ in NoUpstreamSessions() }

private struct NoUpstreamSessions: UpstreamSessions {
    func session(with target: UpstreamTarget) -> any UpstreamSession {
        EndedSession(
            UpstreamSessionEnd("nothing here speaks \(target.scheme.rawValue)://", isRejection: true))
    }
}

/// A session that could not even begin.
package final class EndedSession: UpstreamSession {
    private let reason: UpstreamSessionEnd

    package init(_ reason: UpstreamSessionEnd) { self.reason = reason }

    package var isEstablished: Bool { false }
    package var takesQueries: Bool { true }
    package func ask(_ query: [UInt8]) {}
    package func forget(_ id: UInt16) {}
    package func takeOutgoing() -> [UInt8] { [] }
    package func take(_ octets: ByteView) {}
    package func next() -> UpstreamEvent? { .ended(reason) }
    package func end() {}
}
