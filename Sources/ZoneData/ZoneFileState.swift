import CLDNS

/// What one line of a zone file leaves for the next ones (RFC 1035 §5.1).
@safe final class ZoneFileState {
    /// The TTL of records before the first that says one, in seconds; NSD has the same.
    private static let firstTTL: UInt32 = 3600

    private var origin: UnsafeMutablePointer<ldns_rdf>?
    /// The last owner that was written.
    private var previous: UnsafeMutablePointer<ldns_rdf>?
    private var ttl = firstTTL
    /// Whether `$TTL` gave it; else each record that has one gives it to the next.
    private var isDefault = false

    /// - Parameter origin: wire form of what relative names stand below.
    init(origin: [UInt8]) {
        unsafe self.origin = unsafe origin.withUnsafeBytes {
            unsafe ldns_rdf_new_frm_data(LDNS_RDF_TYPE_DNAME, $0.count, $0.baseAddress)
        }
    }

    private init(_ other: ZoneFileState) {
        if let origin = unsafe other.origin { unsafe self.origin = ldns_rdf_clone(origin) }
        if let previous = unsafe other.previous { unsafe self.previous = ldns_rdf_clone(previous) }
        (ttl, isDefault) = (other.ttl, other.isDefault)
    }

    deinit {
        if let origin = unsafe origin { unsafe ldns_rdf_deep_free(origin) }
        if let previous = unsafe previous { unsafe ldns_rdf_deep_free(previous) }
    }

    func copy() -> ZoneFileState { ZoneFileState(self) }

    func setTTL(_ seconds: UInt32) { (ttl, isDefault) = (seconds, true) }

    /// `@` stands for the origin that there is, and relative names are below it.
    func setOrigin(_ word: ArraySlice<UInt8>) throws(ZoneContentError) {
        guard word != [UInt8(ascii: "@")] else { return }
        let text = (word + [0]).map { CChar(bitPattern: $0) }
        guard let name = unsafe ldns_dname_new_frm_str(text) else {
            throw ZoneContentError("\(word.shown), which is no domain name")
        }
        if unsafe ldns_dname_str_absolute(text) == 0, let origin = unsafe origin {
            guard unsafe ldns_dname_cat(name, origin) == LDNS_STATUS_OK, unsafe ldns_rdf_size(name) <= 255 else {
                unsafe ldns_rdf_deep_free(name)
                throw ZoneContentError("\(word.shown), which is no domain name below the origin")
            }
        }
        if let origin = unsafe origin { unsafe ldns_rdf_deep_free(origin) }
        unsafe origin = unsafe name
    }

    /// Reads a record and hands it on; `take` gives what is wrong with it, if anything.
    func read(_ line: [UInt8], _ take: (ZoneRecord) -> String?) throws(ZoneContentError) {
        let head = try RecordHead(line)
        var text = head.ordered(line)
        text.append(0)
        var pointer: UnsafeMutablePointer<ldns_rr>?
        let status = unsafe text.withUnsafeBufferPointer {
            unsafe $0.withMemoryRebound(to: CChar.self) {
                unsafe ldns_rr_new_frm_str(&pointer, $0.baseAddress, ttl, origin, &previous)
            }
        }
        guard status == LDNS_STATUS_OK else {
            let reason = unsafe ldns_get_errorstr_by_id(status).map { unsafe String(cString: $0) }
            throw ZoneContentError(reason ?? "status \(status.rawValue)")
        }
        guard let pointer = unsafe pointer else { return }
        defer { unsafe ldns_rr_free(pointer) }
        var record = unsafe ZoneRecord(pointer)
        // ldns takes a default of 0 for none.
        record.ttl = head.ttl ?? ttl
        if !isDefault { ttl = record.ttl }
        if let found = take(record) { throw ZoneContentError(found) }
    }
}

/// The octets of a field.
private func octets(of field: UnsafePointer<ldns_rdf>) -> [UInt8]? {
    unsafe ldns_rdf_data(field).map { unsafe Array(UnsafeBufferPointer(start: $0, count: ldns_rdf_size(field))) }
}

extension ZoneRecord {
    /// As ldns has read it.
    init(_ record: UnsafeMutablePointer<ldns_rr>) {
        unsafe self.init(
            owner: ldns_rr_owner(record).flatMap { unsafe octets(of: $0) } ?? [0],
            type: UInt16(truncatingIfNeeded: ldns_rr_get_type(record).rawValue),
            class: UInt16(truncatingIfNeeded: ldns_rr_get_class(record).rawValue), ttl: ldns_rr_ttl(record), data: [])
        for index in 0..<(unsafe ldns_rr_rd_count(record)) {
            guard let field = unsafe ldns_rr_rdf(record, index), let start = unsafe ldns_rdf_data(field) else {
                continue
            }
            unsafe data.append(contentsOf: UnsafeBufferPointer(start: start, count: ldns_rdf_size(field)))
        }
    }
}
