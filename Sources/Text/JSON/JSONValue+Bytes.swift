extension JSONValue {
    /// How the members and characters of a document are written where JSON leaves it open.
    private struct Style {
        var sortsNames = false
        var escapesHTML = false
    }

    /// The document as compact UTF-8 text, members in their order.
    package var bytes: [UInt8] {
        var out: [UInt8] = []
        append(to: &out)
        return out
    }

    /// The document as Go's json.Marshal writes a map: sorted names, characters special to HTML escaped.
    package var goText: String {
        var out: [UInt8] = []
        append(to: &out, Style(sortsNames: true, escapesHTML: true))
        return String(decoding: out, as: UTF8.self)
    }

    package func append(to out: inout [UInt8]) { append(to: &out, Style()) }

    private func append(to out: inout [UInt8], _ style: Style) {
        switch self {
        case .null: out.append(contentsOf: "null".utf8)
        case .bool(let flag): out.append(contentsOf: (flag ? "true" : "false").utf8)
        case .int(let number): out.append(contentsOf: String(number).utf8)
        case .real(let number): out.append(contentsOf: number.goText.utf8)
        case .string(let text): Self.append(text, to: &out, style)
        case .array(let elements):
            out.append(UInt8(ascii: "["))
            for (position, element) in elements.enumerated() {
                if position > 0 { out.append(UInt8(ascii: ",")) }
                element.append(to: &out, style)
            }
            out.append(UInt8(ascii: "]"))
        case .object(let members):
            out.append(UInt8(ascii: "{"))
            let ordered = style.sortsNames ? members.sorted { $0.name < $1.name } : members
            for (position, member) in ordered.enumerated() {
                if position > 0 { out.append(UInt8(ascii: ",")) }
                Self.append(member.name, to: &out, style)
                out.append(UInt8(ascii: ":"))
                member.value.append(to: &out, style)
            }
            out.append(UInt8(ascii: "}"))
        }
    }

    private static func append(_ text: String, to out: inout [UInt8], _ style: Style) {
        out.append(UInt8(ascii: "\""))
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "\""), UInt8(ascii: "\\"):
                out.append(UInt8(ascii: "\\"))
                out.append(byte)
            case 0x0A: out.append(contentsOf: "\\n".utf8)
            case 0x0D: out.append(contentsOf: "\\r".utf8)
            case 0x09: out.append(contentsOf: "\\t".utf8)
            case 0..<0x20: appendCode(byte, to: &out)
            case UInt8(ascii: "<") where style.escapesHTML, UInt8(ascii: ">") where style.escapesHTML,
                UInt8(ascii: "&") where style.escapesHTML:
                appendCode(byte, to: &out)
            // U+2028 and U+2029, which end a line in JavaScript.
            case 0xA8 where style.escapesHTML && out.suffix(2) == [0xE2, 0x80],
                0xA9 where style.escapesHTML && out.suffix(2) == [0xE2, 0x80]:
                out.removeLast(2)
                out.append(contentsOf: (byte == 0xA8 ? "\\u2028" : "\\u2029").utf8)
            default: out.append(byte)
            }
        }
        out.append(UInt8(ascii: "\""))
    }

    private static func appendCode(_ byte: UInt8, to out: inout [UInt8]) {
        let digits = String(byte, radix: 16)
        out.append(contentsOf: (byte < 0x10 ? "\\u000" : "\\u00").utf8)
        out.append(contentsOf: digits.utf8)
    }
}
