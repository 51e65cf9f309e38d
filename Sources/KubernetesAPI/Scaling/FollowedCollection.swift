internal import SwiftProtobuf

/// Which objects are followed.
struct FollowedCollection: Sendable {
    /// Empty for the core group.
    var group = ""
    /// Plural, as RBAC names it.
    let resource: String
    let namespace: String
    /// Label and field selectors of the query.
    let selection: [(String, String)]

    private var root: String {
        ScaleResource.root(group, "v1") + (namespace.isEmpty ? "" : "/namespaces/\(APIPath.escape(namespace))") + "/"
            + resource
    }

    func path(_ request: ListRequest) -> String {
        var pairs = selection
        if let limit = request.limit { pairs.append(("limit", String(limit))) }
        if !request.page.isEmpty {
            pairs.append(("continue", request.page))
        } else if let version = request.version, !version.isEmpty {
            pairs.append(("resourceVersion", version))
        }
        return APIPath.query(root, pairs)
    }

    func path(_ request: WatchRequest) -> String {
        APIPath.query(
            root,
            selection + [
                ("watch", "true"), ("allowWatchBookmarks", "true"), ("resourceVersion", request.version),
                ("timeoutSeconds", String(request.timeoutSeconds)),
            ])
    }

    func problem(_ verb: String, _ failure: RequestFailure) -> RequestProblem {
        let cause: RequestProblem.Cause =
            if case .refused(let report) = failure { .refused(report) } else { .failed(failure.reason) }
        return RequestProblem(verb: verb, resource: resource, group: group, namespace: namespace, cause: cause)
    }
}

extension CollectionFollower<ObservedNode> {
    /// The cluster's nodes.
    ///
    /// - Parameter labels: a label selector; empty for all.
    package static func nodes(_ connection: APIConnection, labels: String) -> Self {
        let selection = labels.isEmpty ? [] : [("labelSelector", labels)]
        let collection = FollowedCollection(resource: "nodes", namespace: "", selection: selection)
        return Self(connection, collection) { bytes, encoding, isEnveloped throws(DecodingFailure) in
            let node =
                isEnveloped
                ? try encoding.readEnveloped(WireNode.self, from: bytes) : try encoding.read(WireNode.self, from: bytes)
            guard !node.metadata.name.isEmpty else { throw .malformed("node without a name") }
            return (ObservedNode(node), node.metadata.resourceVersion)
        }
    }
}

extension CollectionFollower<ObservedConfigMap> {
    /// One ConfigMap.
    package static func configMap(_ connection: APIConnection, namespace: String, name: String) -> Self {
        let collection = FollowedCollection(
            resource: "configmaps", namespace: namespace, selection: [("fieldSelector", "metadata.name=\(name)")])
        return Self(connection, collection) { bytes, encoding, isEnveloped throws(DecodingFailure) in
            let map =
                isEnveloped
                ? try encoding.readEnveloped(WireConfigMap.self, from: bytes)
                : try encoding.read(WireConfigMap.self, from: bytes)
            return (ObservedConfigMap(map), map.metadata.resourceVersion)
        }
    }
}

extension CollectionFollower<LeaseRecord> {
    /// One lease, without the metadata that writing it takes.
    static func lease(_ connection: APIConnection, namespace: String, name: String) -> Self {
        let collection = FollowedCollection(
            group: "coordination.k8s.io", resource: "leases", namespace: namespace,
            selection: [("fieldSelector", "metadata.name=\(name)")])
        return Self(connection, collection) { bytes, encoding, isEnveloped throws(DecodingFailure) in
            let lease =
                isEnveloped
                ? try encoding.readEnveloped(WireLease.self, from: bytes)
                : try encoding.read(WireLease.self, from: bytes)
            return (LeaseRecord(lease.spec), lease.metadata.resourceVersion)
        }
    }
}
