import Corefile
import DNSServer
import DNSWire
import Foundation
import Telemetry
import TestKit
import Testing

@testable import Plugins

@Suite("sign: zones signed when it is due") struct SignedFiles {
    private let folder = FileManager.default.temporaryDirectory.appending(path: "signed.\(UUID())").path()
    private let zone = Name("a.test") ?? .root
    private static let now: UInt32 = 1_800_000_000

    /// Zone and keys are the test's, signed zones are in a folder.
    private func file(_ files: ChangingFiles) throws -> SignedZoneFile {
        let access = FileAccess(
            read: { try files.access.read($0) },
            octets: { path in
                guard path.hasPrefix("/tmp") || path.hasPrefix("/var") else { return try files.access.octets(path) }
                return Array(try Data(contentsOf: URL(filePath: path)))
            })
        let at = SourcePosition(file: "Corefile", line: 1)
        func line(_ name: String, _ words: [String], _ block: [Directive] = []) -> Directive {
            Directive(
                name: name, at: at, arguments: words.map { Token(text: $0, at: at) }, block: block,
                hasBlock: !block.isEmpty, outermost: "sign")
        }
        let directive = line(
            "sign", ["/zone", "a.test"], [line("key", ["file", "/keys/Ka.test"]), line("directory", [folder])])
        let block = BlockSettings(
            zones: [zone], addresses: [], directives: [], metrics: MetricRegistry(), files: access)
        let settings = try SettingsCheck.gather { check in SignSettings(directive, in: block, &check) }
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        return SignedZoneFile(settings, zone, access)
    }

    private func files() -> ChangingFiles {
        ChangingFiles(
            TestKeys.files.merging([
                "/zone": "@ 60 SOA ns h 1 1 1 1 60\n@ 60 NS ns\n$INCLUDE /names\n", "/names": "ns 60 A 192.0.2.1\n",
            ]) { first, _ in first })
    }

    private var signed: String? { try? String(contentsOfFile: "\(folder)/db.a.test.signed", encoding: .utf8) }

    @Test("a zone is signed anew when what it includes has changed") func includes() throws {
        let files = files()
        let file = try file(files)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let seen = file.refresh(now: Self.now, last: nil)
        #expect(signed?.contains("192.0.2.1") == true)
        #expect(file.refresh(now: Self.now + 60, last: seen) == seen)
        files["/names"] = "ns 60 A 192.0.2.2\n"
        let next = file.refresh(now: Self.now + 120, last: seen)
        #expect(next != seen)
        #expect(signed?.contains("192.0.2.2") == true)
        // The same holds where the first look had nothing to sign.
        let restarted = file.refresh(now: Self.now + 180, last: nil)
        files["/names"] = "ns 60 A 192.0.2.3\n"
        _ = file.refresh(now: Self.now + 240, last: restarted)
        #expect(signed?.contains("192.0.2.3") == true)
    }

    @Test("a task that is cancelled signs nothing: others may sign the zone by now") func cancelled() async throws {
        let file = try file(files())
        defer { try? FileManager.default.removeItem(atPath: folder) }
        await Task {
            withUnsafeCurrentTask { $0?.cancel() }
            #expect(file.refresh(now: Self.now, last: nil) == nil)
        }.value
        #expect(signed == nil)
    }
}
