import KubernetesAPI
import Synchronization
import Telemetry

/// Sends spans to a collector, together and in the background; no answer waits for it.
final class TraceSender: Sendable {
    private let settings: TraceSettings
    private let waiting = Mutex<[TraceSpan]>([])
    private let dropped: Counter

    init(_ settings: TraceSettings, _ dropped: Counter) {
        self.settings = settings
        self.dropped = dropped
    }

    /// Never waits.
    func add(_ span: TraceSpan) {
        let isKept = waiting.withLock { waiting in
            guard waiting.count < settings.backlog else { return false }
            waiting.append(span)
            return true
        }
        if !isKept { dropped.add() }
    }

    /// Ends with its task; what waits then is sent before.
    func run() async {
        guard let endpoint = settings.endpoint else { return }
        var connection: APIConnection?
        var isTold = false
        while true {
            let isEnding = Task.isCancelled
            if !isEnding { try? await Task.sleep(for: settings.interval) }
            while let spans = take() {
                do {
                    let open = try connection ?? APIConnection(endpoint)
                    connection = open
                    try await send(spans, open)
                    if isTold { Log.info("plugin/trace: \(settings.url) takes spans again") }
                    isTold = false
                } catch {
                    dropped.add(UInt64(spans.count))
                    if !isTold {
                        Log.warning("plugin/trace: \(settings.url) takes no spans: \(error); they are dropped")
                    }
                    isTold = true
                }
            }
            if isEnding { return }
        }
    }

    private struct Failure: Error, CustomStringConvertible {
        let description: String
    }

    private func send(_ spans: [TraceSpan], _ connection: APIConnection) async throws {
        let body = TraceSpan.body(spans, settings.form, service: settings.service)
        let response = try await connection.send(APIRequest(verb: .post, path: settings.path, body: body))
        guard (200..<300).contains(response.status) else { throw Failure(description: "HTTP \(response.status)") }
    }

    /// The spans of the next request; nil when none wait.
    private func take() -> [TraceSpan]? {
        waiting.withLock { waiting in
            guard !waiting.isEmpty else { return nil }
            let spans = Array(waiting.prefix(settings.batch))
            waiting.removeFirst(spans.count)
            return spans
        }
    }
}
