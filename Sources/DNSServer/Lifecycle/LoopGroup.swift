package import EventLoop
package import Telemetry

/// The loops of this process, each on a thread of its own with its part of the server.
package final class LoopGroup: Sendable {
    private let handles: [LoopHandle]

    /// Starts `count` loops; they answer nothing until a plan is activated.
    package init(
        count: Int, metrics: MetricRegistry, streamLimits: StreamLimits = StreamLimits(), memory: MemoryBudget? = nil
    ) throws(SystemError) {
        let memory = memory ?? MemoryBudget(metrics)
        var handles: [LoopHandle] = []
        for index in 0..<max(1, count) {
            let start = try LoopStart(EventLoop(index: index))
            handles.append(start.handle)
            try LoopThread.run {
                let loop = start.take()
                loop.resident = LoopServer(
                    loop: loop, counters: ServerCounters(metrics), streamLimits: streamLimits, memory: memory)
                loop.run()
                loop.resident = nil
            }
        }
        self.handles = handles
    }

    package var count: Int { handles.count }

    /// The way in for messages that arrive elsewhere.
    package var inbox: QueryInbox { QueryInbox(handles) }

    /// Runs `body` on every loop and gives what it returned, in order of the loops.
    package func onEach<Result: Sendable>(_ body: @escaping @Sendable (LoopServer) -> Result) async -> [Result] {
        var results: [Result] = []
        for handle in handles {
            let result: Result? = await withCheckedContinuation { continuation in
                handle.submit { loop in
                    continuation.resume(returning: (loop.resident as? LoopServer).map(body))
                }
            }
            if let result { results.append(result) }
        }
        return results
    }

    /// Opens every socket that `plan` needs and is not open yet; on failure nothing changed.
    package func prepare(_ plan: ServingPlan) async throws(SystemError) {
        let failures = await onEach { server -> SystemError? in
            do throws(SystemError) {
                try server.prepare(plan)
                return nil
            } catch {
                return error
            }
        }
        if let failure = failures.compactMap({ $0 }).first {
            _ = await onEach { $0.discardPrepared() }
            throw failure
        }
    }

    package func activate(_ plan: ServingPlan) async {
        _ = await onEach { $0.activate(plan) }
    }

    /// Answers what was received, waits for queries under way up to `grace` nanoseconds, then ends every loop.
    package func stop(grace: UInt64) async {
        await withTaskGroup(of: Void.self) { group in
            for handle in handles {
                group.addTask {
                    await withCheckedContinuation { continuation in
                        handle.submit { loop in
                            guard let server = loop.resident as? LoopServer else { return continuation.resume() }
                            // The last answers are sent at the end of the turn, and the process may end then.
                            server.drain(grace: grace) { loop.stop { continuation.resume() } }
                        }
                    }
                }
            }
        }
    }
}
