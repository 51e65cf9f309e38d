import DNSWire

/// What makes a record one of its own: owner, type, class and data, letter case of names aside, and not its TTL.
package struct RecordKey: Hashable, Sendable {
    private let owner: [UInt8]
    private let type: UInt16
    private let `class`: UInt16
    private let data: [UInt8]

    package init(_ record: ZoneRecord) {
        owner = record.owner.map(folded)
        (type, `class`) = (record.type, record.class)
        data = CanonicalData.canonical(record.data, RecordType(rawValue: record.type))
    }
}
