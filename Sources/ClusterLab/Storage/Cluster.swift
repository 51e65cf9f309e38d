import Foundation
import NIOCore
import Synchronization

/// The cluster shared by requests, controllers and tests: one state behind one lock, and those who wait for its events.
package final class Cluster: Sendable {
    private let state: Mutex<ClusterState>
    private let watchers = Mutex(Watchers())
    /// The latest events as they go over the wire, shared by all watches.
    let events = EncodedEvents()

    /// Watches to wake after a write.
    private struct Watchers {
        var next = 0
        var waiting: [Int: Watcher] = [:]
        var isClosed = false
    }

    /// One watch: how to wake it, and how long its client has taken nothing.
    private struct Watcher {
        let wake: AsyncStream<Void>.Continuation
        let channel: (any Channel)?
        /// Seconds since 1970 when a write began that has not ended.
        var writesSince: Double?
    }

    /// Seconds a client may take nothing while there is something to send, before its watch ends.
    private static let patience = 10.0

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
    var servedKinds: [ResourceKind] { read { $0.kinds } }

    // MARK: Watching

    /// A stream that yields after every write and every tick, until the lab stops.
    ///
    /// The channel is closed when the watch's client does not take what is sent.
    func subscribe(closing channel: (any Channel)? = nil) -> (id: Int, wakes: AsyncStream<Void>) {
        let (wakes, continuation) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
        let id = watchers.withLock { watchers in
            watchers.next += 1
            if watchers.isClosed {
                continuation.finish()
            } else {
                watchers.waiting[watchers.next] = Watcher(wake: continuation, channel: channel)
            }
            return watchers.next
        }
        continuation.yield()
        return (id, wakes)
    }

    func unsubscribe(_ id: Int) {
        let watcher = watchers.withLock { $0.waiting.removeValue(forKey: id) }
        watcher?.wake.finish()
    }

    package var watchCount: Int { watchers.withLock { $0.waiting.count } }

    func beginsWriting(_ id: Int) {
        watchers.withLock { $0.waiting[id]?.writesSince = Date().timeIntervalSince1970 }
    }

    func endsWriting(_ id: Int) { watchers.withLock { $0.waiting[id]?.writesSince = nil } }

    /// Cuts the watches whose clients have taken nothing for long: what they miss must not wait here for ever.
    func cutLaggards(now: Double) {
        let lagging = watchers.withLock { watchers in
            let ids = watchers.waiting.filter { $0.value.writesSince.map { now - $0 > Self.patience } ?? false }.keys
            return ids.compactMap { watchers.waiting.removeValue(forKey: $0) }
        }
        for watcher in lagging {
            watcher.wake.finish()
            watcher.channel?.close(promise: nil)
        }
    }

    func wake() {
        let waiting = watchers.withLock { Array($0.waiting.values) }
        for watcher in waiting { watcher.wake.yield() }
    }

    /// Ends every watch; `forever` also those to come.
    func endWatches(forever: Bool) {
        let waiting = watchers.withLock { watchers in
            defer { watchers.waiting = [:] }
            if forever { watchers.isClosed = true }
            return Array(watchers.waiting.values)
        }
        for watcher in waiting { watcher.wake.finish() }
    }
}
