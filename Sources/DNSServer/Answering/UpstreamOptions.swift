package import DNSWire

/// EDNS options that a question is sent upstream with, and which of them clients hear of (RFC 6891 §6.1.2).
package final class UpstreamOptions: Sendable {
    /// The options as they stand in OPT, codes and lengths included.
    package let octets: [UInt8]
    /// What clients see in place of an upstream's option: the option that was there before, whole, or nothing.
    private let reverted: [UInt16: [UInt8]]

    /// The most octets they take together.
    package static let longest = 512

    /// Nil for more octets than `longest`.
    ///
    /// - Parameter reverted: by code; an empty one hides the option.
    package init?(_ octets: [UInt8], reverted: [UInt16: [UInt8]]) {
        guard octets.count <= Self.longest else { return nil }
        self.octets = octets
        self.reverted = reverted
    }

    /// The whole options that a client is shown of those that an upstream answered with.
    func shown(_ answered: [UInt8]) -> [[UInt8]] {
        withBytes(answered) { view in
            EDNSOptions(view).map { reverted[$0.code] ?? EDNSOptions.option($0.code, $0.data.array) }
        }
    }
}
