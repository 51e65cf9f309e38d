package import Flags

/// What `--explain` prints: the arithmetic of one decision.
package struct Explanation: Sendable {
    private let parameters: ScalingParameters
    private let size: ClusterSize
    private let floors: Floors

    package init(_ flags: FlagParser) throws(ParameterError) {
        guard let text = flags.text("params") ?? flags.text("default-params") else {
            throw ParameterError(
                at: "--params", found: "nothing", expected: "parameters such as {\"linear\":{\"nodesPerReplica\":16}}")
        }
        parameters = try ScalingParameters(data: try DefaultParameters(json: text, flag: "--params").data)
        let most = 0...Int(Int32.max)
        func count(_ name: String, else standard: Int?) throws(ParameterError) -> Int {
            guard let value = try flags.integer(name, else: standard, in: most) else {
                throw ParameterError(at: "--\(name)", found: "nothing", expected: "how many there are")
            }
            return value
        }
        let (nodes, cores) = (try count("nodes", else: nil), try count("cores", else: nil))
        let zones = try count("zones", else: 0)
        size = ClusterSize(
            total: .init(nodes: nodes, cores: cores, zones: zones),
            schedulable: .init(
                nodes: try count("schedulable-nodes", else: nodes), cores: try count("schedulable-cores", else: cores),
                zones: zones))
        floors = Floors(atLeastZones: try flags.flag("at-least-zones"))
    }

    package var text: String {
        let decision = parameters.decide(size, floors)
        let which = parameters.includesUnschedulableNodes ? "all nodes" : "schedulable nodes"
        var lines = ["\(parameters.mode), \(which): \(decision.counted.nodes) nodes, \(decision.counted.cores) cores"]
        lines += decision.steps.map { "  \($0.because) -> \($0.replicas)" }
        return (lines + ["replicas: \(decision.replicas)"]).joined(separator: "\n")
    }
}
