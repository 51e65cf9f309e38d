/// Octets within URLs (RFC 3986 §2.1).
package enum PercentEncoding {
    /// Everything but the unreserved characters as `%` and two digits.
    package static func encoded(_ text: String) -> String {
        var out = ""
        for octet in text.utf8 {
            switch octet {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"), UInt8(ascii: "."),
                UInt8(ascii: "~"):
                out.unicodeScalars.append(Unicode.Scalar(octet))
            default:
                out += octet < 16 ? "%0" : "%"
                out += String(octet, radix: 16, uppercase: true)
            }
        }
        return out
    }
}
