internal import Synchronization

/// How far a watch has come; outlives the watch that is cancelled for silence.
final class WatchProgress: Sendable {
    private struct State {
        /// The newest version seen, as text and, when it is a number, as that.
        var seen: String?
        var newest: UInt64?
        /// The newest version whose changes were given on.
        var committed: String?
        var events = 0
        var isListed: Bool
    }

    private let state: Mutex<State>

    init(_ request: WatchRequest) {
        // What a server sends as its newest state may be older than what another server had sent.
        state = Mutex(
            State(newest: request.streamsList ? nil : UInt64(request.version), isListed: !request.streamsList))
    }

    /// The initial state, where it was asked for, is whole.
    func completeList() { state.withLock { $0.isListed = true } }

    /// Notes an event's version.
    ///
    /// Versions of one kind are comparable decimal numbers (KEP-5504); others are only noted.
    ///
    /// - Returns: false when the version is older than one before, which a server that kept its history never sends.
    func advance(to version: String, isChange: Bool) -> Bool {
        state.withLock { state in
            if isChange { state.events += 1 }
            // A bookmark without a version says nothing.
            guard !version.isEmpty, version != "0" else { return true }
            if let number = UInt64(version) {
                if let newest = state.newest, number < newest { return false }
                state.newest = number
            }
            state.seen = version
            return true
        }
    }

    /// What was noted so far has been given on.
    func commit() { state.withLock { $0.committed = $0.seen } }

    func report(_ end: WatchEnd, lasted: Duration) -> WatchReport {
        state.withLock {
            WatchReport(end: end, version: $0.committed, isListed: $0.isListed, events: $0.events, lasted: lasted)
        }
    }
}
