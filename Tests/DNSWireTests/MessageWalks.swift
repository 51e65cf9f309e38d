import DNSWire
import Testing

@Suite("walks through messages") struct MessageWalks {
    private let address = ByteBlock([10, 0, 0, 1])
    private let target = ByteBlock([1, 0x61, 0])

    private func walk(_ message: [UInt8]) -> (records: [String], isWhole: Bool)? {
        withBytes(message) { view in
            guard var records = MessageRecords(view) else { return nil }
            var found: [String] = []
            while let (record, section) = records.next() {
                found.append("\(section) \(record.type) \(view.uint32(at: record.ttlOffset)) \(record.end)")
            }
            return (found, records.isAtEnd)
        }
    }

    private var message: [UInt8] {
        respond { writer in
            _ = writer.writeCNAME(owner: 12, ttl: 5, target: target.view)
            _ = writer.appendRecord(owner: 12, type: .a, ttl: 7, data: address.view, in: .authority)
            _ = writer.appendRecord(owner: 12, type: .a, ttl: 9, data: address.view, in: .additional)
        }
    }

    @Test("the records of all sections, each with its own") func sections() throws {
        let found = try #require(walk(message))
        let start = message.count - 47
        #expect(
            found.records == [
                "answer CNAME 5 \(start + 15)", "authority A 7 \(start + 31)", "additional A 9 \(start + 47)",
            ])
        #expect(found.isWhole)
    }

    @Test("a walk ends where a message is cut, and says so") func cut() {
        for length in 0..<message.count {
            guard let found = walk(Array(message.prefix(length))) else { continue }
            #expect(!found.isWhole && found.records.count < 3)
        }
    }

    @Test("a CNAME that does not fit sets TC") func tooLong() {
        _ = respond(size: 40) { writer in
            let place = writer.writeCNAME(owner: 12, ttl: 5, target: ByteBlock([UInt8](repeating: 1, count: 40)).view)
            let (isTruncated, answers) = (writer.isTruncated, writer.answers)
            #expect(place == nil)
            #expect(isTruncated)
            #expect(answers == 0)
        }
    }

    @Test("options one behind the other, up to one that is cut") func options() {
        func walk(_ octets: [UInt8]) -> (found: [String], isWhole: Bool) {
            withBytes(octets) { view in
                var options = EDNSOptions(view)
                var found: [String] = []
                while let option = options.next() { found.append("\(option.code) \(option.data.array)") }
                return (found, options.isAtEnd)
            }
        }
        #expect(walk([]) == ([], true))
        #expect(walk([0, 10, 0, 2, 1, 2, 0, 12, 0, 0]) == (["10 [1, 2]", "12 []"], true))
        #expect(walk([0, 10, 0, 2, 1, 2, 0, 12, 0]) == (["10 [1, 2]"], false))
        #expect(walk([0, 10, 0, 3, 1, 2]) == ([], false))
    }
}
