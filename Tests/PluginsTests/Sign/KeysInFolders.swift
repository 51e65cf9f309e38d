import DNSServer
import DNSWire
import TestKit
import Testing

@testable import Plugins

@Suite("sign: the keys that a folder holds") struct KeysInFolders {
    private let zone = Name("a.test") ?? .root

    /// Files of one key under these names, without their endings.
    private func access(_ names: [String]) -> FileAccess {
        var files: [String: String] = [:]
        for name in names {
            for ending in [".key", ".private"] { files[name + ending] = TestKeys.files["/keys/Ka.test\(ending)"] }
        }
        let known = files
        return FileAccess(
            read: { path in try #require(known[path]) },
            list: { folder in known.keys.filter { $0.hasPrefix(folder + "/") } })
    }

    @Test("those of the zone that lie in it, and none of folders below it") func below() throws {
        let files = access([
            "/keys/Ka.test.+013+00001", "/keys/retired/Ka.test.+013+00002", "/keys/.bak/Ka.test.+013+00003",
            "/keys/Kb.test.+013+00004", "/keys/a.test.+013+00005",
        ])
        #expect(try KeyFiles.read(folder: "/keys", of: zone, files).map(\.name) == ["/keys/Ka.test.+013+00001"])
    }

    @Test("a key that is named twice is one, whatever its files are called") func once() throws {
        let files = access(["/keys/Ka.test.+013+00001", "/keys/Ka.test.+013+00002"])
        let keys = try KeyFiles.read(folder: "/keys", of: zone, files)
        #expect(keys.count == 2)
        #expect(KeyFiles.once(keys).map(\.name) == ["/keys/Ka.test.+013+00001"])
    }
}
