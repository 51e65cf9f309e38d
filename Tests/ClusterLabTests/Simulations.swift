import Foundation
import Testing

@testable import ClusterLab

/// The drawing in docs/, and what it shows.
@Suite("one simulated day from 1 to 15,000 nodes") struct Simulations {
    @Test(
        "load and a low floor: short for moments, no flaps, fewer replicas; the reference: short for each step"
    )
    func figures() throws {
        let simulation = try GrowthSimulation()
        let (reference, steadied) = (simulation.reference, simulation.steadied)
        #expect(reference.replicas.count == GrowthScenario.seconds / GrowthScenario.period)
        #expect(simulation.nodes.first == 1 && simulation.nodes.max() == 15_000)
        // Three steps of 40 minutes, none of which nodes and cores know of.
        #expect(reference.shortSeconds == 7200 && reference.longestShortage == 2400)
        #expect(reference.flaps == 70 && reference.changes == 1599)
        // One look, and the start of the pods.
        #expect(steadied.longestShortage == 20 && steadied.shortSeconds == 60)
        #expect(steadied.flaps == 0 && steadied.changes == 402)
        #expect(steadied.replicaHours < 0.6 * reference.replicaHours)
    }

    @Test("docs/autoscaler-simulation.svg is this simulation")
    func drawing() throws {
        let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        let file = try String(contentsOf: root.appending(path: "docs/autoscaler-simulation.svg"), encoding: .utf8)
        #expect(
            file == SimulationPlot(try GrowthSimulation()).svg, "draw it anew: cluster-dns-lab simulate FILE")
    }
}
