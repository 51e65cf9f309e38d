import DNSWire

/// Records of etcd at one moment, as a tree of names.
struct EtcdTable: Sendable {
    /// By key.
    private(set) var records: [String: EtcdRecord] = [:]
    /// Keys of the records at each name and below it.
    private var below: [Name: Set<String>] = [:]
    private var at: [Name: Set<String>] = [:]
    /// Counts changes.
    private(set) var serial: UInt32 = 1
    /// Nil once everything has been read.
    var missing: String? = "etcd has not been read yet"

    /// Replaces what is known of a key; nil for a key that is gone or holds no record.
    mutating func set(_ key: String, _ record: EtcdRecord?) {
        serial &+= 1
        if let old = records.removeValue(forKey: key) {
            at[old.name]?.remove(key)
            eachName(of: old) { below[$0]?.remove(key) }
        }
        guard let record else { return }
        records[key] = record
        at[record.name, default: []].insert(key)
        eachName(of: record) { below[$0, default: []].insert(key) }
    }

    private func eachName(of record: EtcdRecord, _ body: (Name) -> Void) {
        var name = record.name
        while name != .root {
            name = name.parent
            body(name)
        }
    }

    /// True when there is a record at the name or below it.
    func exists(_ name: Name) -> Bool { !(at[name] ?? []).isEmpty || !(below[name] ?? []).isEmpty }

    /// What answers a name: the records below it, or where there are none its own; of these only one group's.
    ///
    /// - Parameter exact: only its own.
    func records(_ name: Name, exact: Bool = false) -> [EtcdRecord] {
        var keys = exact ? [] : below[name] ?? []
        if keys.isEmpty { keys = at[name] ?? [] }
        return Self.group(keys.sorted().compactMap { records[$0] })
    }

    /// Of records that say a group, those of the group that the uppermost of them say, unless they disagree; all
    /// records that say none.
    private static func group(_ records: [EtcdRecord]) -> [EtcdRecord] {
        guard let least = records.lazy.filter({ !$0.group.isEmpty }).map(\.depth).min(),
            records.allSatisfy({ $0.depth >= least })
        else { return records }
        let groups = Set(records.lazy.filter { $0.depth == least && !$0.group.isEmpty }.map(\.group))
        guard groups.count == 1, let group = groups.first else { return records }
        return records.filter { $0.group.isEmpty || $0.group == group }
    }
}
