import Corefile
import DNSServer
import DNSWire
import Synchronization
import TestKit
import Testing
import ZoneData

@testable import Plugins

private func zone(_ address: String, serial: Int = 1) -> String {
    "@ 60 SOA ns h \(serial) 1 1 1 60\n@ 60 NS ns\nwww 60 A \(address)\n"
}

@Suite("auto: all zone files of a folder") struct AutoAnswers {
    private static let files = [
        "/zones/db.one.test": zone("192.0.2.1"), "/zones/deep/db.two.test": zone("192.0.2.2"),
        "/zones/readme": "no zone", "/zones/db.broken.test": "@ 60 SOA", "/zones/www.db.three.test": zone("192.0.2.3"),
    ]

    private func server(_ auto: String) throws -> MemoryServer {
        try MemoryServer("root /zones\n\(auto)\nwhoami", files: Self.files)
    }

    @Test("a file is the zone its name ends with, in folders of the folder too") func names() throws {
        let server = try server("auto {\ndirectory /zones\n}")
        #expect(server.ask("www.one.test. A").contains("192.0.2.1"))
        #expect(server.ask("www.two.test. A").contains("192.0.2.2"))
        // Not anchored: CoreDNS finds its expression anywhere in the name.
        #expect(server.ask("www.three.test. A").contains("192.0.2.3"))
        #expect(server.ask("none.one.test. A").hasPrefix("NXDOMAIN aa"))
    }

    @Test("names outside of its zones, and of zones that cannot be read, are the next plugin's") func others() throws {
        let server = try server("auto one.test broken.test {\ndirectory /zones\n}")
        #expect(server.ask("www.one.test. A").contains("192.0.2.1"))
        #expect(!server.ask("www.two.test. A").contains("192.0.2.2"))
        #expect(server.ask("www.broken.test. A").hasPrefix("NOERROR"))
    }

    @Test("an expression and a text say what a zone is called") func expression() throws {
        let server = try server("auto {\ndirectory /zones www\\.db\\.(.*)\\.test {1}.example\n}")
        #expect(server.ask("www.three.example. A").contains("192.0.2.3"))
        #expect(!server.ask("www.one.test. A").contains("192.0.2.1"))
    }

    @Test("a relative folder stands in that of root") func root() throws {
        #expect(try self.server("auto {\ndirectory deep\n}").ask("www.two.test. A").contains("192.0.2.2"))
    }

    @Test(
        "however the folder and that of root are written",
        arguments: [
            ("base", "zones"), ("base", "./zones"), ("./base", "zones/"), ("/base", "./zones"), ("/.base", "zones"),
            (".base", ".zones/"), ("/base", "/elsewhere/.zones"),
        ])
    func folders(_ root: String, _ folder: String) throws {
        let name = folder.hasSuffix("/") ? String(folder.dropLast()) : folder
        let path = name.hasPrefix("/") ? name : "\(root)/\(name)"
        let files = ["\(path)/db.one.test": zone("192.0.2.1"), "\(path)/.db.two.test": zone("192.0.2.2")]
        let server = try MemoryServer("root \(root)\nauto {\ndirectory \(folder)\n}\nwhoami", files: files)
        #expect(server.ask("www.one.test. A").contains("192.0.2.1"))
        #expect(!server.ask("www.two.test. A").contains("192.0.2.2"))
    }

    @Test("zones come, change with their serial, and go") func following() throws {
        let files = Mutex(["/zones/db.one.test": zone("192.0.2.1")])
        let access = FileAccess(
            read: { path in
                guard let text = files.withLock({ $0[path] }) else { throw TestPlan.NoSuchFile() }
                return text
            }, list: { _ in files.withLock { Array($0.keys) } })
        let zones = ServedZones([])
        let at = SourcePosition(file: "Corefile", line: 1)
        let directory = Directive(
            name: "directory", at: at, arguments: [Token(text: "/zones", at: at)], outermost: "auto")
        let line = Directive(name: "auto", at: at, block: [directory], hasBlock: true)
        let settings = try SettingsCheck.gather { check in AutoSettings(line, zones: [.root], &check) }
        let folder = FollowedFolders([settings], into: zones, access)
        func served() -> [String] {
            zones.origins.map { "\($0) \(zones.table(of: $0)?.serial ?? 0)" }.sorted()
        }
        folder.look()
        #expect(served() == ["one.test. 1"])
        files.withLock { $0["/zones/db.two.test"] = zone("192.0.2.2", serial: 5) }
        folder.look()
        #expect(served() == ["one.test. 1", "two.test. 5"])
        files.withLock { $0["/zones/db.one.test"] = zone("192.0.2.9", serial: 2) }
        folder.look()
        #expect(served() == ["one.test. 2", "two.test. 5"])
        files.withLock { $0["/zones/db.one.test"] = "@ 60 SOA" }
        folder.look()
        #expect(served() == ["one.test. 2", "two.test. 5"])
        files.withLock { $0["/zones/db.one.test"] = nil }
        folder.look()
        #expect(served() == ["two.test. 5"])
    }
}
