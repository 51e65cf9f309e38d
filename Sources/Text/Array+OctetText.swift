extension Array<UInt8> {
    /// Appends text as UTF-8, without memory of its own.
    package mutating func append(text: String) { append(contentsOf: text.utf8) }

    /// Appends a number in decimal, with zeros in front up to `digits`.
    package mutating func append(decimal value: UInt64, digits: Int = 1) {
        var power: UInt64 = 1
        var length = 1
        while length < 20, length < digits || value / power >= 10 {
            power *= 10
            length += 1
        }
        while power > 0 {
            append(UInt8(ascii: "0") + UInt8(truncatingIfNeeded: value / power % 10))
            power /= 10
        }
    }
}
