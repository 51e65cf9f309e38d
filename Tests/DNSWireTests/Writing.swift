import DNSWire
import Testing

/// A response to `db.shop. A`, made by `body`.
func respond(size: Int = 512, _ body: (inout MessageWriter) -> Void) -> [UInt8] {
    let message = octets(AcceptanceGate.header + AcceptanceGate.question)
    let scratch = ByteBlock(capacity: 255)
    let room = ByteBlock(capacity: max(4096, size))
    return withBytes(message) { view in
        var query = Query()
        _ = QuestionParser.parse(view, into: &query, scratch: scratch.bytes)
        var writer = MessageWriter(room.bytes)
        writer.begin(view, query, size: size)
        body(&writer)
        let length = writer.finish(query)
        return room.bytes.view(length).array
    }
}

@Suite("responses: sections, compression, limits (RFC 1035 §4.1.4, RFC 2181 §9)")
struct Writing {
    let address = ByteBlock([10, 0, 0, 1])

    @Test("an address is 16 octets: the owner is a pointer to the question")
    func oneAddress() {
        let message = respond { writer in
            _ = writer.appendRecord(owner: 12, type: .a, ttl: 30, data: address.view, in: .answer)
        }
        #expect(
            message
                == octets(
                    "1234 8100 0001 0001 0000 0000" + AcceptanceGate.question + "C00C 0001 0001 0000001E 0004 0A000001")
        )
    }

    @Test("a record that does not fit leaves nothing behind")
    func rollBack() {
        let message = respond(size: 40) { writer in
            writer.beginRecord(owner: 12, type: .txt, ttl: 1)
            writer.write(ByteBlock([UInt8](repeating: 1, count: 40)).view)
            let isWritten0 = writer.endRecord(in: .answer)
            #expect(isWritten0 == false)
            writer.truncate()
        }
        #expect(message == octets("1234 8300 0001 0000 0000 0000" + AcceptanceGate.question))
    }

    @Test("rotation begins with another record and loses none")
    func rotation() {
        let addresses = ByteBlock([10, 0, 0, 1, 10, 0, 0, 2, 10, 0, 0, 3])
        let message = respond { writer in
            let fits = writer.appendAddresses(
                owner: 12, type: .a, ttl: 1, addresses: addresses.view, rotation: 4, in: .answer)
            #expect(fits)
        }
        let last = stride(from: message.count - 1, through: 0, by: -16).prefix(3).map { message[$0] }
        #expect(last == [1, 3, 2])
    }

    @Test("equal suffixes become pointers, and letter case is never changed by one")
    func compression() throws {
        let message = respond { writer in
            writer.beginRecord(owner: 12, type: .cname, ttl: 1)
            withBytes(Name.wireKeepingCase("web.shop.") ?? []) { writer.writeName($0) }
            let isWritten1 = writer.endRecord(in: .answer)
            #expect(isWritten1)
            writer.beginRecord(owner: 12, type: .cname, ttl: 1)
            withBytes(Name.wireKeepingCase("web.SHOP.") ?? []) { writer.writeName($0) }
            let isWritten2 = writer.endRecord(in: .answer)
            #expect(isWritten2)
        }
        let question = 12 + 13
        #expect(Array(message[(question + 12)..<(question + 18)]) == octets("03 776562 C00F"))
        #expect(message.suffix(10) == octets("03 776562 04 53484F50 00"))
    }

    /// Name servers of the question; gives how many of these names there was room for.
    private func write(_ names: [[UInt8]], to writer: inout MessageWriter) -> Int {
        names.count { name in
            writer.beginRecord(owner: 12, type: .ns, ttl: 1)
            withBytes(name) { writer.writeName($0) }
            return writer.endRecord(in: .answer)
        }
    }

    /// The names that a message has as data, in full.
    private func names(in message: [UInt8]) throws -> [[UInt8]] {
        let room = ByteBlock(capacity: 256)
        return try withBytes(message) { (view) throws -> [[UInt8]] in
            var reader = MessageReader(view, at: 12 + 13)
            return try (0..<Int(view.uint16(at: 6))).map { (_) throws -> [UInt8] in
                let record = try reader.next()
                let length = try MessageReader.expandName(view, at: record.dataOffset, into: room.bytes)
                return room.bytes.view(length).array
            }
        }
    }

    @Test("of several names that end alike the longest end is pointed at")
    func longest() throws {
        let given = ["a.b.c.", "x.c.", "y.b.c.", "z.a.b.c.", "b.c.", "a.b.c.shop."].compactMap(Name.wireKeepingCase)
        let message = respond { writer in #expect(write(given, to: &writer) == given.count) }
        #expect(try names(in: message) == given)
        let lengths = [7, 4, 4, 4, 2, 8]
        #expect(message.count == 12 + 13 + lengths.reduce(0) { $0 + 12 + $1 })
    }

    @Test("names as long, and as much alike, as names can be: work has a limit, and every name is right")
    func limitedWork() throws {
        let tail = [UInt8]((0..<125).flatMap { _ in [1, 97] } + [0])
        let given = (0..<3000).map { number in [1, UInt8(97 + number % 26)] + tail }
        var (compared, count) = (0, 0)
        let message = respond(size: 65535) { writer in
            count = write(given, to: &writer)
            compared = writer.labelsCompared
        }
        #expect(compared < (1 << 20) + 24 * 2 * 127)
        #expect(count > 300)
        #expect(try names(in: message) == Array(given.prefix(count)))
    }

    @Test("a name that begins within the reach of pointers and ends beyond it is not pointed at")
    func beyondReach() throws {
        let given = ["web.far.test.", "db.far.test."].compactMap(Name.wireKeepingCase)
        // The first of them begins four octets before the end of the reach, 0x4000.
        let filler = ByteBlock([UInt8](repeating: 0, count: 0x4000 - 4 - 12 - (12 + 13) - 12))
        let message = respond(size: 65535) { writer in
            let isWritten = writer.appendRecord(owner: 12, type: .txt, ttl: 1, data: filler.view, in: .answer)
            #expect(isWritten)
            #expect(write(given, to: &writer) == 2)
        }
        #expect(message.suffix(13) == octets("02 6462 03 666172 04 74657374 00"))
    }

    @Test("size 12 to 512: never longer than allowed, whatever is written", arguments: [60, 100, 200, 511, 512])
    func sizes(_ size: Int) {
        let message = respond(size: size) { writer in
            for _ in 0..<40 where !writer.appendRecord(owner: 12, type: .a, ttl: 1, data: address.view, in: .answer) {
                writer.truncate()
            }
        }
        #expect(message.count <= size)
        #expect(size - message.count < 16)
    }
}

@Suite("reading records of untrusted messages (RFC 9267)")
struct Reading {
    @Test("a name behind backward pointers is expanded; loops and forward pointers are refused")
    func pointers() throws {
        let room = ByteBlock(capacity: 256)
        let message = octets(AcceptanceGate.header + "01 61 00 C00C C011 C014")
        try withBytes(message) { (view) throws -> Void in
            let length = try MessageReader.expandName(view, at: 15, into: room.bytes)
            #expect(length == 3)
            #expect(throws: WireError.badPointer) { () throws in
                _ = try MessageReader.expandName(view, at: 17, into: room.bytes)
            }
            #expect(throws: WireError.badPointer) { () throws in
                _ = try MessageReader.expandName(view, at: 19, into: room.bytes)
            }
        }
    }
}
