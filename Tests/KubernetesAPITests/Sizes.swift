import Testing

@testable import KubernetesAPI

/// One below, at, and one above the most that is taken.
@Suite("sizes of what an API server sends, and of its credentials") struct Sizes {
    private static let taken = [true, true, false]

    private func edge(_ most: Int, _ take: (Int) throws -> Void) -> [Bool] {
        (most - 1...most + 1).map { size in (try? take(size)) != nil }
    }

    /// A varint of protobuf in four octets.
    private func varint(_ value: Int) -> [UInt8] {
        (0..<4).map { UInt8(value >> (7 * $0) & 0x7F) | ($0 < 3 ? 0x80 : 0) }
    }

    @Test("a frame of a protobuf watch: 16 MiB") func frame() {
        let taken = edge(16 << 20) { size in
            var splitter = WatchSplitter(.protobuf)
            _ = try splitter.feed((0..<4).map { UInt8(truncatingIfNeeded: size >> (24 - 8 * $0)) })
        }
        #expect(taken == Self.taken)
    }

    @Test("of a protobuf list: metadata 64 KiB, an item 4 MiB", arguments: [(UInt8(0x0A), 64 << 10), (0x12, 4 << 20)])
    func protobuf(_ tag: UInt8, _ most: Int) {
        let taken = edge(most) { size in
            let list = [tag] + varint(size)
            var splitter = ListSplitter(.protobuf)
            _ = try splitter.feed([0x6B, 0x38, 0x73, 0, 0x12] + varint(list.count + size) + list)
        }
        #expect(taken == Self.taken)
    }

    @Test("of a JSON list: metadata 64 KiB") func metadata() {
        let taken = edge(64 << 10) { size in
            let value = "\"" + String(repeating: "v", count: size - 2) + "\""
            _ = try splitList(Array("{\"metadata\":\(value),\"items\":[]}".utf8), .json)
        }
        #expect(taken == Self.taken)
    }

    @Test("of a JSON list: an item as long as was said") func item() {
        let taken = edge(16) { size in
            var splitter = JSONMemberSplitter(wanted: [:], elementsOf: "items", elementLimit: 16)
            let value = "\"" + String(repeating: "v", count: size - 2) + "\""
            _ = try splitter.feed(Array("{\"items\":[\(value)]}".utf8))
        }
        #expect(taken == Self.taken)
    }

    @Test("levels of JSON: 96") func depth() {
        let taken = edge(96) { depth in
            var scanner = JSONValueScanner()
            for octet in String(repeating: "[", count: depth).utf8 { _ = try scanner.step(octet) }
        }
        #expect(taken == Self.taken)
    }

    @Test("a file of credentials: 1 MiB") func file() throws {
        let folder = try TemporaryFolder()
        let taken = try (1_048_575...1_048_577).map { size in
            try folder.write(String(repeating: "t", count: size), to: "token")
            return (try? SmallFile.read(folder.path + "/token", expecting: "a token"))?.count == size
        }
        #expect(taken == Self.taken)
    }

    @Test(
        "a body that is read whole: 4 MiB of an object, 64 KiB of an error", .timeLimit(.minutes(1)),
        arguments: [(200, 4 << 20), (500, 64 << 10)])
    func body(_ status: Int, _ most: Int) async throws {
        let server = try await FakeAPIServer { request in
            let size = Int(request.path.dropFirst()) ?? 0
            return FakeAPIServer.Answer(status: status, chunks: [[UInt8](repeating: 0x20, count: size)])
        }
        let connection = try server.connection()
        for size in [most - 1, most] { #expect(try await connection.get("/\(size)").body.count == size) }
        await #expect(throws: APIFailure.tooLarge(limit: most)) { try await connection.get("/\(most + 1)") }
        await connection.shutdown()
        await server.stop()
    }
}
