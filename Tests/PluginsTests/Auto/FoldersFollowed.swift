import Corefile
import DNSServer
import DNSWire
import Snapshots
import TestKit
import Testing
import ZoneData

@testable import Plugins

private func zone(serial: Int, more: String = "") -> String {
    "@ 60 SOA ns h \(serial) 1 1 1 60\n@ 60 NS ns\n\(more)"
}

@Suite("auto: folders that change") struct FoldersFollowed {
    private let zones = ServedZones([])

    private func folders(_ names: [String], _ files: ChangingFiles, into zones: ServedZones? = nil) throws
        -> FollowedFolders
    {
        let at = SourcePosition(file: "Corefile", line: 1)
        let lines = try SettingsCheck.gather { check in
            names.map { name in
                let directory = Directive(
                    name: "directory", at: at, arguments: [Token(text: name, at: at)], outermost: "auto")
                return AutoSettings(
                    Directive(name: "auto", at: at, block: [directory], hasBlock: true), zones: [.root], &check)
            }
        }
        return FollowedFolders(lines, into: zones ?? self.zones, files.access)
    }

    private func served(_ zones: ServedZones? = nil) -> [String] {
        let zones = zones ?? self.zones
        return zones.origins.map { "\($0) \(zones.table(of: $0)?.serial ?? 0)" }.sorted()
    }

    @Test("of two lines with a file for one zone the last counts; when it goes, the other takes over") func two() throws
    {
        let files = ChangingFiles(["/a/db.x.test": zone(serial: 9), "/b/db.x.test": zone(serial: 2)])
        let folders = try folders(["/a", "/b"], files)
        folders.look()
        #expect(served() == ["x.test. 2"])
        files["/b/db.x.test"] = nil
        folders.look()
        #expect(served() == ["x.test. 9"])
        files["/b/db.x.test"] = zone(serial: 9, more: "ns 60 A 192.0.2.1\n")
        folders.look()
        // Serials of different files say nothing about each other.
        #expect(zones.table(of: Name("x.test") ?? .root)?.recordCount == 3)
        files["/a/db.x.test"] = nil
        folders.look()
        #expect(served() == ["x.test. 9"])
        files["/b/db.x.test"] = nil
        folders.look()
        #expect(served() == [])
    }

    @Test("names that begin with a dot are no zones, nor what is in folders of such names") func hidden() throws {
        let files = ChangingFiles([
            "/.a/db.x.test": zone(serial: 1), "/.a/.db.y.test": zone(serial: 1),
            "/.a/.snapshot/db.z.test": zone(serial: 1),
        ])
        try folders(["/.a"], files).look()
        #expect(served() == ["x.test. 1"])
    }

    @Test("many zones are published at once: a thousand cost a thousand times what one does") func together() throws {
        let many = (0..<100).map { ("/a/db.z\($0).test", zone(serial: $0)) }
        let files = ChangingFiles(Dictionary(many, uniquingKeysWith: { first, _ in first }))
        let before = zones.published.generation
        try folders(["/a"], files).look()
        #expect(zones.origins.count == 100)
        #expect(zones.published.generation == before + 1)
    }

    @Test("a zone whose file is broken is served as it was, over a reload, too") func broken() throws {
        let files = ChangingFiles(["/a/db.x.test": zone(serial: 1), "/a/db.y.test": zone(serial: 1)])
        let old = try folders(["/a"], files)
        old.look()
        files["/a/db.x.test"] = "@ 60 SOA"
        files["/a/db.y.test"] = nil
        old.look()
        #expect(served() == ["x.test. 1"])
        let next = ServedZones([])
        let new = try folders(["/a"], files, into: next)
        new.look()
        #expect(served(next) == [])
        new.adopt(old)
        #expect(served(next) == ["x.test. 1"])
        files["/a/db.x.test"] = zone(serial: 2)
        new.look()
        #expect(served(next) == ["x.test. 2"])
    }

    @Test("a folder that cannot be read at a reload keeps its zones, until it can") func unreadable() throws {
        let files = ChangingFiles(["/a/db.x.test": zone(serial: 1), "/b/db.y.test": zone(serial: 1)])
        let old = try folders(["/a", "/b"], files)
        old.look()
        files.mount(false)
        let next = ServedZones([])
        let new = try folders(["/a"], files, into: next)
        new.look()
        new.adopt(old)
        // The other folder's line is gone.
        #expect(served(next) == ["x.test. 1"])
        files["/a/db.x.test"] = nil
        files.mount(true)
        new.look()
        #expect(served(next) == [])
    }
}
