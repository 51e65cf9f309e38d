import ClusterModel
import Testing

@testable import KubernetesAPI

@Suite("following a server", .serialized) struct FollowerTests {
    @Test("pages, then changes, then the next watch from the last version", .timeLimit(.minutes(1)))
    func listAndWatch() async throws {
        let server = try await FakeAPIServer { request in
            guard request.query["watch"] == nil else {
                return request.query["resourceVersion"] == "7"
                    ? .json(event("ADDED", "c", "8") + event("DELETED", "a", "9"))
                    : .json("", staysOpen: true)
            }
            return request.query["continue"] == nil ? list("7", ["a"], next: "t/1") : list("7", ["b"])
        }
        let connection = try server.connection()
        let notes = await follow(connection) { _ in server.requests.count >= 4 }
        #expect(notes.changes == ["[", "+a", "+b", "]", "+c", "-a"])
        #expect(notes.events.contains(.listed(count: 2)))
        #expect(notes.events.contains(.watching))
        let requests = server.requests
        #expect(requests.allSatisfy { $0.path == "/api/v1/namespaces" })
        #expect(requests[0].query == ["limit": "500", "resourceVersion": "0"])
        #expect(requests[1].query == ["limit": "500", "continue": "t%2F1"])
        #expect(requests[2].query["allowWatchBookmarks"] == "true")
        #expect(requests[3].query["watch"] == "true")
        #expect(requests[3].query["resourceVersion"] == "9")
        await connection.shutdown()
        await server.stop()
    }

    @Test("a kind that the server does not have counts as an empty list, once", .timeLimit(.minutes(1)))
    func absentKind() async throws {
        let server = try await FakeAPIServer { _ in .json("404 page not found", status: 404) }
        let connection = try server.connection()
        let notes = await follow(connection, .serviceImport) { $0.events.contains(.absent) }
        #expect(notes.changes == ["[", "]"])
        #expect(!notes.events.contains { if case .failed = $0 { true } else { false } })
        #expect(
            server.requests.map(\.path) == ["/apis/multicluster.x-k8s.io/v1alpha1/serviceimports"], "not again at once")
        await connection.shutdown()
        await server.stop()
    }

    @Test("a silent watch is opened again from its bookmark", .timeLimit(.minutes(1))) func silence() async throws {
        let server = try await FakeAPIServer { request in
            guard request.query["watch"] != nil else { return list("7", ["a"]) }
            return .json(request.query["resourceVersion"] == "7" ? event("BOOKMARK", "", "30") : "", staysOpen: true)
        }
        let connection = try server.connection()
        let notes = await follow(connection, watchdog: .milliseconds(200)) { _ in server.requests.count >= 3 }
        #expect(notes.changes == ["[", "+a", "]"])
        #expect(server.requests.map { $0.query["resourceVersion"] }.prefix(3) == ["0", "7", "30"])
        await connection.shutdown()
        await server.stop()
    }

    @Test("410 in both forms: the newest list, and nothing is dropped before it is complete", .timeLimit(.minutes(1)))
    func expired() async throws {
        let server = try await FakeAPIServer { request in
            guard request.query["watch"] != nil else { return list(request.index == 0 ? "7" : "50", ["a"]) }
            guard request.query["resourceVersion"] == "7" else { return .json("", staysOpen: true) }
            return .json(
                #"{"type":"ERROR","object":{"kind":"Status","status":"Failure","reason":"Expired","code":410}}"#)
        }
        let connection = try server.connection()
        let notes = await follow(connection) { _ in server.requests.count >= 4 }
        #expect(notes.changes == ["[", "+a", "]", "[", "+a", "]"])
        #expect(server.requests.map { $0.query["resourceVersion"] } == ["0", "7", nil, "50"])
        await connection.shutdown()
        await server.stop()
    }

    @Test("a list that is cut off changes nothing", .timeLimit(.minutes(1)))
    func cutOff() async throws {
        let server = try await FakeAPIServer { request in
            request.query["watch"] != nil
                ? .json("", staysOpen: true)
                : request.index == 0
                    ? .json(#"{"metadata":{"resourceVersion":"7"},"items":[{"metadata":{"name":"a"}},{"meta"#)
                    : list("8", ["b"])
        }
        let connection = try server.connection()
        let notes = await follow(connection) { $0.changes.count >= 3 }
        #expect(notes.changes == ["[", "+b", "]"])
        #expect(notes.events.contains { if case .failed(let problem, _) = $0 { !problem.isForbidden } else { false } })
        await connection.shutdown()
        await server.stop()
    }

    @Test(
        "what is not a list is refused with a reason", .timeLimit(.minutes(1)),
        arguments: [
            FakeAPIServer.Answer(headers: ["Content-Type": "text/html"], chunks: [Array("<html>".utf8)]),
            .json("service unavailable", status: 503), .json("{", status: 403),
            FakeAPIServer.Answer(
                headers: ["Content-Type": "application/vnd.kubernetes.protobuf"], chunks: [[1, 2, 3, 4]]),
            FakeAPIServer.Answer(
                headers: ["Content-Type": "application/json", "Content-Encoding": "gzip"], chunks: [[1]]),
            FakeAPIServer.Answer(status: 302, headers: ["Location": "http://127.0.0.1:1/"]),
        ])
    func refused(_ answer: FakeAPIServer.Answer) async throws {
        let server = try await FakeAPIServer { _ in answer }
        let connection = try server.connection()
        let notes = await follow(connection) { $0.events.contains { if case .failed = $0 { true } else { false } } }
        #expect(notes.changes.isEmpty)
        let failure = notes.events.first { if case .failed = $0 { true } else { false } }
        guard case .failed(let problem, let retryIn)? = failure else {
            Issue.record("no failure told")
            return
        }
        #expect(problem.resource == "namespaces" && !problem.reason.isEmpty)
        #expect(problem.isForbidden == (answer.status == 403))
        #expect(retryIn >= .milliseconds(800))
        #expect(server.requests.count == 1)
        await connection.shutdown()
        await server.stop()
    }

    @Test("a replaced token is found by the 401 it causes", .timeLimit(.minutes(1))) func tokenSwap() async throws {
        let folder = try TemporaryFolder()
        try folder.write("old", to: "token")
        let server = try await FakeAPIServer { request in
            request.token == "Bearer new" ? .json("{}") : .json("{}", status: 401)
        }
        let connection = try server.connection { endpoint, _ in endpoint.token = .file(folder.path + "/token") }
        #expect(try await connection.get("/version").status == 401)
        try folder.write("new", to: "token")
        #expect(try await connection.get("/version").status == 200)
        #expect(server.requests.map(\.token) == ["Bearer old", "Bearer old", "Bearer new"])
        await connection.shutdown()
        await server.stop()
    }

    @Test("a server that accepts and says nothing", .timeLimit(.minutes(1))) func mute() async throws {
        let server = try await FakeAPIServer { _ in .json("{", staysOpen: true) }
        let connection = try server.connection { _, limits in limits.bodyIdle = .milliseconds(100) }
        await #expect(throws: APIFailure.timedOut("body")) { try await connection.get("/version") }
        await connection.shutdown()
        await server.stop()
    }

    @Test("nobody there", .timeLimit(.minutes(1))) func nobody() async throws {
        let server = try await FakeAPIServer { _ in .json("{}") }
        let connection = try server.connection()
        await server.stop()
        await #expect(throws: APIFailure.self) { try await connection.get("/version") }
        let notes = await follow(connection) { $0.events.count >= 2 }
        #expect(notes.events.contains(.requestFinished(verb: "list", code: 0, seconds: 0)) == false)
        #expect(notes.events.contains { if case .failed = $0 { true } else { false } })
        await connection.shutdown()
    }

    @Test("an error page of any length is cut", .timeLimit(.minutes(1))) func errorBody() async throws {
        let server = try await FakeAPIServer { _ in
            .json(String(repeating: "x", count: 100 << 10), status: 500)
        }
        let connection = try server.connection()
        await #expect(throws: APIFailure.tooLarge(limit: SizeLimit.errorBody)) { try await connection.get("/x") }
        await connection.shutdown()
        await server.stop()
    }

    @Test("the recorded server, in protobuf", .timeLimit(.minutes(1))) func recorded() async throws {
        let namespaces = try Recordings.bytes("list-namespaces.pb")
        let server = try await FakeAPIServer { request in
            var answer = FakeAPIServer.Answer(
                headers: ["Content-Type": "application/vnd.kubernetes.protobuf"],
                chunks: chunks(namespaces, of: 777).map(Array.init))
            if request.query["watch"] != nil { answer = .json("", staysOpen: true) }
            return answer
        }
        let connection = try server.connection()
        let notes = await follow(connection, encoding: .protobuf) { $0.changes.count >= 14 }
        #expect(notes.changes.count == 14)
        #expect(notes.changes.contains("+kube-system"))
        await connection.shutdown()
        await server.stop()
    }
}
