import DNSWire
import EventLoop
import Synchronization
import Telemetry
import ZoneData

/// Keeps one zone as its primaries have it.
final class CopiedZone: Sendable {
    let origin: Name
    private let primaries: [any ZonePrimary]
    private let served: ServedZones
    private let limits: TransferLimits
    private let clock: ZoneClock
    private let state = Mutex(State())
    /// What wakes the task that asks primaries, and the one that lets the zone expire.
    private let asking: Alarm
    private let expiring: Alarm

    private struct State {
        var schedule = RefreshSchedule()
        /// Whether somebody wants primaries to be asked now.
        var isAsked = false
        /// Whether the log has it that no primary answers.
        var isToldOfFailure = false
    }

    init(
        _ origin: Name, from primaries: [any ZonePrimary], into served: ServedZones,
        limits: TransferLimits = TransferLimits(), clock: ZoneClock = .real
    ) {
        self.origin = origin
        self.primaries = primaries
        self.served = served
        self.limits = limits
        self.clock = clock
        asking = Alarm(clock)
        expiring = Alarm(clock)
    }

    /// Goes on from what another knew of the same zone: primaries are asked at once whether there is anything newer.
    func adopt(_ other: CopiedZone) {
        var known = other.state.withLock { $0 }
        known.schedule.hurry()
        known.isAsked = false
        state.withLock { $0 = known }
    }

    /// Ends with its task.
    func run() async {
        await withTaskGroup(of: Void.self) { group in
            group.addTask { await self.keepAsking() }
            group.addTask { await self.keepExpiring() }
        }
    }

    /// Has primaries asked whether there is a newer version: at once, or once more after what they are being asked now.
    func ask() {
        state.withLock { $0.isAsked = true }
        asking.wake()
    }

    /// The only one that asks, so that nothing comes in between.
    private func keepAsking() async {
        while !Task.isCancelled {
            let next = state.withLock { state -> Duration in
                defer { state.isAsked = false }
                return state.isAsked ? .zero : state.schedule.next
            }
            if next <= clock.now() { await askOnce() } else { await asking.sleep(until: next) }
        }
    }

    private func keepExpiring() async {
        while !Task.isCancelled {
            let now = clock.now()
            let (expiry, hasExpired) = state.withLock { ($0.schedule.expiry, $0.schedule.expires(at: now)) }
            guard hasExpired else {
                // Whoever hears a primary wakes this.
                await expiring.sleep(until: expiry ?? now + .seconds(86400))
                continue
            }
            served.put(origin, nil)
            Log.error("plugin/secondary: \(origin) has expired: no primary was heard for as long as its SOA allows")
        }
    }

    private func askOnce() async {
        var reasons: [String] = []
        for primary in primaries {
            do {
                return try await copy(from: primary)
            } catch {
                reasons.append("\(primary): \(error)")
            }
        }
        guard !Task.isCancelled else { return }
        let now = clock.now()
        let isNews = state.withLock { state in
            defer { state.isToldOfFailure = true }
            state.schedule.failed(at: now)
            return !state.isToldOfFailure
        }
        if isNews {
            Log.warning(
                "plugin/secondary: \(origin) was not copied: \(reasons.joined(separator: "; ")); it is tried again")
        }
    }

    private func copy(from primary: any ZonePrimary) async throws {
        let end = ContinuousClock.now + limits.whole
        guard let known = state.withLock({ $0.schedule.timers }), let table = served.table(of: origin) else {
            return take(try await primary.copy(of: origin, since: nil, until: end), from: primary)
        }
        guard try await primary.timers(of: origin, until: end).isNewer(than: known.serial) else {
            return succeeded(known)
        }
        // Who cannot give differences, or gives wrong ones, is asked for the whole.
        if let version = try? await primary.copy(of: origin, since: table, until: end),
            version.timers.isNewer(than: known.serial)
        {
            return take(version, from: primary)
        }
        let version = try await primary.copy(of: origin, since: nil, until: end)
        // A primary that says one thing and gives another must not lead back and forth (RFC 1034 §4.3.5).
        guard version.timers.isNewer(than: known.serial) else {
            throw ZoneContentError("it gives serial \(version.timers.serial), which is not newer than \(known.serial)")
        }
        take(version, from: primary)
    }

    private func take(_ version: ZoneVersion, from primary: any ZonePrimary) {
        guard !Task.isCancelled else { return }
        served.put(origin, version.table)
        succeeded(version.timers)
        let way = version.isIncremental ? ", by differences" : ""
        Log.info(
            "plugin/secondary: \(origin) is served as \(primary) has it, with serial \(version.timers.serial)\(way)")
        for warning in version.table.warnings { Log.warning("plugin/secondary: \(origin): \(warning)") }
    }

    private func succeeded(_ timers: ZoneTimers) {
        let now = clock.now()
        state.withLock { state in
            state.schedule.succeeded(at: now, timers)
            state.isToldOfFailure = false
        }
        expiring.wake()
    }
}
