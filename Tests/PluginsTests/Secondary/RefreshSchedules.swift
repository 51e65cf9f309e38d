import Testing
import ZoneData

@testable import Plugins

@Suite("secondary: when primaries are asked (RFC 1034 §4.3.5)") struct RefreshSchedules {
    private let timers = ZoneTimers(serial: 7, refresh: 100, retry: 30, expire: 250)

    @Test("before the first copy: at once, then after pauses that double up to ten seconds") func first() {
        var schedule = RefreshSchedule()
        #expect(schedule.next == .zero)
        var pauses: [Duration] = []
        var now = Duration.zero
        for _ in 0..<8 {
            schedule.failed(at: now)
            pauses.append(schedule.next - now)
            now = schedule.next
        }
        #expect(pauses == [250, 500, 1000, 2000, 4000, 8000, 10000, 10000].map { .milliseconds($0) })
        #expect(schedule.expiry == nil)
    }

    @Test("after a copy: at refresh, at retry, and not served beyond expire") func later() {
        var schedule = RefreshSchedule()
        schedule.succeeded(at: .seconds(1000), timers)
        #expect(schedule.next == .seconds(1100))
        #expect(schedule.expiry == .seconds(1250))
        schedule.failed(at: .seconds(1100))
        #expect(schedule.next == .seconds(1130))
        // Once.
        let hasExpired = [1249, 1250, 1251].map { schedule.expires(at: .seconds($0)) }
        #expect(hasExpired == [false, true, false])
        #expect(schedule.expiry == nil)
        schedule.failed(at: .seconds(1250))
        #expect(schedule.next == .seconds(1280))
        schedule.succeeded(at: .seconds(1280), timers)
        #expect(schedule.expiry == .seconds(1530))
    }

    @Test("a zone does not expire before its primaries could be asked twice") func shortExpiry() {
        var schedule = RefreshSchedule()
        schedule.succeeded(at: .zero, ZoneTimers(serial: 1, refresh: 100, retry: 30, expire: 50))
        #expect(schedule.expiry == .seconds(130))
    }

    @Test("an SOA of zeros does not make it ask without a pause") func zeros() {
        var schedule = RefreshSchedule()
        schedule.succeeded(at: .zero, ZoneTimers(serial: 1, refresh: 0, retry: 0, expire: 0))
        #expect(schedule.next == .seconds(1))
        schedule.failed(at: .seconds(1))
        #expect(schedule.next == .seconds(2))
    }

    @Test(
        "serials are compared on a circle (RFC 1982)",
        arguments: [
            (2, 1, true), (1, 1, false), (1, 2, false), (0, UInt32.max, true), (0x8000_0000, 1, true),
            (0x8000_0001, 1, false),
        ] as [(UInt32, UInt32, Bool)])
    func serials(_ new: UInt32, _ known: UInt32, _ isNewer: Bool) {
        #expect(ZoneTimers(serial: new, refresh: 1, retry: 1, expire: 1).isNewer(than: known) == isNewer)
    }
}
