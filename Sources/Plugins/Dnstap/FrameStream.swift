/// Control frames of a frame stream (farsightsec.github.io/fstrm).
enum FrameStream {
    static let accept: UInt32 = 1
    private static let contentType = Array("protobuf:dnstap.Dnstap".utf8)

    static let ready = control(4, withContentType: true)
    static let start = control(2, withContentType: true)
    static let stop = control(3, withContentType: false)

    /// Four zeros, the length, the type, and what is in the stream.
    private static func control(_ type: UInt32, withContentType: Bool) -> [UInt8] {
        var body = octets(type)
        if withContentType { body += octets(1) + octets(UInt32(contentType.count)) + contentType }
        return octets(0) + octets(UInt32(body.count)) + body
    }

    private static func octets(_ number: UInt32) -> [UInt8] {
        [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: number >> $0) }
    }

    private static func number(_ octets: ArraySlice<UInt8>) -> UInt32 { octets.reduce(0) { $0 << 8 | UInt32($1) } }

    static func isWhole(_ octets: [UInt8]) -> Bool {
        octets.count >= 12 && octets.count - 8 >= Int(min(number(octets[4..<8]), 4096))
    }

    /// The type of a whole control frame; nil for another frame.
    static func control(_ octets: [UInt8]) -> UInt32? {
        guard isWhole(octets), number(octets[0..<4]) == 0 else { return nil }
        return number(octets[8..<12])
    }
}
