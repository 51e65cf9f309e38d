import Corefile
package import DNSServer
import DNSWire
import EventLoop
import NIOCore
import NIOSSL
import Synchronization
import Telemetry

/// Speaks with the upstreams of one line through TLS, HTTP/2 or both.
package final class SecureUpstreams: UpstreamSessions {
    private let settings: UpstreamSessionSettings
    private let renewalInterval: Duration
    private let state: Mutex<State>

    private struct State {
        var contexts: UpstreamContexts
        /// When the files were looked at last.
        var examined: ContinuousClock.Instant
        /// What was wrong with them then, which is said once.
        var refusal: String?
    }

    /// Throws what is wrong with the files.
    ///
    /// - Parameter renewalInterval: files are read again for a connection that is opened so long after the last time.
    package init(
        _ settings: UpstreamSessionSettings, renewalInterval: Duration = .seconds(5)
    ) throws(CredentialsFailure) {
        self.settings = settings
        self.renewalInterval = renewalInterval
        state = Mutex(State(contexts: try UpstreamContexts(settings), examined: .now))
    }

    /// What new connections show and trust: what the files say now, or what they said while they were sound.
    private var contexts: UpstreamContexts {
        state.withLock { state in
            guard ContinuousClock.now - state.examined >= renewalInterval else { return state.contexts }
            state.examined = .now
            do throws(CredentialsFailure) {
                if let next = try state.contexts.renewed(settings) {
                    state.contexts = next
                    Log.info("upstreams: the files of tls have changed, new connections go by them")
                }
                state.refusal = nil
            } catch {
                let text = "\(error)"
                if state.refusal != text { Log.error("upstreams: the old files of tls are kept: \(text)") }
                state.refusal = text
            }
            return state.contexts
        }
    }

    package func session(with target: UpstreamTarget) -> any UpstreamSession {
        let security: TLSPart?
        let peer: NIOCore.SocketAddress
        do {
            security = try contexts.byScheme[target.scheme].map { try TLSPart($0, target) }
            peer = try security?.judgedAddress ?? NIOCore.SocketAddress(target.address)
        } catch {
            return EndedSession(
                UpstreamSessionEnd("\(target.serverName ?? "") is no name of a server", isRejection: true))
        }
        switch target.scheme {
        case .https: return HTTPSession(HTTPSCall(target, asksByGET: settings.asksByGET), target, peer, security)
        case .grpc: return HTTPSession(GRPCCall(target, isEncrypted: security != nil), target, peer, security)
        default:
            guard let security else {
                return EndedSession(UpstreamSessionEnd("no TLS to speak through", isRejection: true))
            }
            return FramedTLSSession(target, security)
        }
    }

    package func stream(with target: UpstreamTarget) async throws(UpstreamStreamFailure) -> any OctetStream {
        guard let context = contexts.byScheme[target.scheme] else {
            throw UpstreamStreamFailure(reason: "no TLS to speak through")
        }
        return try await TLSStream.open(target, context)
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
    init(_ address: UpstreamTarget.Address) throws {
        try self.init(ipAddress: address.address.description, port: Int(address.port))
    }
}
