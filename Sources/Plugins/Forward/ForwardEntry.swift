import DNSServer
import Synchronization

/// One `forward` line as all loops share it.
final class ForwardEntry: Sendable {
    let settings: ForwardSettings
    let upstreams: [Upstream]
    /// Positions of those that are asked over connections only.
    let connected: Set<Int>
    private let waiting = Atomic<Int>(0)
    private let stopped = Atomic<Bool>(false)
    private let looping = Atomic<Bool>(false)

    /// - Parameter sessions: how to speak with those of its upstreams that are not plain DNS.
    init(_ settings: ForwardSettings, _ sessions: (any UpstreamSessions)?) {
        self.settings = settings
        upstreams = settings.targets.map { Upstream($0, sessions) }
        connected = Set(settings.targets.indices.filter { settings.targets[$0].hasConnectionsOnly })
    }

    /// False when as many queries wait as may; otherwise `leave` is to follow.
    func enter() -> Bool {
        let limit = settings.maximumConcurrent
        guard limit > 0 else { return true }
        guard waiting.wrappingAdd(1, ordering: .relaxed).newValue > limit else { return true }
        waiting.wrappingSubtract(1, ordering: .relaxed)
        return false
    }

    func leave() {
        if settings.maximumConcurrent > 0 { waiting.wrappingSubtract(1, ordering: .relaxed) }
    }

    /// True once no query comes here any more; probes end then.
    var isStopped: Bool { stopped.load(ordering: .relaxed) }
    func stop() { stopped.store(true, ordering: .relaxed) }

    /// True when a question sent from here came back to this server.
    var isLooping: Bool { looping.load(ordering: .relaxed) }
    func markLooping() { looping.store(true, ordering: .relaxed) }

    /// How many tries one question gets over all upstreams.
    var maximumAttempts: Int {
        // Without a limit an upstream that refuses at once would be asked in a busy loop for five seconds.
        guard let limit = settings.maximumAttempts, limit > 0 else {
            return settings.maximumAttempts == 0 ? Self.mostAttempts : 2 * upstreams.count
        }
        return min(limit, Self.mostAttempts)
    }

    private static let mostAttempts = 60
}
