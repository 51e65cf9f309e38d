import CLDNS
import Glibc

/// A DNS message as ldns reads and prints it.
package struct DecodedMessage: Sendable, Equatable {
    package var id: UInt16
    /// The mnemonic of the whole RCODE, the bits of EDNS included: `NOERROR`.
    package var code: String
    /// The header bits that are set, in the order of the header: `qr aa tc rd ra ad cd`.
    package var flags: String
    /// Name, class and type of each question.
    package var question: [String]
    /// One line for each record, columns parted by tabs.
    package var answer: [String]
    package var authority: [String]
    /// Without OPT.
    package var additional: [String]
    /// What OPT says; nil without OPT.
    package var edns: DecodedEDNS?
}

/// The OPT record of a message (RFC 6891 §6.1).
package struct DecodedEDNS: Sendable, Equatable {
    package var payloadSize: UInt16
    package var version: UInt8
    package var dnssecOK: Bool
    /// All options with their headers.
    package var options: [UInt8]

    package init(payloadSize: UInt16, version: UInt8, dnssecOK: Bool, options: [UInt8]) {
        self.payloadSize = payloadSize
        self.version = version
        self.dnssecOK = dnssecOK
        self.options = options
    }
}

package enum MessageTextError: Error, Equatable, CustomStringConvertible {
    /// Not a whole, well-formed message, in ldns' words.
    case unreadable(String)
    /// Memory ran out while printing.
    case unprintable

    package var description: String {
        switch self {
        case .unreadable(let reason): "not a DNS message: \(reason)"
        case .unprintable: "a record that cannot be printed"
        }
    }
}

/// Reads messages and prints their records with ldns.
package enum MessageText {
    package static func text(of message: [UInt8]) throws(MessageTextError) -> DecodedMessage {
        let packet = try Packet(message)
        return DecodedMessage(
            id: packet.id, code: try packet.code, flags: packet.flags, question: try packet.records(.question),
            answer: try packet.records(.answer), authority: try packet.records(.authority),
            additional: try packet.records(.additional), edns: packet.edns)
    }
}

/// ldns' own form of a message; freed with this value.
@safe private struct Packet: ~Copyable {
    enum Section {
        case question, answer, authority, additional
    }

    private let pointer: UnsafeMutablePointer<ldns_pkt>

    init(_ message: [UInt8]) throws(MessageTextError) {
        var pointer: UnsafeMutablePointer<ldns_pkt>?
        let status = unsafe message.withUnsafeBufferPointer { octets in
            unsafe ldns_wire2pkt(&pointer, octets.baseAddress, octets.count)
        }
        guard status == LDNS_STATUS_OK, let pointer = unsafe pointer else {
            // Texts of the library itself, never freed.
            let reason = unsafe ldns_get_errorstr_by_id(status)
            throw .unreadable(unsafe reason.map { unsafe String(cString: $0) } ?? "status \(status.rawValue)")
        }
        unsafe self.pointer = unsafe pointer
    }

    deinit { unsafe ldns_pkt_free(pointer) }

    var id: UInt16 { unsafe ldns_pkt_id(pointer) }

    var code: String {
        get throws(MessageTextError) {
            let low = UInt32(unsafe ldns_pkt_get_rcode(pointer).rawValue)
            let high = hasEDNS ? UInt32(unsafe ldns_pkt_edns_extended_rcode(pointer)) : 0
            guard high == 0 else { return high << 4 | low == 16 ? "BADVERS" : "RCODE\(high << 4 | low)" }
            return unsafe try Self.taken(ldns_pkt_rcode2str(ldns_pkt_get_rcode(pointer)))
        }
    }

    var flags: String {
        let bits = unsafe [
            ("qr", ldns_pkt_qr(pointer)), ("aa", ldns_pkt_aa(pointer)), ("tc", ldns_pkt_tc(pointer)),
            ("rd", ldns_pkt_rd(pointer)), ("ra", ldns_pkt_ra(pointer)), ("ad", ldns_pkt_ad(pointer)),
            ("cd", ldns_pkt_cd(pointer)),
        ]
        return bits.filter { $0.1 != 0 }.map(\.0).joined(separator: " ")
    }

    private var hasEDNS: Bool { unsafe ldns_pkt_edns(pointer) != 0 }

    var edns: DecodedEDNS? {
        guard hasEDNS else { return nil }
        var options: [UInt8] = []
        if let data = unsafe ldns_pkt_edns_data(pointer), let start = unsafe ldns_rdf_data(data) {
            unsafe options = Array(UnsafeBufferPointer(start: start, count: ldns_rdf_size(data)))
        }
        return unsafe DecodedEDNS(
            payloadSize: ldns_pkt_edns_udp_size(pointer), version: ldns_pkt_edns_version(pointer),
            dnssecOK: ldns_pkt_edns_do(pointer) != 0, options: options)
    }

    func records(_ section: Section) throws(MessageTextError) -> [String] {
        let list =
            switch section {
            case .question: unsafe ldns_pkt_question(pointer)
            case .answer: unsafe ldns_pkt_answer(pointer)
            case .authority: unsafe ldns_pkt_authority(pointer)
            case .additional: unsafe ldns_pkt_additional(pointer)
            }
        guard let list = unsafe list else { return [] }
        var lines: [String] = []
        for index in 0..<(unsafe ldns_rr_list_rr_count(list)) {
            unsafe lines.append(try Self.taken(ldns_rr2str(ldns_rr_list_rr(list, index))))
        }
        return lines
    }

    /// A text of ldns without its last newline; the text itself is freed.
    private static func taken(_ text: UnsafeMutablePointer<CChar>?) throws(MessageTextError) -> String {
        guard let text = unsafe text else { throw .unprintable }
        defer { unsafe free(text) }
        let line = unsafe String(cString: text)
        return line.hasSuffix("\n") ? String(line.dropLast()) : line
    }
}
