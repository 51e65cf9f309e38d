import DNSWire
import Testing

/// A response to `db.shop. A` with EDNS, made by `body`.
private func respondWithEDNS(size: Int, _ body: (inout MessageWriter) -> Void) -> [UInt8] {
    let message = octets("1234 0100 0001 0000 0000 0001" + AcceptanceGate.question + AcceptanceGate.emptyOPT)
    let scratch = ByteBlock(capacity: 255)
    let room = ByteBlock(capacity: 4096)
    return withBytes(message) { view in
        var query = Query()
        #expect(QuestionParser.parse(view, into: &query, scratch: scratch.bytes) == .accepted)
        var writer = MessageWriter(room.bytes)
        writer.begin(view, query, size: size)
        body(&writer)
        let length = writer.finish(query)
        return room.bytes.view(length).array
    }
}

@Suite("responses: records that were text, and extended errors with a text (RFC 8914 §2)") struct RecordWriting {
    private let record = try? RecordText("Web.shop. 60 A 192.0.2.1")

    @Test("an owner is compressed where the message spells the rest of it") func owners() throws {
        let record = try #require(record)
        let message = respond { writer in
            let fits = writer.append(record, in: .answer)
            #expect(fits)
        }
        let owner = "03 57 65 62 C00F"
        #expect(
            message
                == octets(
                    "1234 8100 0001 0001 0000 0000" + AcceptanceGate.question + owner
                        + "0001 0001 0000003C 0004 C0000201"))
    }

    @Test("a place that spells the owner is pointed to; a TTL that is not said is given") func places() throws {
        let record = try RecordText("db.shop. A 192.0.2.1")
        let message = respond { writer in
            let fits = writer.append(record, at: 12, ttl: 7, in: .additional)
            #expect(fits)
        }
        #expect(
            message
                == octets(
                    "1234 8100 0001 0000 0000 0001" + AcceptanceGate.question + "C00C 0001 0001 00000007 0004 C0000201")
        )
    }

    @Test("a record without room leaves nothing") func noRoom() throws {
        let record = try #require(record)
        let message = respond(size: 40) { writer in
            let fits = writer.append(record, in: .answer)
            #expect(!fits)
        }
        #expect(message == octets("1234 8100 0001 0000 0000 0000" + AcceptanceGate.question))
    }

    @Test("the text stands behind the code, whole or not at all") func extendedErrors() {
        func options(size: Int) -> [UInt8] {
            let message = respondWithEDNS(size: size) { writer in
                writer.extendedError = ExtendedError(code: 15, text: Array("no".utf8))
            }
            return Array(message.dropFirst(12 + octets(AcceptanceGate.question).count + 9))
        }
        let before = 12 + octets(AcceptanceGate.question).count + 11
        #expect(options(size: 512) == octets("0008 000F 0004 000F 6E6F"))
        #expect(options(size: before + 8) == octets("0008 000F 0004 000F 6E6F"))
        #expect(options(size: before + 7) == octets("0006 000F 0002 000F"))
        #expect(options(size: before + 5) == octets("0000"))
    }
}
