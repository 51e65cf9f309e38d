package import DNSWire
package import Snapshots

/// Who is to be told of which names on one loop.
///
/// Numbers instead of references: a million subscriptions are 16 octets each, beside the map of their connection.
package struct PushTable {
    package typealias EntryID = UInt32
    package typealias SubscriptionID = UInt32
    package static let none = UInt32.max

    /// One name and type that somebody wants to be told of.
    package struct Entry {
        /// Folded, in wire form; empty for a place that is free.
        package var name: [UInt8]
        package var type: RecordType
        /// The number of the place where it is asked.
        package var place: UInt16
        package var isPending = false
        package var feed: ChangeFeed
        package var key: UInt64
        /// What all of its subscribers have been told, or can have asked for.
        package var digest: UInt64
        package fileprivate(set) var first: SubscriptionID = none
        fileprivate var nextOfName: EntryID = none
        fileprivate var nextOfKey: EntryID = none
        fileprivate var previousOfKey: EntryID = none

        package init(_ name: [UInt8], _ type: RecordType, at place: UInt16, _ vouching: Vouching, digest: UInt64) {
            self.name = name
            self.type = type
            self.place = place
            (feed, key) = (vouching.feed, vouching.key)
            self.digest = digest
        }
    }

    package struct Subscription {
        package fileprivate(set) var entry: EntryID
        /// The number of its session.
        package fileprivate(set) var session: UInt32
        fileprivate var previous: SubscriptionID
        package fileprivate(set) var next: SubscriptionID
    }

    private struct GroupKey: Hashable {
        let feed: ObjectIdentifier
        let key: UInt64

        init(_ entry: borrowing Entry) { (feed, key) = (ObjectIdentifier(entry.feed), entry.key) }
        init(_ feed: ChangeFeed, _ key: UInt64) { (self.feed, self.key) = (ObjectIdentifier(feed), key) }
    }

    private var entries: [Entry] = []
    private var freeEntries: [EntryID] = []
    private var subscriptions: [Subscription] = []
    private var freeSubscriptions: [SubscriptionID] = []
    /// By a hash of name, type and place.
    private var byName: [UInt64: EntryID] = [:]
    private var byKey: [GroupKey: EntryID] = [:]
    /// Entries of each feed.
    private var feeds: [ObjectIdentifier: Int] = [:]
    private let seed = UInt64.random(in: 1 ... .max)

    package init() {}

    package var count: Int { subscriptions.count - freeSubscriptions.count }
    package var entryCount: Int { entries.count - freeEntries.count }
    /// Every entry there is.
    package var all: [EntryID] { entries.indices.lazy.map(EntryID.init).filter { !entries[Int($0)].name.isEmpty } }

    package subscript(entry: EntryID) -> Entry {
        get { entries[Int(entry)] }
        _modify { yield &entries[Int(entry)] }
    }

    // MARK: Entries

    private func hash(_ name: [UInt8], _ type: RecordType, _ place: UInt16) -> UInt64 {
        withBytes(name) { $0.hash(seed: seed ^ UInt64(type.rawValue) << 16 ^ UInt64(place)) }
    }

    package func find(_ name: [UInt8], _ type: RecordType, _ place: UInt16) -> EntryID? {
        var next = byName[hash(name, type, place)] ?? Self.none
        while next != Self.none {
            let entry = entries[Int(next)]
            if entry.type == type, entry.place == place, entry.name == name { return next }
            next = entry.nextOfName
        }
        return nil
    }

    package mutating func insert(_ entry: consuming Entry) -> EntryID {
        let feed = ObjectIdentifier(entry.feed)
        let hash = hash(entry.name, entry.type, entry.place)
        let group = GroupKey(entry)
        let id = freeEntries.popLast() ?? EntryID(entries.count)
        entry.nextOfName = byName.updateValue(id, forKey: hash) ?? Self.none
        if Int(id) == entries.count { entries.append(entry) } else { entries[Int(id)] = entry }
        feeds[feed, default: 0] += 1
        linkToKey(id, group)
        return id
    }

    /// Puts an entry under another key.
    ///
    /// - Returns: a feed that nothing is left of.
    package mutating func move(_ id: EntryID, to feed: ChangeFeed, _ key: UInt64) -> ChangeFeed? {
        guard entries[Int(id)].feed !== feed || entries[Int(id)].key != key else { return nil }
        feeds[ObjectIdentifier(feed), default: 0] += 1
        let last = unlinkFromKey(id)
        entries[Int(id)].feed = feed
        entries[Int(id)].key = key
        linkToKey(id, GroupKey(feed, key))
        return last
    }

    /// The entries that change together.
    package func entries(of feed: ChangeFeed, _ key: UInt64) -> [EntryID] {
        var found: [EntryID] = []
        var next = byKey[GroupKey(feed, key)] ?? Self.none
        while next != Self.none {
            found.append(next)
            next = entries[Int(next)].nextOfKey
        }
        return found
    }

    /// Both ways, for very many names may change together, as all do that never change.
    private mutating func linkToKey(_ id: EntryID, _ group: GroupKey) {
        let next = byKey.updateValue(id, forKey: group) ?? Self.none
        entries[Int(id)].nextOfKey = next
        entries[Int(id)].previousOfKey = Self.none
        if next != Self.none { entries[Int(next)].previousOfKey = id }
    }

    /// - Returns: the entry's feed when this was the last of it.
    private mutating func unlinkFromKey(_ id: EntryID) -> ChangeFeed? {
        let entry = entries[Int(id)]
        let (previous, next) = (entry.previousOfKey, entry.nextOfKey)
        if next != Self.none { entries[Int(next)].previousOfKey = previous }
        if previous != Self.none {
            entries[Int(previous)].nextOfKey = next
        } else {
            byKey[GroupKey(entry)] = next == Self.none ? nil : next
        }
        let feed = ObjectIdentifier(entry.feed)
        feeds[feed, default: 1] -= 1
        guard feeds[feed] == 0 else { return nil }
        feeds[feed] = nil
        return entry.feed
    }

    private mutating func remove(_ id: EntryID) -> ChangeFeed? {
        let entry = entries[Int(id)]
        let hash = hash(entry.name, entry.type, entry.place)
        var next = byName[hash] ?? Self.none
        if next == id {
            byName[hash] = entry.nextOfName == Self.none ? nil : entry.nextOfName
        } else {
            while next != Self.none, entries[Int(next)].nextOfName != id { next = entries[Int(next)].nextOfName }
            if next != Self.none { entries[Int(next)].nextOfName = entry.nextOfName }
        }
        let last = unlinkFromKey(id)
        entries[Int(id)].name = []
        entries[Int(id)].isPending = false
        freeEntries.append(id)
        return last
    }

    // MARK: Subscriptions

    package mutating func subscribe(session: UInt32, to entry: EntryID) -> SubscriptionID {
        let first = entries[Int(entry)].first
        let new = Subscription(entry: entry, session: session, previous: Self.none, next: first)
        let number = freeSubscriptions.popLast() ?? SubscriptionID(subscriptions.count)
        if Int(number) == subscriptions.count { subscriptions.append(new) } else { subscriptions[Int(number)] = new }
        if first != Self.none { subscriptions[Int(first)].previous = number }
        entries[Int(entry)].first = number
        return number
    }

    /// - Returns: a feed that nothing is left of.
    package mutating func unsubscribe(_ number: SubscriptionID) -> ChangeFeed? {
        let gone = subscriptions[Int(number)]
        if gone.next != Self.none { subscriptions[Int(gone.next)].previous = gone.previous }
        if gone.previous != Self.none {
            subscriptions[Int(gone.previous)].next = gone.next
        } else {
            entries[Int(gone.entry)].first = gone.next
        }
        freeSubscriptions.append(number)
        guard entries[Int(gone.entry)].first == Self.none else { return nil }
        return remove(gone.entry)
    }

    /// The subscriptions to an entry.
    package func subscribers(of entry: EntryID) -> some Sequence<Subscription> {
        sequence(state: entries[Int(entry)].first) { next in
            guard next != Self.none else { return nil }
            let found = subscriptions[Int(next)]
            next = found.next
            return found
        }
    }
}
