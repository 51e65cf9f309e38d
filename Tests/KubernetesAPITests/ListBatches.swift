import ClusterModel
import Synchronization
import Testing

@testable import KubernetesAPI

@Suite("lists: how much is gathered") struct ListBatches {
    /// A length-delimited field.
    private static func field(_ number: UInt8, _ payload: [UInt8]) -> [UInt8] {
        var length = payload.count
        var octets = [number << 3 | 2]
        while length > 127 {
            octets.append(UInt8(length & 127) | 128)
            length >>= 7
        }
        return octets + [UInt8(length)] + payload
    }

    /// A page of namespaces with annotations of so many octets each, an item in each chunk.
    private static func page(_ count: Int, octets: Int) -> FakeAPIServer.Answer {
        let note = field(12, field(1, Array("note".utf8)) + field(2, [UInt8](repeating: 0x78, count: octets)))
        let items = (0..<count).map { field(2, field(1, field(1, Array("n\($0)".utf8)) + note)) }
        let metadata = field(1, field(2, Array("7".utf8)))
        let whole = field(2, metadata + items.flatMap(\.self))
        let head = ProtobufListSplitter.magic + whole.prefix(whole.count - items.reduce(0) { $0 + $1.count })
        return FakeAPIServer.Answer(
            headers: ["Content-Type": "application/vnd.kubernetes.protobuf"], chunks: [head] + items)
    }

    /// How many changes each batch has that the list comes in.
    private func batches(_ page: FakeAPIServer.Answer) async throws -> [Int] {
        let server = try await FakeAPIServer { request in
            request.query["watch"] == nil ? page : .json("", staysOpen: true)
        }
        let connection = try server.connection()
        var options = FollowOptions(kinds: [.namespace])
        options.reflector.streamsLists = false
        let counts = Mutex<[Int]>([])
        let isDone = Atomic<Bool>(false)
        let follower = ClusterFollower(connection: connection, options: options) { _, _ in }
        let task = Task {
            await follower.run { batch in
                counts.withLock { $0.append(batch.count) }
                if case .relistFinished = batch.last { isDone.store(true, ordering: .relaxed) }
            }
        }
        let deadline = ContinuousClock.now + .seconds(60)
        while !isDone.load(ordering: .relaxed), ContinuousClock.now < deadline {
            try? await Task.sleep(for: .milliseconds(5))
        }
        task.cancel()
        await task.value
        await connection.shutdown()
        await server.stop()
        return counts.withLock { $0 }
    }

    @Test("large objects are given on after some megabytes, however few they are", .timeLimit(.minutes(2)))
    func large() async throws {
        let batches = try await batches(Self.page(24, octets: 1 << 20))
        #expect(batches.reduce(0, +) == 26)
        #expect(batches.count >= 5)
        #expect(batches.allSatisfy { $0 <= 6 })
    }

    @Test("small ones are gathered", .timeLimit(.minutes(2))) func small() async throws {
        let batches = try await batches(Self.page(600, octets: 10))
        #expect(batches.reduce(0, +) == 602)
        #expect(batches.count <= 3)
    }
}
