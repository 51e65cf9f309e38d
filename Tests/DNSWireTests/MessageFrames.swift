import DNSWire
import Testing

@Suite("framed messages") struct MessageFrames {
    private static let query = Array("twelve octet".utf8)

    private static func framed(_ message: [UInt8]) -> [UInt8] {
        var stream: [UInt8] = []
        MessageFraming.append(message, to: &stream)
        return stream
    }

    @Test("two octets of length stand before a message")
    func length() { #expect(Self.framed([UInt8](repeating: 1, count: 258)).prefix(3) == [1, 2, 1]) }

    @Test("a message cut at any place is the same message", arguments: 0...14)
    func cut(_ place: Int) {
        let frame = Self.framed(Self.query)
        var framing = MessageFraming()
        framing.append(frame[..<place])
        if place < frame.count { #expect(framing.next() == .incomplete) }
        framing.append(frame[place...])
        #expect(framing.next() == .message(Self.query))
        #expect(framing.next() == .incomplete)
        #expect(framing.isEmpty)
    }

    @Test("messages that come together are taken one by one")
    func together() {
        let longer = Self.query + [1, 2, 3]
        var framing = MessageFraming()
        framing.append(Self.framed(Self.query) + Self.framed(longer) + [0])
        #expect(framing.next() == .message(Self.query))
        #expect(framing.next() == .message(longer))
        #expect(framing.next() == .incomplete)
        #expect(!framing.isEmpty)
    }

    @Test("a length that no message has", arguments: [0, 2, 11])
    func tooShort(_ length: UInt8) {
        var framing = MessageFraming()
        framing.append([0, length] + Array(repeating: 0, count: Int(length)))
        #expect(framing.next() == .broken)
    }

    @Test("the longest message")
    func longest() {
        let message = [UInt8](repeating: 7, count: 65535)
        var framing = MessageFraming()
        framing.append(Self.framed(message))
        #expect(framing.next() == .message(message))
    }
}
