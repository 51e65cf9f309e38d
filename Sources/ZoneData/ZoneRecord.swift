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
}
