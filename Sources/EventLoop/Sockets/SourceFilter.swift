import CLinux

/// Which part of the datagrams from some addresses the kernel drops before they take a place in a socket's queue.
///
/// A program of classic BPF, which needs no privilege: it reads the source from the IP header in front of the datagram, and
/// a random number (Linux, Documentation/networking/filter.rst).
package struct SourceFilter: Equatable {
    /// For one address; its port does not matter.
    package struct Rule: Equatable {
        package let source: SocketAddress
        /// The part that stays, 0 to 1.
        package let kept: Double

        package init(_ source: SocketAddress, kept: Double) {
            self.source = source
            self.kept = kept
        }
    }

    package let rules: [Rule]
    /// As many as a program of the kernel's usual limits holds with room to spare.
    package static let mostRules = 64

    /// - Parameter rules: at most `mostRules`; the others are left out.
    package init(_ rules: [Rule]) { self.rules = Array(rules.prefix(Self.mostRules)) }

    /// Empty without rules.
    var program: [sock_filter] {
        guard !rules.isEmpty else { return [] }
        let (four, six) = (
            Self.instructions(rules.filter(\.source.isIPv4)), Self.instructions(rules.filter { !$0.source.isIPv4 })
        )
        // The version is the first half of the first octet of either header.
        return [
            Self.load(BPF_B, at: SKF_NET_OFF),
            sock_filter(code: UInt16(BPF_ALU | BPF_AND | BPF_K), jt: 0, jf: 0, k: 0xF0),
            sock_filter(code: UInt16(BPF_JMP | BPF_JEQ | BPF_K), jt: 1, jf: 0, k: 0x40),
            sock_filter(code: UInt16(BPF_JMP | BPF_JA), jt: 0, jf: 0, k: UInt32(four.count)),
        ] + four + six
    }

    /// All rules of one version, ending in the verdict for addresses without a rule.
    private static func instructions(_ rules: [Rule]) -> [sock_filter] {
        rules.flatMap(instructions) + [give(.max)]
    }

    private static func instructions(_ rule: Rule) -> [sock_filter] {
        let verdict = [
            load(BPF_W, at: SKF_AD_OFF + SKF_AD_RANDOM),
            sock_filter(code: UInt16(BPF_JMP | BPF_JGE | BPF_K), jt: 0, jf: 1, k: part(rule.kept)),
            give(0), give(.max),
        ]
        var result = verdict
        for (offset, word) in words(rule.source).reversed() {
            let matched = sock_filter(
                code: UInt16(BPF_JMP | BPF_JEQ | BPF_K), jt: 0, jf: UInt8(result.count), k: word)
            result = [load(BPF_W, at: SKF_NET_OFF + offset), matched] + result
        }
        return result
    }

    /// Where in the IP header the source stands, and what is there.
    private static func words(_ source: SocketAddress) -> [(Int32, UInt32)] {
        if source.isIPv4 { return [(12, UInt32(truncatingIfNeeded: source.high >> 32))] }
        return [
            (8, UInt32(truncatingIfNeeded: source.high >> 32)), (12, UInt32(truncatingIfNeeded: source.high)),
            (16, UInt32(truncatingIfNeeded: source.low >> 32)), (20, UInt32(truncatingIfNeeded: source.low)),
        ]
    }

    private static func part(_ kept: Double) -> UInt32 { UInt32(max(0, min(1, kept)) * Double(UInt32.max)) }

    private static func load(_ size: Int32, at offset: Int32) -> sock_filter {
        sock_filter(code: UInt16(BPF_LD | size | BPF_ABS), jt: 0, jf: 0, k: UInt32(bitPattern: offset))
    }

    private static func give(_ octets: UInt32) -> sock_filter {
        sock_filter(code: UInt16(BPF_RET | BPF_K), jt: 0, jf: 0, k: octets)
    }
}
