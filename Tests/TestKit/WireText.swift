import DNSServer
package import DNSWire

/// One record for a scripted reply.
package struct TestRecord: Sendable {
    package var name: String
    package var type: RecordType
    package var ttl: UInt32
    package var data: [UInt8]

    package init(name: String, type: RecordType, ttl: UInt32, data: [UInt8]) {
        self.name = name
        self.type = type
        self.ttl = ttl
        self.data = data
    }

    package static func a(_ name: String, _ address: String, ttl: UInt32 = 300) -> TestRecord {
        TestRecord(name: name, type: .a, ttl: ttl, data: IPAddress(address)?.octets ?? [])
    }

    package static func cname(_ name: String, _ target: String, ttl: UInt32 = 300) -> TestRecord {
        TestRecord(name: name, type: .cname, ttl: ttl, data: Name(target)?.wire ?? [])
    }

    package static func soa(_ name: String, ttl: UInt32 = 300, minimum: UInt32 = 60) -> TestRecord {
        let numbers: [UInt32] = [1, 2, 3, 4, minimum]
        let octets = numbers.flatMap { number in
            (0..<4).map { UInt8(truncatingIfNeeded: number >> UInt32(24 - 8 * $0)) }
        }
        return TestRecord(name: name, type: .soa, ttl: ttl, data: [0, 0] + octets)
    }

    package var octets: [UInt8] {
        let fixed: [UInt16] = [
            type.rawValue, 1, UInt16(ttl >> 16), UInt16(truncatingIfNeeded: ttl), UInt16(data.count),
        ]
        return (Name.wireKeepingCase(name) ?? [0]) + fixed.flatMap { [UInt8($0 >> 8), UInt8(truncatingIfNeeded: $0)] }
            + data
    }
}

extension ReceivedQuery {
    /// A whole reply to this query, with OPT when the query had it.
    package func reply(
        _ answers: [TestRecord] = [], authority: [TestRecord] = [], code: UInt8 = 0, truncated: Bool = false,
        opt: Bool? = nil, options: [UInt8] = []
    ) -> [UInt8] {
        let end = withBytes(octets) { ((try? MessageReader.skipName($0, at: 12)) ?? 12) + 4 }
        let hasOPT = opt ?? parsed.hasEDNS
        var out = Array(octets[0..<2]) + [truncated ? 0x83 : 0x81, 0x80 | code, 0, 1]
        out += [0, UInt8(answers.count), 0, UInt8(authority.count), 0, hasOPT ? 1 : 0]
        out += octets[12..<end]
        out += answers.flatMap(\.octets) + authority.flatMap(\.octets)
        if hasOPT { out += [0, 0, 41, 0x04, 0xD0, 0, 0, 0, 0, 0, UInt8(options.count)] + options }
        return out
    }
}

/// Messages as a client writes and reads them.
package enum WireText {
    /// - Parameters:
    ///   - text: `name type`.
    ///   - dnssecOK: nil for a query without EDNS.
    ///   - payloadSize: the most octets that EDNS says the client takes.
    package static func query(
        _ text: String, id: UInt16, recursionDesired: Bool = true, checkingDisabled: Bool = false,
        dnssecOK: Bool? = nil, payloadSize: UInt16 = 1232, options: [UInt8] = [], class: UInt16 = 1
    ) -> [UInt8] {
        let words = text.split(separator: " ")
        let type = RecordType(String(words[1]))?.rawValue ?? 0
        var out = [UInt8(id >> 8), UInt8(id & 0xFF), recursionDesired ? 1 : 0, checkingDisabled ? 0x10 : 0]
        out += [0, 1, 0, 0, 0, 0, 0, dnssecOK == nil ? 0 : 1]
        out += Name.wireKeepingCase(words[0]) ?? [0]
        out += [UInt8(type >> 8), UInt8(type & 0xFF), UInt8(`class` >> 8), UInt8(`class` & 0xFF)]
        if let dnssecOK {
            let size = [UInt8(payloadSize >> 8), UInt8(payloadSize & 0xFF)]
            out +=
                [0, 0, 41] + size + [0, 0, dnssecOK ? 0x80 : 0, 0, 0, UInt8(truncatingIfNeeded: options.count)]
                + options
        }
        return out
    }

    /// The options of a message's OPT record, as `code=hexadecimal data`; nil without such a record.
    package static func options(_ octets: [UInt8]) -> [String]? {
        withBytes(octets) { message in
            guard var records = MessageRecords(message) else { return nil }
            while let (record, _) = records.next() {
                guard record.type == .opt else { continue }
                return EDNSOptions(message.slice(record.dataOffset, record.dataLength)).map { option in
                    let digits = option.data.array.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }
                    return "\(option.code)=\(digits.joined())"
                }
            }
            return nil
        }
    }

    /// Code and flags, then a line for each record: `name ttl type data`.
    package static func text(_ octets: [UInt8]) -> String {
        withBytes(octets) { message in
            let flags = message.uint16(at: 2)
            var head = ResponseCode(rawValue: flags & 0xF).description
            for (bit, word) in [
                (HeaderFlag.authoritative, "aa"), (HeaderFlag.truncated, "tc"), (HeaderFlag.authenticData, "ad"),
                (HeaderFlag.checkingDisabled, "cd"),
            ] where flags & bit != 0 { head += " " + word }
            var lines: [String] = []
            let end = ((try? MessageReader.skipName(message, at: 12)) ?? 12) + 4
            var reader = MessageReader(message, at: end)
            let total = (6...10).reduce(0) { $0 + ($1 % 2 == 0 ? Int(message.uint16(at: $1)) : 0) }
            for _ in 0..<total {
                guard let record = try? reader.next() else {
                    lines.append("broken")
                    break
                }
                guard record.type != .opt else {
                    if record.dataLength == 6 { head += " ede=\(message.uint16(at: record.dataOffset + 4))" }
                    continue
                }
                lines.append("\(name(message, record.nameOffset)) \(record.ttl) \(record.type)\(data(message, record))")
            }
            return ([head] + lines).joined(separator: "\n")
        }
    }

    private static func name(_ message: ByteView, _ offset: Int) -> String {
        let room = ByteBlock(capacity: 256)
        let length = (try? MessageReader.expandName(message, at: offset, into: room.bytes)) ?? 0
        return room.bytes.view(length).nameText
    }

    private static func data(_ message: ByteView, _ record: RecordPlace) -> String {
        switch record.type {
        case .a, .aaaa:
            " " + (IPAddress(octets: message.slice(record.dataOffset, record.dataLength).array)?.description ?? "?")
        case .cname, .ptr, .ns: " " + name(message, record.dataOffset)
        default: ""
        }
    }
}
