internal import AsyncHTTPClient
internal import NIOCore
internal import SwiftProtobuf

/// A change of a followed collection.
package enum CollectionChange<Object: Sendable>: Sendable {
    /// A list begins: objects that it does not bring are gone when it is finished.
    case listStarted
    case stored(Object)
    /// The object's last state.
    case deleted(Object)
    case listFinished
}

/// What happens while a collection is followed.
package enum CollectionEvent: Sendable, Equatable {
    case watching
    /// It is tried again after `retryIn`; old objects stay.
    case failed(RequestProblem, retryIn: Duration)
}

/// Keeps a reader in step with one collection of objects by list and watch, for as long as it runs.
///
/// The decisions are `ReflectorMachine`'s; what is kept of each object is the caller's.
package struct CollectionFollower<Object: Sendable>: Sendable {
    private let connection: APIConnection
    private let collection: FollowedCollection
    private let decode: @Sendable ([UInt8], WireEncoding, Bool) throws(DecodingFailure) -> (Object, version: String)
    /// The longest silence of a watch. Servers send a bookmark about once a minute.
    private let watchdog = Duration.seconds(75)
    private let pageSize = 500

    init(
        _ connection: APIConnection, _ collection: FollowedCollection,
        decode: @escaping @Sendable ([UInt8], WireEncoding, Bool) throws(DecodingFailure) -> (Object, version: String)
    ) {
        self.connection = connection
        self.collection = collection
        self.decode = decode
    }

    /// Follows until cancelled.
    ///
    /// - Parameters:
    ///   - changes: given batches, one after the other; while it has not returned, no more is read.
    ///   - observe: told what happens.
    package func run(
        _ changes: @escaping @Sendable ([CollectionChange<Object>]) async -> Void,
        observe: @escaping @Sendable (CollectionEvent) -> Void
    ) async {
        var machine = ReflectorMachine(pageSize: pageSize, watchdog: watchdog, seed: .random(in: 0 ... .max))
        var action = machine.resume()
        var verb = "list"
        while !Task.isCancelled {
            switch action {
            case .list(let request):
                verb = "list"
                do throws(RequestFailure) {
                    let page = try await list(request, changes)
                    guard !Task.isCancelled else { return }
                    action = machine.listed(version: page.version, next: page.next, at: .now)
                } catch {
                    action = machine.listFailed(error, at: .now)
                }
            case .watch(let request):
                verb = "watch"
                action = machine.watchEnded(await watch(request, changes, observe), at: .now)
            case .wait(let duration, let failure):
                if let failure { observe(.failed(collection.problem(verb, failure), retryIn: duration)) }
                try? await Task.sleep(for: duration)
                action = machine.resume()
            }
        }
    }

    // MARK: List

    private struct Page: Sendable {
        var version = ""
        var next = ""
    }

    private func list(
        _ request: ListRequest, _ changes: @escaping @Sendable ([CollectionChange<Object>]) async -> Void
    ) async throws(RequestFailure) -> Page {
        let (stream, encoding) = try await open(collection.path(request), isWatch: false)
        let silence = SilenceLimit(connection.limits.bodyIdle)
        let isFirst = request.page.isEmpty
        let result = await silence.run { silence in
            await read(stream, encoding, isFirst: isFirst, silence, changes)
        }
        guard let result else {
            connection.renew(ifStill: stream.generation)
            throw .transport("the list stopped in the middle")
        }
        return try result.get()
    }

    private func read(
        _ stream: APIStream, _ encoding: WireEncoding, isFirst: Bool, _ silence: SilenceLimit,
        _ changes: @Sendable ([CollectionChange<Object>]) async -> Void
    ) async -> Result<Page, RequestFailure> {
        var splitter = ListSplitter(encoding)
        var page = Page()
        if isFirst { await changes([.listStarted]) }
        do {
            for try await chunk in stream.body {
                silence.ended()
                connection.heard(stream.generation)
                var batch: [CollectionChange<Object>] = []
                for piece in try splitter.feed(chunk.readableBytesView) {
                    switch piece {
                    case .metadata(let bytes):
                        let metadata = try encoding.read(WireListMeta.self, from: bytes)
                        page.version = metadata.resourceVersion
                        page.next = metadata.continue
                    case .item(let bytes): batch.append(.stored(try decode(bytes, encoding, false).0))
                    }
                }
                if !batch.isEmpty {
                    let arrived = batch
                    await silence.paused { await changes(arrived) }
                }
            }
            guard !Task.isCancelled else { return .failure(.transport("cancelled")) }
            try splitter.finish()
        } catch {
            return .failure(failure(error))
        }
        // Without a version there is no watch, so the machine lists again: nothing may be dropped by this list.
        if page.next.isEmpty, !page.version.isEmpty { await changes([.listFinished]) }
        return .success(page)
    }

    private func failure(_ error: any Error) -> RequestFailure {
        guard let error = error as? DecodingFailure else { return .transport(describe(error)) }
        // Cut short is what a broken connection looks like when the body has no stated length.
        return error == .truncated ? .transport("\(error)") : .malformed("\(error)")
    }

    // MARK: Watch

    private func watch(
        _ request: WatchRequest, _ changes: @escaping @Sendable ([CollectionChange<Object>]) async -> Void,
        _ observe: @Sendable (CollectionEvent) -> Void
    ) async -> WatchReport {
        let started = ContinuousClock.now
        let progress = WatchProgress(from: request.version)
        let end: WatchEnd
        do throws(RequestFailure) {
            let (stream, encoding) = try await open(collection.path(request), isWatch: true)
            observe(.watching)
            let silence = SilenceLimit(watchdog)
            if let ended = await silence.run({ silence in await read(stream, encoding, progress, silence, changes) }) {
                end = ended
            } else {
                if stream.isMultiplexed { connection.renew(ifStill: stream.generation, silentFor: watchdog) }
                end = .silent
            }
        } catch {
            end = .failed(error)
        }
        return progress.report(end, lasted: .now - started)
    }

    private func read(
        _ stream: APIStream, _ encoding: WireEncoding, _ progress: WatchProgress, _ silence: SilenceLimit,
        _ changes: @Sendable ([CollectionChange<Object>]) async -> Void
    ) async -> WatchEnd {
        var splitter = WatchSplitter(encoding)
        do {
            for try await chunk in stream.body {
                silence.ended()
                connection.heard(stream.generation)
                var batch: [CollectionChange<Object>] = []
                var end: WatchEnd?
                for message in try splitter.feed(chunk.readableBytesView) {
                    end = try take(message, encoding, progress, into: &batch)
                    if end != nil { break }
                }
                if !batch.isEmpty {
                    let arrived = batch
                    await silence.paused { await changes(arrived) }
                }
                progress.commit()
                if let end { return end }
            }
            guard !Task.isCancelled else { return .failed(.transport("cancelled")) }
            try splitter.finish()
            return .closed
        } catch {
            return connection.isRetired(stream.generation) ? .givenUp : .failed(failure(error))
        }
    }

    /// - Returns: how the watch ends, if `message` ends it.
    private func take(
        _ message: WatchMessage, _ encoding: WireEncoding, _ progress: WatchProgress,
        into batch: inout [CollectionChange<Object>]
    ) throws(DecodingFailure) -> WatchEnd? {
        switch message.kind {
        case .error:
            return .failed(.refused(StatusReport(body: message.object, httpStatus: nil)))
        case .bookmark:
            let bookmark = try encoding.readEnveloped(WireAnyObject.self, from: message.object)
            guard progress.advance(to: bookmark.metadata.resourceVersion, isChange: false) else { return .wentBack }
        case .added, .modified, .deleted:
            let (object, version) = try decode(message.object, encoding, true)
            guard progress.advance(to: version, isChange: true) else { return .wentBack }
            batch.append(message.kind == .deleted ? .deleted(object) : .stored(object))
        }
        return nil
    }

    // MARK: Opening

    private func open(_ path: String, isWatch: Bool) async throws(RequestFailure) -> (APIStream, WireEncoding) {
        let stream: APIStream
        do throws(APIFailure) {
            stream = try await connection.start(
                APIRequest(verb: .get, path: path, accept: WireEncoding.protobuf.accept(watch: isWatch)))
        } catch {
            throw RequestFailure(error)
        }
        guard stream.status == 200 else {
            let body = (try? await stream.collect(limit: SizeLimit.errorBody, idle: connection.limits.bodyIdle)) ?? []
            throw .refused(StatusReport(body: body, httpStatus: stream.status, retryAfter: stream.retryAfter))
        }
        guard !stream.isCompressed, let encoding = WireEncoding(contentType: stream.contentType) else {
            throw .malformed("an answer of type \"\(stream.contentType.prefix(64))\", not a Kubernetes object")
        }
        return (stream, encoding)
    }
}
