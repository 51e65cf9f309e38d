import Text

/// Where the `scale` sub-resource of a kind of object is.
package struct ScaleResource: Sendable, Equatable {
    /// Empty for the core group.
    package let group: String
    package let version: String
    /// Plural, as in paths.
    package let resource: String
    /// Upper camel case, as in manifests.
    package let kind: String

    package init(group: String, version: String, resource: String, kind: String) {
        self.group = group
        self.version = version
        self.resource = resource
        self.kind = kind
    }

    package var apiVersion: String { group.isEmpty ? version : "\(group)/\(version)" }

    /// Kinds that every API server has (lower case); nil for others, which discovery may know.
    package static func known(_ kind: String) -> ScaleResource? {
        switch kind {
        case "deployment": ScaleResource(group: "apps", version: "v1", resource: "deployments", kind: "Deployment")
        case "replicaset": ScaleResource(group: "apps", version: "v1", resource: "replicasets", kind: "ReplicaSet")
        case "statefulset": ScaleResource(group: "apps", version: "v1", resource: "statefulsets", kind: "StatefulSet")
        case "replicationcontroller":
            ScaleResource(group: "", version: "v1", resource: "replicationcontrollers", kind: "ReplicationController")
        default: nil
        }
    }

    /// `/api/v1` or `/apis/GROUP/VERSION`.
    static func root(_ group: String, _ version: String) -> String {
        group.isEmpty ? "/api/\(version)" : "/apis/\(group)/\(version)"
    }

    func path(namespace: String, name: String) -> String {
        "\(Self.root(group, version))/namespaces/\(PercentEncoding.encoded(namespace))/\(resource)/\(PercentEncoding.encoded(name))/scale"
    }
}

/// An autoscaling/v1 Scale as it was read.
package struct ObservedScale: Sendable, Equatable {
    /// `spec.replicas`
    package var replicas: Int
    /// `status.selector`: label selector of the pods.
    package var selector: String
    /// `metadata` as it came, so that writing it back changes nothing else and is refused when it is stale.
    var metadata: JSONValue

    package init(replicas: Int, selector: String = "") {
        self.replicas = replicas
        self.selector = selector
        metadata = .object([])
    }

    init(json body: [UInt8]) throws(DecodingFailure) {
        let scale = try WireEncoding.json.read(WireScale.self, from: body)
        replicas = Int(scale.spec.replicas)
        selector = scale.status.selector
        metadata = try JSONValue(decoding: body).kept("metadata", of: "scale")
    }

    /// The body of a request that sets `replicas`.
    func body(replicas: Int32) -> [UInt8] {
        let body: JSONValue = [
            "apiVersion": "autoscaling/v1", "kind": "Scale", "metadata": metadata,
            "spec": ["replicas": .int(Int64(replicas))],
        ]
        return body.bytes
    }
}
