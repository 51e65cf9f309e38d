import Testing
import Text

@Suite("fields of protobuf") struct ProtobufFields {
    private func read(_ octets: [UInt8]) throws(ProtobufFailure) -> [String] {
        var fields: [String] = []
        var place = 0
        while let field = try Protobuf.nextField(of: octets, at: &place, before: octets.count) {
            fields.append("\(field.tag) \(field.payload.map { "\(octets[$0])" } ?? "\(field.number)")")
        }
        return fields
    }

    @Test("fields are read as written, those of fixed size passed over") func fields() throws {
        var octets: [UInt8] = []
        Protobuf.append(1, [7, 8], to: &octets)
        octets += [0x25, 1, 2, 3, 4, 0x29, 1, 2, 3, 4, 5, 6, 7, 8]
        Protobuf.append(2, number: .max, to: &octets)
        Protobuf.append(536_870_911, number: 0, to: &octets)
        #expect(try read(octets) == ["1 [7, 8]", "2 18446744073709551615", "536870911 0"])
    }

    @Test(
        "what is wrong is told",
        arguments: [
            ([0x0A], .varint), ([0x0A, 5, 1], .fieldLength), ([0x08, 0x80], .varint), ([0x02, 0], .fieldNumber),
            ([0x0B], .wireType), ([0x0C], .wireType), ([0x25, 1, 2, 3], .fieldLength),
            ([0x0A] + Array(repeating: 0xFF, count: 9) + [0x01], .fieldLength),
            ([0x08] + Array(repeating: 0xFF, count: 9) + [0x02], .varint),
        ] as [([UInt8], ProtobufFailure)])
    func failures(_ octets: [UInt8], _ wanted: ProtobufFailure) {
        #expect(throws: wanted) { try read(octets) }
    }
}
