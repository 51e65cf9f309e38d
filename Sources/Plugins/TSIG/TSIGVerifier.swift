import DNSServer
import DNSWire

/// Why a signed query is refused: what the error field says (RFC 8945 §5.2).
enum TSIGError: UInt16 {
    case badSignature = 16
    case badKey = 17
    case badTime = 18
    case badTruncation = 22
}

/// Verifies queries with the keys of one plugin (RFC 8945 §5.2).
struct TSIGVerifier: Sendable {
    private let keys: [[UInt8]: TSIGKey]

    init(_ keys: [TSIGKey]) {
        self.keys = Dictionary(keys.map { ($0.name.wire, $0) }) { first, _ in first }
    }

    /// What became of a signed query.
    struct Verified {
        let record: TSIGRecord
        /// Nil where the key is not known: its answer cannot be signed.
        let signing: (key: TSIGKey, algorithm: TSIGAlgorithm)?
        let error: TSIGError?
    }

    /// - Parameters:
    ///   - offset: where the TSIG record begins.
    ///   - now: seconds since 1970.
    /// - Returns: nil for a record that cannot be read.
    func verify(_ message: ByteView, signatureAt offset: Int, now: UInt64) -> Verified? {
        guard let record = TSIGRecord(message, at: offset) else { return nil }
        guard let key = keys[record.key], let algorithm = TSIGAlgorithm(name: record.algorithm) else {
            return Verified(record: record, signing: nil, error: .badKey)
        }
        var signed = message.slice(0, offset).array
        signed.replaceSubrange(0..<2, with: TSIGRecord.octets(record.originalID, 2))
        signed.replaceSubrange(10..<12, with: TSIGRecord.octets(message.uint16(at: 10) &- 1, 2))
        let code = algorithm.code(of: signed + record.variables, key)
        // A code may be cut to half of its length, and to no less than ten octets (§5.2.2.1).
        guard record.code.count <= code.count, record.code.count >= max(10, algorithm.length / 2),
            Self.areEqual(record.code, code.prefix(record.code.count))
        else { return Verified(record: record, signing: nil, error: .badSignature) }
        let isTimely = now > record.time ? now - record.time <= record.fudge : record.time - now <= record.fudge
        return Verified(record: record, signing: (key, algorithm), error: isTimely ? nil : .badTime)
    }

    /// Takes as long wherever they differ.
    private static func areEqual(_ first: [UInt8], _ second: ArraySlice<UInt8>) -> Bool {
        first.count == second.count && zip(first, second).reduce(0) { $0 | ($1.0 ^ $1.1) } == 0
    }
}

/// Signs the messages of one answer, each over the one before (RFC 8945 §5.3).
final class TSIGSeal: MessageSeal {
    private let verified: TSIGVerifier.Verified
    private let now: () -> UInt64
    private var lastCode: [UInt8]
    private var isFirst = true

    let size: Int

    /// - Parameter now: seconds since 1970.
    init(_ verified: TSIGVerifier.Verified, now: @escaping () -> UInt64) {
        self.verified = verified
        self.now = now
        lastCode = verified.record.code
        size =
            verified.record.key.count + verified.record.algorithm.count + 26 + 6
            + (verified.signing?.algorithm.length ?? 0)
    }

    func close(_ response: inout MessageWriter) -> Int {
        var record = verified.record
        record.error = verified.error?.rawValue ?? 0
        record.other = []
        record.code = []
        if verified.error == .badTime {
            // The client's time, and ours beside it (RFC 8945 §5.2.3).
            record.other = TSIGRecord.octets(now(), 6)
        } else {
            record.time = now()
        }
        if let (key, algorithm) = verified.signing {
            let before = TSIGRecord.octets(lastCode.count, 2) + lastCode
            let after = isFirst ? record.variables : record.timers
            record.code = algorithm.code(of: before + response.written.array + after, key)
            lastCode = record.code
            isFirst = false
        }
        return withBytes(record.octets) { response.appendLast($0) }
    }
}
