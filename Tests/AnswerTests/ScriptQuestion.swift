import DNSServer
import DNSWire
import Foundation
import TestKit
import Testing

/// `ask NAME TYPE` and how: what a client sends, and from where.
struct ScriptQuestion {
    let words: [String]
    let line: Int

    private var how: ArraySlice<String> { words.dropFirst(3) }

    private func values(_ name: String) -> [String] {
        how.filter { $0.hasPrefix("\(name)=") }.map { String($0.dropFirst(name.count + 1)) }
    }

    var transport: DNSServer.Transport { how.contains("tcp") ? .tcp : .udp }

    /// Address and port.
    var client: (address: String, port: UInt16) {
        let parts = (values("from").first ?? "127.0.0.1").split(separator: "#")
        return (String(parts[0]), parts.count > 1 ? UInt16(parts[1]) ?? 0 : 40_000)
    }

    /// - Parameter name: the name asked for, with its final dot.
    func octets(_ name: String) throws -> [UInt8] {
        let options = values("option").flatMap { text -> [UInt8] in
            let parts = text.split(separator: ":").map(String.init)
            let data = parts.count > 1 ? Hexadecimal.octets(parts[1]) : []
            let code = UInt16(parts[0]) ?? 0
            return [UInt8(code >> 8), UInt8(code & 0xFF), UInt8(data.count >> 8), UInt8(data.count & 0xFF)] + data
        }
        let query = WireText.query(
            "\(name) \(words[2])", id: UInt16(line), recursionDesired: !how.contains("norecurse"),
            checkingDisabled: how.contains("cd"),
            dnssecOK: how.contains("noedns") ? nil : how.contains("dnssec"),
            payloadSize: values("edns").first.flatMap { UInt16($0) } ?? 1232, options: options,
            class: values("class") == ["CH"] ? 3 : 1)
        guard let key = values("key").first?.split(separator: ":").map(String.init) else { return query }
        let secret = try #require(Data(base64Encoded: key[1]))
        return try #require(
            WireText.signed(query, key: key[0], secret: Array(secret), at: UInt64(Date().timeIntervalSince1970)))
    }
}

enum Hexadecimal {
    static func octets(_ text: String) -> [UInt8] {
        let digits = text.compactMap(\.hexDigitValue)
        return stride(from: 0, to: digits.count - 1, by: 2).map { UInt8(digits[$0] << 4 | digits[$0 + 1]) }
    }

    static func text(_ octets: some Sequence<UInt8>) -> String {
        octets.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    }
}
