import DNSServer
import DNSWire
import Telemetry
import TestKit
import Testing

@testable import Plugins

@Suite("cache: the table") struct CacheTable {
    private static let second: UInt64 = 1_000_000_000

    /// A reply of a given size, read as from an upstream.
    private func reply(_ records: Int = 1) throws -> UpstreamResponse {
        let octets = WireText.query("a.test. A", id: 7)
        let query = ReceivedQuery(octets: octets, transport: .tcp, peer: nil, number: 0)
        let message = query.reply((0..<records).map { .a("a.test.", "192.0.2.\($0 % 256)") })
        let room = ByteBlock(capacity: 65535)
        return try withBytes(message) { message in
            try UpstreamResponseReader.read(
                message, id: 7, name: message.slice(12, 8), type: .a, class: 1, buffer: room.bytes)
        }
    }

    private func entry(_ number: Int, _ kind: CacheKind = .success, seconds: UInt64 = 300) throws -> CacheEntry {
        CacheEntry(
            key: Array("key \(number)".utf8), reply: try reply(), kind: kind, stored: Self.second,
            lifetime: seconds * Self.second)
    }

    private func find(_ stripe: CacheStripe, _ number: Int, hash: UInt64) -> CacheEntry? {
        withBytes(Array("key \(number)".utf8)) { stripe.find($0, hash: hash) }
    }

    @Test("equal hashes are kept apart by comparing the whole key")
    func collisions() throws {
        var stripe = CacheStripe(limits: [100, 100], octetLimit: 1 << 20)
        for number in 0..<50 { #expect(stripe.insert(try entry(number), hash: 42).isEmpty) }
        for number in 0..<50 { #expect(find(stripe, number, hash: 42)?.key == Array("key \(number)".utf8)) }
        #expect(find(stripe, 50, hash: 42) == nil)
    }

    @Test("an equal key is replaced")
    func replacement() throws {
        var stripe = CacheStripe(limits: [10, 10], octetLimit: 1 << 20)
        _ = stripe.insert(try entry(1), hash: 1)
        _ = stripe.insert(try entry(1, .denial), hash: 1)
        #expect(stripe.counts == [0, 1])
        #expect(find(stripe, 1, hash: 1)?.kind == .denial)
    }

    @Test("kinds are bounded apart, and what ends first goes")
    func bounds() throws {
        var stripe = CacheStripe(limits: [4, 2], octetLimit: 1 << 20)
        for number in 0..<4 {
            _ = stripe.insert(try entry(number, seconds: UInt64(100 - number)), hash: UInt64(number))
        }
        _ = stripe.insert(try entry(10, .denial), hash: 10)
        #expect(stripe.insert(try entry(4), hash: 4) == [.success])
        #expect(stripe.counts == [4, 1])
        #expect(find(stripe, 3, hash: 3) == nil)
        #expect(find(stripe, 10, hash: 10) != nil)
    }

    @Test("octets are bounded")
    func octets() throws {
        let size = try entry(0).footprint
        var stripe = CacheStripe(limits: [100, 100], octetLimit: size * 3 + 10)
        for number in 0..<10 { _ = stripe.insert(try entry(number), hash: UInt64(number)) }
        #expect(stripe.count == 3)
        #expect(stripe.octets <= size * 3 + 10)
    }

    @Test("after any run of insertions everything counted is found")
    func churn() throws {
        var stripe = CacheStripe(limits: [40, 40], octetLimit: 1 << 20)
        var generator = SystemRandomNumberGenerator()
        for _ in 0..<2000 {
            let number = Int.random(in: 0..<200, using: &generator)
            // Few distinct hashes, so that runs are long and removals move entries.
            _ = stripe.insert(
                try entry(number, number % 2 == 0 ? .success : .denial, seconds: UInt64(1 + number)),
                hash: UInt64(number % 13))
        }
        let found = (0..<200).count { find(stripe, $0, hash: UInt64($0 % 13)) != nil }
        #expect(found == stripe.count)
        #expect(stripe.counts.allSatisfy { $0 <= 40 })
    }

    @Test("what nobody asked for again goes before what somebody did, and what is over before both") func usefulness()
        throws
    {
        var stripe = CacheStripe(limits: [3, 3], octetLimit: 1 << 20)
        let lives: [UInt64] = [400, 100, 300]
        for number in 0..<3 { _ = stripe.insert(try entry(number, seconds: lives[number]), hash: UInt64(number)) }
        find(stripe, 1, hash: 1)?.use()
        _ = stripe.insert(try entry(3, seconds: 500), hash: 3)
        #expect(find(stripe, 2, hash: 2) == nil)
        #expect(find(stripe, 1, hash: 1) != nil)
        // It is over by now, however often it was asked for.
        let late = CacheEntry(
            key: Array("key 4".utf8), reply: try reply(), kind: .success, stored: 200 * Self.second,
            lifetime: 500 * Self.second)
        _ = stripe.insert(late, hash: 4)
        #expect(find(stripe, 1, hash: 1) == nil)
        #expect(stripe.count == 3)
    }

    @Test("half is given up, the least useful first, and no more than the rest is kept until it may grow")
    func givingUp() throws {
        let size = try entry(10).footprint
        var stripe = CacheStripe(limits: [2000, 2000], octetLimit: 1 << 20)
        for number in 1000..<1200 {
            _ = stripe.insert(try entry(number, number % 2 == 0 ? .success : .denial), hash: UInt64(number % 97))
        }
        for number in 1000..<1020 { find(stripe, number, hash: UInt64(number % 97))?.use() }
        let before = stripe.octets
        let given = stripe.giveUpHalf(now: Self.second)
        #expect(given.count == 200 - stripe.count)
        #expect(stripe.octets <= before / 2 && stripe.octets > before / 2 - 2 * size)
        let kept = (1000..<1200).filter { find(stripe, $0, hash: UInt64($0 % 97)) != nil }
        #expect(kept.count == stripe.count)
        #expect(stripe.counts.reduce(0, +) == stripe.count)
        #expect(kept.starts(with: 1000..<1020))
        for number in 2000..<2100 { _ = stripe.insert(try entry(number), hash: UInt64(number)) }
        #expect(stripe.octets <= before / 2)
        for _ in 0..<100 { stripe.mayGrow() }
        #expect(stripe.octetLimit == 1 << 20)
    }

    @Test("some is kept however often half is asked for") func least() throws {
        var stripe = CacheStripe(limits: [2000, 2000], octetLimit: 1 << 20)
        for number in 0..<500 { _ = stripe.insert(try entry(number), hash: UInt64(number)) }
        for _ in 0..<20 { _ = stripe.giveUpHalf(now: Self.second) }
        #expect(stripe.octets <= CacheStripe.leastOctets && stripe.octets > CacheStripe.leastOctets / 2)
        let kept = stripe.count
        #expect(stripe.giveUpHalf(now: Self.second).count == 0)
        #expect(stripe.count == kept)
    }

    @Test("all stripes of a store give up, and are found afterwards") func store() throws {
        let store = CacheStore(successCapacity: 100_000, denialCapacity: 1000)
        for number in 0..<10_000 { _ = store.insert(try entry(number)) }
        let given = store.giveUpHalf(now: Self.second)
        #expect(given > 4500 && given + store.count(.success) == 10_000)
        let found = (0..<10_000).count { number in
            withBytes(Array("key \(number)".utf8)) { store.find($0) } != nil
        }
        #expect(found == store.count(.success))
    }

    @Test("an entry over 64 KiB is not kept")
    func large() throws {
        let store = CacheStore(successCapacity: 10, denialCapacity: 10)
        let large = CacheEntry(
            key: [1], reply: try reply(250), kind: .success, stored: 0, lifetime: Self.second)
        #expect(store.insert(large).isEmpty)
        #expect(store.count(.success) == 1)
        let key = [UInt8](repeating: 0, count: CacheStore.largestEntry)
        #expect(
            store.insert(CacheEntry(key: key, reply: try reply(), kind: .success, stored: 0, lifetime: 1)).isEmpty)
        #expect(store.count(.success) == 1)
    }

    @Test("age counts whole seconds")
    func age() throws {
        let entry = try entry(1)
        #expect(entry.age(now: 0) == 0)
        #expect(entry.age(now: Self.second * 3 - 1) == 1)
        #expect(entry.age(now: Self.second * 3) == 2)
    }

    @Test("hits count while pauses are short; a renewal has one caller")
    func renewal() throws {
        let entry = try entry(1)
        #expect([10, 20, 30].map { entry.countHit(now: 1000 + $0, gap: 100) } == [1, 2, 3])
        #expect(entry.countHit(now: 5000, gap: 100) == 1)
        #expect(entry.beginRenewal(now: 100, pause: 50))
        #expect(!entry.beginRenewal(now: 120, pause: 50))
        #expect(entry.beginRenewal(now: 151, pause: 50))
    }

    @Test("a reload with equal settings keeps what was gathered")
    func adoption() throws {
        let directives = "cache 30"
        let address = TestPorts.next()
        func cache(_ text: String) throws -> CachePlugin {
            try #require(
                TestPlan.block(text, at: address, MetricRegistry()).plugins.compactMap { $0 as? CachePlugin }.first)
        }
        let (old, new, other) = (try cache(directives), try cache(directives), try cache("cache 60"))
        new.adopt(old)
        other.adopt(old)
        #expect(new.store === old.store)
        #expect(other.store !== old.store)
    }
}
