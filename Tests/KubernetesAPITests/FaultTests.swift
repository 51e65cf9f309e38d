import ClusterModel
import Synchronization
import Testing

@testable import KubernetesAPI

private final class Reports: Sendable {
    private let state = Mutex<[RequestReport]>([])

    var all: [RequestReport] { state.withLock { $0 } }

    func add(_ report: RequestReport) { state.withLock { $0.append(report) } }
}

@Suite("what a peer may do wrong", .serialized) struct FaultTests {
    private func isFailure(_ event: ReflectorEvent) -> Bool { if case .failed = event { true } else { false } }

    @Test("a TLS handshake that hangs is given up", .timeLimit(.minutes(1))) func hangingHandshake() async throws {
        let server = try await RawServer([])
        var limits = APIConnection.Limits()
        limits.connect = .milliseconds(200)
        limits.responseHead = .seconds(50)
        let connection = try server.connection("https", limits)
        let started = ContinuousClock.now
        await #expect(throws: APIFailure.self) { try await connection.get("/version") }
        #expect(ContinuousClock.now - started < .seconds(40))
        #expect(server.clients > 0)
        await connection.shutdown()
        await server.stop()
    }

    @Test(
        "octets of no protocol are a failed request", .timeLimit(.minutes(1)),
        arguments: [
            ("http", Array("SSH-2.0-OpenSSH_9.2\r\n".utf8)), ("http", [UInt8](repeating: 0xFF, count: 9000)),
            ("http", Array("HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\n".utf8)),
            ("http", Array("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nZZZ\r\n".utf8)),
            ("https", [0x16, 0x03, 0x03, 0xFF, 0xFF, 0x00]), ("https", [UInt8](repeating: 0, count: 9000)),
        ])
    func garbage(_ scheme: String, _ octets: [UInt8]) async throws {
        let server = try await RawServer(octets)
        var limits = APIConnection.Limits()
        limits.connect = .milliseconds(500)
        limits.responseHead = .milliseconds(500)
        limits.bodyIdle = .milliseconds(500)
        let connection = try server.connection(scheme, limits)
        let notes = await follow(connection) { $0.events.contains(where: isFailure) }
        #expect(notes.events.contains(where: isFailure))
        #expect(notes.changes.isEmpty)
        await connection.shutdown()
        await server.stop()
    }

    @Test("a watch with octets that are no event ends, and everything is listed again", .timeLimit(.minutes(1)))
    func garbageEvent() async throws {
        let server = try await FakeAPIServer { request in
            request.query["watch"] == nil
                ? list("7", ["a"])
                : .json(request.index == 1 ? "}{\u{0}" : "", staysOpen: true)
        }
        let connection = try server.connection()
        let notes = await follow(connection) { $0.changes.count >= 6 }
        #expect(notes.changes == ["[", "+a", "]", "[", "+a", "]"])
        await connection.shutdown()
        await server.stop()
    }

    @Test("a terminating pod is kept by a list, until it is deleted", .timeLimit(.minutes(1)))
    func terminating() async throws {
        let pod = #"{"metadata":{"namespace":"t","name":"p","resourceVersion":"8"%},"status":{"podIP":"10.0.0.1"}}"#
        let leaving = pod.replacing("%", with: #","deletionTimestamp":"2026-01-01T00:00:00Z""#)
        let server = try await FakeAPIServer { request in
            request.query["watch"] == nil
                ? .json(#"{"metadata":{"resourceVersion":"7"},"items":[\#(leaving)]}"#)
                : .json(
                    #"{"type":"MODIFIED","object":\#(leaving)}"# + "\n"
                        + #"{"type":"DELETED","object":\#(leaving)}"#, staysOpen: true)
        }
        let connection = try server.connection()
        let notes = await follow(connection, .pod) { $0.changes.count >= 5 }
        #expect(notes.changes == ["[", "=t/p", "]", "=t/p", "-t/p"])
        await connection.shutdown()
        await server.stop()
    }

    @Test(
        "a kind that is forbidden is told of by an empty batch, so that the reader can do without",
        .timeLimit(.minutes(1)))
    func forbidden() async throws {
        let server = try await FakeAPIServer { _ in .json("{}", status: 403) }
        let connection = try server.connection()
        let notes = await follow(connection) { $0.emptyBatches > 0 }
        #expect(notes.emptyBatches == 1)
        #expect(notes.changes.isEmpty)
        await connection.shutdown()
        await server.stop()
    }

    @Test("every request is reported: how it ended, and how long it took", .timeLimit(.minutes(1)))
    func reports() async throws {
        let server = try await FakeAPIServer { request in
            .json("{}", status: request.path == "/no" ? 404 : 200)
        }
        let reports = Reports()
        let connection = try APIConnection(
            try APIEndpoint(url: server.url), onRequest: { reports.add($0) })
        _ = try await connection.get("/yes")
        _ = try await connection.get("/no")
        await server.stop()
        await connection.shutdown()
        _ = try? await connection.put("/away", [])
        let seen = reports.all
        #expect(seen.map(\.verb) == [.get, .get, .put])
        #expect(seen.map(\.status) == [200, 404, nil])
        #expect(seen.allSatisfy { $0.lasted > .zero && $0.lasted < .seconds(60) })
    }
}
