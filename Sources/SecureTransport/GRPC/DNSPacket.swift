import Text

/// `message DnsPacket { bytes msg = 1; }` in the encoding of Protocol Buffers.
enum DNSPacket {
    /// The octets of `msg`, of the last one as the encoding wants; nil when the packet is malformed.
    static func message(in packet: [UInt8]) -> [UInt8]? {
        var message: [UInt8] = []
        var place = 0
        do throws(ProtobufFailure) {
            while let field = try Protobuf.nextField(of: packet, at: &place, before: packet.count) {
                if field.tag == 1, let payload = field.payload { message = Array(packet[payload]) }
            }
            return message
        } catch {
            return nil
        }
    }

    static func holding(_ message: [UInt8]) -> [UInt8] {
        var packet: [UInt8] = []
        Protobuf.append(1, message, to: &packet)
        return packet
    }
}
