import Foundation
import Testing

@testable import Autoscaler

/// What cluster-proportional-autoscaler decided on a real API server, cluster by cluster.
@Suite("recorded decisions") struct RecordedDecisions {
    struct Recorded: Decodable {
        struct Node: Decodable {
            var cpu: String
            var schedulable: Bool
            var ready: String
        }

        var nodes: [Node]
        var params: [String: String]
        var replicas: Int
    }

    @Test("all of them") func all() throws {
        let file = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .appending(path: "Fixtures/autoscaler/decisions.json")
        let recorded = try JSONDecoder().decode([Recorded].self, from: Data(contentsOf: file))
        #expect(recorded.count == 60)
        for (index, decision) in recorded.enumerated() {
            var census = NodeCensus()
            for (number, node) in decision.nodes.enumerated() {
                let cpu = try #require(Quantity(node.cpu))
                census.store(
                    "node-\(number)",
                    NodeCensus.Node(cpu: cpu, isSchedulable: node.schedulable && node.ready == "True"))
            }
            let replicas = try ScalingParameters(data: decision.params).decide(census.size).replicas
            #expect(replicas == decision.replicas, "decision \(index): \(decision.params)")
        }
    }
}
