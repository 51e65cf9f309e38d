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

extension EDNSOptions {
    /// A whole option: code, length and data, of which there are fewer than 65,536 octets.
    package static func option(_ code: UInt16, _ data: [UInt8]) -> [UInt8] {
        let length = UInt16(truncatingIfNeeded: data.count)
        return [UInt8(code >> 8), UInt8(code & 0xFF), UInt8(length >> 8), UInt8(length & 0xFF)] + data
    }
}
