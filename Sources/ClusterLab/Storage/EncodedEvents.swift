import NIOCore
import Synchronization

/// The latest watch events in the forms in which they were sent, so that many watches share one copy.
final class EncodedEvents: Sendable {
    private let kept = Mutex(Kept())
    /// Events and bytes kept at most.
    private static let countLimit = 512
    private static let byteLimit = 8 << 20

    private struct Kept {
        var events: [Key: ByteBuffer] = [:]
        var order: [Key] = []
        var bytes = 0
    }

    /// One event in one form.
    private struct Key: Hashable {
        let kind: Int
        let apiVersion: String
        let version: UInt64
        let type: String
        let encoding: Representation.Encoding
        let shape: Representation.Shape
    }

    /// The event as it goes over the wire.
    func event(
        _ type: String, _ object: StoredObject, _ kind: ResourceKind, _ form: Representation
    ) throws -> ByteBuffer {
        let key = Key(
            kind: kind.index, apiVersion: kind.apiVersion, version: object.version, type: type,
            encoding: form.encoding, shape: form.shape)
        if let found = kept.withLock({ $0.events[key] }) { return found }
        let event = ByteBuffer(bytes: try form.event(type, object, kind))
        kept.withLock { kept in
            guard kept.events.updateValue(event, forKey: key) == nil else { return }
            kept.order.append(key)
            kept.bytes += event.readableBytes
            var forgotten = 0
            while kept.bytes > Self.byteLimit || kept.order.count - forgotten > Self.countLimit,
                forgotten < kept.order.count
            {
                kept.bytes -= kept.events.removeValue(forKey: kept.order[forgotten])?.readableBytes ?? 0
                forgotten += 1
            }
            if forgotten > 0 { kept.order.removeFirst(forgotten) }
        }
        return event
    }

    /// Forgets everything: versions begin anew.
    func removeAll() { kept.withLock { $0 = Kept() } }
}
