import Testing

@testable import Plugins

@Suite("dnssec: kept signatures and a clock that is set") struct SignaturesAndClocks {
    /// Made at `moment`, looked at `later` seconds after it.
    private func isGood(made moment: UInt32, later: Int32) -> Bool {
        SignatureCache.Signed(ttl: 60, expiration: moment &+ UInt32(SignatureCache.validFor), records: [])
            .isGood(at: moment &+ UInt32(bitPattern: later))
    }

    @Test("given for six days", arguments: [1_800_000_000, .max - 86400, 0] as [UInt32]) func days(moment: UInt32) {
        #expect(isGood(made: moment, later: 0))
        #expect(isGood(made: moment, later: 6 * 86400 - 1))
        #expect(!isGood(made: moment, later: 6 * 86400))
        #expect(!isGood(made: moment, later: 9 * 86400))
    }

    @Test("a clock that goes back behind the hours before which they do not hold has them made anew") func back() {
        #expect(isGood(made: 1_800_000_000, later: -3 * 3600))
        #expect(!isGood(made: 1_800_000_000, later: -3 * 3600 - 1))
        #expect(!isGood(made: 1_800_000_000, later: -10 * 365 * 86400))
    }

    @Test("a clock that is set years ahead, too") func ahead() {
        #expect(!isGood(made: 1_800_000_000, later: 10 * 365 * 86400))
    }
}
