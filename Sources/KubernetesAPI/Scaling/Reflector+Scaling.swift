internal import SwiftProtobuf

extension Reflector<ObservedNode> {
    /// The cluster's nodes.
    ///
    /// - Parameter labels: a label selector; empty for all.
    package static func nodes(
        _ connection: APIConnection, labels: String, _ options: ReflectorOptions = ReflectorOptions()
    ) -> Self {
        Self(connection, FollowedCollection("nodes", selection: [("labelSelector", labels)]), options) {
            bytes, encoding, isEnveloped throws(DecodingFailure) in
            let node = try encoding.read(WireNode.self, from: bytes, isEnveloped: isEnveloped)
            guard !node.metadata.name.isEmpty else { throw .malformed("node without a name") }
            return (ObservedNode(node), node.metadata.resourceVersion)
        }
    }
}

extension Reflector<ObservedConfigMap> {
    /// One ConfigMap.
    package static func configMap(
        _ connection: APIConnection, namespace: String, name: String, _ options: ReflectorOptions = ReflectorOptions()
    ) -> Self {
        let collection = FollowedCollection(
            "configmaps", namespace: namespace, selection: [("fieldSelector", "metadata.name=\(name)")])
        return Self(connection, collection, options) { bytes, encoding, isEnveloped throws(DecodingFailure) in
            let map = try encoding.read(WireConfigMap.self, from: bytes, isEnveloped: isEnveloped)
            return (ObservedConfigMap(map), map.metadata.resourceVersion)
        }
    }
}

extension Reflector<LeaseRecord> {
    /// One lease, without the metadata that writing it takes.
    static func lease(_ connection: APIConnection, namespace: String, name: String) -> Self {
        let collection = FollowedCollection(
            group: "coordination.k8s.io", "leases", namespace: namespace,
            selection: [("fieldSelector", "metadata.name=\(name)")])
        return Self(connection, collection, ReflectorOptions()) {
            bytes, encoding, isEnveloped throws(DecodingFailure) in
            let lease = try encoding.read(WireLease.self, from: bytes, isEnveloped: isEnveloped)
            return (LeaseRecord(lease.spec), lease.metadata.resourceVersion)
        }
    }
}
