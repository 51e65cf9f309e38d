import Corefile
import DNSServer
import DNSWire
import EventLoop
import Synchronization
import Telemetry
import TestKit
import Testing
import ZoneData

@testable import Plugins

private func zone(_ serial: Int, _ address: String = "192.0.2.1") -> String {
    "@ 60 SOA ns h \(serial) 1 1 1 60\n@ 60 NS ns\nwww 60 A \(address)\n"
}

@Suite("zones over reloads of the Corefile") struct ReloadedZones {
    private static let address = SocketAddress(IPAddress(v4: 0x7F00_0001), port: 53)

    private func plugin<Kind: Plugin>(_ directives: String, _ files: [String: String]) throws -> Kind {
        let plan = try TestPlan.block(directives, at: Self.address, MetricRegistry(), files)
        return try #require(plan.plugins.compactMap { $0 as? Kind }.first)
    }

    /// The serial that is served, and those of the versions before it that it can be led to from; nil for no such zone.
    private func served(_ zones: ServedZones, _ name: String = "one.test") throws -> [UInt32]? {
        let opening = withBytes(try #require(Name(name)).wire) { ZoneTableReader(zones).open($0) }
        guard case .copy(let copy) = opening else { return nil }
        return [copy.serial] + (0..<copy.serial).reversed().filter { copy.changes(since: $0) != nil }
    }

    private let file = "file /zones/db.one.test one.test"

    @Test("file: what led to its version is known on, and the next one leads on") func differences() throws {
        let first: FilePlugin = try plugin(file, ["/zones/db.one.test": zone(1)])
        let second: FilePlugin = try plugin(file, ["/zones/db.one.test": zone(2, "192.0.2.2")])
        second.adopt(first)
        #expect(try served(second.zones) == [2, 1])
        let third: FilePlugin = try plugin(file, ["/zones/db.one.test": zone(2, "192.0.2.2")])
        third.adopt(second)
        #expect(try served(third.zones) == [2, 1], "nothing has changed")
        let fourth: FilePlugin = try plugin(file, ["/zones/db.one.test": zone(3, "192.0.2.3")])
        fourth.adopt(third)
        #expect(try served(fourth.zones) == [3, 2, 1])
    }

    @Test("file: other records with the serial of before lead nowhere") func sameSerial() throws {
        let first: FilePlugin = try plugin(file, ["/zones/db.one.test": zone(1)])
        let second: FilePlugin = try plugin(file, ["/zones/db.one.test": zone(2)])
        second.adopt(first)
        let third: FilePlugin = try plugin(file, ["/zones/db.one.test": zone(2, "192.0.2.9")])
        third.adopt(second)
        #expect(try served(third.zones) == [2])
    }

    @Test("file: a zone whose file is away stays as it was") func away() throws {
        let first: FilePlugin = try plugin(file, ["/zones/db.one.test": zone(1)])
        let second: FilePlugin = try plugin(file, [:])
        #expect(try served(second.zones) == nil)
        second.adopt(first)
        #expect(try served(second.zones) == [1])
    }

    private let auto = "auto {\ndirectory /zones\n}"

    @Test("auto: a zone whose file is broken stays as it was, one whose file is gone does not") func broken() throws {
        let first: AutoPlugin = try plugin(
            auto, ["/zones/db.one.test": zone(1), "/zones/db.two.test": zone(1), "/zones/db.three.test": zone(1)])
        let second: AutoPlugin = try plugin(
            auto, ["/zones/db.one.test": "@ 60 SOA", "/zones/db.three.test": zone(2, "192.0.2.2")])
        #expect(try served(second.zones) == nil)
        second.adopt(first)
        #expect(try served(second.zones) == [1])
        #expect(try served(second.zones, "two.test") == nil)
        #expect(try served(second.zones, "three.test") == [2, 1])
    }

    @Test("auto: all zones of a folder that cannot be read now stay as they were") func noFolder() throws {
        let first: AutoPlugin = try plugin(auto, ["/zones/db.one.test": zone(1)])
        let second: AutoPlugin = try plugin(auto, [:])
        second.adopt(first)
        #expect(try served(second.zones) == [1])
        second.lookAgain()
        #expect(try served(second.zones) == [1])
    }

    @Test("secondary: what is served goes on") func copied() throws {
        let secondary = "secondary one.test {\ntransfer from 192.0.2.1\n}"
        let first: SecondaryPlugin = try plugin(secondary, [:])
        let second: SecondaryPlugin = try plugin(secondary, [:])
        let origin = try #require(Name("one.test"))
        for serial in [1, 2] {
            let table = try ZoneFile.table(Array(zone(serial).utf8), named: "", origin: origin) { _ in [] }
            first.zones.put(origin, table)
        }
        second.adopt(first)
        #expect(try served(second.zones) == [2, 1])
    }
}
