import DNSWire
import EventLoop
import Telemetry
import ZoneData

/// Keeps one zone as its primaries have it.
actor CopiedZone {
    nonisolated let origin: Name
    nonisolated let primaries: [SocketAddress]
    private let served: ServedZones
    private var schedule = RefreshSchedule()
    private let begin = ContinuousClock.now
    private var isAsking = false
    private var isAskedAgain = false
    /// Whether the log has it that no primary answers.
    private var isToldOfFailure = false

    init(_ origin: Name, from primaries: [SocketAddress], into served: ServedZones) {
        self.origin = origin
        self.primaries = primaries
        self.served = served
    }

    private var now: Duration { ContinuousClock.now - begin }

    /// Ends with its task.
    func run() async {
        while !Task.isCancelled {
            let wait = schedule.next - now
            if wait > .zero {
                try? await Task.sleep(for: wait)
            } else {
                await ask()
            }
        }
    }

    /// Asks primaries whether there is a newer version and takes it over; of several calls at once the last asks again.
    func ask() async {
        isAskedAgain = true
        guard !isAsking else { return }
        isAsking = true
        while isAskedAgain, !Task.isCancelled {
            isAskedAgain = false
            await askOnce()
        }
        isAsking = false
    }

    private func askOnce() async {
        var reasons: [String] = []
        for primary in primaries {
            do {
                try await copy(from: primary)
                isToldOfFailure = false
                return
            } catch {
                reasons.append("\(primary): \(error)")
            }
        }
        guard !Task.isCancelled else { return }
        schedule.failed(at: now)
        if !isToldOfFailure {
            isToldOfFailure = true
            Log.warning(
                "plugin/secondary: \(origin) was not copied: \(reasons.joined(separator: "; ")); it is tried again")
        }
        if schedule.isExpired(at: now), served.table(of: origin) != nil {
            served.put(origin, nil)
            Log.error("plugin/secondary: \(origin) has expired: no primary was heard for as long as its SOA allows")
        }
    }

    private func copy(from primary: SocketAddress) async throws {
        if let known = schedule.timers, let table = served.table(of: origin) {
            let timers = try await timers(of: primary)
            guard timers.isNewer(than: known.serial) else { return schedule.succeeded(at: now, known) }
            // Who cannot give differences, or gives wrong ones, is asked for the whole.
            if (try? await transfer(from: primary, since: table)) != nil { return }
        }
        try await transfer(from: primary)
    }

    /// Copies the whole zone, or what makes the primary's version of `known`.
    private func transfer(from primary: SocketAddress, since known: ZoneTable? = nil) async throws {
        let id = MessageID.random()
        let connection = try PrimaryConnection(primary)
        try await connection.send(
            PrimaryConnection.query(
                id, origin, known == nil ? .axfr : .ixfr, authority: known?.startOfAuthority.map { [$0] } ?? []))
        var zone = ReceivedZone(of: origin, id: id, since: known)
        while true {
            switch try zone.take(try await connection.receive()) {
            case .more: continue
            case .current(let timers): return schedule.succeeded(at: now, timers)
            case .whole(let table, let timers):
                let way = zone.isIncremental ? ", by differences" : ""
                served.put(origin, table)
                schedule.succeeded(at: now, timers)
                Log.info(
                    "plugin/secondary: \(origin) is served as \(primary) has it, with serial \(timers.serial)\(way)")
                for warning in table.warnings { Log.warning("plugin/secondary: \(origin): \(warning)") }
                return
            }
        }
    }

    /// Over TCP, so that nobody else can say it.
    private func timers(of primary: SocketAddress) async throws -> ZoneTimers {
        let id = MessageID.random()
        let connection = try PrimaryConnection(primary)
        try await connection.send(PrimaryConnection.query(id, origin, .soa))
        guard let response = ReceivedRecords(try await connection.receive()), response.id == id, response.code == 0,
            let timers = response.answers.lazy.compactMap({ ZoneTimers($0) }).first
        else { throw PrimaryConnection.Failure(description: "no SOA of \(origin)") }
        return timers
    }
}
