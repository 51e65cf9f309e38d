import Foundation
import HTTPTypes
import Hummingbird
import NIOCore

/// Answers one watch: initial events where asked, then the history from a version on, then what happens.
struct WatchHandler: Sendable {
    let resource: ResourceHandler
    let options: ListOptions
    let form: Representation

    private var kind: ResourceKind { resource.kind }
    private var namespace: String? { resource.address.namespace }

    /// Seconds between bookmarks, and before the end for the last one.
    private static let bookmarkInterval = 60.0
    private static let bookmarkBeforeEnd = 2.0
    /// Bytes given to a connection at once.
    private static let partSize = 32 * 1024

    func answer() throws -> Response {
        if resource.behaviour.expiry == true, options.version ?? 0 != 0 {
            throw StatusError.expired("too old resource version: \(options.version ?? 0) (\(resource.cluster.version))")
        }
        return Response(
            status: .ok, headers: [.contentType: form.watchContentType],
            body: ResponseBody { writer in
                let (id, wakes) = resource.cluster.subscribe(closing: resource.channel)
                defer { resource.cluster.unsubscribe(id) }
                // A client that hangs up must not hold its watch until the next event.
                resource.channel.closeFuture.whenComplete { _ in resource.cluster.unsubscribe(id) }
                var stream = WatchStream(handler: self)
                for await _ in wakes {
                    var next = WatchStream.Next.more
                    while next == .more {
                        if resource.behaviour.has(.dropWatches) { throw ConnectionCut() }
                        var pieces: [ByteBuffer] = []
                        next = try stream.step(into: &pieces)
                        for part in pieces.flatMap(Self.parts) {
                            if resource.behaviour.has(.tornChunk) {
                                try await writer.write(part.getSlice(at: 0, length: part.readableBytes / 2) ?? part)
                                throw ConnectionCut()
                            }
                            resource.cluster.beginsWriting(id)
                            try await writer.write(part)
                            resource.cluster.endsWriting(id)
                        }
                    }
                    if next == .over { break }
                }
                try await writer.finish(nil)
            })
    }

    /// A piece in small parts, so that little waits in a connection whose client does not read.
    private static func parts(of piece: ByteBuffer) -> [ByteBuffer] {
        var rest = piece
        var parts: [ByteBuffer] = []
        while rest.readableBytes > 0, let part = rest.readSlice(length: min(partSize, rest.readableBytes)) {
            parts.append(part)
        }
        return parts
    }

    /// The next bytes of a watch; it reads the clock, but waits for nothing.
    struct WatchStream {
        /// What to do after a step.
        enum Next {
            case more
            case wait
            case over
        }

        private let handler: WatchHandler
        /// Everything up to this version has been sent.
        private var position: UInt64
        /// Objects of the initial state that are still to be sent; nil before the snapshot is taken.
        private var initial: ArraySlice<StoredObject>?
        private var hasInitialEvents: Bool
        private let end: Date
        private var nextBookmark: Date
        /// Events looked at in one step.
        private static let batch = 512
        /// Bytes after which they are written; more than that is not held for a client that does not read.
        private static let pieceSize = 64 * 1024

        init(handler: WatchHandler) {
            self.handler = handler
            let asked = handler.options.sendsInitialEvents
            hasInitialEvents = asked ?? ((handler.options.version ?? 0) == 0)
            position = handler.options.version ?? 0
            // Without initial events, a watch from nowhere begins now.
            if position == 0, !hasInitialEvents { position = handler.resource.cluster.version }
            let seconds = handler.options.timeout.map(Double.init).flatMap { $0 > 0 ? $0 : nil }
            // Without a wish the server picks 30 to 60 minutes, so that clients do not return together.
            end = Date().addingTimeInterval(seconds ?? Double.random(in: 1800...3600))
            nextBookmark = min(
                Date().addingTimeInterval(WatchHandler.bookmarkInterval),
                end.addingTimeInterval(-min(WatchHandler.bookmarkBeforeEnd, (seconds ?? 60) / 2)))
        }

        mutating func step(into pieces: inout [ByteBuffer]) throws -> Next {
            let now = Date()
            if handler.resource.behaviour.has(.silentWatch) { return now >= end ? .over : .wait }
            if hasInitialEvents {
                try initialEvents(into: &pieces)
                return .more
            }
            if handler.resource.behaviour.expiry != nil {
                pieces.append(ByteBuffer(bytes: try expired()))
                return .over
            }
            let from = position
            let found = handler.resource.cluster.read { state -> (changes: [Change]?, version: UInt64) in
                (
                    state.store.changes(handler.kind, after: from).map { Array($0.prefix(Self.batch)) },
                    state.store.version
                )
            }
            guard let changes = found.changes else {
                pieces.append(ByteBuffer(bytes: try expired()))
                return .over
            }
            var size = 0
            for change in changes {
                guard let type = handler.eventType(of: change) else { continue }
                let event = try handler.resource.cluster.events.event(type, change.object, handler.kind, handler.form)
                pieces.append(event)
                size += event.readableBytes
                if size >= Self.pieceSize {
                    position = change.version
                    return .more
                }
            }
            if changes.count == Self.batch, let last = changes.last {
                position = last.version
                return .more
            }
            // A watch from the future waits until the cluster has got there.
            position = max(position, found.version)
            if now >= nextBookmark, handler.options.wantsBookmarks, position == found.version {
                try bookmark(now, into: &pieces)
            }
            return now >= end ? .over : .wait
        }

        private mutating func bookmark(_ now: Date, into pieces: inout [ByteBuffer]) throws {
            pieces.append(
                ByteBuffer(bytes: try handler.form.bookmark(handler.kind, version: position, endsInitialEvents: false)))
            let last = end.addingTimeInterval(-WatchHandler.bookmarkBeforeEnd)
            let next = now.addingTimeInterval(WatchHandler.bookmarkInterval)
            nextBookmark = now < last ? min(next, last) : end.addingTimeInterval(1)
        }

        /// Sends the next part of the snapshot; a large cluster is never encoded at once.
        private mutating func initialEvents(into pieces: inout [ByteBuffer]) throws {
            var bytes: [UInt8] = []
            defer { if !bytes.isEmpty { pieces.append(ByteBuffer(bytes: bytes)) } }
            if initial == nil {
                let (objects, version) = handler.resource.cluster.read { state in
                    (state.store.list(handler.kind, namespace: handler.namespace), state.store.version)
                }
                initial = objects[...]
                position = version
            }
            while bytes.count < Self.pieceSize, let object = initial?.popFirst() {
                if handler.selects(object) { bytes += try handler.form.event("ADDED", object, handler.kind) }
            }
            guard initial?.isEmpty ?? true else { return }
            hasInitialEvents = false
            if handler.options.sendsInitialEvents == true {
                bytes += try handler.form.bookmark(handler.kind, version: position, endsInitialEvents: true)
            }
        }

        private func expired() throws -> [UInt8] {
            let error = StatusError.expired(
                "too old resource version: \(position) (\(handler.resource.cluster.version))")
            return try handler.form.event("ERROR", error.object)
        }
    }

    private func selects(_ object: StoredObject) -> Bool {
        if let namespace, object.namespace != namespace { return false }
        guard options.hasSelector else { return true }
        let value = object.value(kind)
        return options.labels.matches(value.labels) && options.fields.matches(value)
    }

    /// What a change looks like through the selection: an object that leaves it is deleted, one that enters is added.
    private func eventType(of change: Change) -> String? {
        let isSelected = selects(change.object)
        let wasSelected = change.previous.map(selects) ?? false
        switch change.kind {
        case .deleted: return wasSelected ? Change.Kind.deleted.rawValue : nil
        case .added, .modified:
            if isSelected { return wasSelected ? Change.Kind.modified.rawValue : Change.Kind.added.rawValue }
            return wasSelected ? Change.Kind.deleted.rawValue : nil
        }
    }
}
