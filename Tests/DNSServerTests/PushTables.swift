import DNSServer
import DNSWire
import Snapshots
import Testing
import Text

/// Who is told of which names: the table beside a plain list of the same subscriptions.
@Suite struct PushTables {
    private struct Wish: Hashable {
        let session: UInt32
        let name: [UInt8]
        let type: RecordType
    }

    @Test("any order of subscriptions and their ends leaves what a list would", arguments: 0..<UInt64(20))
    func model(_ seed: UInt64) {
        var dice = SeededRandom(seed: seed)
        let feeds = [ChangeFeed(), ChangeFeed()]
        var table = PushTable()
        var list: [Wish: PushTable.SubscriptionID] = [:]
        func vouching(_ name: UInt8) -> Vouching { Vouching(feed: feeds[Int(name) % 2], key: UInt64(name / 2)) }
        for _ in 0..<2000 {
            let letter = UInt8.random(in: 0..<12, using: &dice)
            let wish = Wish(
                session: UInt32.random(in: 1...9, using: &dice), name: [1, letter, 0],
                type: Bool.random(using: &dice) ? .a : .srv)
            if let known = list.removeValue(forKey: wish) {
                let feed = table.unsubscribe(known)
                let isLast = !list.keys.contains { $0.name[1] % 2 == letter % 2 }
                #expect((feed != nil) == isLast, "a feed is left with its last subscription")
            } else {
                let entry =
                    table.find(wish.name, wish.type, 0)
                    ?? table.insert(.init(wish.name, wish.type, at: 0, vouching(letter), digest: 0))
                list[wish] = table.subscribe(session: wish.session, to: entry)
            }
        }
        #expect(table.count == list.count)
        #expect(table.entryCount == Set(list.keys.map { Wish(session: 0, name: $0.name, type: $0.type) }).count)
        for letter in 0..<UInt8(12) {
            for type in [RecordType.a, .srv] {
                let wanted = Set(list.keys.filter { $0.name[1] == letter && $0.type == type }.map(\.session))
                let entry = table.find([1, letter, 0], type, 0)
                #expect((entry == nil) == wanted.isEmpty)
                guard let entry else { continue }
                #expect(Set(table.subscribers(of: entry).map(\.session)) == wanted)
                let group = table.entries(of: vouching(letter).feed, vouching(letter).key)
                #expect(group.contains(entry))
            }
        }
    }

    @Test("an entry under another key is found there, and not where it was") func moves() {
        let (old, new) = (ChangeFeed(), ChangeFeed())
        var table = PushTable()
        let entry = table.insert(.init([1, 97, 0], .a, at: 0, Vouching(feed: old, key: 7), digest: 0))
        _ = table.subscribe(session: 1, to: entry)
        #expect(table.move(entry, to: old, 8) == nil)
        #expect(table.entries(of: old, 7).isEmpty && table.entries(of: old, 8) == [entry])
        #expect(table.move(entry, to: new, 8) === old)
        #expect(table.entries(of: old, 8).isEmpty && table.entries(of: new, 8) == [entry])
    }
}
