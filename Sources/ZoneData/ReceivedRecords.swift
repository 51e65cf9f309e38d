import CLDNS

/// The records of a message as ldns reads them: names in the data of every known type are whole.
package struct ReceivedRecords: Sendable {
    package let id: UInt16
    package let isResponse: Bool
    package let code: UInt8
    package let answers: [ZoneRecord]
    package let authorities: [ZoneRecord]
    /// Without OPT.
    package let additionals: [ZoneRecord]

    /// Nil for what is not a whole message.
    package init?(_ message: [UInt8]) {
        var read: UnsafeMutablePointer<ldns_pkt>?
        let status = unsafe message.withUnsafeBufferPointer { octets in
            unsafe ldns_wire2pkt(&read, octets.baseAddress, octets.count)
        }
        guard status == LDNS_STATUS_OK, let packet = unsafe read else { return nil }
        defer { unsafe ldns_pkt_free(packet) }
        id = unsafe ldns_pkt_id(packet)
        isResponse = unsafe ldns_pkt_qr(packet) != 0
        code = UInt8(truncatingIfNeeded: unsafe ldns_pkt_get_rcode(packet).rawValue)
        answers = unsafe Self.records(ldns_pkt_answer(packet))
        authorities = unsafe Self.records(ldns_pkt_authority(packet))
        additionals = unsafe Self.records(ldns_pkt_additional(packet))
    }

    private static func records(_ list: UnsafePointer<ldns_rr_list>?) -> [ZoneRecord] {
        guard let list = unsafe list else { return [] }
        return unsafe (0..<ldns_rr_list_rr_count(list)).compactMap { index in
            unsafe ldns_rr_list_rr(list, index).map { unsafe ZoneRecord($0) }
        }
    }
}
