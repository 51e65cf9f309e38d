package import Autoscaler
package import Flags

/// Replays a growing cluster through the decision code: once as the reference decides, once with a low floor that load
/// raises and a delay holds.
package struct GrowthSimulation: Sendable {
    /// What one way of deciding made of the day.
    package struct Run: Sendable, Equatable {
        package let name: String
        /// Replicas at each look.
        package fileprivate(set) var replicas: [Int] = []
        /// Changes of the replicas.
        package fileprivate(set) var changes = 0
        /// Changes to fewer replicas that were taken back within ten minutes.
        package fileprivate(set) var flaps = 0
        /// Seconds with more queries than the running replicas can serve.
        package fileprivate(set) var shortSeconds = 0
        /// The longest of these times without a break.
        package fileprivate(set) var longestShortage = 0
        /// Replicas that ran, summed over the day, in hours.
        package fileprivate(set) var replicaHours = 0.0

        package var peak: Int { replicas.max() ?? 0 }
    }

    /// The Kubernetes addon's parameters.
    static let parameters = #"{"coresPerReplica":256,"nodesPerReplica":16,"preventSinglePointFailure":true}"#
    /// A quarter of them, since load raises what is too little.
    static let floor = #"{"coresPerReplica":1024,"nodesPerReplica":64,"preventSinglePointFailure":true}"#
    /// Queries a second that one replica serves before it drops some.
    static let capacity = 30_000.0
    /// From asking for a replica to its first answer.
    static let podStart = 20
    static let scaleDownDelay = Duration.seconds(900)

    package let reference: Run
    package let steadied: Run
    let nodes: [Int]
    let queries: [Double]

    package init() throws(ParameterError) {
        let rule = ScalingParameters.linear(try LinearParameters(json: Self.parameters))
        let floor = ScalingParameters.linear(try LinearParameters(json: Self.floor))
        let epoch = ContinuousClock.now
        var scenario = GrowthScenario()
        var plain = Simulated(
            "cluster-proportional-autoscaler's rule: 16 nodes or 256 cores a replica", delay: .zero, at: epoch,
            load: nil)
        var own = Simulated(
            "64 nodes or 1,024 cores a replica, --load, --scale-down-delay=15m", delay: Self.scaleDownDelay, at: epoch,
            load: LoadSettings())
        var (nodes, queries): ([Int], [Double]) = ([], [])
        while let moment = scenario.next() {
            nodes.append(moment.nodes)
            queries.append(moment.queries)
            let now = epoch + .seconds(moment.second)
            plain.look(moment, rule, at: now)
            own.look(moment, floor, at: now)
        }
        (reference, steadied) = (plain.run, own.run)
        (self.nodes, self.queries) = (nodes, queries)
    }

    /// One target under one way of deciding.
    private struct Simulated {
        var run: Run
        private var steadying: Steadying
        private var meter: LoadMeter?
        private var replicas = 1
        /// Replicas that answer, and the second from which those asked for last do.
        private var running = 1
        private var starting: [(from: Int, replicas: Int)] = []
        /// Queries that each pod has counted, and the last times replicas were lowered from what.
        private var counted = 0.0
        private var dropped = 0.0
        private var loweredFrom: [(second: Int, replicas: Int)] = []
        private var shortage = 0

        init(_ name: String, delay: Duration, at epoch: ContinuousClock.Instant, load: LoadSettings?) {
            run = Run(name: name)
            steadying = Steadying(delay: delay, at: epoch)
            meter = load.map(LoadMeter.init)
        }

        mutating func look(_ moment: GrowthScenario.Moment, _ rule: ScalingParameters, at now: ContinuousClock.Instant)
        {
            serve(moment)
            let size = ClusterSize(
                total: .init(nodes: moment.nodes, cores: moment.readyCores),
                schedulable: .init(nodes: moment.readyNodes, cores: moment.readyCores))
            // All replicas share the load evenly, so that one sample stands for all.
            let sample = LoadSample(queries: counted, drops: dropped)
            let floor = meter?.take(["all": sample], pods: 1, current: replicas, at: now)
            let wanted = rule.decide(size, Floors(load: floor)).replicas
            change(to: steadying.settle(wanted, current: replicas, at: now), at: now, moment.second)
            run.replicas.append(replicas)
            run.replicaHours += Double(replicas * GrowthScenario.period) / 3600
        }

        private mutating func serve(_ moment: GrowthScenario.Moment) {
            while let next = starting.first, next.from <= moment.second {
                running = min(next.replicas, replicas)
                starting.removeFirst()
            }
            let served = min(moment.queries, Double(running) * GrowthSimulation.capacity)
            counted += served * Double(GrowthScenario.period)
            dropped += (moment.queries - served) * Double(GrowthScenario.period)
            shortage = served < moment.queries ? shortage + GrowthScenario.period : 0
            if shortage > 0 { run.shortSeconds += GrowthScenario.period }
            run.longestShortage = max(run.longestShortage, shortage)
        }

        private mutating func change(to wanted: Int, at now: ContinuousClock.Instant, _ second: Int) {
            guard wanted != replicas else { return }
            run.changes += 1
            if wanted < replicas {
                steadying.lowered(at: now)
                loweredFrom.append((second, replicas))
                running = min(running, wanted)
            } else {
                // A flap: what was taken away is needed again.
                loweredFrom.removeAll { second - $0.second > 600 }
                if let place = loweredFrom.lastIndex(where: { $0.replicas <= wanted }) {
                    run.flaps += 1
                    loweredFrom.remove(at: place)
                }
                starting.append((second + GrowthSimulation.podStart, wanted))
            }
            replicas = wanted
        }
    }
}
