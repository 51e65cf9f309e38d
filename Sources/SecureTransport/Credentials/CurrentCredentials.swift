import DNSServer
import Synchronization
import Telemetry

/// What a listener shows to clients that come now.
final class CurrentCredentials: Sendable {
    /// As log lines name the listener.
    private let label: String
    /// What may be agreed on by ALPN (RFC 7301).
    private let protocols: [String]
    private let state = Mutex(State())

    private struct State {
        var shown: LoadedCredentials?
        /// Contents that were found unusable, which is said once.
        var refused: [[UInt8]]?
        var refusal: String?
    }

    /// How often the files are read anew.
    static let renewalInterval = Duration.seconds(5)

    init(_ label: String, agreeingOn protocols: [String]) {
        self.label = label
        self.protocols = protocols
    }

    var current: LoadedCredentials? { state.withLock { $0.shown } }

    /// Shows `next` from now on, or nothing.
    func replace(_ next: LoadedCredentials?) {
        state.withLock { state in
            // With the same files, sessions that clients kept stay good.
            if let shown = state.shown, let next, shown.files == next.files, shown.octets == next.octets { return }
            state = State(shown: next)
        }
    }

    /// Reads the files again; what is not sound changes nothing.
    func renew() {
        guard let shown = current else { return }
        do throws(CredentialsFailure) {
            let octets = try LoadedCredentials.read(shown.files)
            guard octets != shown.octets, octets != state.withLock({ $0.refused }) else { return }
            do throws(CredentialsFailure) {
                let next = try LoadedCredentials(shown.files, octets: octets, agreeingOn: protocols)
                replace(next)
                Log.info("\(label): shows the new certificate of \(shown.files.certificateFile)")
            } catch {
                state.withLock { $0.refused = octets }
                throw error
            }
        } catch {
            let text = "\(error)"
            let isNew = state.withLock { state in
                defer { state.refusal = text }
                return state.refusal != text
            }
            if isNew { Log.error("\(label): keeps the old certificate: \(text)") }
        }
    }
}
