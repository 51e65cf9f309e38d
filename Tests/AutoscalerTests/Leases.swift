import Synchronization
import Testing
import Text

@testable import KubernetesAPI

private let start = ContinuousClock.now

private func record(_ holder: String, renewed: Double, seconds: Int = 15, transitions: Int = 0) -> LeaseRecord {
    LeaseRecord(holder: holder, seconds: seconds, acquired: 100, renewed: renewed, transitions: transitions)
}

@Suite("who leads by a lease") struct Leases {
    private func machine() -> LeaseMachine { LeaseMachine(identity: "me", timing: LeaseMachine.Timing()) }

    @Test("no lease: it is made")
    func first() {
        var machine = machine()
        let wanted = LeaseRecord(holder: "me", seconds: 15, acquired: 500, renewed: 500, transitions: 0)
        #expect(machine.read(nil, at: start, clock: 500) == .write(wanted))
        #expect(!machine.leads(at: start), "reading is not holding")
        machine.wrote(wanted, started: start)
        #expect(machine.leads(at: start + .seconds(9)))
        #expect(!machine.leads(at: start + .seconds(10)), "the renew deadline")
    }

    @Test("another's lease counts from when we saw it, whatever its times say")
    func others() {
        var machine = machine()
        // Renewed in the far past of our clock: the other's clock is behind.
        #expect(machine.read(record("other", renewed: 7), at: start, clock: 9000) == .wait(for: "other"))
        #expect(machine.read(record("other", renewed: 7), at: start + .seconds(13), clock: 9013) == .wait(for: "other"))
        #expect(machine.read(record("other", renewed: 9), at: start + .seconds(15), clock: 9015) == .wait(for: "other"))
        #expect(machine.read(record("other", renewed: 9), at: start + .seconds(28), clock: 9028) == .wait(for: "other"))
        let taken = LeaseRecord(holder: "me", seconds: 15, acquired: 9029, renewed: 9029, transitions: 1)
        #expect(machine.read(record("other", renewed: 9), at: start + .seconds(29), clock: 9029) == .write(taken))
    }

    @Test("a released lease is taken at once")
    func released() {
        var machine = machine()
        let taken = LeaseRecord(holder: "me", seconds: 15, acquired: 500, renewed: 500, transitions: 5)
        #expect(
            machine.read(record("", renewed: 9, seconds: 1, transitions: 4), at: start, clock: 500) == .write(taken))
    }

    @Test("the leader renews without reading, and keeps when it began")
    func renewal() {
        var machine = machine()
        machine.wrote(record("me", renewed: 100, transitions: 3), started: start)
        let wanted = LeaseRecord(holder: "me", seconds: 15, acquired: 100, renewed: 102, transitions: 3)
        #expect(machine.renewal(at: start + .seconds(2), clock: 102) == wanted)
        #expect(machine.renewal(at: start + .seconds(11), clock: 111) == nil)
    }

    @Test("a leader that reads another's name follows")
    func overtaken() {
        var machine = machine()
        machine.wrote(record("me", renewed: 100), started: start)
        #expect(machine.read(record("other", renewed: 101), at: start + .seconds(2), clock: 102) == .wait(for: "other"))
        #expect(!machine.leads(at: start + .seconds(2)))
        #expect(machine.holder == "other")
    }

    @Test("handing over: an empty holder and one second, only while it is ours")
    func handOver() {
        let machine = machine()
        let wanted = LeaseRecord(holder: "", seconds: 1, acquired: 200, renewed: 200, transitions: 3)
        #expect(machine.release(record("me", renewed: 100, transitions: 3), clock: 200) == wanted)
        #expect(machine.release(record("other", renewed: 100), clock: 200) == nil)
        #expect(machine.release(nil, clock: 200) == nil)
    }

    @Test("times that do not fit together")
    func timing() {
        var timing = LeaseMachine.Timing()
        #expect(timing.fault == nil)
        timing.renewDeadline = .seconds(15)
        #expect(timing.fault == "the lease duration must be above the renew deadline")
        timing.renewDeadline = .seconds(2)
        #expect(timing.fault == "the renew deadline must be above 1.2 times the retry period")
    }

    @Test("as text: members of others and metadata stay")
    func text() throws {
        let body = #"""
            {"kind":"Lease","metadata":{"name":"l","resourceVersion":"7","labels":{"a":"b"}},
             "spec":{"holderIdentity":"x","leaseDurationSeconds":15,"acquireTime":"2024-02-29T12:00:00.250000Z",
                     "renewTime":"2024-02-29T12:00:01.000001Z","leaseTransitions":2,"preferredHolder":"y"}}
            """#
        var lease = try LeaseRecord(json: Array(body.utf8))
        #expect(lease.holder == "x" && lease.seconds == 15 && lease.transitions == 2)
        #expect(lease.acquired == 1_709_208_000.25)
        lease.holder = "m\"e"
        lease.renewed = 1_709_208_002
        #expect(
            String(decoding: lease.body(namespace: "n", name: "l"), as: UTF8.self) == #"""
                {"apiVersion":"coordination.k8s.io/v1","kind":"Lease","metadata":{"name":"l","resourceVersion":"7","labels":{"a":"b"}},"spec":{"holderIdentity":"m\"e","leaseDurationSeconds":15,"acquireTime":"2024-02-29T12:00:00.250000Z","renewTime":"2024-02-29T12:00:02.000000Z","leaseTransitions":2,"preferredHolder":"y"}}
                """#)
    }
}

/// A lease in memory with versions.
private final class StoredLease: LeaseStore {
    private struct State {
        var record: LeaseRecord?
        var version = 0
        var isDown = false
    }

    private let state = Mutex(State())
    private static let problem = RequestProblem(verb: "update", resource: "leases", cause: .failed("down"))

    var holder: String? { state.withLock { $0.record?.holder } }
    func goDown(_ isDown: Bool) { state.withLock { $0.isDown = isDown } }

    func read() async throws(RequestProblem) -> LeaseRecord? {
        let (record, isDown) = state.withLock { ($0.record, $0.isDown) }
        if isDown { throw Self.problem }
        return record
    }

    func write(_ record: LeaseRecord) async throws(RequestProblem) -> LeaseRecord {
        let result: Result<LeaseRecord, RequestProblem> = state.withLock { state in
            if state.isDown { return .failure(Self.problem) }
            guard record.metadata == (state.record?.metadata ?? .null) else {
                return .failure(
                    RequestProblem(verb: "update", resource: "leases", cause: .refused(StatusReport(code: 409))))
            }
            state.version += 1
            var stored = record
            stored.metadata = ["resourceVersion": .string("\(state.version)")]
            state.record = stored
            return .success(stored)
        }
        return try result.get()
    }

    func follow(_ changed: @escaping @Sendable (LeaseRecord?) -> Void) async -> RequestProblem? {
        RequestProblem(verb: "watch", resource: "leases", cause: .refused(StatusReport(code: 403)))
    }
}

/// Notes when an election leads.
private final class Seat: Sendable {
    let leads = Mutex(false)

    func note(_ change: LeaseElection.Change) {
        switch change {
        case .leads: leads.withLock { $0 = true }
        case .follows: leads.withLock { $0 = false }
        case .failed: break
        }
    }
}

@Suite("elections", .serialized) struct Elections {
    private static let quick: LeaseMachine.Timing = {
        var timing = LeaseMachine.Timing()
        timing.lease = .seconds(1)
        timing.renewDeadline = .milliseconds(400)
        timing.retryPeriod = .milliseconds(40)
        return timing
    }()

    /// No pause of a busy machine is as long as these.
    private static let patient: LeaseMachine.Timing = {
        var timing = LeaseMachine.Timing()
        timing.lease = .seconds(60)
        timing.renewDeadline = .seconds(40)
        timing.retryPeriod = .milliseconds(40)
        return timing
    }()

    private func run(
        _ identity: String, _ store: StoredLease, _ seat: Seat, timing: LeaseMachine.Timing = quick
    ) -> Task<Void, Never> {
        let election = LeaseElection(store: store, identity: identity, timing: timing, clock: { 1000 })
        return Task { await election.run(release: { seat.leads.withLock { $0 = false } }) { seat.note($0) } }
    }

    private func eventually(_ condition: () -> Bool) async -> Bool {
        let deadline = ContinuousClock.now + .seconds(180)
        while !condition(), .now < deadline { try? await Task.sleep(for: .milliseconds(5)) }
        return condition()
    }

    @Test("one leads; when it is stopped the other does", .timeLimit(.minutes(1)))
    func handOver() async {
        let store = StoredLease()
        let (one, other) = (Seat(), Seat())
        let first = run("one", store, one, timing: Self.patient)
        #expect(await eventually { one.leads.withLock { $0 } })
        let second = run("other", store, other, timing: Self.patient)
        first.cancel()
        await first.value
        #expect(store.holder != "one", "released, or taken already")
        #expect(await eventually { other.leads.withLock { $0 } })
        #expect(!one.leads.withLock { $0 })
        second.cancel()
        await second.value
        #expect(store.holder == "")
    }

    @Test("who cannot renew stops leading, and leads again when it can", .timeLimit(.minutes(1)))
    func outage() async {
        let store = StoredLease()
        let seat = Seat()
        let task = run("one", store, seat)
        #expect(await eventually { seat.leads.withLock { $0 } })
        store.goDown(true)
        #expect(await eventually { !seat.leads.withLock { $0 } })
        store.goDown(false)
        #expect(await eventually { seat.leads.withLock { $0 } })
        task.cancel()
        await task.value
    }
}
