import DNSServer
import DNSWire
import EventLoop
import Text

/// CoreDNS' format of log lines: text with `{fields}`, parsed once.
struct LogFormat: Sendable {
    private enum Part: Sendable {
        case text([UInt8])
        case field(Field)
        /// What a plugin knows about the question, by `metadata`.
        case label(String)
    }

    private enum Field: String, CaseIterable {
        case type, name, `class`, proto, remote, port, size, rcode, rsize, duration, local
        case flags = ">rflags"
        case payloadSize = ">bufsize"
        case dnssecOK = ">do"
        case id = ">id"
        case opcode = ">opcode"
    }

    private let parts: [Part]

    static let common = LogFormat("{common}")
    private static let commonText =
        "{remote}:{port} - {>id} \"{type} {class} {name} {proto} {size} {>do} {>bufsize}\" {rcode} {>rflags} {rsize} {duration}"

    init(_ format: String) {
        let expanded = format.replacing("{combined}", with: Self.commonText + " \"{>opcode}\"")
            .replacing("{common}", with: Self.commonText)
        var parts: [Part] = []
        var rest = expanded[...]
        while let open = rest.firstIndex(of: "{"), let close = rest[open...].firstIndex(of: "}") {
            if open > rest.startIndex { parts.append(.text(Array(rest[..<open].utf8))) }
            let name = String(rest[rest.index(after: open)..<close])
            if let field = Field(rawValue: name) {
                parts.append(.field(field))
            } else if name.hasPrefix("/") {
                parts.append(.label(String(name.dropFirst())))
            } else {
                parts.append(.text(Array("{\(name)}".utf8)))
            }
            rest = rest[rest.index(after: close)...]
        }
        if !rest.isEmpty { parts.append(.text(Array(rest.utf8))) }
        self.parts = parts
    }

    /// Appends the line, without a newline.
    ///
    /// - Parameters:
    ///   - now: monotonic nanoseconds, for the duration.
    ///   - metadata: nil where labels have no values.
    func write(
        _ exchange: borrowing Exchange, now: UInt64, _ metadata: (any MetadataReader)?, to line: inout [UInt8]
    ) {
        for index in parts.indices {
            switch parts[index] {
            case .text(let text): line += text
            case .field(let field): Self.write(field, exchange, now, to: &line)
            case .label(let name): line.append(text: metadata?.value(name, of: exchange) ?? "-")
            }
        }
    }

    private static func write(
        _ field: Field, _ exchange: borrowing Exchange, _ now: UInt64, to line: inout [UInt8]
    ) {
        let asked = exchange.asked
        switch field {
        case .type: line.append(text: asked.type.description)
        case .name: asked.folded.appendNameText(to: &line)
        case .class: line.append(text: RecordClass.text(asked.class))
        case .proto: line.append(text: exchange.transport.text)
        case .remote: write(exchange.client, to: &line)
        case .local: if let server = exchange.server { write(server, to: &line) } else { line.append(text: "-") }
        case .port: line.append(decimal: UInt64(exchange.client.port))
        case .size: line.append(decimal: UInt64(exchange.message.count))
        case .rcode: line.append(text: exchange.response.code.description)
        case .rsize: line.append(decimal: UInt64(max(0, exchange.responseSize)))
        case .duration:
            let taken = now &- exchange.received
            line.append(decimal: taken / 1_000_000_000)
            line.append(UInt8(ascii: "."))
            line.append(decimal: taken % 1_000_000_000, digits: 9)
            line.append(UInt8(ascii: "s"))
        case .flags: writeFlags(exchange, to: &line)
        case .payloadSize:
            // What the response may have; streams have no other limit than a message's (as in CoreDNS).
            let size = exchange.transport == .udp ? max(512, asked.edns?.payloadSize ?? 512) : .max
            line.append(decimal: UInt64(size))
        case .dnssecOK: line.append(text: asked.edns?.dnssecOK == true ? "true" : "false")
        case .id: line.append(decimal: UInt64(asked.id))
        case .opcode: line.append(decimal: UInt64(asked.opcode))
        }
    }

    /// An address without its port; IPv6 in brackets.
    private static func write(_ address: SocketAddress, to line: inout [UInt8]) {
        if address.isIPv4 { return address.address.append(to: &line) }
        line.append(UInt8(ascii: "["))
        address.address.append(to: &line)
        line.append(UInt8(ascii: "]"))
    }

    private static func writeFlags(_ exchange: borrowing Exchange, to line: inout [UInt8]) {
        let flags = exchange.response.written.count >= 4 ? exchange.response.written.uint16(at: 2) : 0
        line.append(text: "qr")
        if flags & HeaderFlag.authoritative != 0 { line.append(text: ",aa") }
        if flags & HeaderFlag.truncated != 0 { line.append(text: ",tc") }
        if flags & HeaderFlag.recursionDesired != 0 { line.append(text: ",rd") }
        if flags & HeaderFlag.recursionAvailable != 0 { line.append(text: ",ra") }
        if flags & HeaderFlag.authenticData != 0 { line.append(text: ",ad") }
        if flags & HeaderFlag.checkingDisabled != 0 { line.append(text: ",cd") }
    }
}
