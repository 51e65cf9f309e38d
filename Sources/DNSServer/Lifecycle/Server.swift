package import Corefile
import EventLoop
import Synchronization
import Telemetry

/// Serves pages over HTTP for probes and metrics.
package protocol StatusServing: Sendable {
    /// Serves exactly `pages` from now on; addresses that stay are not closed in between.
    ///
    /// - Throws: when an address cannot be had; what was served before is served on.
    func serve(_ pages: [StatusPage]) async throws

    func stop() async
}

/// Where the configuration comes from, read anew for each reload.
package struct ConfigurationSource: Sendable {
    /// The blocks and a hash of what they mean.
    package typealias Content = (blocks: [ServerBlockSyntax], hash: String)

    /// Given whether something is served already, which no empty file is to take the place of.
    package var read: @Sendable (_ isReload: Bool) throws(ConfigurationErrors) -> Content

    package init(read: @escaping @Sendable (_ isReload: Bool) throws(ConfigurationErrors) -> Content) {
        self.read = read
    }
}

/// The running server: starts a configuration, replaces it whole, and stops without losing a query.
package actor Server {
    private let loops: LoopGroup
    private let builder: PlanBuilder
    private let source: ConfigurationSource
    private let status: any StatusServing
    private let secure: (any SecureListening)?
    private var current: Running?
    private var isReloading = false
    private var reloadIsWanted = false
    /// The hash of what was read whole and not taken over.
    private var refused: String?
    private let stopping = StopFlag()
    private let isAnswering = Atomic<Bool>(false)
    /// Reads and builds configurations, with all files that they name.
    private let configuring = WorkThread()
    private let reloadFailures: Counter

    private struct Running {
        let plan: ServingPlan
        let environment: Environment

        /// True when the plugin that `other` is to replace can answer.
        func isReady(like other: any Plugin) -> Bool {
            plan.plugins.contains { type(of: $0) == type(of: other) && $0.isReady == true }
        }
    }

    package init(
        loops: LoopGroup, builder: PlanBuilder, source: ConfigurationSource, status: any StatusServing,
        secure: (any SecureListening)? = nil
    ) {
        self.loops = loops
        self.builder = builder
        self.source = source
        self.status = status
        self.secure = secure
        reloadFailures = builder.metrics.counter(
            "coredns_reload_failed_total", "Counter of the number of failed reload attempts.")
    }

    /// Serves the configuration, and gives its blocks; throws what is wrong with it or with its addresses.
    @discardableResult
    package func start() async throws -> [ServerBlockSyntax] {
        let content = try await read(isReload: false)
        let plan = try await build(content)
        try await prepare(plan)
        try await takeOver(plan)
        return content.blocks
    }

    /// True once the first query may be answered, which is shortly before `start` is over.
    package nonisolated var answers: Bool { isAnswering.load(ordering: .acquiring) }

    /// What the configuration says now.
    private func read(isReload: Bool) async throws(ConfigurationErrors) -> ConfigurationSource.Content {
        let source = source
        return try await configuring.run { () throws(ConfigurationErrors) in try source.read(isReload) }
    }

    private func build(_ content: ConfigurationSource.Content) async throws(ConfigurationErrors) -> ServingPlan {
        let builder = builder
        return try await configuring.run { () throws(ConfigurationErrors) in
            try builder.build(content.blocks, hash: content.hash)
        }
    }

    /// Opens every socket that `plan` needs and is not open yet; on failure nothing changed.
    private func prepare(_ plan: ServingPlan) async throws {
        try await loops.prepare(plan)
        do {
            if let secure {
                try await secure.prepare(plan.secureEndpoints)
            } else if let endpoint = plan.secureEndpoints.first {
                throw NobodyListens(place: endpoint.place)
            }
        } catch {
            await discardPrepared()
            throw error
        }
    }

    private func discardPrepared() async {
        _ = await loops.onEach { $0.discardPrepared() }
        await secure?.discardPrepared()
    }

    /// Reads the configuration again and serves it; when it is not sound, the old one serves on.
    ///
    /// - Parameter hash: of what is to be served; nil for whatever is there.
    /// - Returns: false when something else is there, or another reload is under way.
    @discardableResult
    package func reload(to hash: String? = nil) async -> Bool {
        guard !isReloading else {
            // Who looks at the files every now and then looks again.
            if hash == nil { reloadIsWanted = true }
            return false
        }
        if let hash, hash == refused { return true }
        isReloading = true
        defer { isReloading = false }
        let isTried = await reloadOnce(to: hash)
        while reloadIsWanted && !stopping.isSet {
            reloadIsWanted = false
            await reloadOnce(to: nil)
        }
        return isTried
    }

    @discardableResult
    private func reloadOnce(to hash: String?) async -> Bool {
        guard !stopping.isSet, current != nil else { return true }
        Log.info("Reloading")
        var found: String?
        do {
            guard let content = try await content(of: hash) else {
                Log.info("The Corefile is being written; the old one serves on until it stays as it is")
                return false
            }
            found = content.hash
            let plan = try await build(content)
            guard !stopping.isSet else { return true }
            try await prepare(plan)
            try await takeOver(plan)
            refused = nil
            Log.info("Reloading complete")
        } catch {
            refused = found
            reloadFailures.add()
            Log.error("Corefile changed but reload failed, the old one serves on:\n\(error)")
        }
        return true
    }

    /// What is there now; nil when it is not that of `hash`, or half of it.
    private func content(of hash: String?) async throws(ConfigurationErrors) -> ConfigurationSource.Content? {
        guard let hash else { return try await read(isReload: true) }
        guard let content = try? await read(isReload: true), content.hash == hash else { return nil }
        return content
    }

    /// Starts what `plan` needs, puts it in the place of the current one, then ends what the old one ran.
    ///
    /// When anything of it fails, all that was begun for it is ended and the current one serves on.
    private func takeOver(_ plan: ServingPlan) async throws {
        let environment = Environment(plan: plan, metrics: builder.metrics, stopping: stopping, server: self)
        let old = current
        // Here, too, files may be waited for: what is taken over may just be looked at.
        await configuring.run { Self.adopt(plan, from: old?.plan) }
        do {
            try await status.serve(Self.pagesMeanwhile(plan, old?.plan))
            for plugin in plan.plugins { await plugin.start(environment) }
            if old == nil {
                // Queries wait in their sockets meanwhile; names of other zones must not wait for the cluster's.
                _ = await settled(plan, longest: .milliseconds(500))
            } else if let late = await settled(plan, longest: nil), old?.isReady(like: late) == true {
                throw StartupFailure(plugin: late.directive, timeout: late.startupTimeout ?? .zero)
            }
            if old != nil { try await status.serve(plan.plugins.flatMap(\.statusPages)) }
        } catch {
            for plugin in plan.plugins { await plugin.stop() }
            await discardPrepared()
            try? await status.serve(old?.plan.plugins.flatMap(\.statusPages) ?? [])
            throw error
        }
        isAnswering.store(true, ordering: .releasing)
        await loops.activate(plan)
        await secure?.activate()
        current = Running(plan: plan, environment: environment)
        for plugin in old?.plan.plugins ?? [] { await plugin.stop() }
    }

    /// The pages until `plan` serves: those of the current one say how that is, and addresses of others are taken already.
    private static func pagesMeanwhile(_ plan: ServingPlan, _ old: ServingPlan?) -> [StatusPage] {
        let known = old?.plugins.flatMap(\.statusPages) ?? []
        let taken = Set(known.map(\.address))
        return known + plan.plugins.flatMap(\.statusPages).filter { !taken.contains($0.address) }
    }

    /// Waits until every plugin that needs time is ready; gives the first that was not in time.
    private func settled(_ plan: ServingPlan, longest: Duration?) async -> (any Plugin)? {
        let start = ContinuousClock.now
        for plugin in plan.plugins {
            guard let timeout = plugin.startupTimeout else { continue }
            let deadline = start + min(timeout, longest ?? timeout)
            while plugin.isReady == false {
                guard ContinuousClock.now < deadline, !stopping.isSet else { return plugin }
                try? await Task.sleep(for: .milliseconds(5))
            }
        }
        return nil
    }

    /// Pairs plugins of the same kind in blocks that serve the same zones and view.
    private static func adopt(_ plan: ServingPlan, from old: ServingPlan?) {
        guard let old else { return }
        for block in plan.blocks {
            guard let predecessor = old.predecessor(of: block) else { continue }
            for plugin in block.plugins {
                if let same = predecessor.plugins.first(where: { type(of: $0) == type(of: plugin) }) {
                    plugin.adopt(same)
                }
            }
        }
    }

    /// Withdraws readiness, keeps serving for the lameduck time, answers what was received, then ends.
    package func stop() async {
        guard stopping.set() else { return }
        let lameduck = current?.plan.plugins.map(\.lameduck).max() ?? .zero
        if lameduck > .zero {
            Log.info("Going into lameduck mode for \(lameduck)")
            try? await Task.sleep(for: lameduck)
        }
        // The loops answer what came encrypted, so they end last.
        let begin = ContinuousClock.now
        await secure?.stop(grace: .seconds(5))
        let left = max(.seconds(1), .seconds(5) - (ContinuousClock.now - begin))
        await loops.stop(grace: UInt64(left / .nanoseconds(1)))
        // Those of a reload that was under way, where it was over in the lameduck time.
        for plugin in current?.plan.plugins ?? [] { await plugin.stop() }
        await status.stop()
    }
}

/// A plugin of a new configuration that could not serve in time, while the old one can.
struct StartupFailure: Error, CustomStringConvertible {
    let plugin: String
    let timeout: Duration
    var description: String { "plugin/\(plugin): not ready within \(timeout)" }
}

/// Set once when the process is asked to end.
final class StopFlag: Sendable {
    private let flag = Atomic<Bool>(false)

    var isSet: Bool { flag.load(ordering: .acquiring) }

    /// False when it was set before.
    func set() -> Bool {
        flag.compareExchange(expected: false, desired: true, ordering: .acquiringAndReleasing).exchanged
    }
}

extension Server {
    /// What plugins of one plan see of the process.
    private final class Environment: PluginEnvironment {
        let metrics: MetricRegistry
        private let plan: ServingPlan
        private let stopping: StopFlag
        private let server: Server

        init(plan: ServingPlan, metrics: MetricRegistry, stopping: StopFlag, server: Server) {
            self.plan = plan
            self.metrics = metrics
            self.stopping = stopping
            self.server = server
        }

        var plugins: [any Plugin] { plan.plugins }
        var isStopping: Bool { stopping.isSet }
        var configurationHash: String { plan.hash }
        /// In a task of its own: that of the plugin that asks is cancelled once its configuration is replaced, and what is
        /// waited for in a cancelled task is not waited for at all.
        func reload(to hash: String?) async -> Bool { await Task { await server.reload(to: hash) }.value }
        func hashOfFilesNow() async -> String? { try? await server.read(isReload: true).hash }
    }
}
