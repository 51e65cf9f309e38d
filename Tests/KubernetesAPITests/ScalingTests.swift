import Synchronization
import Testing

@testable import KubernetesAPI

@Suite("what scaling reads and writes", .serialized) struct ScalingTests {
    @Test("recorded nodes: cores, zones, cordons and readiness, the same in both encodings")
    func recordedNodes() throws {
        func nodes(_ name: String) throws -> [ObservedNode] {
            let encoding = Recordings.encoding(of: name)
            return try splitList(try Recordings.bytes(name), encoding).compactMap { piece in
                guard case .item(let bytes) = piece else { return nil }
                return ObservedNode(try encoding.read(WireNode.self, from: bytes))
            }
        }
        let protobuf = try nodes("list-nodes.pb")
        #expect(try nodes("list-nodes.json") == protobuf)
        #expect(protobuf.map(\.cpu) == ["3920m", "8", "4", "4", "4", "4", "8", "8", "4"])
        #expect(protobuf.map(\.zone) == (0..<3).flatMap { _ in ["zone-a", "zone-b", "zone-c"] })
        #expect(protobuf.filter(\.isCordoned).map(\.name) == ["node-8"])
        #expect(protobuf.filter(\.isReady).count == 9)
    }

    @Test("a node without conditions, labels or CPU is not ready")
    func bareNode() throws {
        let bytes = Array(
            #"{"metadata":{"name":"n"},"status":{"conditions":[{"type":"Ready","status":"Unknown"}]}}"#.utf8)
        let node = ObservedNode(try WireEncoding.json.read(WireNode.self, from: bytes))
        #expect(node == ObservedNode(name: "n", cpu: nil, isCordoned: false, isReady: false, zone: ""))
    }

    /// What a follower told, as short words in order.
    private final class Notes: Sendable {
        let words = Mutex<[String]>([])
        let problems = Mutex<[RequestProblem]>([])
    }

    /// Follows ConfigMap `c` until `isDone` or ten seconds have passed.
    private func follow(
        _ server: FakeAPIServer, streamsLists: Bool = true, watchdog: Duration = .seconds(55),
        until isDone: @Sendable (Notes) -> Bool
    ) async throws -> Notes {
        let notes = Notes()
        let connection = try server.connection()
        var options = ReflectorOptions()
        (options.streamsLists, options.watchdog, options.pageSize) = (streamsLists, watchdog, 2)
        let follower = Reflector.configMap(connection, namespace: "n", name: "c", options)
        let task = Task {
            await follower.run { batch in
                let words = batch.map { change in
                    switch change {
                    case .listStarted: "["
                    case .listFinished: "]"
                    case .stored(let map): "+\(map.version) \(map.data)"
                    case .deleted(let map): "-\(map.version)"
                    }
                }
                notes.words.withLock { $0 += words }
            } observe: { event in
                if case .failed(let problem, _) = event { notes.problems.withLock { $0.append(problem) } }
            }
        }
        let deadline = ContinuousClock.now + .seconds(180)
        while !isDone(notes), ContinuousClock.now < deadline { try? await Task.sleep(for: .milliseconds(5)) }
        task.cancel()
        await task.value
        await connection.shutdown()
        await server.stop()
        return notes
    }

    @Test("one ConfigMap: listed by name, then watched", .timeLimit(.minutes(1)))
    func configMap() async throws {
        let server = try await FakeAPIServer { request in
            guard request.query["watch"] == nil else {
                return .json(
                    #"{"type":"MODIFIED","object":{"metadata":{"name":"c","resourceVersion":"8"},"data":{"a":"2"}}}"#
                        + "\n"
                        + #"{"type":"DELETED","object":{"metadata":{"name":"c","resourceVersion":"9"}}}"# + "\n",
                    staysOpen: true)
            }
            return .json(
                #"{"kind":"ConfigMapList","metadata":{"resourceVersion":"7"},"items":[{"metadata":{"name":"c","resourceVersion":"5"},"data":{"a":"1"}}]}"#
            )
        }
        let notes = try await follow(server, streamsLists: false) { notes in
            notes.words.withLock { $0.contains("-9") }
        }
        #expect(notes.words.withLock { $0 } == ["[", #"+5 ["a": "1"]"#, "]", #"+8 ["a": "2"]"#, "-9"])
        #expect(server.requests.first?.path == "/api/v1/namespaces/n/configmaps")
        #expect(
            server.requests.first?.query == [
                "fieldSelector": "metadata.name%3Dc", "limit": "2", "resourceVersion": "0",
            ])
    }

    @Test("its state comes as the beginning of its watch where the server can", .timeLimit(.minutes(1)))
    func streamed() async throws {
        let server = try await FakeAPIServer { _ in
            .json(event("ADDED", "c", "5") + endOfList("8") + event("DELETED", "c", "9"), staysOpen: true)
        }
        let notes = try await follow(server) { notes in notes.words.withLock { $0.contains("-9") } }
        #expect(notes.words.withLock { $0 } == ["[", "+5 [:]", "]", "-9"])
        let queries = server.requests.map(\.query)
        #expect(queries.count == 1 && queries.first?["sendInitialEvents"] == "true")
        #expect(queries.first?["fieldSelector"] == "metadata.name%3Dc")
    }

    @Test("lists come in pages", .timeLimit(.minutes(1))) func pages() async throws {
        let server = try await FakeAPIServer { request in
            guard request.query["watch"] == nil else { return .json("", staysOpen: true) }
            return request.query["continue"] == nil ? list("7", ["a", "b"], next: "more") : list("7", ["c"])
        }
        let notes = try await follow(server, streamsLists: false) { notes in notes.words.withLock { $0.contains("]") } }
        #expect(notes.words.withLock { $0.filter { $0 == "[" || $0 == "]" } } == ["[", "]"])
        let queries = server.requests.map(\.query).filter { $0["watch"] == nil }
        #expect(queries.map { $0["limit"] } == ["2", "2"] && queries.map { $0["continue"] } == [nil, "more"])
    }

    @Test("a watch that falls silent is begun anew from where it was", .timeLimit(.minutes(1)))
    func watchdog() async throws {
        let server = try await FakeAPIServer { request in
            request.query["watch"] == nil ? list("7", ["c"]) : .json("", staysOpen: true)
        }
        _ = try await follow(server, streamsLists: false, watchdog: .milliseconds(200)) { _ in
            server.requests.count { $0.query["watch"] != nil } >= 2
        }
        let watches = server.requests.filter { $0.query["watch"] != nil }
        #expect(watches.prefix(2).map { $0.query["resourceVersion"] } == ["7", "7"])
    }

    @Test("a missing right is named", .timeLimit(.minutes(1)))
    func forbidden() async throws {
        let server = try await FakeAPIServer { _ in
            .json(#"{"kind":"Status","status":"Failure","reason":"Forbidden","message":"no","code":403}"#, status: 403)
        }
        let notes = try await follow(server) { notes in notes.problems.withLock { !$0.isEmpty } }
        let problem = try #require(notes.problems.withLock { $0.first })
        #expect(
            problem.description == "cannot list configmaps in namespace n: the API server answered 403 Forbidden: no; "
                + "grant list on configmaps to this service account")
    }

    @Test(
        "discovery finds a kind by its name in any case, or by its plural, if it can be scaled", .timeLimit(.minutes(1))
    )
    func discovery() async throws {
        let server = try await FakeAPIServer { request in
            request.path == "/apis/example.com/v1"
                ? .json(
                    #"{"kind":"APIResourceList","resources":[{"name":"widgets","kind":"Widget"},{"name":"widgets/scale","kind":"Scale"},{"name":"gears","kind":"Gear"}]}"#
                ) : .json("{}", status: 404)
        }
        let connection = try server.connection()
        let requests = ScalingRequests(connection: connection, namespace: "n")
        let wanted = ScaleResource(group: "example.com", version: "v1", resource: "widgets", kind: "Widget")
        #expect(try await requests.discover(kind: "widget", version: "v1", group: "example.com") == wanted)
        #expect(try await requests.discover(kind: "widgets", version: "v1", group: "example.com") == wanted)
        #expect(try await requests.discover(kind: "gear", version: "v1", group: "example.com") == nil)
        await #expect(throws: RequestProblem.self) {
            try await requests.discover(kind: "widget", version: "v2", group: "example.com")
        }
        await connection.shutdown()
        await server.stop()
    }

    @Test("a scale is written back with the metadata it came with")
    func scale() throws {
        let body = #"""
            {"kind":"Scale","metadata":{"name":"d","resourceVersion":"7","unknown":[1,{"a":"}"}]},"spec":{"replicas":3},
             "status":{"replicas":3,"selector":"app=d"}}
            """#
        let scale = try ObservedScale(json: Array(body.utf8))
        #expect(scale.replicas == 3 && scale.selector == "app=d")
        let written = String(decoding: scale.body(replicas: 5), as: UTF8.self)
        #expect(
            written
                == #"{"apiVersion":"autoscaling/v1","kind":"Scale","metadata":{"name":"d","resourceVersion":"7","unknown":[1,{"a":"}"}]},"spec":{"replicas":5}}"#
        )
        #expect(try ObservedScale(json: Array(#"{"metadata":{}}"#.utf8)).replicas == 0)
        #expect(throws: DecodingFailure.self) { try ObservedScale(json: Array("[]".utf8)) }
        #expect(throws: DecodingFailure.self) { try ObservedScale(json: Array("{}".utf8)) }
    }
}
