import CLDNS
import Glibc

/// Reads a zone file (RFC 1035 §5) with ldns, record by record.
struct ZoneFileReader {
    /// How many files may include one another.
    private static let greatestDepth = 8
    /// The TTL of records before the first that says one, in seconds.
    private static let firstTTL: UInt32 = 3600

    /// Gives the octets of an included file.
    let readFile: (String) throws -> [UInt8]

    /// Hands every record of `octets` to `take`: text whose octets mean what its writer chose (RFC 1035 §5.1).
    ///
    /// - Parameters:
    ///   - origin: wire form of what relative names stand below.
    ///   - take: owner, type, class, TTL and data; gives what is wrong with the record, if anything.
    func read(
        _ octets: [UInt8], named file: String, origin: [UInt8], depth: Int = 0,
        _ take: (ZoneRecord) -> String?
    ) throws(ZoneFileError) {
        var octets = octets
        guard !octets.isEmpty else { return }
        let count = octets.count
        // Read only, and closed before the array goes.
        guard let stream = unsafe octets.withUnsafeMutableBytes({ unsafe fmemopen($0.baseAddress, count, "r") }) else {
            throw ZoneFileError(file: file, found: "a text that cannot be read")
        }
        defer { unsafe fclose(stream) }
        var state = unsafe ReaderState(
            origin: unsafe origin.withUnsafeBytes {
                unsafe ldns_rdf_new_frm_data(LDNS_RDF_TYPE_DNAME, $0.count, $0.baseAddress)
            })
        defer { state.free() }
        var ttl = Self.firstTTL
        var hasDefault = false
        while unsafe feof(stream) == 0 {
            let before = Int(unsafe ftell(stream))
            var pointer: UnsafeMutablePointer<ldns_rr>?
            let status = unsafe ldns_rr_new_frm_fp_l(
                &pointer, stream, &ttl, &state.origin, &state.previous, &state.line)
            switch status {
            case LDNS_STATUS_OK:
                guard let pointer = unsafe pointer else { continue }
                defer { unsafe ldns_rr_free(pointer) }
                let record = unsafe ZoneRecord(pointer)
                if !hasDefault { ttl = record.ttl }
                if let found = take(record) { throw ZoneFileError(file: file, line: Int(state.line), found: found) }
            case LDNS_STATUS_SYNTAX_EMPTY, LDNS_STATUS_SYNTAX_ORIGIN: continue
            case LDNS_STATUS_SYNTAX_TTL: hasDefault = true
            case LDNS_STATUS_SYNTAX_INCLUDE:
                let after = min(max(before, Int(unsafe ftell(stream))), count)
                let line = String(decoding: octets[before..<after], as: UTF8.self)
                try include(line, at: Int(state.line), of: file, state.originOctets ?? origin, depth, take)
            default:
                let reason = unsafe ldns_get_errorstr_by_id(status).map { unsafe String(cString: $0) }
                throw ZoneFileError(file: file, line: Int(state.line), found: reason ?? "status \(status.rawValue)")
            }
        }
    }

    /// `$INCLUDE FILE [ORIGIN]` (RFC 1035 §5.1); the file is looked for beside the one that names it.
    private func include(
        _ text: String, at line: Int, of file: String, _ origin: [UInt8], _ depth: Int, _ take: (ZoneRecord) -> String?
    ) throws(ZoneFileError) {
        let last = text.split(whereSeparator: \.isNewline).last ?? ""
        let words = last.prefix { $0 != ";" }.split(whereSeparator: \.isWhitespace).map(String.init)
        guard words.count >= 2, depth < Self.greatestDepth else {
            throw ZoneFileError(
                file: file, line: line,
                found: words.count < 2 ? "$INCLUDE without a file" : "files that include one another without an end")
        }
        var name = words[1]
        if !name.hasPrefix("/"), let slash = file.lastIndex(of: "/") { name = file[...slash] + name }
        var inner = origin
        if words.count > 2 {
            guard let read = Self.name(words[2], under: origin) else {
                throw ZoneFileError(file: file, line: line, found: "\(words[2]), which is no domain name")
            }
            inner = read
        }
        let octets: [UInt8]
        do { octets = try readFile(name) } catch {
            throw ZoneFileError(file: file, line: line, found: "\(name), which cannot be read")
        }
        try read(octets, named: name, origin: inner, depth: depth + 1, take)
    }

    private static func name(_ text: String, under origin: [UInt8]) -> [UInt8]? {
        guard let name = unsafe ldns_dname_new_frm_str(text) else { return nil }
        defer { unsafe ldns_rdf_deep_free(name) }
        guard let octets = unsafe octets(of: name) else { return nil }
        if text.hasSuffix(".") { return octets }
        let whole = octets.dropLast() + origin
        return whole.count <= 255 ? Array(whole) : nil
    }
}

/// What ldns carries from line to line.
@safe private struct ReaderState {
    var origin: UnsafeMutablePointer<ldns_rdf>?
    var previous: UnsafeMutablePointer<ldns_rdf>?
    var line: Int32 = 0

    init(origin: UnsafeMutablePointer<ldns_rdf>?) { unsafe self.origin = unsafe origin }

    var originOctets: [UInt8]? { unsafe origin.flatMap { unsafe octets(of: $0) } }

    func free() {
        if let origin = unsafe origin { unsafe ldns_rdf_deep_free(origin) }
        if let previous = unsafe previous { unsafe ldns_rdf_deep_free(previous) }
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
