import DNSWire
import Testing
import Text

/// Octets of a query, given as hexadecimal text with spaces for the eye.
func octets(_ hex: String) -> [UInt8] {
    var result: [UInt8] = []
    var high: UInt8?
    for character in hex.utf8 {
        guard let value = hexValue(character) else { continue }
        if let first = high {
            result.append(first << 4 | value)
            high = nil
        } else {
            high = value
        }
    }
    return result
}

/// What the gate says to `message`, and what it read.
func accept(_ message: [UInt8]) -> (Acceptance, name: String, edns: EDNS?) {
    let scratch = ByteBlock(capacity: 255)
    var query = Query()
    return withBytes(message) { view in
        let acceptance = QuestionParser.parse(view, into: &query, scratch: scratch.bytes)
        return (acceptance, query.questionEnd > 0 ? query.folded.nameText : "", query.edns)
    }
}

@Suite("acceptance gate: which octets are a query (RFC 1035 §4.1, RFC 9619, RFC 6891)")
struct AcceptanceGate {
    static let header = "1234 0100 0001 0000 0000 0000"
    static let question = "02 6462 04 73686F70 00 0001 0001"  // db.shop. IN A
    static let emptyOPT = "00 0029 04D0 00000000 0000"

    @Test("a plain question is accepted and its name folded")
    func plainQuestion() {
        let (acceptance, name, edns) = accept(octets(Self.header + "02 4462 04 53484F50 00 0001 0001"))
        #expect(acceptance == .accepted)
        #expect(name == "db.shop.")
        #expect(edns == nil)
    }

    @Test("OPT gives payload size and DO")
    func edns() {
        let opt = "00 0029 04D0 0000 8000 0000"
        let (acceptance, _, edns) = accept(octets("1234 0100 0001 0000 0000 0001" + Self.question + opt))
        #expect(acceptance == .accepted)
        #expect(edns?.payloadSize == 1232)
        #expect(edns?.dnssecOK == true)
    }

    @Test("fewer than 12 octets are dropped", arguments: 0..<12)
    func short(_ count: Int) {
        #expect(accept([UInt8](repeating: 0, count: count)).0 == .dropped)
    }

    @Test("a response is dropped, whatever it holds")
    func response() {
        #expect(accept(octets("1234 8100 0001 0000 0000 0000" + Self.question)).0 == .dropped)
    }

    @Test("NOTIFY may have an SOA in its answer section (RFC 1996 §3.7), OPT and a signature")
    func notify() {
        var message = octets("1234 2400 0001 0001 0000 0000" + Self.question + "c00c 0006 0001 0000 0000 0000")
        #expect(accept(message).0 == .notify)
        #expect(accept(message).name == accept(octets(Self.header + Self.question)).name)
        let signature = octets("00 00fa 00ff 0000 0000 0000")
        message[11] = 1
        #expect(accept(message).0 == .rejected(.formatError), "a record less than it says")
        var query = Query()
        let room = ByteBlock(capacity: 255)
        let acceptance = withBytes(message + signature) {
            QuestionParser.parse($0, into: &query, scratch: room.bytes)
        }
        #expect(acceptance == .notify)
        #expect(query.signatureOffset == message.count)
        #expect(accept(message + signature + [0]).0 == .rejected(.formatError), "more than it says")
        message.removeLast(message.count - 14)
        #expect(accept(message).0 == .rejected(.formatError))
    }

    @Test("every other opcode but QUERY is not implemented", arguments: [1, 2, 3] + Array(5...15))
    func opcode(_ opcode: Int) {
        var message = octets(Self.header + Self.question)
        message[2] = UInt8(opcode << 3)
        #expect(accept(message).0 == .rejected(.notImplemented))
    }

    @Test(
        "counts, names and records that cannot be are format errors",
        arguments: [
            ("no question", "1234 0100 0000 0000 0000 0000"),
            ("two questions", "1234 0100 0002 0000 0000 0000 02 6462 00 0001 0001 02 6462 00 0001 0001"),
            ("65535 questions", "1234 0100 FFFF 0000 0000 0000"),
            ("an answer", "1234 0100 0001 0001 0000 0000 02 6462 00 0001 0001 C00C 0001 0001 00000000 0004 01020304"),
            (
                "an authority",
                "1234 0100 0001 0000 0001 0000 02 6462 00 0001 0001 C00C 0001 0001 00000000 0004 01020304"
            ),
            ("three additional", "1234 0100 0001 0000 0000 0003 02 6462 00 0001 0001"),
            (
                "A in additional",
                "1234 0100 0001 0000 0000 0001 02 6462 00 0001 0001 C00C 0001 0001 00000000 0004 01020304"
            ),
            ("promised record missing", "1234 0100 0001 0000 0000 0001 02 6462 00 0001 0001"),
            ("trailing octets", "1234 0100 0001 0000 0000 0000 02 6462 00 0001 0001 FF"),
            ("pointer to itself", "1234 0100 0001 0000 0000 0000 C00C 0001 0001"),
            ("pointer into the header", "1234 0100 0001 0000 0000 0000 C000 0001 0001"),
            ("label type 0x40", "1234 0100 0001 0000 0000 0000 41 61 00 0001 0001"),
            ("label longer than the message", "1234 0100 0001 0000 0000 0000 3F 6162 00"),
            ("no root", "1234 0100 0001 0000 0000 0000 02 6462"),
            ("no type", "1234 0100 0001 0000 0000 0000 02 6462 00"),
            ("no class", "1234 0100 0001 0000 0000 0000 02 6462 00 0001"),
            ("type 0", "1234 0100 0001 0000 0000 0000 02 6462 00 0000 0001"),
            ("type OPT", "1234 0100 0001 0000 0000 0000 02 6462 00 0029 0001"),
            (
                "two OPT",
                "1234 0100 0001 0000 0000 0002 02 6462 00 0001 0001 00 0029 04D0 00000000 0000 00 0029 04D0 00000000 0000"
            ),
            (
                "OPT with an owner",
                "1234 0100 0001 0000 0000 0001 02 6462 00 0001 0001 01 61 00 0029 04D0 00000000 0000"
            ),
            (
                "OPT longer than the message",
                "1234 0100 0001 0000 0000 0001 02 6462 00 0001 0001 00 0029 04D0 00000000 0010"
            ),
            (
                "option longer than OPT",
                "1234 0100 0001 0000 0000 0001 02 6462 00 0001 0001 00 0029 04D0 00000000 0004 000A 0008"
            ),
            (
                "three octets left in OPT",
                "1234 0100 0001 0000 0000 0001 02 6462 00 0001 0001 00 0029 04D0 00000000 0003 000A00"
            ),
        ])
    func formatErrors(_ what: String, _ hex: String) {
        #expect(accept(octets(hex)).0 == .rejected(.formatError), "\(what)")
    }

    @Test("names of 255 octets are accepted, of 256 not")
    func longestName() {
        func query(_ lastLabel: Int) -> [UInt8] {
            var message = octets(Self.header)
            for length in [63, 63, 63, lastLabel] {
                message += [UInt8(length)] + [UInt8](repeating: 0x61, count: length)
            }
            return message + [0, 0, 1, 0, 1]
        }
        #expect(accept(query(60)).0 == .accepted)
        #expect(accept(query(61)).0 == .accepted)
        #expect(accept(query(62)).0 == .rejected(.formatError))
    }

    @Test("only A to Z are folded: a KELVIN SIGN stays what it is")
    func foldsASCIIAlone() {
        let (acceptance, name, _) = accept(octets(Self.header + "04 E284AA42 00 0001 0001"))
        #expect(acceptance == .accepted)
        #expect(name == "\\226\\132\\170b.")
    }

    @Test("no octets whatever end the process")
    func mutations() {
        var random = SeededRandom(seed: 7)
        let seeds = [
            octets("1234 0100 0001 0000 0000 0001" + Self.question + Self.emptyOPT),
            octets(Self.header + Self.question),
        ]
        for round in 0..<200_000 {
            var message = seeds[round % 2]
            for _ in 0..<Int(random.next() % 6) {
                guard !message.isEmpty else { break }
                message[Int(random.next() % UInt64(message.count))] = UInt8(truncatingIfNeeded: random.next())
            }
            if random.next() % 4 == 0 { message.removeLast(Int(random.next() % UInt64(message.count))) }
            _ = accept(message)
        }
    }
}
