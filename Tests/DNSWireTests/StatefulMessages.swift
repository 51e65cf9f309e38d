import DNSWire
import Testing

@Suite("messages of stateful operations (RFC 8490 §5.4)") struct StatefulMessages {
    /// A keepalive request: id, QR 0, opcode 6, no counts; type 1, length 8, both times.
    static let keepAlive = "0001 3000 0000 0000 0000 0000  0001 0008 00003A98 0000EA60"

    private func read(_ hex: String) throws -> (id: UInt16, isResponse: Bool, type: UInt16?, data: [UInt8]) {
        try withBytes(octets(hex)) { view in
            let message = try StatefulMessage(view)
            return (message.id, message.isResponse, message.primary?.type.rawValue, message.primary?.data.array ?? [])
        }
    }

    @Test("the first value says what a message is; others follow") func request() throws {
        let request = try read(Self.keepAlive + "0003 0004 00000000")
        #expect(request.id == 1 && !request.isResponse && request.type == 1)
        #expect(request.data == octets("00003A98 0000EA60"))
    }

    @Test("a response may be a header alone") func bare() throws {
        let response = try read("0001 B009 0000 0000 0000 0000")
        #expect(response.isResponse && response.type == nil)
    }

    @Test(
        "what does not add up is no message",
        arguments: [
            "0001 3000 0001 0000 0000 0000  0001 0000", "0001 3000 0000 0000 0000 0001  0001 0000",
            "0001 3000 0000 0000 0000 0000  0001", "0001 3000 0000 0000 0000 0000  0001 0001",
            "0001 3000 0000 0000 0000 0000  0001 0000 0003 0005 00000000", "0001 3000 0000 0000 0000",
        ])
    func malformed(_ hex: String) { #expect(throws: WireError.self) { try read(hex) } }

    @Test("only opcode 6 is one") func opcodes() {
        for opcode in 0..<UInt8(16) {
            let message: [UInt8] = [0, 1, opcode << 3, 0, 0, 0, 0, 0, 0, 0, 0, 0]
            #expect(withBytes(message, StatefulMessage.isOne) == (opcode == 6))
        }
        #expect(!withBytes([0, 1, 0x30], StatefulMessage.isOne))
    }

    @Test("what is written is read alike") func writing() {
        #expect(
            StatefulMessage.octets(id: 1, .keepAlive, octets("00003A98 0000EA60")) == octets(Self.keepAlive))
        #expect(
            StatefulMessage.octets(id: 0x1234, isResponse: true, code: .typeNotImplemented)
                == octets("1234 B00B 0000 0000 0000 0000"))
    }
}
