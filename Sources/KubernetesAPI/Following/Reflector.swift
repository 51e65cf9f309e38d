internal import AsyncHTTPClient
internal import NIOCore
internal import SwiftProtobuf

/// A change of a followed collection.
package enum ReflectedChange<Object: Sendable>: Sendable {
    /// A list begins: objects that it does not bring are gone when it is finished.
    case listStarted
    case stored(Object)
    /// The object's last state.
    case deleted(Object)
    case listFinished
}

/// What happens while a collection is followed.
package enum ReflectorEvent: Sendable, Equatable {
    /// A list is complete.
    case listed(count: Int)
    /// Changes are waited for: a watch is open, and a list that it streams is complete.
    case watching
    /// The API server has no such resource, as before a custom one is defined; it is looked for again.
    case absent
    /// It is tried again after `retryIn`; old objects stay.
    case failed(RequestProblem, retryIn: Duration)
    /// A request has ended. `verb` is "list" or "watch"; `code` the HTTP status, 0 when there was no response.
    case requestFinished(verb: String, code: Int, seconds: Double)
    /// Octets came: what is known is as new as the server's.
    case contact
}

/// How collections are followed.
package struct ReflectorOptions: Sendable {
    package var encoding = WireEncoding.protobuf
    /// The longest silence of a watch. Servers send a bookmark about once a minute.
    package var watchdog = Duration.seconds(55)
    /// The longest silence while the initial state is streamed, before it is listed in pages instead.
    package var streamPatience = Duration.seconds(15)
    /// Objects of one list page, as client-go.
    package var pageSize = 500
    /// Ask for the initial state as events of the watch (WatchList) where the server can.
    package var streamsLists = true

    package init() {}
}

/// Keeps a reader in step with one collection of objects by list and watch, for as long as it runs.
///
/// Performs what `ReflectorMachine` decides; what is kept of each object is the caller's.
package struct Reflector<Object: Sendable>: Sendable {
    typealias Decode =
        @Sendable ([UInt8], WireEncoding, _ isEnveloped: Bool) throws(DecodingFailure) -> (
            object: Object, version: String
        )

    private let connection: APIConnection
    private let collection: FollowedCollection
    private let options: ReflectorOptions
    private let decode: Decode
    /// Changes given on at once, and the octets they came in: bounds memory when a server sends everything on one page,
    /// and when an object is one of thousands of endpoints.
    private let largestBatch = 256
    private let largestBatchOctets = 4 << 20

    /// - Parameter decode: reads an object, which stands in the envelope of a watch or is the item of a list.
    init(
        _ connection: APIConnection, _ collection: FollowedCollection, _ options: ReflectorOptions,
        decode: @escaping Decode
    ) {
        self.connection = connection
        self.collection = collection
        self.options = options
        self.decode = decode
    }

    /// - Parameter octets: what the changes came in.
    private func isFull(_ batch: [ReflectedChange<Object>], _ octets: Int) -> Bool {
        batch.count >= largestBatch || (!batch.isEmpty && octets >= largestBatchOctets)
    }

    /// Follows until cancelled.
    ///
    /// - Parameters:
    ///   - changes: given batches, one after the other; while it has not returned, no more is read. An empty batch
    ///     says that the collection was forbidden.
    ///   - observe: told what happens; must be quick.
    package func run(
        _ changes: @escaping @Sendable ([ReflectedChange<Object>]) async -> Void,
        observe: @escaping @Sendable (ReflectorEvent) -> Void
    ) async {
        await Run(reflector: self, changes: changes, observe: observe).run()
    }

    /// One run with those who are told.
    fileprivate struct Run: Sendable {
        let reflector: Reflector
        let changes: @Sendable ([ReflectedChange<Object>]) async -> Void
        let observe: @Sendable (ReflectorEvent) -> Void

        var connection: APIConnection { reflector.connection }
        var collection: FollowedCollection { reflector.collection }
        var options: ReflectorOptions { reflector.options }
    }
}

extension Reflector.Run {
    func run() async {
        var machine = ReflectorMachine(
            pageSize: options.pageSize, streamsLists: options.streamsLists, watchdog: options.watchdog,
            seed: UInt64.random(in: 0 ... .max))
        var listedCount = 0
        var isKnown = false
        var verb = "list"
        var action = machine.resume()
        while !Task.isCancelled {
            switch action {
            case .list(let request):
                verb = "list"
                do throws(RequestFailure) {
                    let page = try await list(request)
                    guard !Task.isCancelled else { return }
                    listedCount = request.page.isEmpty ? page.count : listedCount + page.count
                    action = machine.listed(version: page.version, next: page.next, at: .now)
                    if page.next.isEmpty {
                        isKnown = true
                        observe(.listed(count: listedCount))
                    }
                } catch {
                    action = machine.listFailed(error, at: .now)
                }
            case .watch(let request):
                // What a stream of the initial state does not get is a list.
                verb = request.streamsList ? "list" : "watch"
                let report = await watch(request)
                // A list that came as a watch says as much.
                isKnown = isKnown || report.version != nil
                action = machine.watchEnded(report, at: .now)
            case .probe(let version):
                verb = "list"
                do throws(RequestFailure) {
                    try await probe(version)
                    action = machine.probed()
                } catch {
                    action = machine.probeFailed(error, at: .now)
                }
            case .wait(let duration, let failure):
                if let failure { await tell(failure, verb, duration, &isKnown) }
                try? await Task.sleep(for: duration)
                action = machine.resume()
            }
        }
    }

    private func tell(_ failure: RequestFailure, _ verb: String, _ wait: Duration, _ isKnown: inout Bool) async {
        guard !collection.mayBeAbsent || !failure.isNotFound else {
            // No objects of a kind that does not exist; what was there before stays until it is deleted.
            if !isKnown { await changes([.listStarted, .listFinished]) }
            isKnown = true
            return observe(.absent)
        }
        observe(.failed(collection.problem(verb, failure), retryIn: wait))
        // No change, but the reader may go on without this collection now.
        if failure.isForbidden { await changes([]) }
    }

    // MARK: List

    private struct Page: Sendable {
        var version = ""
        var next = ""
        var count = 0
    }

    private func list(_ request: ListRequest) async throws(RequestFailure) -> Page {
        let (stream, encoding) = try await open(collection.path(request), verb: "list")
        let silence = SilenceLimit(connection.limits.bodyIdle)
        let result = await silence.run { silence in
            await read(stream, encoding, isFirst: request.page.isEmpty, silence)
        }
        guard let result else { throw .transport("the list stopped in the middle") }
        return try result.get()
    }

    private func read(
        _ stream: APIStream, _ encoding: WireEncoding, isFirst: Bool, _ silence: SilenceLimit
    ) async -> Result<Page, RequestFailure> {
        var splitter = ListSplitter(encoding)
        var page = Page()
        var batch: [ReflectedChange<Object>] = isFirst ? [.listStarted] : []
        var received = 0
        var givenOn = 0
        do {
            for try await chunk in stream.body {
                silence.ended()
                observe(.contact)
                received += chunk.readableBytes
                guard received <= SizeLimit.page else { throw DecodingFailure.tooLarge(limit: SizeLimit.page) }
                for piece in try splitter.feed(chunk.readableBytesView) {
                    switch piece {
                    case .metadata(let bytes):
                        let metadata = try encoding.read(WireListMeta.self, from: bytes)
                        page.version = metadata.resourceVersion
                        page.next = metadata.continue
                    case .item(let bytes):
                        page.count += 1
                        batch.append(.stored(try reflector.decode(bytes, encoding, false).object))
                    }
                }
                if reflector.isFull(batch, received - givenOn) {
                    let full = batch
                    (batch, givenOn) = ([], received)
                    await silence.paused { await changes(full) }
                }
            }
            guard !Task.isCancelled else { return .failure(.transport("cancelled")) }
            try splitter.finish()
        } catch {
            return .failure(failure(error))
        }
        // Without a version there is no watch, so the machine lists again: nothing may be dropped by this list.
        if page.next.isEmpty, !page.version.isEmpty { batch.append(.listFinished) }
        let rest = batch
        await silence.paused { await changes(rest) }
        return .success(page)
    }

    private func failure(_ error: any Error) -> RequestFailure {
        guard let error = error as? DecodingFailure else { return .transport(describe(error)) }
        // Cut short is what a broken connection looks like when the body has no stated length.
        return error == .truncated ? .transport("\(error)") : .malformed("\(error)")
    }

    /// Returns when the server says that it has got to this version.
    private func probe(_ version: String) async throws(RequestFailure) {
        let (stream, _) = try await open(collection.path(probing: version), verb: "list")
        do throws(APIFailure) {
            _ = try await stream.collect(limit: SizeLimit.objectBody, idle: connection.limits.bodyIdle)
        } catch {
            throw RequestFailure(error)
        }
        observe(.contact)
    }

    // MARK: Watch

    private func watch(_ request: WatchRequest) async -> WatchReport {
        var began: ContinuousClock.Instant?
        let progress = WatchProgress(request)
        let end: WatchEnd
        do throws(RequestFailure) {
            var (stream, encoding) = try await open(collection.path(request), verb: "watch")
            began = .now
            // A watch counts as asked once it is open.
            stream.place = nil
            if !request.streamsList { observe(.watching) }
            observe(.contact)
            let reader = WatchReader(request, encoding, progress, reflector.decode)
            let silence = SilenceLimit(request.streamsList ? options.streamPatience : options.watchdog)
            let opened = stream
            // A silent watch is cancelled, which closes its connection: the next one does not go into a dead one.
            end = await silence.run { silence in await read(opened, reader, progress, silence) } ?? .silent
        } catch {
            end = .failed(error)
        }
        return progress.report(end, lasted: began.map { .now - $0 } ?? .zero)
    }

    private func read(
        _ stream: APIStream, _ reader: WatchReader<Object>, _ progress: WatchProgress, _ silence: SilenceLimit
    ) async -> WatchEnd {
        var reader = reader
        var batch: [ReflectedChange<Object>] = []
        var gathered = 0
        do {
            for try await chunk in stream.body {
                silence.ended()
                observe(.contact)
                let step = try reader.feed(chunk.readableBytesView)
                batch += step.changes
                gathered += chunk.readableBytes
                // Changes are given on at once; the initial state in larger pieces, because nobody sees a part of it.
                if !batch.isEmpty, !reader.isListing || reflector.isFull(batch, gathered) {
                    let arrived = batch
                    (batch, gathered) = ([], 0)
                    await silence.paused { await changes(arrived) }
                }
                if step.completedList {
                    silence.allow(options.watchdog)
                    observe(.listed(count: reader.listedCount))
                    observe(.watching)
                }
                // Only what the reader has been given is behind us.
                if !reader.isListing { progress.commit() }
                if let end = step.end { return end }
            }
            guard !Task.isCancelled else { return .failed(.transport("cancelled")) }
            try reader.finish()
            return .closed
        } catch {
            return error is DecodingFailure || !connection.isRetired(stream.generation)
                ? .failed(failure(error)) : .givenUp
        }
    }

    // MARK: Opening

    private func open(_ path: String, verb: String) async throws(RequestFailure) -> (APIStream, WireEncoding) {
        let started = ContinuousClock.now
        func finished(_ code: Int) {
            let (seconds, attoseconds) = (ContinuousClock.now - started).components
            observe(.requestFinished(verb: verb, code: code, seconds: Double(seconds) + Double(attoseconds) * 1e-18))
        }
        let stream: APIStream
        do throws(APIFailure) {
            stream = try await connection.start(
                APIRequest(verb: .get, path: path, accept: options.encoding.accept(watch: verb == "watch")))
        } catch {
            finished(0)
            throw RequestFailure(error)
        }
        finished(stream.status)
        guard stream.status == 200 else {
            // Without a readable body the status alone decides.
            let body = (try? await stream.collect(limit: SizeLimit.errorBody, idle: connection.limits.bodyIdle)) ?? []
            throw .refused(StatusReport(body: body, httpStatus: stream.status, retryAfter: stream.retryAfter))
        }
        guard !stream.isCompressed, let encoding = WireEncoding(contentType: stream.contentType) else {
            throw .malformed("an answer of type \"\(stream.contentType.prefix(64))\", not a Kubernetes object")
        }
        return (stream, encoding)
    }
}
