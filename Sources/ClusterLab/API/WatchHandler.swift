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

    func answer() throws -> Response {
        if case .expire410(asStatus: true) = resource.behaviour.fault, options.version ?? 0 != 0 {
            throw StatusError.expired("too old resource version: \(options.version ?? 0) (\(resource.cluster.version))")
        }
        return Response(
            status: .ok, headers: [.contentType: form.watchContentType],
            body: ResponseBody { writer in
                let (id, wakes) = resource.cluster.subscribe()
                defer { resource.cluster.unsubscribe(id) }
                // A client that hangs up must not hold its watch until the next event.
                resource.channel.closeFuture.whenComplete { _ in resource.cluster.unsubscribe(id) }
                var stream = WatchStream(handler: self)
                for await _ in wakes {
                    if resource.behaviour.fault == .dropWatches { throw ConnectionCut() }
                    let (bytes, isOver) = try stream.step()
                    if !bytes.isEmpty {
                        if resource.behaviour.fault == .tornChunk {
                            try await writer.write(ByteBuffer(bytes: bytes.prefix(bytes.count / 2)))
                            throw ConnectionCut()
                        }
                        try await writer.write(ByteBuffer(bytes: bytes))
                    }
                    if isOver { break }
                }
                try await writer.finish(nil)
            })
    }

    /// The next bytes of a watch; no clock of its own, no socket.
    struct WatchStream {
        private let handler: WatchHandler
        /// Everything up to this version has been sent.
        private var position: UInt64
        private var hasInitialEvents: Bool
        private let end: Date
        private var nextBookmark: Date
        private var hasStarted = false
        /// Events gathered at most before they are written.
        private static let batch = 512

        init(handler: WatchHandler) {
            self.handler = handler
            position = handler.options.version ?? 0
            let asked = handler.options.sendsInitialEvents
            hasInitialEvents = asked ?? (position == 0)
            let seconds = handler.options.timeout.map(Double.init).flatMap { $0 > 0 ? $0 : nil }
            // Without a wish the server picks 30 to 60 minutes, so that clients do not return together.
            end = Date().addingTimeInterval(seconds ?? Double.random(in: 1800...3600))
            nextBookmark = min(
                Date().addingTimeInterval(WatchHandler.bookmarkInterval),
                end.addingTimeInterval(-min(WatchHandler.bookmarkBeforeEnd, (seconds ?? 60) / 2)))
        }

        mutating func step() throws -> (bytes: [UInt8], isOver: Bool) {
            if handler.resource.behaviour.fault == .silentWatch { return ([], Date() >= end) }
            var bytes: [UInt8] = []
            if hasInitialEvents {
                try initialEvents(into: &bytes)
                hasInitialEvents = false
            }
            if case .expire410 = handler.resource.behaviour.fault {
                return (bytes + (try expired()), true)
            }
            while true {
                let found = handler.resource.cluster.read { state -> (changes: [Change]?, version: UInt64) in
                    let from = hasStarted || position != 0 ? position : state.store.version
                    return (state.store.changes(handler.kind, after: from).map { Array($0.prefix(Self.batch)) }, state.store.version)
                }
                guard let changes = found.changes else { return (bytes + (try expired()), true) }
                for change in changes { try append(change, to: &bytes) }
                if changes.count == Self.batch, let last = changes.last {
                    position = last.version
                    hasStarted = true
                    continue
                }
                // A watch from the future waits until the cluster has got there.
                position = max(position, found.version)
                hasStarted = true
                break
            }
            let now = Date()
            if now >= nextBookmark, handler.options.wantsBookmarks {
                bytes += try handler.form.bookmark(handler.kind, version: position, endsInitialEvents: false)
                let last = end.addingTimeInterval(-WatchHandler.bookmarkBeforeEnd)
                let next = now.addingTimeInterval(WatchHandler.bookmarkInterval)
                nextBookmark = now < last ? min(next, last) : end.addingTimeInterval(1)
            }
            return (bytes, now >= end)
        }

        private mutating func initialEvents(into bytes: inout [UInt8]) throws {
            let (objects, version) = handler.resource.cluster.read { state in
                (state.store.list(handler.kind, namespace: handler.namespace), state.store.version)
            }
            for object in objects where handler.selects(object) {
                bytes += try handler.form.event("ADDED", object, handler.kind)
            }
            position = version
            hasStarted = true
            if handler.options.sendsInitialEvents == true {
                bytes += try handler.form.bookmark(handler.kind, version: version, endsInitialEvents: true)
            }
        }

        private func append(_ change: Change, to bytes: inout [UInt8]) throws {
            guard let type = handler.eventType(of: change) else { return }
            bytes += try handler.form.event(type, change.object, handler.kind)
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
