import ClusterModel
import EventLoop
import Snapshots
import Telemetry

/// The one writer of the cluster's index: applies changes, publishes what they made of the snapshot, and saves it.
actor SnapshotWriter {
    /// Between two writings of the file.
    static let saveInterval = Duration.seconds(10)

    private var index: ClusterIndex
    private let published: Published<ClusterSnapshot>
    private let changed: ChangeFeed
    private let state: FollowState
    private let kinds: Set<ObjectKind>
    private let latencies: [ProgrammedService: Histogram]
    private let file: SnapshotFile?
    private var isUnsaved = false
    /// A save is planned or under way.
    private var isSaving = false
    private var isWriting = false
    private var savedAt: ContinuousClock.Instant?
    private var lastFailure = ""

    init(
        _ index: sending ClusterIndex, _ kinds: Set<ObjectKind>, published: Published<ClusterSnapshot>,
        changed: ChangeFeed, state: FollowState, metrics: MetricRegistry, file: SnapshotFile?
    ) {
        self.index = index
        self.published = published
        self.changed = changed
        self.state = state
        self.kinds = kinds
        self.file = file
        var latencies: [ProgrammedService: Histogram] = [:]
        for kind in ProgrammedService.allCases {
            latencies[kind] = metrics.histogram(
                "coredns_kubernetes_dns_programming_duration_seconds",
                "Histogram of the time (in seconds) it took to program a dns instance.",
                [("service_kind", kind.rawValue)],
                bounds: (0..<20).map { 0.001 * Double(1 << $0) }, unitsPerOne: 1e9)
        }
        self.latencies = latencies
    }

    func apply(_ changes: [ObjectChange]) {
        let now = WallClock.secondsSince1970
        let isHeard = changed.isHeard
        index.notesChanges = isHeard
        // A clock that is set to another century must not end the process: serials wrap (RFC 1982).
        index.apply(changes, now: UInt32(truncatingIfNeeded: Int64(now)))
        // Until the first list is whole nothing is answered from it, so nothing need be built.
        guard isComplete() else { return }
        if index.hasChanges || !state.isSynced || state.isRestored {
            let isFirst = !state.isSynced || state.isRestored
            published.publish(index.makeSnapshot())
            if state.isRestored { Log.info("plugin/kubernetes: the API server is listed; answers are live again") }
            state.markSynced()
            tell(isHeard && !isFirst)
            isUnsaved = true
            saveSoon()
        }
        if changes.contains(where: { if case .relistFinished = $0 { true } else { false } }) { Heap.giveBack() }
        for latency in index.drainProgrammingTriggers() {
            let seconds = now - latency.trigger
            guard seconds.isFinite, seconds >= 0 else { continue }
            latencies[latency.kind]?.observe(UInt64(min(seconds, 1e9) * 1e9))
        }
    }

    /// Tells who listens what changed with the snapshot that was just published.
    ///
    /// - Parameter isNoted: false when all that is known is that something did.
    private func tell(_ isNoted: Bool) {
        let keys = index.drainChanges()
        guard changed.isHeard else { return }
        if isNoted, let keys { changed.tell(.keys(keys)) } else { changed.tell(.all) }
    }

    /// True once every kind is listed; what the API server does not let us list is not waited for.
    private func isComplete() -> Bool {
        let missing = kinds.subtracting(index.listedKinds)
        guard !missing.isEmpty else {
            state.age.setMissing([])
            return true
        }
        // What was saved has all kinds: it is better than the lists without them.
        guard missing != kinds, missing.isSubset(of: state.forbiddenKinds), !state.isRestored else { return false }
        state.age.setMissing(missing)
        return true
    }

    // MARK: Saving

    /// Goes on from the file, when there is one that can be used.
    func restore(_ options: ModelOptions) {
        guard let file else { return }
        do throws(SnapshotFile.Refusal) {
            guard let (saved, writtenAt) = try file.read(options: options) else { return }
            index = saved
            published.publish(saved.makeSnapshot())
            state.markRestored()
            let now = UInt64(max(0, min(WallClock.secondsSince1970, 1e15)))
            let age = now > writtenAt ? now - writtenAt : 0
            // After the first answers, which somebody waits for.
            Task.detached {
                try? await Task.sleep(for: .seconds(1))
                Heap.giveBack()
            }
            Log.info(
                "plugin/kubernetes: answering from \(file.path), saved \(age) s ago, until the API server is listed")
        } catch {
            Log.warning("plugin/kubernetes: \(file.path) is not used: \(error); starting without it")
        }
    }

    private func saveSoon() {
        guard file != nil, !isSaving else { return }
        isSaving = true
        let wait = savedAt.map { max(.zero, Self.saveInterval - (.now - $0)) } ?? .zero
        Task {
            try? await Task.sleep(for: wait)
            await save()
        }
    }

    private func save() async {
        await saveNow()
        isSaving = false
        if isUnsaved, state.age.missing.isEmpty { saveSoon() }
    }

    /// Saves what is not saved yet; a failure is said once and tried again.
    func saveNow() async {
        // Two at once would write into the same file.
        // What lacks a kind would be taken for all there is by the next start.
        guard let file, isUnsaved, !isWriting, state.age.missing.isEmpty else { return }
        isUnsaved = false
        isWriting = true
        defer { isWriting = false }
        savedAt = .now
        do {
            let written = try file.write(index, at: UInt64(max(0, min(WallClock.secondsSince1970, 1e15))))
            // The disk is waited for elsewhere: changes are taken on meanwhile.
            try await WorkThread.files.run { () throws(SystemError) in try written.finish() }
            lastFailure = ""
        } catch {
            isUnsaved = true
            if lastFailure != "\(error)" { Log.warning("plugin/kubernetes: the snapshot is not saved: \(error)") }
            lastFailure = "\(error)"
        }
    }
}
