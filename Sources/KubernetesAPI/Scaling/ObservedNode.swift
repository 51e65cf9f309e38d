internal import SwiftProtobuf

/// A Node as it was received: what scaling needs of it.
package struct ObservedNode: Sendable, Equatable {
    package var name: String
    /// `status.allocatable["cpu"]`; nil when absent.
    package var cpu: String?
    /// `spec.unschedulable`
    package var isCordoned: Bool
    /// The condition Ready is True.
    package var isReady: Bool
    /// Label topology.kubernetes.io/zone, or its older name; empty when absent.
    package var zone: String
}

extension ObservedNode {
    init(_ node: WireNode) {
        name = node.metadata.name
        cpu = node.status.allocatable["cpu"]?.value
        isCordoned = node.spec.unschedulable
        isReady = node.status.conditions.contains { $0.type == "Ready" && $0.status == "True" }
        let labels = node.metadata.labels
        zone = labels["topology.kubernetes.io/zone"] ?? labels["failure-domain.beta.kubernetes.io/zone"] ?? ""
    }
}
