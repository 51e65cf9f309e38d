import KubernetesAPI
import Synchronization
import Telemetry

/// Sends spans to a collector, together and in the background; no answer waits for it.
final class TraceSender: Sendable {
    /// Hands spans to the collector; throws why it did not take them.
    typealias Send = @Sendable ([TraceSpan]) async throws -> Void

    private struct State {
        var waiting: [TraceSpan] = []
        var work: Task<Void, Never>?
        var pause: Task<Void, Never>?
        var isEnding = false
        /// Nobody sends any more.
        var isOver = false
    }

    private let settings: TraceSettings
    private let state = Mutex(State())
    private let dropped: Counter
    private let send: Send
    private let lastPatience: Duration

    /// - Parameters:
    ///   - lastPatience: how long the collector may take for the last spans.
    ///   - send: left out for the collector of the settings.
    init(_ settings: TraceSettings, _ dropped: Counter, lastPatience: Duration = .seconds(1), send: Send? = nil) {
        self.settings = settings
        self.dropped = dropped
        self.lastPatience = lastPatience
        self.send = send ?? Collector(settings).send
    }

    /// Never waits.
    func add(_ span: TraceSpan) {
        let isKept = state.withLock { state in
            guard state.waiting.count < settings.backlog, !state.isOver else { return false }
            state.waiting.append(span)
            return true
        }
        if !isKept { dropped.add() }
    }

    // MARK: Beginning and ending

    /// Sends from now on; only the first call counts.
    func begin() {
        state.withLock { state in
            guard state.work == nil, !state.isEnding else { return }
            state.work = Task { await run() }
        }
    }

    /// Ends once what waits is sent, or the collector has had its time for that.
    func end() {
        let work = state.withLock { state in
            state.isEnding = true
            state.pause?.cancel()
            return state.work
        }
        guard let work else { return }
        Task { [lastPatience] in
            try? await Task.sleep(for: lastPatience)
            work.cancel()
        }
    }

    /// Waits for the end, where that has begun.
    func ended() async {
        let work = state.withLock { $0.isEnding ? $0.work : nil }
        await work?.value
    }

    // MARK: Sending

    private func run() async {
        var isTold = false
        while true {
            let isLast = await pause()
            while let spans = take() {
                do {
                    try await send(spans)
                    if isTold { Log.info("plugin/trace: \(settings.url) takes spans again") }
                    isTold = false
                } catch {
                    dropped.add(UInt64(spans.count))
                    guard !Task.isCancelled else { return giveUp(spans.count) }
                    if !isTold {
                        Log.warning("plugin/trace: \(settings.url) takes no spans: \(error); they are dropped")
                    }
                    isTold = true
                }
            }
            if isLast, isOver() { return }
        }
    }

    /// Lets spans gather; true when those that have gathered are the last.
    private func pause() async -> Bool {
        let pause = state.withLock { state -> Task<Void, Never>? in
            guard !state.isEnding else { return nil }
            let pause = Task { [settings] in _ = try? await Task.sleep(for: settings.interval) }
            state.pause = pause
            return pause
        }
        await pause?.value
        return state.withLock { $0.isEnding }
    }

    /// The spans of the next request; nil when none wait.
    private func take() -> [TraceSpan]? {
        state.withLock { state in
            guard !state.waiting.isEmpty else { return nil }
            let spans = Array(state.waiting.prefix(settings.batch))
            state.waiting.removeFirst(spans.count)
            return spans
        }
    }

    /// True when nothing waits; from then on nothing is taken any more.
    private func isOver() -> Bool {
        state.withLock { state in
            state.isOver = state.waiting.isEmpty
            return state.isOver
        }
    }

    /// - Parameter count: spans on their way, counted as dropped already.
    private func giveUp(_ count: Int) {
        let rest = state.withLock { state in
            state.isOver = true
            defer { state.waiting = [] }
            return state.waiting.count
        }
        dropped.add(UInt64(rest))
        Log.warning(
            "plugin/trace: \(settings.url) did not take the last \(count + rest) spans within \(lastPatience): "
                + "they are dropped")
    }
}

/// The collector of a `trace` line, over one connection.
private actor Collector {
    private let settings: TraceSettings
    private var connection: APIConnection?

    private struct Failure: Error, CustomStringConvertible {
        let description: String
    }

    init(_ settings: TraceSettings) { self.settings = settings }

    func send(_ spans: [TraceSpan]) async throws {
        guard let endpoint = settings.endpoint else { return }
        let connection = try connection ?? APIConnection(endpoint)
        self.connection = connection
        let body = TraceSpan.body(spans, settings.form, service: settings.service)
        let response = try await connection.send(APIRequest(verb: .post, path: settings.path, body: body))
        guard (200..<300).contains(response.status) else { throw Failure(description: "HTTP \(response.status)") }
    }
}
