import DNSServer
import DNSWire
import TestKit

/// A query in octets, for what `WireText.query` does not say.
struct ClientQuery {
    var question: String
    var id: UInt16 = 0x1234
    /// The second 16 bits of the header.
    var flags: UInt16 = 0x0100
    var `class`: UInt16 = 1
    /// The four counts of the header; nil for what is there.
    var counts: [UInt16]?
    var edns: OPT?
    /// Records between the question and OPT.
    var records: [TestRecord] = []
    /// Octets behind everything.
    var rest: [UInt8] = []

    init(_ question: String) { self.question = question }

    /// As above, changed.
    init(_ question: String, _ change: (inout ClientQuery) -> Void) {
        self.question = question
        change(&self)
    }

    struct OPT {
        var payloadSize: UInt16 = 1232
        var version: UInt8 = 0
        var dnssecOK = false
        var options: [UInt8] = []
    }

    var octets: [UInt8] {
        let words = question.split(separator: " ").map(String.init)
        let type = RecordType(words[1])?.rawValue ?? 0
        let more = UInt16(edns == nil ? 0 : 1)
        var out = ([id, flags] + (counts ?? [1, 0, 0, more])).flatMap(Self.pair)
        out += Name.wireKeepingCase(words[0]) ?? [0]
        out += Self.pair(type) + Self.pair(`class`) + records.flatMap(\.octets)
        if let edns {
            out += [0, 0, 41] + Self.pair(edns.payloadSize) + [0, edns.version, edns.dnssecOK ? 0x80 : 0, 0]
            out += Self.pair(UInt16(edns.options.count)) + edns.options
        }
        return out + rest
    }

    static func pair(_ value: UInt16) -> [UInt8] { [UInt8(value >> 8), UInt8(truncatingIfNeeded: value)] }
}

extension MemoryServer {
    /// The response to `query` as `WireText` shows it, or `silence`.
    func ask(_ query: ClientQuery, over transport: Transport = .udp) -> String {
        begin(query.octets, over: transport).text
    }
}

extension MemoryServer.Asked {
    /// The second 16 bits of the response's header.
    var flags: UInt16 { octets.map { UInt16($0[2]) << 8 | UInt16($0[3]) } ?? 0 }

    /// The extended error of the response, code and text; nil without one.
    var extendedError: (code: UInt16, text: String)? {
        guard let octets else { return nil }
        return withBytes(octets) { message in
            let end = (try? MessageReader.skipName(message, at: 12)) ?? 12
            var reader = MessageReader(message, at: end + 4)
            while let record = try? reader.next() {
                guard record.type == .opt, record.dataLength >= 6 else { continue }
                let text = message.slice(record.dataOffset + 6, record.dataLength - 6).array
                return (message.uint16(at: record.dataOffset + 4), String(decoding: text, as: UTF8.self))
            }
            return nil
        }
    }
}
