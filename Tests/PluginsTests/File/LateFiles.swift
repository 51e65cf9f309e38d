import Corefile
import DNSServer
import DNSWire
import Telemetry
import TestKit
import Testing

@testable import Plugins

/// The usual pause is an hour here: who waits for it finds nothing while a test lasts.
@Suite("files that come after the start are found soon") struct LateFiles {
    private let zone = "@ 60 SOA ns h 1 1 1 1 60\n@ 60 NS ns\n"
    private let at = SourcePosition(file: "Corefile", line: 1)

    private func line(_ name: String, _ words: String..., block: [Directive] = []) -> Directive {
        Directive(
            name: name, at: at, arguments: words.map { Token(text: $0, at: at) }, block: block,
            hasBlock: !block.isEmpty)
    }

    private var hourly: Directive { line("reload", "1h") }

    private func block(_ files: ChangingFiles) -> BlockSettings {
        BlockSettings(zones: [.root], addresses: [], directives: [], metrics: MetricRegistry(), files: files.access)
    }

    /// Whether `isThere` comes to hold once `bring` has brought what the started plugin looks for.
    private func finds(
        _ plugin: any Plugin, _ isThere: () -> Bool, after bring: () -> Void
    ) async -> Bool {
        await plugin.start(HeldPlugins([plugin]))
        let isEarly = isThere()
        bring()
        let isFound = await LiveServer.eventually(isThere)
        await plugin.stop()
        return !isEarly && isFound
    }

    @Test("a zone file, as `sign` writes it; what is said of it is what happens") func file() async throws {
        RecordedLog.begin()
        let files = ChangingFiles([:])
        let plugin = try FilePlugin([line("file", "/late.zone", "one.test", block: [hourly])], in: block(files))
        let isThere = { plugin.zones.origins.contains { plugin.zones.table(of: $0) != nil } }
        #expect(await finds(plugin, isThere) { files["/late.zone"] = zone })
        #expect(
            RecordedLog.lines(with: "/late.zone cannot be read").first?.hasSuffix(
                "trying again after 1.0 seconds, then after longer pauses of up to 3600.0 seconds") == true)
    }

    @Test("the first zone file of a folder", arguments: [true, false]) func folder(isMounted: Bool) async throws {
        let files = ChangingFiles([:])
        files.mount(isMounted)
        let plugin = try AutoPlugin([line("auto", block: [line("directory", "/late"), hourly])], in: block(files))
        let found = await finds(plugin, { plugin.zones.origins.count == 1 }) {
            files["/late/db.one.test"] = zone
            files.mount(true)
        }
        #expect(found)
    }

    @Test("a hosts file") func hosts() async throws {
        let files = ChangingFiles([:])
        let plugin = try HostsPlugin([line("hosts", "/late.hosts", block: [hourly])], in: block(files))
        #expect(await finds(plugin, { plugin.current.count == 1 }) { files["/late.hosts"] = "192.0.2.1 a.test" })
    }

    @Test("pauses double from one second to the usual one, and begin anew with the next file that is missed")
    func pauses() {
        var pauses = LookPauses(usual: .seconds(5))
        let missing = [true, true, true, true, true, false, true, true]
        #expect(missing.map { pauses.next(isMissing: $0) } == [1, 2, 4, 5, 5, 5, 1, 2].map { Duration.seconds($0) })
        var short = LookPauses(usual: .milliseconds(200))
        #expect(
            [true, true, false].map { short.next(isMissing: $0) } == Array(repeating: .milliseconds(200), count: 3))
    }
}
