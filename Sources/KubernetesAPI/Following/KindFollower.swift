internal import AsyncHTTPClient
internal import ClusterModel
internal import NIOCore
internal import Synchronization

/// Performs what `ReflectorMachine` decides for one kind.
struct KindFollower: Sendable {
    /// Changes given on at once: bounds memory when a server sends everything on one page.
    static let largestBatch = 256

    let kind: ObjectKind
    let connection: APIConnection
    let options: FollowOptions
    let observe: @Sendable (FollowEvent) -> Void
    let changes: @Sendable ([ObjectChange]) async -> Void

    func run() async {
        var machine = ReflectorMachine(
            pageSize: options.pageSize, streamsLists: options.streamsLists, watchdog: options.watchdog,
            seed: UInt64.random(in: 0 ... .max))
        var listedCount = 0
        var isKnown = false
        var action = machine.resume()
        while !Task.isCancelled {
            switch action {
            case .list(let request):
                do throws(RequestFailure) {
                    let page = try await list(request)
                    guard !Task.isCancelled else { return }
                    listedCount = request.page.isEmpty ? page.count : listedCount + page.count
                    action = machine.listed(version: page.version, next: page.next, at: .now)
                    if page.next.isEmpty {
                        isKnown = true
                        observe(.listed(kind, count: listedCount))
                    }
                } catch {
                    action = machine.listFailed(error, at: .now)
                }
            case .watch(let request):
                let report = await watch(request)
                // A list that came as a watch says as much.
                isKnown = isKnown || report.version != nil
                action = machine.watchEnded(report, at: .now)
            case .probe(let version):
                do throws(RequestFailure) {
                    try await probe(version)
                    action = machine.probed()
                } catch {
                    action = machine.probeFailed(error, at: .now)
                }
            case .wait(let duration, let failure):
                if let failure, kind == .serviceImport, failure.isNotFound {
                    // No objects of a kind that does not exist; what was there before stays until it is deleted.
                    if !isKnown { await changes([.relistStarted(kind), .relistFinished(kind)]) }
                    isKnown = true
                    observe(.absent(kind))
                } else if let failure {
                    observe(.failed(kind, reason: failure.reason, retryIn: duration, forbidden: failure.isForbidden))
                    // No change, but the reader may go on without this kind now.
                    if failure.isForbidden { await changes([]) }
                }
                try? await Task.sleep(for: duration)
                action = machine.resume()
            }
        }
    }

    // MARK: Requests

    /// Query parameters that select objects.
    private var selection: [(String, String)] {
        var pairs: [(String, String)] = []
        let selector = kind == .namespace ? options.namespaceLabelSelector : options.labelSelector
        if !selector.isEmpty { pairs.append(("labelSelector", selector)) }
        // Pods that have ended keep their address, which may be another pod's by now.
        if kind == .pod {
            pairs.append(("fieldSelector", "status.phase!=Succeeded,status.phase!=Failed,status.phase!=Unknown"))
        }
        return pairs
    }

    func path(_ request: ListRequest) -> String {
        var pairs = selection
        if let limit = request.limit { pairs.append(("limit", String(limit))) }
        if !request.page.isEmpty {
            pairs.append(("continue", request.page))
        } else if let version = request.version, !version.isEmpty {
            pairs.append(("resourceVersion", version))
        }
        return APIPath.query(APIPath.collection(kind), pairs)
    }

    func path(_ request: WatchRequest) -> String {
        var pairs = selection + [("watch", "true"), ("allowWatchBookmarks", "true")]
        if request.streamsList { pairs += [("sendInitialEvents", "true"), ("resourceVersionMatch", "NotOlderThan")] }
        pairs += [("resourceVersion", request.version), ("timeoutSeconds", String(request.timeoutSeconds))]
        return APIPath.query(APIPath.collection(kind), pairs)
    }

    /// A list that waits for `version` and holds nothing: one object by name is the cheapest to ask for, and no object
    /// has this name.
    func path(probing version: String) -> String {
        APIPath.query(
            APIPath.collection(kind),
            [
                ("fieldSelector", "metadata.name=cluster-dns-probe"), ("limit", "1"), ("resourceVersion", version),
                ("resourceVersionMatch", "NotOlderThan"),
            ])
    }

    // MARK: List

    private struct Page: Sendable {
        var version = ""
        var next = ""
        var count = 0
    }

    private func list(_ request: ListRequest) async throws(RequestFailure) -> Page {
        let (stream, encoding) = try await open(path(request), verb: "list")
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
        var batch: [ObjectChange] = isFirst ? [.relistStarted(kind)] : []
        var received = 0
        do {
            for try await chunk in stream.body {
                silence.ended()
                observe(.contact(kind))
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
                        let observed = try ObservedObject(
                            kind, from: bytes, encoding, isEnveloped: false, podLabels: options.podLabels)
                        batch.append(observed.object.map(ObjectChange.stored) ?? .kept(kind, observed.key))
                    }
                }
                if batch.count >= Self.largestBatch {
                    let full = batch
                    batch = []
                    await silence.paused { await changes(full) }
                }
            }
            guard !Task.isCancelled else { return .failure(.transport("cancelled")) }
            try splitter.finish()
        } catch let error as DecodingFailure {
            // Cut short is what a broken connection looks like when the body has no stated length.
            return .failure(error == .truncated ? .transport("\(error)") : .malformed("\(error)"))
        } catch {
            return .failure(.transport(describe(error)))
        }
        // Without a version there is no watch, so the machine lists again: nothing may be dropped by this list.
        if page.next.isEmpty, !page.version.isEmpty { batch.append(.relistFinished(kind)) }
        let rest = batch
        await silence.paused { await changes(rest) }
        return .success(page)
    }

    /// Returns when the server says that it has got to this version.
    private func probe(_ version: String) async throws(RequestFailure) {
        let (stream, _) = try await open(path(probing: version), verb: "list")
        do throws(APIFailure) {
            _ = try await stream.collect(limit: SizeLimit.objectBody, idle: connection.limits.bodyIdle)
        } catch {
            throw RequestFailure(error)
        }
        observe(.contact(kind))
    }

    // MARK: Watch

    private func watch(_ request: WatchRequest) async -> WatchReport {
        let started = ContinuousClock.now
        let progress = WatchProgress(request)
        let end: WatchEnd
        do throws(RequestFailure) {
            var (stream, encoding) = try await open(path(request), verb: "watch")
            // A watch counts as asked once it is open.
            stream.place = nil
            observe(.watching(kind))
            observe(.contact(kind))
            let reader = WatchReader(kind, request, encoding, progress, podLabels: options.podLabels)
            let silence = SilenceLimit(request.streamsList ? options.streamPatience : options.watchdog)
            let opened = stream
            // A silent watch is cancelled, which closes its connection: the next one does not go into a dead one.
            end = await silence.run { silence in await read(opened, reader, progress, silence) } ?? .silent
        } catch {
            end = .failed(error)
        }
        return progress.report(end, lasted: .now - started)
    }

    private func read(
        _ stream: APIStream, _ reader: WatchReader, _ progress: WatchProgress, _ silence: SilenceLimit
    ) async -> WatchEnd {
        var reader = reader
        var batch: [ObjectChange] = []
        do {
            for try await chunk in stream.body {
                silence.ended()
                observe(.contact(kind))
                let step = try reader.feed(chunk.readableBytesView)
                batch += step.changes
                // Changes are given on at once; the initial state in larger pieces, because nobody sees a part of it.
                if !batch.isEmpty, !reader.isListing || batch.count >= Self.largestBatch {
                    let arrived = batch
                    batch = []
                    await silence.paused { await changes(arrived) }
                }
                if step.completedList {
                    silence.allow(options.watchdog)
                    observe(.listed(kind, count: reader.listedCount))
                }
                // Only what the reader has been given is behind us.
                if !reader.isListing { progress.commit() }
                if let end = step.end { return end }
            }
            guard !Task.isCancelled else { return .failed(.transport("cancelled")) }
            try reader.finish()
            return .closed
        } catch let error as DecodingFailure {
            return .failed(error == .truncated ? .transport("\(error)") : .malformed("\(error)"))
        } catch {
            return connection.isRetired(stream.generation) ? .givenUp : .failed(.transport(describe(error)))
        }
    }

    // MARK: Opening

    private func open(
        _ path: String, verb: String
    ) async throws(RequestFailure) -> (APIStream, WireEncoding) {
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
