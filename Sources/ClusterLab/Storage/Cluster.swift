import Synchronization

/// The cluster shared by requests, controllers and tests: one state behind one lock, and those who wait for its events.
package final class Cluster: Sendable {
    private let state: Mutex<ClusterState>
    private let watchers = Mutex(Watchers())

    /// Watches to wake after a write.
    private struct Watchers {
        var next = 0
        var waiting: [Int: AsyncStream<Void>.Continuation] = [:]
        var isClosed = false
    }

    package init(_ state: ClusterState) { self.state = Mutex(state) }

    /// Runs one step on the state and wakes the watches when it wrote.
    package func update<Result: Sendable, Failure: Error>(
        _ body: (inout ClusterState) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        var hasWritten = false
        defer { if hasWritten { wake() } }
        return try state.withLock { state throws(Failure) -> Result in
            let before = state.store.version
            defer { hasWritten = state.store.version != before }
            return try body(&state)
        }
    }

    package func read<Result: Sendable, Failure: Error>(
        _ body: (borrowing ClusterState) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        try state.withLock { state throws(Failure) -> Result in try body(state) }
    }

    package var version: UInt64 { read { $0.store.version } }

    /// What the API shows: kinds of a group outside Kubernetes come with their definition or their first object.
    var servedKinds: [ResourceKind] {
        read { state in
            ResourceKind.all.filter { kind in
                guard let definition = kind.definition else { return true }
                return state.store.count(kind) > 0
                    || state.store.find(.customResourceDefinition, namespace: "", name: definition) != nil
            }
        }
    }

    // MARK: Watching

    /// A stream that yields after every write and every tick, until the lab stops.
    func subscribe() -> (id: Int, wakes: AsyncStream<Void>) {
        let (wakes, continuation) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
        let id = watchers.withLock { watchers in
            watchers.next += 1
            if watchers.isClosed {
                continuation.finish()
            } else {
                watchers.waiting[watchers.next] = continuation
            }
            return watchers.next
        }
        continuation.yield()
        return (id, wakes)
    }

    func unsubscribe(_ id: Int) {
        let continuation = watchers.withLock { $0.waiting.removeValue(forKey: id) }
        continuation?.finish()
    }

    package var watchCount: Int { watchers.withLock { $0.waiting.count } }

    func wake() {
        let waiting = watchers.withLock { Array($0.waiting.values) }
        for continuation in waiting { continuation.yield() }
    }

    /// Ends every watch; `forever` also those to come.
    func endWatches(forever: Bool) {
        let waiting = watchers.withLock { watchers in
            defer { watchers.waiting = [:] }
            if forever { watchers.isClosed = true }
            return Array(watchers.waiting.values)
        }
        for continuation in waiting { continuation.finish() }
    }
}
