import Text

/// Cuts a JSON watch into its events: JSON objects one after the other, with or without space between them.
struct JSONSequenceSplitter {
    private var scanner = JSONValueScanner()
    private var held: [UInt8] = []

    /// - Returns: the objects that `bytes` completed.
    mutating func feed(_ bytes: some Collection<UInt8>) throws(DecodingFailure) -> [[UInt8]] {
        var objects: [[UInt8]] = []
        for octet in bytes {
            if held.isEmpty {
                guard !isJSONSpace(octet) else { continue }
                guard octet == UInt8(ascii: "{") else { throw .malformed("JSON watch event") }
                scanner = JSONValueScanner()
            }
            guard held.count < SizeLimit.frame else { throw .tooLarge(limit: SizeLimit.frame) }
            held.append(octet)
            guard try scanner.step(octet) == .last else { continue }
            objects.append(held)
            held.removeAll(keepingCapacity: held.capacity <= 1 << 16)
        }
        return objects
    }

    /// The body has ended.
    func finish() throws(DecodingFailure) {
        guard held.isEmpty else { throw .truncated }
    }
}
