import DNSWire
import FuzzDriver
import Text

extension FuzzTarget {
    /// Octets as messages and names (F1, F2, F3, F7, F8).
    static let messages = [
        FuzzTarget(
            name: "gate", about: "a message at the acceptance gate; what it read is whole"
        ) {
            let scratch = ByteBlock(capacity: 255)
            return { octets in withBytes(octets) { checkGate($0, scratch) } }
        },
        FuzzTarget(
            name: "walk", about: "all records and options of a message; each stands within it"
        ) {
            let scratch = ByteBlock(capacity: 255)
            return { octets in withBytes(octets) { checkWalk($0, scratch) } }
        },
        FuzzTarget(name: "name", about: "names at any offset, and as text; each form gives the other") {
            let scratch = ByteBlock(capacity: 255)
            return { octets in checkName(octets, scratch) }
        },
        FuzzTarget(name: "framing", about: "a stream cut into messages, alike however it arrives") {
            { checkFraming($0) }
        },
        FuzzTarget(name: "stateful", about: "a message of stateful operations; written again it is the same") {
            { octets in withBytes(octets) { checkStateful($0) } }
        },
    ]

    private static func checkStateful(_ message: ByteView) {
        guard let read = try? StatefulMessage(message) else { return }
        guard let value = read.primary else {
            return hold(message.count == 12, "octets behind the header that are no value")
        }
        let written = StatefulMessage.octets(
            id: read.id, isResponse: read.isResponse, code: read.code, value.type, value.data.array)
        hold(written.count <= message.count, "a value longer than its message")
        hold(Array(message.array[12..<written.count]) == Array(written[12...]), "a value is read as another one")
        hold(withBytes(written) { (try? StatefulMessage($0)) != nil }, "what was written cannot be read")
    }

    private static func checkGate(_ message: ByteView, _ scratch: ByteBlock) {
        var query = Query()
        let acceptance = QuestionParser.parse(message, into: &query, scratch: scratch.bytes)
        guard acceptance == .accepted || acceptance == .notify else { return }
        hold(query.questionEnd <= message.count, "the question ends behind the message")
        hold(query.folded.count <= 255 && query.folded.equalsName(query.name), "the folded name is another one")
        hold(Name(query.folded.nameText)?.wire == query.folded.array, "text of a name reads as another one")
        if let edns = query.edns {
            hold(edns.optionsOffset + edns.optionsLength <= message.count, "options end behind the message")
            var options = EDNSOptions(message.slice(edns.optionsOffset, edns.optionsLength))
            while options.next() != nil {}
            hold(options.isAtEnd, "options that were accepted are not whole")
        }
        hold(query.signatureOffset < message.count, "a signature behind the message")
        guard acceptance == .accepted else { return }
        var records = MessageRecords(message)
        var end = query.questionEnd
        while let (record, section) = records?.next() {
            // A request for differences has the serial that is there in a record of authority (RFC 1995 §3).
            let isSerial = section == .authority && query.type == .ixfr && end == query.questionEnd
            hold(section == .additional || isSerial, "a query with records elsewhere was accepted")
            end = record.end
        }
        hold(records?.isAtEnd == true && end == message.count, "a message that is not whole was accepted")
    }

    private static func checkWalk(_ message: ByteView, _ scratch: ByteBlock) {
        guard var records = MessageRecords(message) else { return }
        var last = 12
        while let (record, _) = records.next() {
            hold(record.nameOffset >= last && record.end <= message.count, "a record outside of its message")
            last = record.end
            if let length = try? MessageReader.expandName(message, at: record.nameOffset, into: scratch.bytes) {
                hold(length <= 255, "a name of \(length) octets")
            }
            let data = message.slice(record.dataOffset, record.dataLength)
            var options = EDNSOptions(data)
            var count = 0
            while options.next() != nil { count += 1 }
            hold(count * 4 <= data.count, "more options than fit")
            _ = RecordField.isWellFormed(data.array, record.type)
            let canonical = CanonicalData.canonical(data.array, record.type)
            hold(CanonicalData.canonical(canonical, record.type) == canonical, "canonical data is not its own form")
            hold(
                withBytes(canonical) { CanonicalData.areEqual($0, data, record.type) },
                "canonical data is not equal to what it was made of")
        }
    }

    private static func checkName(_ octets: [UInt8], _ scratch: ByteBlock) {
        var input = FuzzInput(octets)
        let offset = Int(input.octet())
        withBytes(octets) { message in
            guard let length = try? MessageReader.expandName(message, at: offset, into: scratch.bytes) else { return }
            hold(length <= 255, "a name of \(length) octets")
            let name = scratch.bytes.view(length)
            hold(Name.wireKeepingCase(name.nameText) == name.array, "a name's text reads as another name")
            hold(Name(name.nameText) == Name(name), "a folded name's text reads as another name")
            let end = try? MessageReader.skipName(message, at: offset)
            hold(end != nil, "a name that can be read cannot be stepped over")
        }
        let text = String(decoding: input.remaining(), as: UTF8.self)
        if let name = Name(text) {
            hold(name.wire.count <= 255, "a name of \(name.wire.count) octets")
            hold(Name(name.description) == name, "\(text) is another name once it was written")
        }
        if let address = IPAddress(text) {
            hold(IPAddress(address.description) == address, "\(text) is another address once it was written")
        }
    }

    private static func checkFraming(_ octets: [UInt8]) {
        var input = FuzzInput(octets)
        let cuts = (0..<4).map { _ in 1 + input.number(below: 40) }
        let stream = input.remaining()
        func messages(_ pieces: [[UInt8]]) -> [MessageFraming.Next] {
            var framing = MessageFraming()
            var found: [MessageFraming.Next] = []
            for piece in pieces {
                framing.append(piece)
                reading: while true {
                    let next = framing.next()
                    switch next {
                    case .incomplete: break reading
                    case .broken: return found + [next]
                    case .message: found.append(next)
                    }
                }
            }
            return found
        }
        var (pieces, start, turn): ([[UInt8]], Int, Int) = ([], 0, 0)
        while start < stream.count {
            let end = min(stream.count, start + cuts[turn % 4])
            pieces.append(Array(stream[start..<end]))
            (start, turn) = (end, turn + 1)
        }
        hold(messages(pieces) == messages([stream]), "pieces give other messages than the whole")
    }
}
