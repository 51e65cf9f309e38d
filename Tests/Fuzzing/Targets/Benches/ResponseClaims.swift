import DNSWire
import FuzzDriver
import ZoneData

/// What holds for every response, whatever was asked (RFC 1035 §4.1, RFC 6891 §6.1.1, §7).
struct ResponseClaims {
    let query: [UInt8]
    let parsed: Query
    let acceptance: Acceptance

    /// - Parameter most: octets that the asker takes.
    func check(_ response: [UInt8], most: Int) {
        hold(response.count >= 12 && response.count <= most, "\(response.count) octets of \(most)")
        hold(response[0...1] == query[0...1], "another id")
        hold(response[2] & 0x80 != 0, "not marked as a response")
        hold(response[2] & 0x78 == query[2] & 0x78, "another opcode")
        hold(response[2] & 1 == query[2] & 1, "RD is not copied")
        hold(response[3] & 0x40 == 0, "Z is set")
        let isWhole = acceptance == .accepted || acceptance == .notify
        let questions = Int(response[4]) << 8 | Int(response[5])
        hold(questions <= 1, "\(questions) questions")
        if isWhole {
            hold(questions == 1, "no question")
            hold(response.count >= parsed.questionEnd, "a question that is cut")
            hold(response[12..<parsed.questionEnd] == query[12..<parsed.questionEnd], "another question")
        }
        withBytes(response) { checkRecords($0) }
        do {
            _ = try MessageText.text(of: response)
        } catch {
            hold(false, "ldns cannot read the response: \(error)")
        }
    }

    private func checkRecords(_ response: ByteView) {
        guard var records = MessageRecords(response) else { return hold(false, "no whole question") }
        let scratch = ByteBlock(capacity: 255)
        var end = 0
        var options = 0
        while let (record, section) = records.next() {
            end = record.end
            hold(
                (try? MessageReader.expandName(response, at: record.nameOffset, into: scratch.bytes)) != nil,
                "an owner that cannot be read")
            guard record.type == .opt else { continue }
            options += 1
            hold(section == .additional, "OPT in \(section)")
        }
        hold(records.isAtEnd, "fewer records than are counted")
        hold(end == 0 || end == response.count, "octets behind the last record")
        if acceptance == .accepted {
            hold(options == (parsed.edns == nil ? 0 : 1), "\(options) OPT records")
        } else {
            hold(options <= 1, "\(options) OPT records")
        }
    }
}
