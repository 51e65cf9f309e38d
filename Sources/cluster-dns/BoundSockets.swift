import DNSWire

/// Which datagram sockets are bound in this network namespace, by /proc/net/udp and /proc/net/udp6.
enum BoundSockets {
    static func haveAny(of addresses: [IPAddress], port: UInt16) -> Bool {
        let wanted = Set(addresses.map { key($0, port) })
        return ["/proc/net/udp", "/proc/net/udp6"].contains { path in
            let text = (try? System.readText(path)) ?? ""
            return text.split(separator: "\n").dropFirst().contains { line in
                let words = line.split(separator: " ", omittingEmptySubsequences: true)
                return words.count > 1 && wanted.contains(String(words[1]))
            }
        }
    }

    /// As the kernel prints an address: words of 32 bits as this machine has them, then the port.
    static func key(_ address: IPAddress, _ port: UInt16) -> String {
        let octets = address.octets
        var text = ""
        for start in stride(from: 0, to: octets.count, by: 4) {
            let word = octets[start..<start + 4].reversed().reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
            text += padded(UInt32(littleEndian: word), 8)
        }
        return "\(text):\(padded(UInt32(port), 4))"
    }

    private static func padded(_ value: UInt32, _ width: Int) -> String {
        let text = String(value, radix: 16, uppercase: true)
        return String(repeating: "0", count: max(0, width - text.count)) + text
    }
}
