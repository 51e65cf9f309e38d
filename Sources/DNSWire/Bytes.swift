// The only file of this target that touches raw memory: every access below is checked against the bounds it carries.

/// Octets that somebody else keeps alive; valid until the owner reuses or frees them.
@safe package struct ByteView: BitwiseCopyable {
    @usableFromInline let start: UnsafePointer<UInt8>
    package let count: Int

    @inlinable package init(start: UnsafePointer<UInt8>, count: Int) {
        unsafe self.start = unsafe start
        self.count = count
    }

    /// A view of no octets.
    package static var empty: ByteView { unsafe ByteView(start: emptyByte, count: 0) }

    @inlinable package subscript(index: Int) -> UInt8 {
        precondition(index >= 0 && index < count)
        return unsafe start[index]
    }

    /// The octet at `index`, or nil past either end.
    @inlinable package func at(_ index: Int) -> UInt8? {
        index >= 0 && index < count ? unsafe start[index] : nil
    }

    /// Two octets in network order; the caller has checked that they are there.
    @inlinable package func uint16(at index: Int) -> UInt16 {
        precondition(index >= 0 && count >= 2 && index <= count - 2)
        return unsafe UInt16(bigEndian: UnsafeRawPointer(start).loadUnaligned(fromByteOffset: index, as: UInt16.self))
    }

    /// Four octets in network order; the caller has checked that they are there.
    @inlinable package func uint32(at index: Int) -> UInt32 {
        precondition(index >= 0 && count >= 4 && index <= count - 4)
        return unsafe UInt32(bigEndian: UnsafeRawPointer(start).loadUnaligned(fromByteOffset: index, as: UInt32.self))
    }

    /// The octets from `offset` on, `count` of them.
    @inlinable package func slice(_ offset: Int, _ length: Int) -> ByteView {
        precondition(offset >= 0 && length >= 0 && offset <= count && length <= count - offset)
        return unsafe ByteView(start: start + offset, count: length)
    }

    @inlinable package func suffix(from offset: Int) -> ByteView { slice(offset, count - offset) }

    /// True when both hold the same octets.
    @inlinable package func equals(_ other: ByteView) -> Bool {
        guard count == other.count else { return false }
        var index = 0
        while index &+ 8 <= count {
            let left = unsafe UnsafeRawPointer(start).loadUnaligned(fromByteOffset: index, as: UInt64.self)
            let right = unsafe UnsafeRawPointer(other.start).loadUnaligned(fromByteOffset: index, as: UInt64.self)
            if left != right { return false }
            index &+= 8
        }
        while index < count {
            if unsafe start[index] != other.start[index] { return false }
            index &+= 1
        }
        return true
    }

    @inlinable package func hasSuffix(_ other: ByteView) -> Bool {
        count >= other.count && slice(count - other.count, other.count).equals(other)
    }

    /// A keyed mix of the octets, for tables whose keys an attacker may choose.
    @inlinable package func hash(seed: UInt64) -> UInt64 {
        var state = seed ^ (UInt64(truncatingIfNeeded: count) &* 0x9E37_79B9_7F4A_7C15)
        var index = 0
        while index &+ 8 <= count {
            let word = unsafe UnsafeRawPointer(start).loadUnaligned(fromByteOffset: index, as: UInt64.self)
            state = mixed(state ^ word)
            index &+= 8
        }
        var rest: UInt64 = 0
        while index < count {
            rest = rest << 8 | UInt64(unsafe start[index])
            index &+= 1
        }
        return mixed(state ^ rest ^ 0xA076_1D64_78BD_642F)
    }

    /// For system calls; `body` must not keep the buffer.
    package func withUnsafeBuffer<Result>(_ body: (UnsafeBufferPointer<UInt8>) -> Result) -> Result {
        unsafe body(UnsafeBufferPointer(start: start, count: count))
    }

    package var array: [UInt8] { unsafe Array(UnsafeBufferPointer(start: start, count: count)) }
}

/// One round of the 64×64→128 bit multiply-and-fold mix.
@inlinable func mixed(_ value: UInt64) -> UInt64 {
    let product = value.multipliedFullWidth(by: 0xE703_7ED1_A0B4_28DB)
    return product.high ^ product.low ^ value
}

// A pointer that is never read, only a valid address for views of no octets.
nonisolated(unsafe) private let emptyByte: UnsafePointer<UInt8> = {
    let byte = UnsafeMutablePointer<UInt8>.allocate(capacity: 1)
    unsafe byte.initialize(to: 0)
    return unsafe UnsafePointer(byte)
}()

/// Writable octets that somebody else keeps alive.
@safe package struct OutputBytes: BitwiseCopyable {
    @usableFromInline let start: UnsafeMutablePointer<UInt8>
    package let capacity: Int

    @inlinable package init(start: UnsafeMutablePointer<UInt8>, capacity: Int) {
        unsafe self.start = unsafe start
        self.capacity = capacity
    }

    @inlinable package func store(_ value: UInt8, at index: Int) {
        precondition(index >= 0 && index < capacity)
        unsafe start[index] = value
    }

    @inlinable package func store(_ value: UInt16, at index: Int) {
        precondition(index >= 0 && capacity >= 2 && index <= capacity - 2)
        unsafe UnsafeMutableRawPointer(start).storeBytes(of: value.bigEndian, toByteOffset: index, as: UInt16.self)
    }

    @inlinable package func store(_ value: UInt32, at index: Int) {
        precondition(index >= 0 && capacity >= 4 && index <= capacity - 4)
        unsafe UnsafeMutableRawPointer(start).storeBytes(of: value.bigEndian, toByteOffset: index, as: UInt32.self)
    }

    /// Copies all of `source` to `index` on; the two must not overlap.
    @inlinable package func copy(_ source: ByteView, to index: Int) {
        precondition(index >= 0 && index <= capacity && source.count <= capacity - index)
        guard source.count > 0 else { return }
        unsafe (start + index).update(from: source.start, count: source.count)
    }

    /// The first `count` octets for reading.
    @inlinable package func view(_ count: Int) -> ByteView {
        precondition(count >= 0 && count <= capacity)
        return unsafe ByteView(start: UnsafePointer(start), count: count)
    }

    @inlinable package func view(_ offset: Int, _ count: Int) -> ByteView {
        precondition(offset >= 0 && count >= 0 && offset <= capacity && count <= capacity - offset)
        return unsafe ByteView(start: UnsafePointer(start + offset), count: count)
    }

    /// For system calls; `body` must not keep the buffer.
    package func withUnsafeBuffer<Result>(_ body: (UnsafeMutableBufferPointer<UInt8>) -> Result) -> Result {
        unsafe body(UnsafeMutableBufferPointer(start: start, count: capacity))
    }

    /// Writable octets from `offset` on.
    /// The first `count` octets, or all where there are fewer.
    @inlinable package func prefix(_ count: Int) -> OutputBytes {
        unsafe OutputBytes(start: start, capacity: min(max(0, count), capacity))
    }

    @inlinable package func suffix(from offset: Int) -> OutputBytes {
        precondition(offset >= 0 && offset <= capacity)
        return unsafe OutputBytes(start: start + offset, capacity: capacity - offset)
    }
}

/// A fixed block of memory, freed with its last reference.
@safe package final class ByteBlock {
    package let bytes: OutputBytes

    package init(capacity: Int) {
        let start = UnsafeMutablePointer<UInt8>.allocate(capacity: max(capacity, 1))
        unsafe start.initialize(repeating: 0, count: max(capacity, 1))
        bytes = unsafe OutputBytes(start: start, capacity: capacity)
    }

    /// - Parameter octets: copied.
    package convenience init(_ octets: some Collection<UInt8>) {
        self.init(capacity: octets.count)
        for (index, octet) in octets.enumerated() { bytes.store(octet, at: index) }
    }

    deinit { unsafe bytes.start.deallocate() }

    package var view: ByteView { bytes.view(bytes.capacity) }
}

/// Runs `body` on a view of the array's octets, valid only inside it.
package func withBytes<Result>(_ array: [UInt8], _ body: (ByteView) throws -> Result) rethrows -> Result {
    try unsafe array.withUnsafeBufferPointer { buffer in
        guard let start = buffer.baseAddress else { return try body(.empty) }
        return try body(unsafe ByteView(start: start, count: buffer.count))
    }
}
