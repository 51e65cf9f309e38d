import Testing

@testable import Autoscaler

/// One row of a table: cores, nodes, and the replicas they give.
private func replicas(_ data: [String: String], nodes: Int, cores: Int) throws -> Int {
    try ScalingParameters(data: data).decide(ClusterSize(nodes: nodes, cores: cores)).replicas
}

@Suite("linear: replicas in proportion to cores and nodes") struct LinearDecisions {
    @Test(
        "one parameter",
        arguments: [
            (0, 2), (1, 2), (2, 2), (3, 2), (4, 2), (6, 3), (10, 5), (11, 6), (19, 10), (20, 10), (21, 11), (30, 15),
            (40, 20),
        ])
    func cores(_ cores: Int, _ wanted: Int) throws {
        #expect(try replicas(["linear": #"{"coresPerReplica":2,"min":2,"max":100}"#], nodes: 0, cores: cores) == wanted)
    }

    @Test(
        "the larger of both, never one alone",
        arguments: [
            (0, 0, 1), (1, 2, 2), (2, 3, 2), (3, 4, 2), (4, 4, 2), (6, 4, 3), (6, 5, 3), (8, 5, 4), (8, 15, 6),
            (8, 16, 7), (19, 21, 10), (23, 20, 12), (26, 38, 16), (30, 49, 20), (40, 20, 20),
        ])
    func both(_ cores: Int, _ nodes: Int, _ wanted: Int) throws {
        let text = #"""
            {"coresPerReplica": 2, "nodesPerReplica": 2.5, "min": 1, "max": 100, "preventSinglePointFailure": true}
            """#
        #expect(try replicas(["linear": text], nodes: nodes, cores: cores) == wanted)
    }

    @Test(
        "all nodes count when told so",
        arguments: [
            (0, 0, 0, 0, 1), (1, 1, 1, 1, 1), (2, 2, 2, 2, 2), (4, 4, 4, 4, 2), (2, 2, 4, 4, 2), (8, 8, 8, 8, 4),
            (6, 6, 8, 8, 4), (21, 21, 210, 210, 100),
        ])
    func unschedulable(
        _ schedulableCores: Int, _ schedulableNodes: Int, _ cores: Int, _ nodes: Int, _ wanted: Int
    ) throws {
        let parameters = try ScalingParameters(data: [
            "linear": #"""
            {"coresPerReplica": 2, "nodesPerReplica": 2, "min": 1, "max": 100,
             "preventSinglePointFailure": true, "includeUnschedulableNodes": true}
            """#
        ])
        let size = ClusterSize(
            total: .init(nodes: nodes, cores: cores),
            schedulable: .init(nodes: schedulableNodes, cores: schedulableCores))
        #expect(parameters.decide(size).replicas == wanted)
    }

    @Test("4 nodes and 13 cores with 1 node and 2 cores a replica are 7")
    func workedExample() throws {
        #expect(try replicas(["linear": #"{"coresPerReplica":2,"nodesPerReplica":1}"#], nodes: 4, cores: 13) == 7)
    }

    @Test("preventSinglePointFailure comes after max")
    func beyondMax() throws {
        let text = #"{"nodesPerReplica":10,"max":1,"preventSinglePointFailure":true}"#
        #expect(try replicas(["linear": text], nodes: 2, cores: 8) == 2)
        #expect(try replicas(["linear": text], nodes: 1, cores: 8) == 1)
    }

    @Test("what no API server could store is the most it can")
    func huge() throws {
        let text = #"{"coresPerReplica":1e-300}"#
        #expect(try replicas(["linear": text], nodes: 1, cores: 8) == Int(Int32.max))
    }
}

@Suite("ladder: replicas by steps of cores and nodes") struct LadderDecisions {
    @Test(
        "the last step at or below; below the first step the first",
        arguments: [
            (0, 1), (1, 1), (2, 2), (3, 3), (4, 4), (6, 4), (10, 10), (11, 10), (19, 10), (20, 20), (21, 20), (40, 20),
        ])
    func lookup(_ cores: Int, _ wanted: Int) throws {
        let text = #"{"coresToReplicas":[[1,1],[2,2],[3,3],[4,4],[10,10],[20,20]]}"#
        #expect(try replicas(["ladder": text], nodes: 0, cores: cores) == wanted)
    }

    @Test("from zero", arguments: ["[[0,0],[3,3]]", "[[1,0],[3,3]]"])
    func fromZero(_ table: String) throws {
        for (cores, wanted) in [(0, 0), (1, 0), (2, 0), (3, 3), (4, 3)] {
            #expect(try replicas(["ladder": #"{"coresToReplicas":\#(table)}"#], nodes: 0, cores: cores) == wanted)
        }
    }

    @Test("schedulable nodes, or all of them")
    func unschedulable() throws {
        let tables = #""nodesToReplicas":[[0,0],[1,1],[2,2],[3,3]],"coresToReplicas":[[0,0],[4,1],[8,2],[12,3]]"#
        let all = ClusterSize(total: .init(nodes: 3, cores: 12), schedulable: .init(nodes: 2, cores: 8))
        let every = try ScalingParameters(data: ["ladder": "{\(tables),\"includeUnschedulableNodes\":true}"])
        #expect(every.decide(all).replicas == 3)
        let few = ClusterSize(total: .init(nodes: 3, cores: 12), schedulable: .init(nodes: 1, cores: 4))
        #expect(try ScalingParameters(data: ["ladder": "{\(tables)}"]).decide(few).replicas == 1)
    }

    @Test("100 nodes and 400 cores are 3")
    func workedExample() throws {
        let text = #"{"coresToReplicas":[[1,1],[64,3],[512,5],[1024,7]],"nodesToReplicas":[[1,1],[2,2]]}"#
        #expect(try replicas(["ladder": text], nodes: 100, cores: 400) == 3)
    }

    @Test("an empty ladder is no replicas")
    func empty() throws {
        #expect(try replicas(["ladder": "{}"], nodes: 5, cores: 20) == 0)
        #expect(try replicas(["ladder": "null"], nodes: 5, cores: 20) == 0)
    }

    @Test("steps are sorted, however they are written")
    func sorted() throws {
        let numbers = [1, 2, 3, 5, 8, 13, 21, 34, 55, 89, 144, 233, 377, 610, 987]
        for order in [Array(numbers.reversed()), [13, 1, 987, 34, 3, 610, 2, 233, 89, 5, 377, 8, 144, 21, 55]] {
            let table = order.map { "[\($0),\($0)]" }.joined(separator: ",")
            let parameters = try LadderParameters(json: #"{"coresToReplicas":[\#(table)]}"#)
            #expect(parameters.coresToReplicas.map(\.from) == numbers)
        }
    }

    @Test("interpolate: evenly from step to step, rounded up; off unless told")
    func interpolated() throws {
        let table = #""nodesToReplicas":[[10,2],[20,12],[40,14]]"#
        for (nodes, step, even) in [
            (0, 2, 2), (10, 2, 2), (11, 2, 3), (15, 2, 7), (20, 12, 12), (25, 12, 13), (90, 14, 14),
        ] {
            #expect(try replicas(["ladder": "{\(table)}"], nodes: nodes, cores: 0) == step)
            #expect(try replicas(["ladder": "{\(table),\"interpolate\":true}"], nodes: nodes, cores: 0) == even)
        }
    }
}

@Suite("floors beyond the reference") struct FloorDecisions {
    private let small = #"{"nodesPerReplica":100,"max":5}"#

    @Test("as many replicas as zones that have nodes, when asked for")
    func zones() throws {
        let rule = try ScalingParameters(data: ["linear": small])
        let size = ClusterSize(nodes: 9, cores: 36, zones: 3)
        #expect(rule.decide(size).replicas == 1)
        #expect(rule.decide(size, Floors(atLeastZones: true)).replicas == 3)
    }

    @Test("load raises, up to max and to one replica a node")
    func load() throws {
        let rule = try ScalingParameters(data: ["linear": small])
        func replicas(_ load: Int, nodes: Int) -> Int {
            rule.decide(
                ClusterSize(nodes: nodes, cores: 4), Floors(load: LoadFloor(replicas: load, because: "load"))
            ).replicas
        }
        #expect(replicas(0, nodes: 9) == 1)
        #expect(replicas(4, nodes: 9) == 4)
        #expect(replicas(40, nodes: 9) == 5)
        #expect(replicas(40, nodes: 3) == 3)
    }

    @Test("a rule that says none means none")
    func none() throws {
        let rule = try ScalingParameters(data: ["ladder": #"{"nodesToReplicas":[[0,0]]}"#])
        let floors = Floors(atLeastZones: true, load: LoadFloor(replicas: 4, because: "load"))
        #expect(rule.decide(ClusterSize(nodes: 9, cores: 36, zones: 3), floors).replicas == 0)
    }
}
