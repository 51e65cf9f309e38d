import ClusterModel
import Testing

@testable import KubernetesAPI

@Suite("following a server that streams its state", .serialized) struct StreamedListFollowing {
    private static let listingRequest = [
        "watch": "true", "allowWatchBookmarks": "true", "sendInitialEvents": "true",
        "resourceVersionMatch": "NotOlderThan", "resourceVersion": "",
    ]

    private func isListing(_ request: FakeAPIServer.Request) -> Bool { request.query["sendInitialEvents"] != nil }

    @Test("one request: the objects, the mark, then changes", .timeLimit(.minutes(1))) func normal() async throws {
        let server = try await FakeAPIServer { _ in
            // Versions of the state itself come in any order.
            .json(
                event("ADDED", "b", "6") + event("ADDED", "a", "2") + event("MODIFIED", "a", "7")
                    + event("DELETED", "b", "8") + endOfList("8") + event("ADDED", "c", "9"), staysOpen: true)
        }
        let connection = try server.connection()
        let notes = await follow(connection, streamsLists: true) { $0.changes.count >= 7 }
        #expect(notes.changes == ["[", "+b", "+a", "+a", "-b", "]", "+c"])
        #expect(notes.events.contains(.listed(count: 2)))
        #expect(server.requests.count == 1)
        var query = try #require(server.requests.first).query
        query["timeoutSeconds"] = nil
        #expect(query == Self.listingRequest)
        await connection.shutdown()
        await server.stop()
    }

    @Test("the next watch begins at the mark when nothing came after it", .timeLimit(.minutes(1)))
    func goesOn() async throws {
        let server = try await FakeAPIServer { [self] request in
            isListing(request)
                ? .json(event("ADDED", "a", "2") + endOfList("8"), staysOpen: true) : .json("", staysOpen: true)
        }
        let connection = try server.connection()
        let notes = await follow(connection, watchdog: .milliseconds(200), streamsLists: true) { _ in
            server.requests.count >= 2
        }
        #expect(notes.changes == ["[", "+a", "]"])
        #expect(server.requests.map { $0.query["resourceVersion"] }.prefix(2) == ["", "8"])
        await connection.shutdown()
        await server.stop()
    }

    @Test(
        "a server that cannot: pages instead, of the same kind, and nothing is dropped in between",
        .timeLimit(.minutes(1)),
        arguments: [
            FakeAPIServer.Answer.json(
                #"{"kind":"Status","status":"Failure","reason":"Invalid","code":422}"#, status: 422),
            .json("", status: 400),
            // Before 1.27 the parameters were not known: all objects, and no mark behind them.
            .json(event("ADDED", "a", "2"), staysOpen: true),
            .json(
                event("ADDED", "a", "2") + #"{"type":"BOOKMARK","object":{"metadata":{"resourceVersion":"9"}}}"#,
                staysOpen: true),
        ])
    func fallsBack(_ answer: FakeAPIServer.Answer) async throws {
        let server = try await FakeAPIServer { [self] request in
            guard !isListing(request) else { return answer }
            return request.query["watch"] == nil ? list("7", ["a", "b"]) : .json("", staysOpen: true)
        }
        let connection = try server.connection()
        let notes = await follow(connection, streamsLists: true) { _ in server.requests.count >= 3 }
        #expect(notes.changes.suffix(4) == ["[", "+a", "+b", "]"])
        #expect(!notes.changes.contains { $0.hasPrefix("-") })
        #expect(notes.changes.count { $0 == "]" } == 1)
        #expect(server.requests.map { $0.query["limit"] } == [nil, "500", nil])
        #expect(!notes.events.contains { if case .failed = $0 { true } else { false } })
        await connection.shutdown()
        await server.stop()
    }

    @Test("a stream that breaks before its mark drops nothing and is asked for again", .timeLimit(.minutes(1)))
    func broken() async throws {
        let server = try await FakeAPIServer { request in
            request.index == 0
                ? .json(event("ADDED", "a", "2"))
                : .json(event("ADDED", "b", "2") + endOfList("3"), staysOpen: true)
        }
        let connection = try server.connection()
        let notes = await follow(connection, streamsLists: true) { $0.changes.contains("]") }
        #expect(notes.changes.suffix(3) == ["[", "+b", "]"])
        #expect(notes.changes.count { $0 == "]" } == 1)
        #expect(server.requests.count == 2)
        await connection.shutdown()
        await server.stop()
    }

    @Test("the recorded stream, in both encodings", .timeLimit(.minutes(1)), arguments: [WireEncoding.protobuf, .json])
    func recorded(_ encoding: WireEncoding) async throws {
        let isProtobuf = encoding == .protobuf
        let bytes = try Recordings.bytes("watchlist-endpointslices." + (isProtobuf ? "pb" : "json"))
        let type = isProtobuf ? "application/vnd.kubernetes.protobuf;stream=watch" : "application/json"
        let server = try await FakeAPIServer { _ in
            FakeAPIServer.Answer(
                headers: ["Content-Type": type], chunks: chunks(bytes, of: 999).map(Array.init), staysOpen: true)
        }
        let connection = try server.connection()
        let notes = await follow(connection, .endpointSlice, encoding: encoding, streamsLists: true) {
            $0.changes.contains("]")
        }
        #expect(notes.events.contains(.listed(count: 177)))
        await connection.shutdown()
        await server.stop()
    }
}
