import DNSServer
import DNSWire
import EventLoop
import Text

/// dnstap's Message.Type, those of them that are sent.
enum DnstapKind: UInt64 {
    case clientQuery = 5
    case clientResponse = 6
    case forwarderQuery = 7
    case forwarderResponse = 8

    var isResponse: Bool { self == .clientResponse || self == .forwarderResponse }
}

/// What is told of one message (dnstap.proto).
struct DnstapMessage {
    let kind: DnstapKind
    /// The client's, or the upstream's.
    let address: SocketAddress
    let isClient: Bool
    /// SocketProtocol: UDP 1, TCP 2, DOT 3, DOH 4.
    let transport: UInt64
    /// Nanoseconds since 1970.
    let queryTime: UInt64
    let responseTime: UInt64?

    /// Appends the fields of dnstap's Message.
    ///
    /// - Parameter octets: the DNS message; none where it is not to be told.
    func write(_ octets: [UInt8], to out: inout [UInt8]) {
        Protobuf.append(1, number: kind.rawValue, to: &out)
        Protobuf.append(2, number: address.isIPv4 ? 1 : 2, to: &out)
        Protobuf.append(3, number: transport, to: &out)
        // Who asks has the query's address, who is asked the response's.
        Protobuf.append(isClient ? 4 : 5, address.address.octets, to: &out)
        Protobuf.append(isClient ? 6 : 7, number: UInt64(address.port), to: &out)
        Self.append(8, queryTime, to: &out)
        if !octets.isEmpty, !kind.isResponse { Protobuf.append(10, octets, to: &out) }
        if let responseTime { Self.append(12, responseTime, to: &out) }
        if !octets.isEmpty, kind.isResponse { Protobuf.append(14, octets, to: &out) }
    }

    /// Seconds in one field, nanoseconds as a fixed32 in the next.
    private static func append(_ tag: Int, _ time: UInt64, to out: inout [UInt8]) {
        Protobuf.append(tag, number: time / 1_000_000_000, to: &out)
        Protobuf.append(varint: UInt64(tag + 1) << 3 | 5, to: &out)
        let nanoseconds = UInt32(truncatingIfNeeded: time % 1_000_000_000)
        for shift in [0, 8, 16, 24] as [UInt32] { out.append(UInt8(truncatingIfNeeded: nanoseconds >> shift)) }
    }

    /// Appends dnstap's outermost message.
    static func wrap(
        _ message: [UInt8], _ identity: [UInt8], _ version: [UInt8], _ extra: [UInt8], to out: inout [UInt8]
    ) {
        if !identity.isEmpty { Protobuf.append(1, identity, to: &out) }
        if !version.isEmpty { Protobuf.append(2, version, to: &out) }
        if !extra.isEmpty { Protobuf.append(3, extra, to: &out) }
        Protobuf.append(14, message, to: &out)
        // MESSAGE, the only type there is.
        Protobuf.append(15, number: 1, to: &out)
    }
}
