import CLDNS
package import DNSWire
import Glibc

/// A key that signs records of zones (RFC 4034), as files of BIND and ldns hold it: a DNSKEY record and its private half.
///
/// It belongs to one thread.
@safe package final class SigningKey {
    private let secret: UnsafeMutablePointer<ldns_key>
    private let publicKey: UnsafeMutablePointer<ldns_rr>

    package let tag: UInt16
    /// The zone that the key's file names.
    package let owner: Name
    private let flags: UInt16

    /// - Parameters:
    ///   - publicText: the file that ends in `.key`.
    ///   - privateText: the one that ends in `.private`.
    package init(_ publicText: String, _ privateText: String) throws(ZoneContentError) {
        let lines = publicText.split(whereSeparator: \.isNewline).filter { !$0.hasPrefix(";") }
        var record: UnsafeMutablePointer<ldns_rr>?
        guard let line = lines.first,
            unsafe ldns_rr_new_frm_str(&record, String(line), 3600, nil, nil) == LDNS_STATUS_OK,
            let record = unsafe record
        else { throw ZoneContentError("a file of a public key that holds no DNSKEY record") }
        let data = unsafe ZoneRecord(record).data
        // In its generic form (RFC 3597 §5) a record may be shorter than the fields of its type (RFC 4034 §2.1).
        guard unsafe ldns_rr_get_type(record) == LDNS_RR_TYPE_DNSKEY, data.count >= 4 else {
            unsafe ldns_rr_free(record)
            throw ZoneContentError("a file of a public key that holds no DNSKEY record")
        }
        var octets = Array(privateText.utf8)
        var key: UnsafeMutablePointer<ldns_key>?
        let count = octets.count
        if count > 0,
            let stream = unsafe octets.withUnsafeMutableBytes({ unsafe fmemopen($0.baseAddress, count, "r") })
        {
            if unsafe ldns_key_new_frm_fp(&key, stream) != LDNS_STATUS_OK { unsafe key = nil }
            unsafe fclose(stream)
        }
        for index in octets.indices { octets[index] = 0 }
        guard let key = unsafe key else {
            unsafe ldns_rr_free(record)
            throw ZoneContentError("a file of a private key that cannot be read")
        }
        flags = UInt16(data[0]) << 8 | UInt16(data[1])
        unsafe ldns_key_set_flags(key, flags)
        unsafe ldns_key_set_pubkey_owner(key, ldns_rdf_clone(ldns_rr_owner(record)))
        tag = unsafe ldns_calc_keytag(record)
        unsafe ldns_key_set_keytag(key, tag)
        owner = withBytes(unsafe ZoneRecord(record).owner) { Name($0) }
        unsafe publicKey = unsafe record
        unsafe secret = unsafe key
        let derived = unsafe ldns_key2rr(key)
        defer { if let derived = unsafe derived { unsafe ldns_rr_free(derived) } }
        guard let derived = unsafe derived, unsafe ZoneRecord(derived).data == data else {
            throw ZoneContentError("a private key that does not belong to the public key \(tag)")
        }
    }

    deinit {
        unsafe ldns_key_deep_free(secret)
        unsafe ldns_rr_free(publicKey)
    }

    /// A key that signs keys: its SEP bit is set (RFC 4034 §2.1.1).
    package var signsKeys: Bool { flags & 1 != 0 }
    /// A key of a zone at all.
    package var isZoneKey: Bool { flags & 0x100 != 0 }

    /// The DNSKEY record, of `zone`.
    package func record(of zone: Name, ttl: UInt32) -> ZoneRecord {
        var record = unsafe ZoneRecord(publicKey)
        (record.owner, record.ttl) = (zone.wire, ttl)
        return record
    }

    /// What parents are told of the key: CDS by SHA-1 and SHA-256, and CDNSKEY (RFC 7344).
    package func parentRecords(of zone: Name, ttl: UInt32) -> [ZoneRecord] {
        var own = self.record(of: zone, ttl: ttl)
        own.type = 60
        var records = [own]
        for hash in [LDNS_SHA1, LDNS_SHA256] {
            guard let named = Self.raw(record(of: zone, ttl: ttl)) else { continue }
            defer { unsafe ldns_rr_free(named) }
            guard let digest = unsafe ldns_key_rr2ds(named, hash) else { continue }
            defer { unsafe ldns_rr_free(digest) }
            var record = unsafe ZoneRecord(digest)
            (record.type, record.owner, record.ttl) = (59, zone.wire, ttl)
            records.append(record)
        }
        return records
    }

    /// The signature of one set of records.
    ///
    /// - Parameters:
    ///   - zone: who signs.
    ///   - inception: seconds since 1970 from which it holds; `expiration`: until which.
    package func sign(_ records: [ZoneRecord], for zone: Name, inception: UInt32, expiration: UInt32) -> ZoneRecord? {
        guard let list = unsafe ldns_rr_list_new() else { return nil }
        defer { unsafe ldns_rr_list_deep_free(list) }
        for record in records {
            guard let raw = Self.raw(record) else { return nil }
            unsafe ldns_rr_list_push_rr(list, raw)
        }
        guard let keys = unsafe ldns_key_list_new() else { return nil }
        defer { Self.free(keys) }
        prepare(for: zone, inception: inception, expiration: expiration)
        unsafe ldns_key_list_push_key(keys, secret)
        guard let signatures = unsafe ldns_sign_public(list, keys) else { return nil }
        defer { unsafe ldns_rr_list_deep_free(signatures) }
        guard unsafe ldns_rr_list_rr_count(signatures) == 1, let signature = unsafe ldns_rr_list_rr(signatures, 0)
        else {
            return nil
        }
        return unsafe ZoneRecord(signature)
    }

    /// Makes the key one of `zone`, with signatures of that time.
    func prepare(for zone: Name, inception: UInt32, expiration: UInt32) {
        unsafe ldns_key_set_inception(secret, inception)
        unsafe ldns_key_set_expiration(secret, expiration)
        if let old = unsafe ldns_key_pubkey_owner(secret) { unsafe ldns_rdf_deep_free(old) }
        unsafe zone.wire.withUnsafeBytes {
            unsafe ldns_key_set_pubkey_owner(
                secret, ldns_rdf_new_frm_data(LDNS_RDF_TYPE_DNAME, $0.count, $0.baseAddress))
        }
    }

    /// Adds the key to a list, which must not outlive it.
    func join(_ list: UnsafeMutablePointer<ldns_key_list>) { unsafe ldns_key_list_push_key(list, secret) }

    /// Frees a list, and not the keys in it.
    static func free(_ list: UnsafeMutablePointer<ldns_key_list>) {
        unsafe ldns_key_list_set_key_count(list, 0)
        unsafe ldns_key_list_free(list)
    }

    /// The record as ldns has it; the caller frees it.
    static func raw(_ record: ZoneRecord) -> UnsafeMutablePointer<ldns_rr>? {
        let wire = record.wire
        var raw: UnsafeMutablePointer<ldns_rr>?
        var position = 0
        guard unsafe ldns_wire2rr(&raw, wire, wire.count, &position, LDNS_SECTION_ANSWER) == LDNS_STATUS_OK else {
            return nil
        }
        return unsafe raw
    }
}
