import CLDNS
package import DNSWire
import Glibc

/// Signs whole zones, with NSEC records (RFC 4035 §2).
package enum ZoneSigner {
    /// Types that signing makes anew.
    private static let made: Set<UInt16> = [46, 47, 48, 50, 51, 59, 60]

    /// Signs the zone of a file.
    ///
    /// - Parameters:
    ///   - serial: what the SOA record gets.
    ///   - inception: seconds since 1970 from which signatures hold; `expiration`: until which.
    /// - Returns: the text of a zone file, and how many records are left out because they are not of the zone.
    package static func sign(
        _ octets: [UInt8], named file: String, origin: Name, keys: [SigningKey], serial: UInt32, inception: UInt32,
        expiration: UInt32, readFile: @escaping (String) throws -> [UInt8]
    ) throws(ZoneFileError) -> (text: String, foreign: Int) {
        var records: [ZoneRecord] = []
        var foreign = 0
        try ZoneFileReader(readFile: readFile).read(octets, named: file, origin: origin.wire) { record in
            let isBelow = withBytes(record.owner.map(folded)) { Name($0) }.isSubdomain(of: origin)
            if !isBelow {
                foreign += 1
            } else if !made.contains(record.type) {
                records.append(record)
            }
            return nil
        }
        guard let start = records.firstIndex(where: { $0.type == RecordType.soa.rawValue && $0.data.count >= 22 })
        else {
            throw ZoneFileError(file: file, found: "a zone without an SOA record")
        }
        let numbers = records[start].data.count - 20
        for index in 0..<4 {
            records[start].data[numbers + index] = UInt8(truncatingIfNeeded: serial >> UInt32(24 - 8 * index))
        }
        let ttl = records[start].ttl
        for key in keys {
            records.append(key.record(of: origin, ttl: ttl))
            records += key.parentRecords(of: origin, ttl: ttl)
            key.prepare(for: origin, inception: inception, expiration: expiration)
        }
        guard let signed = Self.text(of: records, keys) else {
            throw ZoneFileError(file: file, found: "a zone that cannot be signed with these keys")
        }
        return (signed, foreign)
    }

    /// From and until when the first signature of an SOA record holds, in seconds since 1970, of those at the start of a
    /// zone file; nil without one.
    package static func validity(of octets: [UInt8]) -> (inception: UInt32, expiration: UInt32)? {
        var found: (UInt32, UInt32)?
        var count = 0
        let start = Array(octets.prefix(1 << 20))
        _ = try? ZoneFileReader(readFile: { _ in [] }).read(start, named: "", origin: [0]) { record in
            count += 1
            let data = record.data
            if record.type == RecordType.rrsig.rawValue, data.count > 18,
                UInt16(data[0]) << 8 | UInt16(data[1]) == RecordType.soa.rawValue
            {
                func number(_ place: Int) -> UInt32 { data[place..<(place + 4)].reduce(0) { $0 << 8 | UInt32($1) } }
                found = (number(12), number(8))
            }
            // The SOA stands first; whoever wrote the file otherwise has it signed again.
            return found != nil || count >= 100 ? "enough" : nil
        }
        return found
    }

    private static func text(of records: [ZoneRecord], _ keys: [SigningKey]) -> String? {
        guard let zone = unsafe ldns_dnssec_zone_new() else { return nil }
        defer { unsafe ldns_dnssec_zone_deep_free(zone) }
        // The SOA first, which makes it the zone's.
        for record in records.filter({ $0.type == RecordType.soa.rawValue })
            + records.filter({ $0.type != RecordType.soa.rawValue })
        {
            guard let raw = SigningKey.raw(record) else { return nil }
            guard unsafe ldns_dnssec_zone_add_rr(zone, raw) == LDNS_STATUS_OK else {
                unsafe ldns_rr_free(raw)
                return nil
            }
        }
        guard let list = unsafe ldns_key_list_new(), let new = unsafe ldns_rr_list_new() else { return nil }
        defer {
            unsafe SigningKey.free(list)
            // The records themselves are the zone's.
            unsafe ldns_rr_list_free(new)
        }
        for key in keys { unsafe key.join(list) }
        guard
            unsafe ldns_dnssec_zone_sign(zone, new, list, ldns_dnssec_default_replace_signatures, nil)
                == LDNS_STATUS_OK
        else { return nil }
        var buffer: UnsafeMutablePointer<CChar>?
        var count = 0
        guard let stream = unsafe open_memstream(&buffer, &count) else { return nil }
        unsafe ldns_dnssec_zone_print(stream, zone)
        unsafe fclose(stream)
        defer { unsafe free(buffer) }
        return unsafe buffer.map { unsafe String(cString: $0) }
    }
}
