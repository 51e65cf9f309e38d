/// Compresses a stream as gzip (RFC 1952), with the fixed codes of deflate (RFC 1951): fast rather than small.
struct Gzip {
    private var out: [UInt8] = [0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 4, 255]
    private var bits: UInt64 = 0
    private var bitCount: UInt64 = 0
    private var checksum: UInt32 = 0xFFFF_FFFF
    private var length: UInt32 = 0
    /// The end of what came before: matches reach back into it.
    private var window: [UInt8] = []
    /// The latest place of each hash of four octets, counted from the start of the stream; -1 for none.
    private var latest = [Int](repeating: -1, count: 1 << hashBits)
    private var position = 0

    private static let hashBits = 15
    private static let reach = 32 * 1024
    private static let longest = 258

    /// Adds octets; `isLast` ends the stream.
    mutating func add(_ bytes: some Sequence<UInt8>, isLast: Bool) {
        let start = window.count
        window.append(contentsOf: bytes)
        for index in start..<window.count {
            checksum = checksum >> 8 ^ Self.remainders[Int((checksum ^ UInt32(window[index])) & 0xFF)]
        }
        length &+= UInt32(truncatingIfNeeded: window.count - start)
        // One block for each call: fixed codes, the first bit says whether it is the last.
        put(isLast ? 1 : 0, 1)
        put(1, 2)
        compress(from: start)
        put(0, 7)
        if isLast {
            while bitCount > 0 { put(0, 1) }
            for value in [checksum ^ 0xFFFF_FFFF, length] {
                for shift in [UInt32(0), 8, 16, 24] { out.append(UInt8(truncatingIfNeeded: value >> shift)) }
            }
        }
        if window.count > 2 * Self.reach {
            let surplus = window.count - Self.reach
            window.removeFirst(surplus)
            position += surplus
        }
    }

    /// Takes what has been compressed so far.
    mutating func takeOutput() -> [UInt8] {
        defer { out.removeAll(keepingCapacity: true) }
        return out
    }

    private mutating func compress(from start: Int) {
        var index = start
        while index < window.count {
            guard index + 4 <= window.count else {
                literal(window[index])
                index += 1
                continue
            }
            let word =
                UInt32(window[index]) | UInt32(window[index + 1]) << 8 | UInt32(window[index + 2]) << 16
                | UInt32(window[index + 3]) << 24
            let hash = Int((word &* 2_654_435_761) >> UInt32(32 - Self.hashBits))
            let candidate = latest[hash] - position
            latest[hash] = index + position
            guard candidate >= 0, candidate < index, index - candidate <= Self.reach else {
                literal(window[index])
                index += 1
                continue
            }
            var count = 0
            let most = min(Self.longest, window.count - index)
            while count < most, window[candidate + count] == window[index + count] { count += 1 }
            guard count >= 4 else {
                literal(window[index])
                index += 1
                continue
            }
            match(length: count, distance: index - candidate)
            index += count
        }
    }

    // MARK: Codes

    private mutating func put(_ value: UInt64, _ count: UInt64) {
        bits |= value << bitCount
        bitCount += count
        while bitCount >= 8 {
            out.append(UInt8(truncatingIfNeeded: bits))
            bits >>= 8
            bitCount -= 8
        }
        // The octet that is filled up at the end of the stream.
        if bitCount == 0 { bits = 0 }
    }

    /// Huffman codes are written from their highest bit.
    private mutating func code(_ value: UInt64, _ count: UInt64) {
        var reversed: UInt64 = 0
        for bit in 0..<count { reversed |= (value >> bit & 1) << (count - 1 - bit) }
        put(reversed, count)
    }

    private mutating func literal(_ byte: UInt8) {
        let (value, count) = Self.literals[Int(byte)]
        put(value, count)
    }

    private mutating func match(length: Int, distance: Int) {
        let (symbol, extra, extraBits) = Self.lengths[length - 3]
        if symbol < 280 { code(UInt64(symbol - 256), 7) } else { code(UInt64(0xC0 + symbol - 280), 8) }
        put(extra, extraBits)
        var place = 29
        while place > 0, Self.distances[place].base > distance { place -= 1 }
        code(UInt64(place), 5)
        put(UInt64(distance - Self.distances[place].base), Self.distances[place].extraBits)
    }

    private static let literals: [(UInt64, UInt64)] = (0..<256).map { byte in
        let (value, count): (UInt64, UInt64) = byte < 144 ? (0x30 + UInt64(byte), 8) : (0x190 + UInt64(byte) - 144, 9)
        var reversed: UInt64 = 0
        for bit in 0..<count { reversed |= (value >> bit & 1) << (count - 1 - bit) }
        return (reversed, count)
    }

    /// Symbol, extra value and its bits for each length from 3 on.
    private static let lengths: [(Int, UInt64, UInt64)] = {
        var all: [(Int, UInt64, UInt64)] = []
        var symbol = 257
        for group in 0..<7 {
            let extraBits = UInt64(group == 0 ? 0 : group - 1)
            for _ in 0..<4 {
                for extra in 0..<(UInt64(1) << extraBits) { all.append((symbol, extra, extraBits)) }
                symbol += 1
            }
        }
        // The longest has a symbol of its own.
        all[255] = (285, 0, 0)
        return all
    }()

    private static let distances: [(base: Int, extraBits: UInt64)] = {
        var all: [(base: Int, extraBits: UInt64)] = []
        var base = 1
        for symbol in 0..<30 {
            let extraBits = UInt64(max(0, symbol / 2 - 1))
            all.append((base, extraBits))
            base += 1 << Int(extraBits)
        }
        return all
    }()

    /// The remainders of CRC-32 for each octet.
    private static let remainders: [UInt32] = (0..<256).map { byte in
        (0..<8).reduce(UInt32(byte)) { value, _ in value & 1 == 1 ? value >> 1 ^ 0xEDB8_8320 : value >> 1 }
    }
}
