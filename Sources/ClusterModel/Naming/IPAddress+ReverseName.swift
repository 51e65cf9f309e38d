import DNSWire

extension IPAddress {
    /// The folded name below `in-addr.arpa` (RFC 1035 §3.5) or `ip6.arpa` (RFC 3596 §2.5) in wire form.
    var reverseName: [UInt8] {
        var wire: [UInt8] = []
        for octet in octets.reversed() {
            if isIPv4 {
                let text = Array(String(octet).utf8)
                wire.append(UInt8(text.count))
                wire += text
            } else {
                for nibble in [octet & 0xF, octet >> 4] {
                    wire += [1, nibble < 10 ? UInt8(ascii: "0") + nibble : UInt8(ascii: "a") + nibble - 10]
                }
            }
        }
        return wire + (isIPv4 ? Array("\u{7}in-addr\u{4}arpa\u{0}".utf8) : Array("\u{3}ip6\u{4}arpa\u{0}".utf8))
    }
}
