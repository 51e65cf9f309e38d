/// One kind the API serves: where it lives in the URL space and what can be done with it.
///
/// Versions of one custom resource share a collection, so they are equal.
package struct ResourceKind: Sendable, Equatable {
    package let group: String
    package let version: String
    package let kind: String
    package let plural: String
    package let shortNames: [String]
    package let isNamespaced: Bool
    package let subresources: [String]
    /// Objects have a desired state whose changes raise `metadata.generation`.
    package let hasGeneration: Bool
    /// The place of its collection in the store; for the kinds of `all` also their place there.
    package let index: Int
    /// What a CustomResourceDefinition says of it; nil for built-in kinds.
    let custom: CustomVersion?

    package var apiVersion: String { group.isEmpty ? version : "\(group)/\(version)" }
    package var singular: String { custom?.singular ?? kind.lowercased() }
    var listKind: String { custom?.listKind ?? kind + "List" }
    var categories: [String] { custom?.categories ?? (Self.inAll.contains(kind) ? ["all"] : []) }
    /// The kind's protobuf message; custom kinds have none.
    var schema: MessageSchema? {
        custom == nil ? try? ObjectEncoding.schema(apiVersion: apiVersion, kind: kind) : nil
    }

    /// The definition that brings the kind; nil for kinds that are always there.
    package var definition: String? { group == "multicluster.x-k8s.io" ? qualifiedPlural : nil }

    /// What `kubectl get all` shows.
    private static let inAll: Set<String> = [
        "Pod", "Service", "Deployment", "StatefulSet", "ReplicaSet", "DaemonSet", "ReplicationController",
        "HorizontalPodAutoscaler",
    ]

    /// The kind's name in messages: `services` or `deployments.apps`.
    package var qualifiedPlural: String { group.isEmpty ? plural : "\(plural).\(group)" }

    package static func == (one: ResourceKind, other: ResourceKind) -> Bool { one.index == other.index }

    /// Every kind that is served; add yours here.
    package static let all: [ResourceKind] = {
        let rows: [(String, String, String, String, [String], Bool, [String], Bool)] = [
            ("", "v1", "Namespace", "namespaces", ["ns"], false, ["status"], false),
            ("", "v1", "Node", "nodes", ["no"], false, ["status"], false),
            ("", "v1", "Service", "services", ["svc"], true, ["status"], false),
            ("", "v1", "Pod", "pods", ["po"], true, ["status"], true),
            ("", "v1", "ConfigMap", "configmaps", ["cm"], true, [], false),
            ("", "v1", "Endpoints", "endpoints", ["ep"], true, [], false),
            ("", "v1", "Event", "events", ["ev"], true, [], false),
            ("", "v1", "ServiceAccount", "serviceaccounts", ["sa"], true, ["token"], false),
            ("", "v1", "Secret", "secrets", [], true, [], false),
            ("", "v1", "ReplicationController", "replicationcontrollers", ["rc"], true, ["status", "scale"], true),
            ("apps", "v1", "Deployment", "deployments", ["deploy"], true, ["status", "scale"], true),
            ("apps", "v1", "ReplicaSet", "replicasets", ["rs"], true, ["status", "scale"], true),
            ("apps", "v1", "StatefulSet", "statefulsets", ["sts"], true, ["status", "scale"], true),
            ("apps", "v1", "DaemonSet", "daemonsets", ["ds"], true, ["status"], true),
            (
                "apiextensions.k8s.io", "v1", "CustomResourceDefinition", "customresourcedefinitions", ["crd", "crds"],
                false, ["status"], true
            ),
            ("discovery.k8s.io", "v1", "EndpointSlice", "endpointslices", [], true, [], true),
            ("coordination.k8s.io", "v1", "Lease", "leases", [], true, [], false),
            ("events.k8s.io", "v1", "Event", "events", ["ev"], true, [], false),
            ("networking.k8s.io", "v1", "NetworkPolicy", "networkpolicies", ["netpol"], true, [], true),
            ("networking.k8s.io", "v1", "Ingress", "ingresses", ["ing"], true, ["status"], true),
            ("networking.k8s.io", "v1", "ServiceCIDR", "servicecidrs", [], false, ["status"], false),
            ("scheduling.k8s.io", "v1", "PriorityClass", "priorityclasses", ["pc"], false, [], true),
            (
                "autoscaling", "v2", "HorizontalPodAutoscaler", "horizontalpodautoscalers", ["hpa"], true, ["status"],
                false
            ),
            ("policy", "v1", "PodDisruptionBudget", "poddisruptionbudgets", ["pdb"], true, ["status"], true),
            ("rbac.authorization.k8s.io", "v1", "ClusterRole", "clusterroles", [], false, [], false),
            ("rbac.authorization.k8s.io", "v1", "ClusterRoleBinding", "clusterrolebindings", [], false, [], false),
            ("rbac.authorization.k8s.io", "v1", "Role", "roles", [], true, [], false),
            ("rbac.authorization.k8s.io", "v1", "RoleBinding", "rolebindings", [], true, [], false),
            (
                "multicluster.x-k8s.io", "v1alpha1", "ServiceImport", "serviceimports", [], true, ["status"], true
            ),
        ]
        return rows.enumerated().map { index, row in
            ResourceKind(
                group: row.0, version: row.1, kind: row.2, plural: row.3, shortNames: row.4, isNamespaced: row.5,
                subresources: row.6, hasGeneration: row.7, index: index, custom: nil)
        }
    }()

    package static func named(apiVersion: String, kind: String) -> ResourceKind? {
        all.first { $0.kind == kind && $0.apiVersion == apiVersion }
    }

    /// The kind of that name in the group the lab itself uses.
    static func own(_ kind: String) -> ResourceKind { all.first { $0.kind == kind } ?? all[0] }

    package static let namespace = own("Namespace")
    package static let node = own("Node")
    package static let service = own("Service")
    package static let pod = own("Pod")
    package static let configMap = own("ConfigMap")
    package static let deployment = own("Deployment")
    package static let replicaSet = own("ReplicaSet")
    package static let statefulSet = own("StatefulSet")
    package static let replicationController = own("ReplicationController")
    package static let daemonSet = own("DaemonSet")
    package static let endpoints = own("Endpoints")
    package static let customResourceDefinition = own("CustomResourceDefinition")
    package static let endpointSlice = own("EndpointSlice")
    package static let serviceAccount = own("ServiceAccount")
    package static let serviceCIDR = own("ServiceCIDR")
    package static let secret = own("Secret")
    package static let clusterRole = own("ClusterRole")
    package static let clusterRoleBinding = own("ClusterRoleBinding")
    package static let role = own("Role")
    package static let roleBinding = own("RoleBinding")
    package static let priorityClass = own("PriorityClass")
}
