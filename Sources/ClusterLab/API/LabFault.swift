import Synchronization

/// A misbehaviour a test asks the API server for.
package enum LabFault: Sendable, Equatable {
    /// Watches stay open and say nothing, not even bookmarks.
    case silentWatch
    /// Every watch is cut as soon as it starts, and the running ones now.
    case dropWatches
    /// Every resource version is too old: watches get an ERROR event, or status 410 when asked so.
    case expire410(asStatus: Bool = false)
    /// Every request is refused with 429 as plain text, `retryAfter` in seconds.
    case tooManyRequests(retryAfter: Int? = nil)
    /// Every request fails with 500.
    case serverError
    /// Lists begin their answer after so many seconds.
    case slowList(seconds: Double)
    /// Bodies break off in the middle and the connection closes.
    case tornChunk
    /// Versions jump back once and history begins anew, as after restoring a backup.
    case restartedHistory
    /// The token is replaced once; the old one answers 401 and the kubeconfig is rewritten.
    case tokenRotation
    /// Every resource request is refused with 403.
    case forbidden
}

/// What the server is told to do wrong, and whom it trusts.
final class ServerBehaviour: Sendable {
    private let state: Mutex<(fault: LabFault?, token: String)>

    init(token: String) { state = Mutex((nil, token)) }

    var fault: LabFault? {
        get { state.withLock { $0.fault } }
        set { state.withLock { $0.fault = newValue } }
    }

    var token: String {
        get { state.withLock { $0.token } }
        set { state.withLock { $0.token = newValue } }
    }

    /// A new random token of 256 bits.
    static func makeToken() -> String {
        var random = SystemRandomNumberGenerator()
        return (0..<4).map { _ in
            let word = String(random.next() as UInt64, radix: 16)
            return String(repeating: "0", count: 16 - word.count) + word
        }.joined()
    }
}
