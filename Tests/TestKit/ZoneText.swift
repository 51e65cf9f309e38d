import ZoneData

/// Responses as ldns prints them.
package enum ZoneText {
    /// Code and flags, then the records of answer and authority as zone text; `ede=` when the answer says why.
    package static func text(of octets: [UInt8]) throws -> String {
        let message = try MessageText.text(of: octets)
        let options = message.edns?.options ?? []
        let reason = options.count == 6 && options[1] == 15 ? " ede=\(options[5])" : ""
        let flags = message.flags.split(separator: " ").filter { !["qr", "rd", "ra"].contains($0) }
        let head = ([message.code] + flags.map(String.init)).joined(separator: " ") + reason
        return ([head] + (message.answer + message.authority).map { $0.replacing("\t", with: " ") })
            .joined(separator: "\n")
    }
}
