/// What a query asks and allows, read from its octets; valid while the message is.
package struct Query: BitwiseCopyable {
    package var id: UInt16 = 0
    /// The second 16 bits of the header as received.
    package var flags: UInt16 = 0
    /// QNAME as sent.
    package var name = ByteView.empty
    /// QNAME with letters folded, in memory of the reader.
    package var folded = ByteView.empty
    package var type = RecordType(rawValue: 0)
    package var `class`: UInt16 = 0
    /// Where the question section ends, in octets from the start of the message.
    package var questionEnd = 0
    package var edns: EDNS?
    /// Where its TSIG record begins, the last of the message; 0 without one (RFC 8945 §5.1).
    package var signatureOffset = 0

    package init() {}

    package var recursionDesired: Bool { flags & HeaderFlag.recursionDesired != 0 }
    package var checkingDisabled: Bool { flags & HeaderFlag.checkingDisabled != 0 }
    package var authenticData: Bool { flags & HeaderFlag.authenticData != 0 }
    package var opcode: UInt8 { UInt8(truncatingIfNeeded: flags >> 11) & 0xF }
}

/// The OPT record of a query (RFC 6891 §6.1).
package struct EDNS: BitwiseCopyable {
    /// The sender's UDP payload size in octets, as sent.
    package var payloadSize: UInt16
    package var version: UInt8
    package var dnssecOK: Bool
    /// Where the options stand in the message.
    package var optionsOffset: Int
    package var optionsLength: Int
}

/// Bits of the header's flags (RFC 1035 §4.1.1, RFC 4035 §3).
package enum HeaderFlag {
    package static let response: UInt16 = 0x8000
    package static let authoritative: UInt16 = 0x0400
    package static let truncated: UInt16 = 0x0200
    package static let recursionDesired: UInt16 = 0x0100
    package static let recursionAvailable: UInt16 = 0x0080
    package static let authenticData: UInt16 = 0x0020
    package static let checkingDisabled: UInt16 = 0x0010
    package static let opcodeMask: UInt16 = 0x7800
}

/// What is to happen with received octets before any handler sees them.
package enum Acceptance: Equatable {
    case accepted
    /// A primary says that a zone changed (RFC 1996).
    case notify
    /// Say nothing: not a query at all.
    case dropped
    /// Answer with this code alone.
    case rejected(ResponseCode)
}
