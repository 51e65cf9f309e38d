/// Cuts a protobuf watch into its frames: a 4-octet big-endian length, then that many octets of a WatchEvent.
struct WatchFrameSplitter {
    private var queue = ByteQueue()

    /// - Returns: the frames that `bytes` completed, without their lengths.
    mutating func feed(_ bytes: some Collection<UInt8>) throws(DecodingFailure) -> [[UInt8]] {
        queue.append(bytes)
        var frames: [[UInt8]] = []
        while queue.count >= 4 {
            var length = 0
            for index in 0..<4 { length = length << 8 | Int(queue.peek(index) ?? 0) }
            guard length <= SizeLimit.frame else { throw .tooLarge(limit: SizeLimit.frame) }
            guard queue.count >= 4 + length else { break }
            queue.drop(4)
            frames.append(queue.take(length) ?? [])
        }
        return frames
    }

    /// The body has ended.
    func finish() throws(DecodingFailure) {
        guard queue.count == 0 else { throw .truncated }
    }
}
