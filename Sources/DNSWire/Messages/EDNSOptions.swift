/// The options in the data of an OPT record (RFC 6891 §6.1.2); ends at the first that is cut.
package struct EDNSOptions: Sequence, IteratorProtocol {
    private let octets: ByteView
    private var offset = 0

    /// - Parameter octets: the record's data.
    package init(_ octets: ByteView) { self.octets = octets }

    /// True once every option has been read.
    package var isAtEnd: Bool { offset == octets.count }

    package mutating func next() -> (code: UInt16, data: ByteView)? {
        guard offset + 4 <= octets.count else { return nil }
        let length = Int(octets.uint16(at: offset + 2))
        guard length <= octets.count - offset - 4 else { return nil }
        let option = (code: octets.uint16(at: offset), data: octets.slice(offset + 4, length))
        offset += 4 + length
        return option
    }
}
