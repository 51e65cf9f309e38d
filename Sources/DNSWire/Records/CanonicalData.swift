/// Records' data as they are compared and signed: letters of names in the data of well-known types count as small ones
/// (RFC 4034 §6.2, RFC 6840 §5.1).
package enum CanonicalData {
    /// What stands before the names of a type's data: octets, then strings; and how many names follow one another.
    private static func layout(of type: RecordType) -> (octets: Int, strings: Int, names: Int)? {
        switch type.rawValue {
        // NS, MD, MF, CNAME, MB, MG, MR, PTR, NXT, DNAME.
        case 2...5, 7...9, 12, 30, 39: (0, 0, 1)
        // SOA, MINFO, RP.
        case 6, 14, 17: (0, 0, 2)
        // MX, AFSDB, RT, KX.
        case 15, 18, 21, 36: (2, 0, 1)
        // SIG, RRSIG.
        case 24, 46: (18, 0, 1)
        // PX.
        case 26: (2, 0, 2)
        // SRV.
        case 33: (6, 0, 1)
        // NAPTR.
        case 35: (4, 3, 1)
        default: nil
        }
    }

    /// Where the names stand; empty for data without any. Lengths of labels are below those of letters, so that all of it
    /// can be folded.
    private static func names(in data: ByteView, _ type: RecordType) -> Range<Int> {
        guard let (octets, strings, names) = layout(of: type) else { return 0..<0 }
        var start = octets
        for _ in 0..<strings { start += 1 + Int(data.at(start) ?? 0) }
        var end = start
        for _ in 0..<names {
            guard let next = try? MessageReader.skipName(data, at: end) else { return 0..<0 }
            end = next
        }
        return start..<min(end, data.count)
    }

    /// True when a zone can have only one of both in a set (RFC 2181 §5).
    package static func areEqual(_ left: ByteView, _ right: ByteView, _ type: RecordType) -> Bool {
        guard left.count == right.count else { return false }
        if left.equals(right) { return true }
        let names = names(in: left, type)
        guard !names.isEmpty else { return false }
        return (0..<left.count).allSatisfy { index in
            left[index] == right[index] || names.contains(index) && folded(left[index]) == folded(right[index])
        }
    }

    /// The data with small letters in its names.
    package static func canonical(_ data: [UInt8], _ type: RecordType) -> [UInt8] {
        var result = data
        for index in withBytes(data, { names(in: $0, type) }) { result[index] = folded(result[index]) }
        return result
    }
}
