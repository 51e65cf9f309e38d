/// An amount of CPU or memory, exact to a billionth of a unit (Kubernetes resource.Quantity).
package struct Quantity: Equatable, Sendable, Comparable {
    /// Billionths of a core or an octet.
    package private(set) var nano: Int128

    package static let zero = Quantity(nano: 0)
    /// The largest amount that a Quantity holds: 2^63 - 1 whole units.
    private static let largest = Int128(Int64.max) * 1_000_000_000

    private init(nano: Int128) { self.nano = nano }

    /// - Parameter text: sign, digits with a fraction, then one of n u m k M G T P E, Ki Mi Gi Ti Pi Ei, or an
    ///   exponent; nil for anything else. What is finer than a billionth is rounded up.
    package init?(_ text: String) {
        var rest = Substring(text)
        var isNegative = false
        if let sign = rest.first, sign == "+" || sign == "-" {
            isNegative = sign == "-"
            rest = rest.dropFirst()
        }
        let number = rest.prefix { $0.isASCII && ($0.isNumber || $0 == ".") }
        guard let (power, doublings) = Self.scale(rest.dropFirst(number.count)),
            let magnitude = Self.magnitude(number, power: power + 9, kibi: doublings)
        else { return nil }
        nano = isNegative ? -magnitude : magnitude
    }

    /// A suffix as a power of ten and a power of 1024.
    private static func scale(_ suffix: Substring) -> (power: Int, kibi: Int)? {
        switch suffix {
        case "n": return (-9, 0)
        case "u": return (-6, 0)
        case "m": return (-3, 0)
        case "": return (0, 0)
        case "k": return (3, 0)
        case "M": return (6, 0)
        case "G": return (9, 0)
        case "T": return (12, 0)
        case "P": return (15, 0)
        case "E": return (18, 0)
        case "Ki": return (0, 1)
        case "Mi": return (0, 2)
        case "Gi": return (0, 3)
        case "Ti": return (0, 4)
        case "Pi": return (0, 5)
        case "Ei": return (0, 6)
        default:
            guard let mark = suffix.first, mark == "e" || mark == "E" else { return nil }
            guard let exponent = Int32(suffix.dropFirst()) else { return nil }
            return (Int(exponent), 0)
        }
    }

    /// The number times 10^power times 1024^kibi, rounded up, at most `largest`; nil without a digit.
    private static func magnitude(_ number: Substring, power: Int, kibi: Int) -> Int128? {
        var mantissa: Int128 = 0
        var power = power
        var hasDigit = false
        var isPastPoint = false
        // Something finer than what is kept, which rounds up.
        var hasRest = false
        // So many digits that the product with 1024^6 still fits; one more is beyond a billionth or `largest`.
        let mostMantissa: Int128 = kibi == 0 ? 1_000_000_000_000_000_000_000_000_000 : 10_000_000_000_000_000_000
        for octet in number.utf8 {
            guard octet != UInt8(ascii: ".") else {
                guard !isPastPoint else { return nil }
                isPastPoint = true
                continue
            }
            hasDigit = true
            let digit = Int128(octet - UInt8(ascii: "0"))
            if mantissa < mostMantissa {
                mantissa = mantissa * 10 + digit
                if isPastPoint { power -= 1 }
            } else {
                hasRest = hasRest || digit > 0
                if !isPastPoint { power += 1 }
            }
        }
        guard hasDigit else { return nil }
        guard mantissa > 0 else { return 0 }
        return scaled(mantissa, power: power, kibi: kibi, hasRest: hasRest)
    }

    private static func scaled(_ mantissa: Int128, power: Int, kibi: Int, hasRest: Bool) -> Int128 {
        var (value, power, hasRest) = (mantissa, power, hasRest)
        for _ in 0..<kibi where value <= Int128.max >> 10 { value <<= 10 }
        while power > 0, value <= largest {
            value *= 10
            power -= 1
        }
        while power < 0, value > 0 {
            hasRest = hasRest || value % 10 > 0
            value /= 10
            power += 1
        }
        return min(hasRest ? value + 1 : value, largest)
    }

    package static func < (one: Quantity, other: Quantity) -> Bool { one.nano < other.nano }

    package static func + (one: Quantity, other: Quantity) -> Quantity { Quantity(nano: one.nano &+ other.nano) }
    package static func - (one: Quantity, other: Quantity) -> Quantity { Quantity(nano: one.nano &- other.nano) }

    /// Whole units, such as octets, rounded up away from zero as Quantity.Value does.
    package var units: Int {
        let whole = nano / 1_000_000_000
        let rest = nano % 1_000_000_000
        return Int(clamping: whole + rest.signum())
    }

    /// Whole cores, within 32 bits.
    package var cores: Int { min(max(units, Int(Int32.min)), Int(Int32.max)) }
}
