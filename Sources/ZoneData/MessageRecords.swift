import CLDNS

/// The answer section of a message, as ldns reads it: names in the data of every known type are whole.
package struct MessageRecords: Sendable {
    package let id: UInt16
    package let isResponse: Bool
    package let code: UInt8
    package let records: [ZoneRecord]

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
        var records: [ZoneRecord] = []
        if let list = unsafe ldns_pkt_answer(packet) {
            for index in 0..<(unsafe ldns_rr_list_rr_count(list)) {
                if let record = unsafe ldns_rr_list_rr(list, index) { unsafe records.append(ZoneRecord(record)) }
            }
        }
        self.records = records
    }
}
