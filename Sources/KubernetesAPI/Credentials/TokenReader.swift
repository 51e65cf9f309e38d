internal import Synchronization

/// The bearer token of each request, read again before it can have expired.
final class TokenReader: Sendable {
    /// The kubelet replaces a token long before its end; client-go, too, keeps one for at most a minute.
    static let lifetime = Duration.seconds(60)

    struct Reading: Sendable {
        /// nil when there is none to send.
        var token: Secret?
        /// Why the file could not be used; `token` is then the last that could.
        var problem: CredentialsError?
    }

    private struct State {
        var reading = Reading()
        var readAt: ContinuousClock.Instant?
    }

    private let source: APIEndpoint.TokenSource
    private let state = Mutex(State())

    init(_ source: APIEndpoint.TokenSource) { self.source = source }

    /// The token to send at `now`.
    func current(at now: ContinuousClock.Instant) -> Reading {
        switch source {
        case .none: return Reading()
        case .fixed(let token): return Reading(token: token)
        case .file(let path):
            return state.withLock { state in
                if let readAt = state.readAt, now - readAt < Self.lifetime, state.reading.problem == nil {
                    return state.reading
                }
                do throws(CredentialsError) {
                    state.reading = Reading(token: try Self.read(path))
                } catch {
                    state.reading.problem = error
                }
                state.readAt = now
                return state.reading
            }
        }
    }

    /// The server refused a request that carried `token`; the next request reads the file again.
    func refused(_ token: Secret?) {
        state.withLock { state in
            // A token read since that request was sent has not been refused.
            if state.reading.token == token { state.readAt = nil }
        }
    }

    static func read(_ path: String) throws(CredentialsError) -> Secret {
        let expected = "a bearer token"
        let bytes = try SmallFile.read(path, expecting: expected)
        let space: (UInt8) -> Bool = { $0 <= 0x20 }
        let trimmed = bytes.drop(while: space).reversed().drop(while: space).reversed()
        guard !trimmed.isEmpty else { throw CredentialsError(in: path, found: "an empty file", expected: expected) }
        // Anything else could not go into a header, and the error about it would quote it.
        guard trimmed.count <= 64 << 10, trimmed.allSatisfy({ $0 > 0x20 && $0 < 0x7F }) else {
            throw CredentialsError(in: path, found: "octets that no token has", expected: expected)
        }
        return Secret(String(decoding: trimmed, as: UTF8.self))
    }
}
