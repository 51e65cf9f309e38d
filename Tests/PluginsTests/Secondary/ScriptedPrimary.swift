import DNSWire
import Synchronization
import TestKit
import ZoneData

@testable import Plugins

/// A primary whose serials a test sets, and which may keep those waiting who ask.
final class ScriptedPrimary: ZonePrimary {
    struct Serials: Sendable {
        /// Of the SOA that it says it has; nil for a primary that does not answer.
        var said: UInt32? = 1
        /// Of the zone that it gives; nil for the one it says.
        var given: UInt32?
        var refresh: UInt32 = 100
        var retry: UInt32 = 30
        var expire: UInt32 = 1000
    }

    private struct State {
        var serials = Serials()
        var log: [String] = []
        var isHeld = false
        var waiting: [CheckedContinuation<Void, Never>] = []
    }

    private let state = Mutex(State())

    struct Silence: Error {}

    var description: String { "primary" }

    /// `SOA`, `AXFR` and `IXFR`, as they were asked.
    var log: [String] { state.withLock { $0.log } }

    func set(_ change: (inout Serials) -> Void) { state.withLock { change(&$0.serials) } }

    /// From now on nobody gets an answer before `release`.
    func hold() { state.withLock { $0.isHeld = true } }

    func release() {
        let waiting = state.withLock { state in
            state.isHeld = false
            defer { state.waiting = [] }
            return state.waiting
        }
        for continuation in waiting { continuation.resume() }
    }

    private func asked(_ question: String) async throws -> Serials {
        await withCheckedContinuation { continuation in
            let mayGo = state.withLock { state in
                state.log.append(question)
                if state.isHeld { state.waiting.append(continuation) }
                return !state.isHeld
            }
            if mayGo { continuation.resume() }
        }
        let serials = state.withLock { $0.serials }
        guard serials.said != nil else { throw Silence() }
        return serials
    }

    private func timers(_ serials: Serials, _ serial: UInt32) -> ZoneTimers {
        ZoneTimers(serial: serial, refresh: serials.refresh, retry: serials.retry, expire: serials.expire)
    }

    func timers(of origin: Name, until end: ContinuousClock.Instant) async throws -> ZoneTimers {
        let serials = try await asked("SOA")
        return timers(serials, serials.said ?? 0)
    }

    func copy(of origin: Name, since known: ZoneTable?, until end: ContinuousClock.Instant) async throws -> ZoneVersion
    {
        let serials = try await asked(known == nil ? "AXFR" : "IXFR")
        let serial = serials.given ?? serials.said ?? 0
        let text = "@ 60 SOA ns h \(serial) \(serials.refresh) \(serials.retry) \(serials.expire) 60\n@ 60 NS ns\n"
        let table = try ZoneFile.table(Array(text.utf8), named: "", origin: origin) { _ in [] }
        return ZoneVersion(table: table, timers: timers(serials, serial))
    }
}
