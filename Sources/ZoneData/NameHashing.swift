import CLDNS
import DNSWire

/// How a zone hashes names for NSEC3: SHA-1, salted and repeated (RFC 5155 §5).
struct NameHashing: Equatable, Sendable {
    /// More rounds than any zone should have (RFC 9276 §3.1): those that say more are served without proofs.
    static let mostIterations = 500

    let iterations: Int
    let salt: [UInt8]

    /// - Parameter data: of NSEC3 or NSEC3PARAM; nil for what is not SHA-1, or too much work.
    init?(_ data: [UInt8]) {
        guard data.count >= 5, data[0] == 1, data.count >= 5 + Int(data[4]) else { return nil }
        iterations = Int(data[2]) << 8 | Int(data[3])
        salt = Array(data[5..<(5 + Int(data[4]))])
        guard iterations <= Self.mostIterations else { return nil }
    }

    /// Writes the hash of `name` as a label in base32hex, its length in front, into the first 33 octets of `label`.
    ///
    /// - Parameters:
    ///   - name: folded.
    ///   - work: room for a name and a salt.
    func label(of name: ByteView, into label: OutputBytes, work: OutputBytes) {
        work.copy(name, to: 0)
        var count = name.count
        var digest = InlineArray<20, UInt8>(repeating: 0)
        for _ in 0...iterations {
            withBytes(salt) { work.copy($0, to: count) }
            hash(work.view(count + salt.count), into: &digest)
            for index in 0..<20 { work.store(digest[index], at: index) }
            count = 20
        }
        label.store(UInt8(32), at: 0)
        let digits: StaticString = "0123456789abcdefghijklmnopqrstuv"
        for index in 0..<32 {
            let bit = index * 5
            let first = UInt16(digest[bit / 8]) << 8
            let pair = first | (bit / 8 + 1 < 20 ? UInt16(digest[bit / 8 + 1]) : 0)
            let value = Int(pair >> UInt16(11 - bit % 8)) & 31
            label.store(unsafe digits.utf8Start[value], at: index + 1)
        }
    }

    private func hash(_ octets: ByteView, into digest: inout InlineArray<20, UInt8>) {
        unsafe octets.withUnsafeBuffer { buffer in
            var span = digest.mutableSpan
            unsafe span.withUnsafeMutableBufferPointer { result in
                // ldns reads only, but does not say so.
                _ = unsafe ldns_sha1(
                    UnsafeMutablePointer(mutating: buffer.baseAddress), UInt32(buffer.count), result.baseAddress)
            }
        }
    }
}
