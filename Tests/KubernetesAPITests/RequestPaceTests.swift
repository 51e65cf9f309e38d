import ClusterModel
import Synchronization
import Testing

@testable import KubernetesAPI

/// Who is inside a gate.
private final class Occupancy: Sendable {
    private let state = Mutex((now: 0, most: 0, entered: 0))

    var most: Int { state.withLock { $0.most } }
    var entered: Int { state.withLock { $0.entered } }

    func enter() {
        state.withLock { state in
            state.now += 1
            state.entered += 1
            state.most = max(state.most, state.now)
        }
    }

    func leave() { state.withLock { $0.now -= 1 } }
}

private final class Waits: Sendable {
    private let state = Mutex<[Duration]>([])

    var all: [Duration] { state.withLock { $0 } }

    func add(_ wait: Duration) { state.withLock { $0.append(wait) } }
}

@Suite("how often an API server is asked") struct RequestPaceTests {
    @Test("a burst at once, then so many a second, and the burst again after a pause") func bucket() {
        var now = ContinuousClock.now
        var bucket = TokenBucket(perSecond: 5, burst: 3, at: now)
        let waits = (0..<6).map { _ in bucket.take(at: now) }
        #expect(waits.prefix(3).allSatisfy { $0 == .zero })
        for (wait, expected) in zip(waits.dropFirst(3), [0.2, 0.4, 0.6]) {
            #expect(wait > .seconds(expected - 0.001) && wait < .seconds(expected + 0.001))
        }
        now += .seconds(60)
        #expect((0..<3).allSatisfy { _ in bucket.take(at: now) == .zero })
        #expect(bucket.take(at: now) > .zero)
        // A clock that goes back gives nothing away and takes nothing.
        #expect(bucket.take(at: now - .seconds(100)) < .seconds(1))
    }

    @Test("requests wait their turn, and say for how long", .timeLimit(.minutes(1))) func perSecond() async throws {
        let server = try await FakeAPIServer { _ in .json("{}") }
        let heldBack = Waits()
        let connection = try APIConnection(
            try APIEndpoint(url: server.url), pace: RequestPace(perSecond: 5, burst: 2),
            onRequest: { heldBack.add($0.heldBack) })
        let started = ContinuousClock.now
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<5 { group.addTask { _ = try await connection.get("/version") } }
            try await group.waitForAll()
        }
        // Two at once, three more at 200 ms each.
        #expect(ContinuousClock.now - started >= .milliseconds(590))
        #expect(heldBack.all.count { $0 >= .milliseconds(100) } >= 2)
        #expect(heldBack.all.count == 5)
        await connection.shutdown()
        await server.stop()
    }

    @Test("no more under way at once than allowed; an open watch does not count", .timeLimit(.minutes(1)))
    func inFlight() async throws {
        let gate = RequestGate(RequestPace(inFlight: 2))
        let occupancy = Occupancy()
        await withTaskGroup(of: Void.self) { group in
            for _ in 0..<20 {
                group.addTask {
                    guard let place = try? await gate.enter() else { return }
                    occupancy.enter()
                    await Task.yield()
                    occupancy.leave()
                    withExtendedLifetime(place) {}
                }
            }
        }
        #expect(occupancy.most == 2)
        #expect(occupancy.entered == 20)

        let server = try await FakeAPIServer { request in
            request.query["watch"] == nil ? list("7", ["a"]) : .json("", staysOpen: true)
        }
        let connection = try APIConnection(try APIEndpoint(url: server.url), pace: RequestPace(inFlight: 1))
        _ = await follow(connection) { $0.events.contains(.watching) }
        #expect(server.requests.count == 2)
        #expect(try await connection.get("/version").status == 200)
        await connection.shutdown()
        await server.stop()
    }

    @Test("who is cancelled while waiting leaves no place taken", .timeLimit(.minutes(1))) func cancelled() async throws
    {
        let gate = RequestGate(RequestPace(inFlight: 1))
        var place: RequestGate.Place? = try await gate.enter()
        let waiting = Task { try await gate.enter() }
        waiting.cancel()
        await #expect(throws: APIFailure.cancelled) { try await waiting.value }
        withExtendedLifetime(place) {}
        place = nil
        _ = try await gate.enter()
    }
}
