/// Turns what pods have counted into the replicas that their load asks for.
package struct LoadMeter: Sendable {
    private struct Reading {
        var sample: LoadSample
        var at: ContinuousClock.Instant
    }

    private let settings: LoadSettings
    /// The last sample of each pod, by address.
    private var readings: [String: Reading] = [:]
    /// What was asked for within the window, each more than all after it.
    private var recent: [(at: ContinuousClock.Instant, floor: LoadFloor)] = []
    /// When more was last asked for: new pods need time before they show.
    private var grewAt: ContinuousClock.Instant?
    private static let growthPause = Duration.seconds(60)
    /// The part of all messages that may be dropped without meaning anything.
    private static let usualDrops = 0.01

    package init(_ settings: LoadSettings) { self.settings = settings }

    /// New samples have come.
    ///
    /// - Parameters:
    ///   - samples: by address, of all pods that could be asked.
    ///   - pods: how many there are; the others are taken to be as loaded as these.
    ///   - current: replicas at present.
    /// - Returns: the floor; nil while there is nothing to compare with.
    package mutating func take(
        _ samples: [String: LoadSample], pods: Int, current: Int, at now: ContinuousClock.Instant
    ) -> LoadFloor? {
        // What was dropped would have been asked, too.
        var rate = 0.0
        var drops = 0.0
        var waited = 0.0
        var queued = 0.0
        var compared = 0
        var asked = 0.0
        for (address, sample) in samples {
            // A counter that went back is that of a new process.
            guard let old = readings[address], sample.queries >= old.sample.queries, now > old.at else { continue }
            compared += 1
            let dropped = max(0, sample.drops - old.sample.drops)
            drops += dropped
            asked += sample.queries - old.sample.queries + dropped
            rate += (sample.queries - old.sample.queries + dropped) / (now - old.at).inSeconds
            waited += max(0, sample.queueSeconds - old.sample.queueSeconds)
            queued += max(0, sample.queued - old.sample.queued)
        }
        readings = samples.mapValues { Reading(sample: $0, at: now) }
        if compared > 0 {
            let whole = rate * Double(max(pods, compared)) / Double(compared)
            // Some messages are no queries and never get a response: only many of them are a sign of load.
            let counted = drops > Self.usualDrops * asked ? drops : 0
            let floor = floor(
                rate: whole, drops: counted, delay: queued > 0 ? waited / queued : 0, current: current, at: now)
            recent.removeAll { $0.floor.replicas <= floor.replicas }
            recent.append((now, floor))
        }
        recent.removeAll { [window = settings.window] in now - $0.at > window }
        return recent.first?.floor
    }

    private mutating func floor(
        rate: Double, drops: Double, delay: Double, current: Int, at now: ContinuousClock.Instant
    ) -> LoadFloor {
        let capacity = settings.queriesPerCore * settings.coresPerPod
        let byRate = (rate / capacity).rounded(.up).replicas
        let grown = (Double(max(current, 1)) * 1.5).rounded(.up).replicas
        // What is asked for already must show before drops ask for more.
        if byRate > current { grewAt = now }
        let mayGrow = grown > byRate && (grewAt.map { now - $0 >= Self.growthPause } ?? true)
        if mayGrow, drops > 0 || delay > settings.queueDelay.inSeconds {
            grewAt = now
            let sign =
                drops > 0
                ? "\(drops.wholeNumber) queries were dropped" : "queries wait \((delay * 1e6).wholeNumber) µs"
            return LoadFloor(replicas: grown, because: "load: \(sign)")
        }
        return LoadFloor(
            replicas: byRate,
            because: "load: \(rate.wholeNumber) queries a second, \(capacity.wholeNumber) for each replica")
    }
}

extension Duration {
    var inSeconds: Double { Double(components.seconds) + Double(components.attoseconds) * 1e-18 }
}
