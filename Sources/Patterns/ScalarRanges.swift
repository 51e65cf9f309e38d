/// A set of characters as ranges of their code points, sorted and apart from each other.
struct ScalarRanges: Equatable, Sendable {
    private(set) var ranges: [ClosedRange<UInt32>]

    static let last: UInt32 = 0x10FFFF

    /// - Parameter ranges: in any order, overlapping or not.
    init(_ ranges: [ClosedRange<UInt32>]) {
        var merged: [ClosedRange<UInt32>] = []
        for range in ranges.sorted(by: { $0.lowerBound < $1.lowerBound }) {
            if let previous = merged.last, range.lowerBound <= previous.upperBound &+ 1 {
                merged[merged.count - 1] = previous.lowerBound...max(previous.upperBound, range.upperBound)
            } else {
                merged.append(range)
            }
        }
        self.ranges = merged
    }

    init(_ scalar: UInt32) { ranges = [scalar...scalar] }

    /// Every character but these.
    var inverted: ScalarRanges {
        var result: [ClosedRange<UInt32>] = []
        var next: UInt32 = 0
        for range in ranges {
            if range.lowerBound > next { result.append(next...(range.lowerBound - 1)) }
            next = range.upperBound &+ 1
        }
        if next <= Self.last { result.append(next...Self.last) }
        return ScalarRanges(result)
    }

    /// These and the same letters of the other case, A to Z only, as names are compared (RFC 4343 §3).
    var ignoringCase: ScalarRanges {
        var result = ranges
        for range in ranges {
            result += Self.part(of: range, in: 0x41...0x5A).map { ($0.lowerBound + 32)...($0.upperBound + 32) }
            result += Self.part(of: range, in: 0x61...0x7A).map { ($0.lowerBound - 32)...($0.upperBound - 32) }
        }
        return ScalarRanges(result)
    }

    private static func part(of range: ClosedRange<UInt32>, in letters: ClosedRange<UInt32>) -> [ClosedRange<UInt32>] {
        range.overlaps(letters) ? [range.clamped(to: letters)] : []
    }

    func contains(_ scalar: UInt32) -> Bool {
        var low = 0
        var high = ranges.count
        while low < high {
            let middle = (low + high) / 2
            if ranges[middle].upperBound < scalar { low = middle + 1 } else { high = middle }
        }
        return low < ranges.count && ranges[low].contains(scalar)
    }

    static let any = ScalarRanges([0...last])
    static let notNewline = ScalarRanges(0x0A).inverted
    static let digits = ScalarRanges([0x30...0x39])
    static let spaces = ScalarRanges([0x09...0x0A, 0x0C...0x0D, 0x20...0x20])
    static let words = ScalarRanges([0x30...0x39, 0x41...0x5A, 0x5F...0x5F, 0x61...0x7A])

    /// The class of this name in `[[:name:]]`, of ASCII alone.
    static func posix(_ name: String) -> ScalarRanges? {
        switch name {
        case "alnum": ScalarRanges([0x30...0x39, 0x41...0x5A, 0x61...0x7A])
        case "alpha": ScalarRanges([0x41...0x5A, 0x61...0x7A])
        case "ascii": ScalarRanges([0...0x7F])
        case "blank": ScalarRanges([0x09...0x09, 0x20...0x20])
        case "cntrl": ScalarRanges([0...0x1F, 0x7F...0x7F])
        case "digit": digits
        case "graph": ScalarRanges([0x21...0x7E])
        case "lower": ScalarRanges([0x61...0x7A])
        case "print": ScalarRanges([0x20...0x7E])
        case "punct": ScalarRanges([0x21...0x2F, 0x3A...0x40, 0x5B...0x60, 0x7B...0x7E])
        case "space": ScalarRanges([0x09...0x0D, 0x20...0x20])
        case "upper": ScalarRanges([0x41...0x5A])
        case "word": words
        case "xdigit": ScalarRanges([0x30...0x39, 0x41...0x46, 0x61...0x66])
        default: nil
        }
    }
}
