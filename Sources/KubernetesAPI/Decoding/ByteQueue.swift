import Text

/// Octets received and not yet consumed.
struct ByteQueue {
    private var storage: [UInt8] = []
    private var head = 0

    var count: Int { storage.count - head }

    mutating func append(_ bytes: some Collection<UInt8>) {
        // Moving the rest only when it is the smaller part keeps the cost proportional to the octets received.
        if head > 0, head >= storage.count - head {
            storage.removeFirst(head)
            head = 0
        }
        storage.append(contentsOf: bytes)
    }

    /// The octet `offset` places ahead; nil when it has not arrived.
    func peek(_ offset: Int) -> UInt8? {
        guard offset >= 0, offset < count else { return nil }
        return storage[head + offset]
    }

    /// Removes up to `wanted` octets; returns how many there were.
    @discardableResult
    mutating func drop(_ wanted: Int) -> Int {
        let dropped = min(max(wanted, 0), count)
        head += dropped
        if head == storage.count {
            storage.removeAll(keepingCapacity: storage.capacity <= 1 << 20)
            head = 0
        }
        return dropped
    }

    /// Removes exactly `wanted` octets; nil, removing nothing, while fewer have arrived.
    mutating func take(_ wanted: Int) -> [UInt8]? {
        guard wanted >= 0, wanted <= count else { return nil }
        let taken = Array(storage[head..<head + wanted])
        drop(wanted)
        return taken
    }

    /// The protobuf varint at `offset` and its length; nil while incomplete.
    func varint(at offset: Int) throws(DecodingFailure) -> (value: UInt64, length: Int)? {
        var place = head + offset
        do throws(ProtobufFailure) {
            let value = try Protobuf.varint(of: storage, at: &place, before: storage.count)
            return value.map { ($0, place - head - offset) }
        } catch {
            throw DecodingFailure(error)
        }
    }
}
