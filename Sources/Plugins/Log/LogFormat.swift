import DNSServer
import DNSWire
import EventLoop

/// CoreDNS' format of log lines: text with `{fields}`, parsed once.
struct LogFormat: Sendable {
    private enum Part: Sendable {
        case text(String)
        case field(String)
        /// What a plugin knows about the question, by `metadata`.
        case label(String)
    }

    private let parts: [Part]

    static let common = LogFormat("{common}")
    private static let commonText =
        "{remote}:{port} - {>id} \"{type} {class} {name} {proto} {size} {>do} {>bufsize}\" {rcode} {>rflags} {rsize} {duration}"
    private static let fields: Set<String> = [
        "type", "name", "class", "proto", "remote", "port", "size", "rcode", "rsize", "duration", ">rflags",
        ">bufsize", ">do", ">id", ">opcode", "local",
    ]

    init(_ format: String) {
        let expanded = format.replacing("{combined}", with: Self.commonText + " \"{>opcode}\"")
            .replacing("{common}", with: Self.commonText)
        var parts: [Part] = []
        var rest = expanded[...]
        while let open = rest.firstIndex(of: "{"), let close = rest[open...].firstIndex(of: "}") {
            if open > rest.startIndex { parts.append(.text(String(rest[..<open]))) }
            let name = String(rest[rest.index(after: open)..<close])
            if Self.fields.contains(name) {
                parts.append(.field(name))
            } else if name.hasPrefix("/") {
                parts.append(.label(String(name.dropFirst())))
            } else {
                parts.append(.text("{\(name)}"))
            }
            rest = rest[rest.index(after: close)...]
        }
        if !rest.isEmpty { parts.append(.text(String(rest))) }
        self.parts = parts
    }

    /// - Parameters:
    ///   - now: monotonic nanoseconds, for the duration.
    ///   - metadata: nil where labels have no values.
    func text(_ exchange: borrowing Exchange, now: UInt64, _ metadata: (any MetadataReader)? = nil) -> String {
        var line = ""
        for part in parts {
            switch part {
            case .text(let text): line += text
            case .field(let name): line += Self.value(name, exchange, now)
            case .label(let name): line += metadata?.value(name, of: exchange) ?? "-"
            }
        }
        return line
    }

    private static func value(_ field: String, _ exchange: borrowing Exchange, _ now: UInt64) -> String {
        let asked = exchange.asked
        return switch field {
        case "type": asked.type.description
        case "name": asked.folded.nameText
        case "class": RecordClass.text(asked.class)
        case "proto": exchange.transport.text
        case "remote": exchange.client.isIPv4 ? exchange.client.address.description : "[\(exchange.client.address)]"
        case "port": String(exchange.client.port)
        case "size": String(exchange.message.count)
        case "rcode": exchange.response.code.description
        case "rsize": String(exchange.responseSize)
        case "duration": seconds(now &- exchange.received)
        case ">rflags": flags(exchange)
        case ">bufsize": String(asked.edns?.payloadSize ?? 512)
        case ">do": String(asked.edns?.dnssecOK ?? false)
        case ">id": String(asked.id)
        case ">opcode": String(asked.opcode)
        default: "-"
        }
    }

    private static func seconds(_ nanoseconds: UInt64) -> String {
        let fraction = String(nanoseconds % 1_000_000_000)
        return "\(nanoseconds / 1_000_000_000).\(String(repeating: "0", count: 9 - fraction.count))\(fraction)s"
    }

    private static func flags(_ exchange: borrowing Exchange) -> String {
        let flags = exchange.response.flags
        var names = ["qr"]
        if flags & HeaderFlag.authoritative != 0 { names.append("aa") }
        if exchange.response.isTruncated { names.append("tc") }
        if exchange.asked.recursionDesired { names.append("rd") }
        if flags & HeaderFlag.recursionAvailable != 0 { names.append("ra") }
        if flags & HeaderFlag.authenticData != 0 { names.append("ad") }
        if flags & HeaderFlag.checkingDisabled != 0 { names.append("cd") }
        return names.joined(separator: ",")
    }
}
