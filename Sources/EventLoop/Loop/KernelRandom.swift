import CLinux

/// Numbers that nobody can guess, fetched from the kernel many at a time (getrandom(2)).
package struct KernelRandom: RandomNumberGenerator {
    private var numbers: [UInt64]
    private var position: Int

    private static let count = 128

    package init() {
        numbers = Array(repeating: 0, count: Self.count)
        position = Self.count
    }

    package mutating func next() -> UInt64 {
        if position == Self.count {
            unsafe numbers.withUnsafeMutableBytes { unsafe cl_random($0.baseAddress, $0.count) }
            position = 0
        }
        defer {
            // What was given out is not kept.
            numbers[position] = 0
            position += 1
        }
        return numbers[position]
    }
}
