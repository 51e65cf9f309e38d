import DNSServer
import Synchronization
import Telemetry
import Testing

@testable import Plugins

@Suite("reload: files that are being written") struct FilesBeingWritten {
    /// What looks find, one after the other, the last again and again; and what was to be taken over.
    private final class Files: PluginEnvironment {
        let metrics = MetricRegistry()
        let plugins: [any Plugin] = []
        let isStopping = false
        let configurationHash = "old"
        private let looks: Mutex<[String?]>
        private let reloads = Mutex<[String?]>([])
        /// Whether what was found is still there when it is to be taken over, one after the other.
        private let stays: Mutex<[Bool]>

        init(_ looks: [String?], stays: [Bool] = []) {
            self.looks = Mutex(looks)
            self.stays = Mutex(stays)
        }

        func hashOfFilesNow() -> String? { looks.withLock { $0.count > 1 ? $0.removeFirst() : $0[0] } }

        func reload(to hash: String?) async -> Bool {
            reloads.withLock { $0.append(hash) }
            return stays.withLock { $0.isEmpty ? true : $0.removeFirst() }
        }

        /// What was to be taken over once every look has been taken, and some more.
        func reloaded() async throws -> [String?] {
            let watch = Task {
                await ReloadPlugin.watch(self, every: .milliseconds(1), settling: .milliseconds(1))
            }
            while looks.withLock({ $0.count > 1 }) { try await Task.sleep(for: .milliseconds(1)) }
            try await Task.sleep(for: .milliseconds(30))
            watch.cancel()
            await watch.value
            return reloads.withLock { $0 }
        }
    }

    @Test("what two looks in a row find is taken over, once") func settled() async throws {
        #expect(try await Files(["old", "new", "new", "new"]).reloaded() == ["new"])
    }

    @Test("what changes between two looks is not") func halves() async throws {
        #expect(try await Files(["half", "more", nil, "most", "new", "new"]).reloaded() == ["new"])
    }

    @Test("a file that cannot be read for a moment is no news") func gap() async throws {
        #expect(try await Files([nil, "old", nil, "old", "old"]).reloaded() == [])
    }

    @Test("one that stays unreadable is reported once, and again after it was good") func unreadable() async throws {
        #expect(try await Files([nil, nil, nil, nil, "old", nil, nil, nil]).reloaded() == [nil, nil])
    }

    @Test("what was gone when it was to be taken over is tried again when it is back") func back() async throws {
        #expect(try await Files(["new", "new", "new", "new"], stays: [false, true]).reloaded() == ["new", "new"])
    }
}
