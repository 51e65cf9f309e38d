import Synchronization
import Telemetry
import Testing

@testable import Autoscaler
@testable import KubernetesAPI

@Suite("rounds: look, decide, scale") struct Rounds {
    private static let cores = """
        [[1,1],[2,2],[3,3],[512,5],[1024,7],[2048,10],[4096,15],[8192,20],[12288,30],[16384,40],[20480,50],[24576,60],
         [28672,70],[32768,80],[65535,100]]
        """

    private func ladder(_ cores: String) -> [String: String] {
        ["ladder": #"{"coresToReplicas":\#(cores),"nodesToReplicas":[[1,1],[2,2]]}"#]
    }

    @Test("the reference's sequence: sizes, an edit, a ConfigMap that is away once, another mode")
    func sequence() async throws {
        let bench = try RoundBench()
        func expect(_ cores: Int, _ nodes: Int, _ replicas: Int) async {
            await bench.list(nodes: nodes, cores: cores)
            let outcome = await bench.run()
            #expect(outcome.errors == [])
            #expect(bench.replicas == replicas, "\(cores) cores, \(nodes) nodes")
        }
        bench.write(ladder(Self.cores))
        await expect(0, 0, 1)
        await expect(800, 1, 5)
        await expect(1, 3, 2)
        await expect(200_000, 50_000, 100)
        bench.write(ladder(Self.cores.replacing("[3,3]", with: "[3,4]").replacing("[65535,100]", with: "[65535,200]")))
        await expect(200_000, 50_000, 200)
        await expect(500, 100, 4)
        let map = bench.cluster.state.withLock { $0.map }
        bench.cluster.state.withLock { $0.map = nil }
        let missing = await bench.run()
        #expect(
            missing.errors == ["ConfigMap params in namespace test does not exist; create it, or give --default-params"]
        )
        #expect(bench.replicas == 4)
        bench.cluster.state.withLock { $0.map = map }
        await expect(2000, 400, 7)
        bench.write(["linear": #"{"coresPerReplica":100,"nodesPerReplica":10,"min":1,"max":100}"#])
        await expect(2000, 400, 40)
        await expect(1600, 100, 16)
        await expect(100_000, 20_000, 100)
    }

    @Test("nothing is scaled before the nodes are known")
    func unknownNodes() async throws {
        let bench = try RoundBench()
        bench.write(["linear": #"{"nodesPerReplica":1,"min":3}"#])
        #expect(await bench.run().errors == ["the nodes have not been listed yet"])
        await bench.round.nodesFailed(
            RequestProblem(
                verb: "list", resource: "nodes", cause: .refused(StatusReport(code: 403, reason: "Forbidden"))))
        #expect(
            await bench.run().errors == [
                "cannot list nodes: the API server answered 403 Forbidden; grant list on nodes to this service account"
            ])
        #expect(bench.replicas == 0 && !bench.status.isReady && !bench.condition("NodesKnown"))
        await bench.list(nodes: 2, cores: 4)
        await bench.run()
        #expect(bench.replicas == 3 && bench.status.isReady && bench.condition("NodesKnown"))
    }

    @Test("a broken ConfigMap: the last good parameters stay, an Event and a metric tell, recovery needs no restart")
    func broken() async throws {
        let bench = try RoundBench()
        bench.write(["linear": #"{"nodesPerReplica":2}"#])
        await bench.list(nodes: 8, cores: 8)
        await bench.run()
        #expect(bench.replicas == 4 && bench.condition("ParametersValid"))
        bench.write(["linear": #"{"nodesPerReplica":"2"}"#])
        await bench.run()
        await bench.run()
        #expect(bench.replicas == 4 && !bench.condition("ParametersValid"))
        await bench.list(nodes: 12, cores: 12)
        await bench.run()
        #expect(bench.replicas == 6, "the last good parameters go on")
        bench.write(["linear": #"{"nodesPerReplica":3}"#])
        await bench.run()
        #expect(bench.replicas == 4 && bench.condition("ParametersValid"))
        let events = bench.cluster.state.withLock { $0.events }.filter { !$0.hasPrefix("Scaled") }
        #expect(
            events == [
                #"InvalidParameters: linear.nodesPerReplica: found the string "2", expected a number; "#
                    + "the last good parameters stay in force.",
                "ParametersRestored: The scaling parameters are in force again.",
            ])
    }

    @Test("a ConfigMap that was never sound scales nothing")
    func neverSound() async throws {
        let bench = try RoundBench()
        bench.write(["linear": "{}", "ladder": "{}"])
        await bench.list(nodes: 8, cores: 8)
        #expect(
            await bench.run().errors == [
                "ConfigMap params: data: found the keys ladder, linear, expected exactly one key, linear or ladder"
            ])
        #expect(bench.cluster.state.withLock { $0.set } == [])
        #expect(bench.status.lastError != nil)
    }

    @Test("default parameters are created when there is no ConfigMap, and only then")
    func defaults() async throws {
        let bench = try RoundBench([#"--default-params={"linear":{"nodesPerReplica":4}}"#])
        await bench.list(nodes: 8, cores: 8)
        await bench.run()
        #expect(bench.replicas == 2)
        #expect(bench.cluster.state.withLock { $0.created } == [["linear": #"{"nodesPerReplica":4}"#]])
        bench.cluster.state.withLock { $0.refused["get configmaps"] = 500 }
        #expect(await bench.run().errors.count == 1)
        #expect(bench.cluster.state.withLock { $0.created.count } == 1)
        bench.cluster.state.withLock { state in
            state.refused = [:]
            state.map = nil
        }
        await bench.run()
        #expect(bench.cluster.state.withLock { $0.created.count } == 2, "a deleted ConfigMap is made again")
    }

    @Test("several targets get the same replicas; one that fails does not keep the others")
    func targets() async throws {
        let bench = try RoundBench(["--target=deployment/dns,statefulset/other, replicaset/gone"])
        bench.cluster.state.withLock { $0.refused["get replicaset/gone"] = 404 }
        bench.write(["linear": #"{"nodesPerReplica":1}"#])
        await bench.list(nodes: 3, cores: 3)
        let outcome = await bench.run()
        #expect(bench.cluster.state.withLock { $0.replicas } == ["deployment/dns": 3, "statefulset/other": 3])
        #expect(outcome.errors == ["cannot get replicaset/gone: the API server answered 404"])
    }

    @Test("a conflict is a failed poll; the next one reads anew")
    func conflict() async throws {
        let bench = try RoundBench()
        bench.write(["linear": #"{"nodesPerReplica":1}"#])
        await bench.list(nodes: 3, cores: 3)
        bench.cluster.state.withLock { $0.refused["update deployment/dns"] = 409 }
        #expect(await bench.run().errors.count == 1)
        #expect(bench.metrics.text.contains("cluster_dns_autoscaler_conflicts_total 1\n"))
        bench.cluster.state.withLock { $0.refused = [:] }
        #expect(await bench.run().errors == [])
        #expect(bench.replicas == 3)
    }

    @Test("a target that is right already is left alone")
    func nothingToDo() async throws {
        let bench = try RoundBench()
        bench.write(["linear": #"{"nodesPerReplica":1}"#])
        await bench.list(nodes: 3, cores: 3)
        #expect(await bench.run().hasScaled)
        #expect(await !bench.run().hasScaled)
        #expect(bench.cluster.state.withLock { $0.set } == [3])
    }

    @Test("dry run: no request that changes anything")
    func dryRun() async throws {
        let bench = try RoundBench(["--dry-run", #"--default-params={"linear":{"nodesPerReplica":1}}"#])
        await bench.list(nodes: 3, cores: 3)
        #expect(await bench.run().hasScaled)
        let state = bench.cluster.state.withLock { $0 }
        #expect(state.set == [] && state.created == [] && state.events == [])
    }

    @Test("whose lease has run out changes nothing")
    func lostLease() async throws {
        let bench = try RoundBench([#"--default-params={"linear":{"nodesPerReplica":1}}"#]) { .now - .seconds(1) }
        await bench.list(nodes: 3, cores: 3)
        await bench.run()
        let state = bench.cluster.state.withLock { $0 }
        #expect(state.set == [] && state.created == [] && state.events == [])
    }

    @Test("an Event that is forbidden does not fail a poll")
    func forbiddenEvent() async throws {
        let bench = try RoundBench()
        bench.write(["linear": #"{"nodesPerReplica":1}"#])
        bench.cluster.state.withLock { $0.refused["create events"] = 403 }
        await bench.list(nodes: 3, cores: 3)
        #expect(await bench.run().errors == [])
        #expect(bench.replicas == 3)
    }

    @Test("a followed ConfigMap is not asked for; one that cannot be followed is")
    func followedMap() async throws {
        let bench = try RoundBench()
        bench.cluster.state.withLock { $0.refused["get configmaps"] = 500 }
        await bench.list(nodes: 6, cores: 6)
        let map = ObservedConfigMap(data: ["linear": #"{"nodesPerReplica":2}"#], version: "1")
        #expect(await bench.round.take([.listStarted, .stored(map), .listFinished]))
        await bench.run()
        #expect(bench.replicas == 3)
        let edited = ObservedConfigMap(data: ["linear": #"{"nodesPerReplica":3}"#], version: "2")
        #expect(await bench.round.take([.stored(edited)]))
        #expect(await !bench.round.take([.stored(edited)]))
        await bench.run()
        #expect(bench.replicas == 2)
        await bench.round.configMapFailed(
            RequestProblem(verb: "list", resource: "configmaps", cause: .refused(StatusReport(code: 403))))
        #expect(await bench.run().errors == ["cannot get configmaps: the API server answered 500"])
        bench.cluster.state.withLock { $0.refused = [:] }
        bench.write(["linear": #"{"nodesPerReplica":1}"#])
        await bench.run()
        #expect(bench.replicas == 6)
    }

    @Test("nodes that change nothing of the sums are no reason for a round")
    func quietNodes() async throws {
        let bench = try RoundBench()
        await bench.list(nodes: 2, cores: 4)
        func heartbeat(ready: Bool) -> [ReflectedChange<ObservedNode>] {
            [.stored(ObservedNode(name: "node-0", cpu: "2", isCordoned: false, isReady: ready, zone: ""))]
        }
        #expect(await !bench.round.take(heartbeat(ready: true)))
        #expect(await bench.round.take(heartbeat(ready: false)))
    }

    @Test("as many replicas as zones")
    func zones() async throws {
        let bench = try RoundBench(["--at-least-zones"])
        bench.write(["linear": #"{"nodesPerReplica":100}"#])
        await bench.list(nodes: 9, cores: 9, zones: 3)
        await bench.run()
        #expect(bench.replicas == 3)
    }

    @Test("scale-down-delay: up at once, down one step in the delay, to the most wanted during it")
    func delay() async throws {
        let bench = try RoundBench(["--scale-down-delay=10m"])
        bench.write(["linear": #"{"nodesPerReplica":1}"#])
        bench.cluster.state.withLock { $0.replicas["deployment/dns"] = 8 }
        for (seconds, nodes, replicas) in [
            (0, 6, 8),  // What was wanted before is not known.
            (300, 10, 10), (310, 4, 10), (601, 4, 10),  // 10 were wanted within the last ten minutes.
            (880, 5, 10), (915, 4, 5),  // The 10 are past; 5 is the most since.
            (1000, 1, 5), (1500, 1, 5),  // One step in ten minutes.
            (1516, 1, 1), (1520, 7, 7),
        ] {
            await bench.list(nodes: nodes, cores: nodes)
            await bench.run(after: seconds)
            #expect(bench.replicas == replicas, "after \(seconds) s")
        }
    }

    @Test("load raises the replicas for as long as the window")
    func load() async throws {
        let bench = try RoundBench(["--load", "--load-queries-per-core=1000", "--load-window=60s"])
        bench.write(["linear": #"{"nodesPerReplica":10}"#])
        await bench.list(nodes: 20, cores: 20)
        func look(_ seconds: Int, _ queries: Double, _ drops: Double = 0) async {
            bench.cluster.state.withLock {
                $0.samples = [
                    "10.0.0.1": LoadSample(queries: queries, drops: drops), "10.0.0.2": LoadSample(queries: queries),
                ]
            }
            await bench.run(after: seconds)
            await bench.run(after: seconds)
        }
        await look(0, 1_000_000)
        #expect(bench.replicas == 2)
        // 2 pods of 3,500 queries a second are 7 replicas of 1,000.
        await look(10, 1_035_000)
        #expect(bench.replicas == 7)
        await look(20, 1_035_100)
        #expect(bench.replicas == 7)
        await look(75, 1_035_200)
        #expect(bench.replicas == 2)
        await look(85, 1_035_300, 50)
        #expect(bench.replicas == 3, "drops ask for half as many more")
    }
}
