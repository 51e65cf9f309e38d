import Corefile
import DNSServer
import DNSWire
import Telemetry
import TestKit
import Testing

@testable import Plugins
import ZoneData

@Suite("zone files that change") struct ZoneFilesFollowed {
    private let one = Name("one.test") ?? .root

    private func plugin(_ files: ChangingFiles, ignoringSerial: Bool = false) throws -> FilePlugin {
        let at = SourcePosition(file: "Corefile", line: 1)
        let words = ["/zone", "one.test"].map { Token(text: $0, at: at) }
        let option = Directive(name: "reload_by_mtime", at: at, outermost: "file")
        let line = Directive(
            name: "file", at: at, arguments: words, block: ignoringSerial ? [option] : [], hasBlock: ignoringSerial)
        let block = BlockSettings(
            zones: [.root], addresses: [], directives: [], metrics: MetricRegistry(), files: files.access)
        return try FilePlugin([line], in: block)
    }

    private func state(_ plugin: FilePlugin) -> String {
        plugin.zones.table(of: one).map { "\($0.serial), \($0.recordCount) records" } ?? "nothing"
    }

    @Test("an SOA record that stands in an included file is followed, and what that includes") func includes() throws {
        let files = ChangingFiles([
            "/zone": "$INCLUDE /soa\n@ 60 NS ns\n", "/soa": "@ 60 SOA ns h 1 1 1 1 60\n$INCLUDE /more\n",
            "/more": "ns 60 A 192.0.2.1\n",
        ])
        let plugin = try plugin(files)
        #expect(state(plugin) == "1, 3 records")
        files["/soa"] = "@ 60 SOA ns h 2 1 1 1 60\n$INCLUDE /more\n"
        plugin.readAgain()
        #expect(state(plugin) == "2, 3 records")
        let other = try self.plugin(files, ignoringSerial: true)
        files["/more"] = "ns 60 A 192.0.2.1\nwww 60 A 192.0.2.1\n"
        other.readAgain()
        #expect(state(other) == "2, 4 records")
    }

    @Test("an included file that comes later makes the zone") func missingInclude() throws {
        let files = ChangingFiles(["/zone": "@ 60 SOA ns h 1 1 1 1 60\n@ 60 NS ns\n$INCLUDE /names\n"])
        let zones = ServedZones([])
        let file = FollowedZoneFile(
            "/zone", zones: [one], plugin: "file", into: zones, readFile: files.access.octets)
        file.readAgain()
        #expect(zones.table(of: one) == nil)
        files["/names"] = "ns 60 A 192.0.2.1\n"
        file.readAgain()
        #expect(zones.table(of: one)?.recordCount == 3)
    }

    @Test("a zone file is octets: those of older encodings are data, too (RFC 1035 §5.1)") func octets() throws {
        let files = ChangingFiles([:])
        let text = "@ 60 SOA ns h 1 1 1 1 60\n@ 60 NS ns\nns 60 A 192.0.2.1\nt 60 TXT \""
        files.write(Array(text.utf8) + [0xFC] + Array("\" ; Z".utf8) + [0xFC] + Array("rich\n".utf8), to: "/zone")
        let octets = try files.access.octets("/zone")
        let table = try ZoneFile.table(octets, named: "/zone", origin: one, readFile: files.access.octets)
        #expect(table.recordCount == 4)
        let escaped = Array("\(text)\\252\"\n".utf8)
        #expect(table.isSame(as: try ZoneFile.table(escaped, named: "", origin: one) { _ in [] }))
    }

    @Test("a zone whose file cannot be read at a reload is served as it was") func reload() throws {
        let files = ChangingFiles(["/zone": "@ 60 SOA ns h 7 1 1 1 60\n@ 60 NS ns\n"])
        let old = try plugin(files)
        files.mount(false)
        let new = try plugin(files)
        #expect(state(new) == "nothing")
        new.adopt(old)
        #expect(state(new) == "7, 2 records")
        files.mount(true)
        files["/zone"] = "@ 60 SOA ns h 8 1 1 1 60\n@ 60 NS ns\n"
        new.readAgain()
        #expect(state(new) == "8, 2 records")
    }
}
