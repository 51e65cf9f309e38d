import DNSWire
import TestKit
import Testing
import ZoneData

@testable import Plugins

@Suite("secondary: zones as their primaries have them (RFC 1034 §4.3.5)") struct CopiedZones {
    /// One zone with its primary, on a clock that is set.
    private final class Kept: Sendable {
        let primary = ScriptedPrimary()
        let time: SetTime
        let served: ServedZones
        let zone: CopiedZone
        private let task: Task<Void, Never>

        init(after other: Kept? = nil) throws {
            let origin = try #require(Name("kept.test"))
            let time = other?.time ?? SetTime()
            let served = ServedZones([ServedZone(origin: origin)])
            let zone = CopiedZone(origin, from: [primary], into: served, clock: time.clock)
            if let other {
                served.adopt(other.served)
                zone.adopt(other.zone)
            }
            (self.time, self.served, self.zone) = (time, served, zone)
            task = Task { await zone.run() }
        }

        deinit { task.cancel() }

        var serial: UInt32? { served.table(of: zone.origin)?.serial }

        /// What the primary was asked, once it was asked so often.
        func asked(_ count: Int) async -> [String] {
            _ = await eventually { primary.log.count >= count }
            return primary.log
        }

        /// Waits until nothing is to be done before the next moment: both tasks sleep.
        func rest() async { _ = await eventually { time.wakings.count == 2 } }
    }

    @Test("a copy first, then the serial at each refresh, and a newer version") func refresh() async throws {
        let kept = try Kept()
        #expect(await kept.asked(1) == ["AXFR"])
        await kept.rest()
        #expect(kept.serial == 1)
        kept.time.advance(by: .seconds(100))
        #expect(await kept.asked(2) == ["AXFR", "SOA"])
        await kept.rest()
        kept.primary.set { $0.said = 2 }
        kept.time.advance(by: .seconds(100))
        #expect(await kept.asked(4) == ["AXFR", "SOA", "SOA", "IXFR"])
        await kept.rest()
        #expect(kept.serial == 2)
    }

    @Test("a refresh that falls due while a question of NOTIFY waits") func dueWhileAsking() async throws {
        let kept = try Kept()
        await kept.rest()
        kept.primary.hold()
        kept.zone.ask()
        #expect(await kept.asked(2) == ["AXFR", "SOA"])
        kept.time.advance(by: .seconds(150))
        kept.primary.set { $0.said = 2 }
        kept.primary.release()
        #expect(await eventually { kept.serial == 2 })
        await kept.rest()
        #expect(kept.time.wakings.first == kept.time.now + .seconds(100))
    }

    @Test("NOTIFY while it is asked: it is asked once more, however many came") func notifiedWhileAsking() async throws
    {
        let kept = try Kept()
        await kept.rest()
        kept.primary.hold()
        kept.zone.ask()
        _ = await kept.asked(2)
        for _ in 0..<10 { kept.zone.ask() }
        kept.primary.release()
        #expect(await kept.asked(3) == ["AXFR", "SOA", "SOA"])
        await kept.rest()
        #expect(kept.primary.log.count == 3)
    }

    @Test("it expires while a primary is still being waited for") func expiresWhileAsking() async throws {
        let kept = try Kept()
        await kept.rest()
        kept.primary.hold()
        kept.time.advance(by: .seconds(100))
        _ = await kept.asked(2)
        kept.time.advance(by: .seconds(899))
        #expect(kept.serial == 1)
        kept.time.advance(by: .seconds(1))
        #expect(await eventually { kept.serial == nil })
        kept.primary.set { $0.said = 1 }
        kept.primary.release()
        await kept.rest()
        kept.time.advance(by: .seconds(100))
        #expect(await eventually { kept.serial == 1 }, "whatever version a primary has then")
    }

    @Test("only newer versions, whatever a primary says it has", arguments: [5, 4, 2_147_483_653] as [UInt32])
    func notNewer(_ given: UInt32) async throws {
        let kept = try Kept()
        RecordedLog.begin()
        await kept.rest()
        kept.primary.set { ($0.said, $0.given) = (5, nil) }
        kept.time.advance(by: .seconds(100))
        _ = await kept.asked(3)
        await kept.rest()
        #expect(kept.serial == 5)
        kept.primary.set { ($0.said, $0.given) = (9, given) }
        kept.time.advance(by: .seconds(100))
        #expect(await kept.asked(6).suffix(3) == ["SOA", "IXFR", "AXFR"])
        await kept.rest()
        #expect(kept.serial == 5)
        #expect(kept.time.wakings.first == kept.time.now + .seconds(30), "it is tried again after the time of retry")
        kept.time.advance(by: .seconds(30))
        #expect(await kept.asked(9).count == 9)
        await kept.rest()
        let told = RecordedLog.lines(with: "it gives serial \(given), which is not newer than 5")
        #expect(told.count == 1, "once")
    }

    @Test("after a reload it is asked for the serial, and expires when it would have") func reload() async throws {
        let old = try Kept()
        await old.rest()
        old.time.advance(by: .seconds(50))
        let new = try Kept(after: old)
        #expect(new.serial == 1)
        #expect(await new.asked(1) == ["SOA"])
        _ = await eventually { new.time.wakings.count == 4 }
        new.primary.set { $0.said = nil }
        old.primary.set { $0.said = nil }
        new.time.advance(by: .seconds(1000))
        #expect(await eventually { new.serial == nil })
    }
}
