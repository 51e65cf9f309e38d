import DNSWire

extension ByteView {
    /// The octets of an ASCII literal, which live as long as the program.
    static func literal(_ text: StaticString) -> ByteView {
        unsafe ByteView(start: text.utf8Start, count: text.utf8CodeUnitCount)
    }
}

extension [UInt8] {
    mutating func append(_ value: UInt16) {
        unsafe Swift.withUnsafeBytes(of: value.bigEndian) { unsafe append(contentsOf: $0) }
    }

    mutating func append(_ value: UInt32) {
        unsafe Swift.withUnsafeBytes(of: value.bigEndian) { unsafe append(contentsOf: $0) }
    }

    /// Appends 4 or 16 octets in network order.
    mutating func append(_ address: IPAddress) {
        append(UInt32(truncatingIfNeeded: address.high >> 32))
        guard !address.isIPv4 else { return }
        append(UInt32(truncatingIfNeeded: address.high))
        append(UInt32(truncatingIfNeeded: address.low >> 32))
        append(UInt32(truncatingIfNeeded: address.low))
    }

    /// Appends `count` octets that `fill` writes, all of them.
    mutating func append(_ count: Int, _ fill: (OutputBytes) -> Void) {
        let start = self.count
        append(contentsOf: repeatElement(0, count: count))
        unsafe withUnsafeMutableBufferPointer { buffer in
            guard let base = buffer.baseAddress else { return }
            fill(unsafe OutputBytes(start: base + start, capacity: count))
        }
    }

    mutating func append(_ view: ByteView) {
        unsafe view.withUnsafeBuffer { unsafe append(contentsOf: $0) }
    }

    mutating func replace(at place: Int, with value: UInt32) {
        for index in 0..<4 { self[place + index] = UInt8(truncatingIfNeeded: value >> UInt32(24 - 8 * index)) }
    }
}

extension ByteView {
    /// The address of 4 or 16 octets that starts at `place`.
    func address(at place: Int, isIPv4: Bool) -> IPAddress {
        guard !isIPv4 else { return IPAddress(v4: uint32(at: place)) }
        return IPAddress(
            v6High: UInt64(uint32(at: place)) << 32 | UInt64(uint32(at: place + 4)),
            low: UInt64(uint32(at: place + 8)) << 32 | UInt64(uint32(at: place + 12)))
    }

    /// Addresses of one family that stand one behind the other.
    func addresses(isIPv4: Bool) -> [IPAddress] {
        stride(from: 0, to: count, by: isIPv4 ? 4 : 16).map { address(at: $0, isIPv4: isIPv4) }
    }
}

/// Runs `body` on a view of the first octets of an array on the stack, valid only inside it.
func withBytes<Result>(
    _ octets: InlineArray<255, UInt8>, _ count: Int, _ body: (ByteView) -> Result
) -> Result {
    unsafe octets.span.withUnsafeBufferPointer { buffer in
        guard let start = buffer.baseAddress, count <= buffer.count else { return body(.empty) }
        return body(unsafe ByteView(start: start, count: count))
    }
}

/// A block of octets that nobody changes any more: one shard of a table.
///
/// Safe to share: the block is filled before it gets here, and only ever read afterwards.
final class Shard: @unchecked Sendable {
    private let block: ByteBlock

    init(_ block: ByteBlock) { self.block = block }

    var view: ByteView { block.view }

    /// Every table reads eight zero octets as "no entries".
    static let empty = Shard(ByteBlock(capacity: 8))
}
