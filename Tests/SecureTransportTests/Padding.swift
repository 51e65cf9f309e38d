import Testing

@testable import SecureTransport

@Suite("padding (RFC 7830, RFC 8467)") struct Padding {
    private static let question: [UInt8] = [1, 0x61, 0, 0, 1, 0, 1]

    /// A message with one question and an OPT record of these options.
    private static func message(_ options: [UInt8]?, additionals: UInt8 = 1) -> [UInt8] {
        let header: [UInt8] = [0, 1, 1, 0, 0, 1, 0, 0, 0, 0, 0, options == nil ? 0 : additionals]
        let opt = options.map { [0, 0, 41, 4, 0xD0, 0, 0, 0, 0, 0, UInt8($0.count)] + $0 } ?? []
        return header + question + opt
    }

    @Test("is given to clients that pad") func wanted() {
        #expect(ResponsePadding.isWanted(by: Self.message([0, 12, 0, 0])))
        #expect(ResponsePadding.isWanted(by: Self.message([0, 10, 0, 2, 1, 2, 0, 12, 0, 1, 0])))
        #expect(!ResponsePadding.isWanted(by: Self.message([])))
        #expect(!ResponsePadding.isWanted(by: Self.message([0, 10, 0, 2, 0, 12])))
        #expect(!ResponsePadding.isWanted(by: Self.message([0, 10, 0, 9, 0, 12, 0, 0])))
        #expect(!ResponsePadding.isWanted(by: Self.message(nil)))
        #expect(!ResponsePadding.isWanted(by: [1, 2, 3]))
    }

    @Test("makes a response as long as a number of blocks", arguments: [0, 6, 200])
    func padded(_ count: Int) {
        let options: [UInt8] = count == 0 ? [] : [0, 15, 0, UInt8(count - 4)] + Array(repeating: 1, count: count - 4)
        let response = Self.message(options)
        let padded = ResponsePadding.padded(response)
        #expect(padded.count == 468)
        let length = padded.count - response.count + count
        #expect(Array(padded[28..<30]) == [UInt8(length >> 8), UInt8(length & 0xFF)])
        #expect(Array(padded[..<28]) == Array(response[..<28]))
        #expect(Array(padded[30..<(30 + count)]) == options)
        let option = Array(padded[response.count...])
        #expect(Array(option[..<4]) == [0, 12, UInt8((option.count - 4) >> 8), UInt8((option.count - 4) & 0xFF)])
        #expect(option[4...].allSatisfy { $0 == 0 })
    }

    @Test("leaves what it cannot pad as it is") func unchanged() {
        for response in [Self.message(nil), [1, 2, 3], Self.message([], additionals: 2), Self.message([]) + [7]] {
            #expect(ResponsePadding.padded(response) == response)
        }
    }

    @Test(
        "never makes a message longer than 65,535 octets",
        arguments: [(65500, 65520), (65531, 65535), (65532, 65532), (65535, 65535)])
    func longest(_ size: Int, _ wanted: Int) {
        // A question's name has room for no more, so a record of one long datum fills the message.
        let head: [UInt8] = [0, 1, 0x81, 0, 0, 1, 0, 1, 0, 0, 0, 1] + Self.question
        let data = size - head.count - 11 - 11
        let record: [UInt8] = [0, 0, 16, 0, 1, 0, 0, 0, 1, UInt8(data >> 8), UInt8(data & 0xFF)]
        let opt: [UInt8] = [0, 0, 41, 4, 0xD0, 0, 0, 0, 0, 0, 0]
        let response = head + record + [UInt8](repeating: 5, count: data) + opt
        #expect(response.count == size)
        #expect(ResponsePadding.padded(response).count == wanted)
    }
}
