import Testing
import Text

@Suite("numbers as octets") struct OctetTexts {
    private func text(_ write: (inout [UInt8]) -> Void) -> String {
        var octets: [UInt8] = []
        write(&octets)
        return String(decoding: octets, as: UTF8.self)
    }

    @Test(
        "decimal, as the standard library writes it",
        arguments: [0, 1, 9, 10, 99, 100, 12_345, 10_000_000_000_000_000_000, .max] as [UInt64])
    func decimal(_ number: UInt64) { #expect(text { $0.append(decimal: number) } == String(number)) }

    @Test("decimal with zeros in front") func padded() {
        #expect(text { $0.append(decimal: 7, digits: 3) } == "007")
        #expect(text { $0.append(decimal: 0, digits: 9) } == "000000000")
        #expect(text { $0.append(decimal: 1234, digits: 3) } == "1234")
    }
}
