package import DNSWire

/// The order of names in a signed zone (RFC 4034 §6.1).
package enum CanonicalOrder {
    /// Below zero when `left` comes first, zero when both are the same name.
    ///
    /// - Parameters: whole uncompressed names.
    package static func compare(_ left: ByteView, _ right: ByteView) -> Int {
        var lefts = InlineArray<128, UInt8>(repeating: 0)
        var rights = InlineArray<128, UInt8>(repeating: 0)
        var leftCount = labels(of: left, into: &lefts)
        var rightCount = labels(of: right, into: &rights)
        while leftCount > 0, rightCount > 0 {
            leftCount -= 1
            rightCount -= 1
            let difference = compareLabels(left, Int(lefts[leftCount]), right, Int(rights[rightCount]))
            if difference != 0 { return difference }
        }
        return leftCount - rightCount
    }

    /// Where each label but the root's begins.
    private static func labels(of name: ByteView, into starts: inout InlineArray<128, UInt8>) -> Int {
        var count = 0
        var index = 0
        while let length = name.at(index), length > 0, count < 128 {
            starts[count] = UInt8(truncatingIfNeeded: index)
            count += 1
            index += Int(length) + 1
        }
        return count
    }

    private static func compareLabels(_ left: ByteView, _ leftStart: Int, _ right: ByteView, _ rightStart: Int) -> Int {
        let leftLength = Int(left[leftStart])
        let rightLength = Int(right[rightStart])
        for index in 1..<(min(leftLength, rightLength) + 1) {
            let difference = Int(folded(left[leftStart + index])) - Int(folded(right[rightStart + index]))
            if difference != 0 { return difference }
        }
        return leftLength - rightLength
    }
}
