import DNSServer
import EventLoop
import Synchronization

/// The way of all loops to the one that follows names for them.
final class CacheFollowing: Sendable {
    private struct State {
        var upstreams: [SocketAddress] = []
        var handle: LoopHandle?
    }

    private let state = Mutex(State())

    var upstreams: [SocketAddress] {
        get { state.withLock { $0.upstreams } }
        set { state.withLock { $0.upstreams = newValue } }
    }

    /// Follows on this loop, if it is the first one.
    func begin(
        on server: LoopServer, _ counters: @autoclosure () -> FollowCounters,
        _ make: ([SocketAddress], FollowCounters) -> NameFollower
    ) {
        let upstreams = upstreams
        guard server.loop.index == 0, !upstreams.isEmpty else { return }
        server.guests[ObjectIdentifier(self)] = make(upstreams, counters())
        state.withLock { $0.handle = server.loop.handle }
    }

    /// Somebody has asked for the name.
    func want(_ name: FollowedName) { onItsLoop { $0.want(name) } }

    func end() {
        onItsLoop { $0.end() }
        state.withLock { $0.handle }?.submit { loop in
            (loop.resident as? LoopServer)?.guests[ObjectIdentifier(self)] = nil
        }
    }

    private func onItsLoop(_ body: @escaping @Sendable (NameFollower) -> Void) {
        state.withLock { $0.handle }?.submit { loop in
            if let follower = (loop.resident as? LoopServer)?.guests[ObjectIdentifier(self)] as? NameFollower {
                body(follower)
            }
        }
    }
}
