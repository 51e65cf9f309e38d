/// One record of a zone in wire form, names uncompressed.
package struct ZoneRecord: Hashable, Sendable {
    /// Letter case as written.
    package var owner: [UInt8]
    package var type: UInt16
    package var `class`: UInt16
    /// Seconds.
    package var ttl: UInt32
    package var data: [UInt8]

    package init(owner: [UInt8], type: UInt16, class: UInt16 = 1, ttl: UInt32, data: [UInt8]) {
        self.owner = owner
        self.type = type
        self.class = `class`
        self.ttl = ttl
        self.data = data
    }

    /// The record as messages have it.
    package var wire: [UInt8] {
        func number(_ value: some BinaryInteger, _ count: Int) -> [UInt8] {
            (0..<count).map { UInt8(truncatingIfNeeded: value >> ((count - 1 - $0) * 8)) }
        }
        return owner + number(type, 2) + number(`class`, 2) + number(ttl, 4) + number(data.count, 2) + data
    }
}
