package import ClusterModel

/// Keeps a reader in step with the cluster: every kind by its own list and watch, for as long as it runs.
package final class ClusterFollower: Sendable {
    private let connection: APIConnection
    private let options: FollowOptions
    private let observe: @Sendable (ObjectKind, ReflectorEvent) -> Void

    /// - Parameter observe: called from several tasks; must be quick.
    package init(
        connection: APIConnection, options: FollowOptions,
        observe: @escaping @Sendable (ObjectKind, ReflectorEvent) -> Void
    ) {
        self.connection = connection
        self.options = options
        self.observe = observe
    }

    /// Follows until cancelled.
    ///
    /// - Parameter changes: given the changes in batches: the objects of a page, or the events that arrived together;
    ///   an empty batch after a kind was forbidden.
    ///   Called from one task for each kind, never twice at once for the same kind; while it has not returned, no more
    ///   of that kind is read.
    package func run(_ changes: @escaping @Sendable ([ObjectChange]) async -> Void) async {
        await withTaskGroup(of: Void.self) { group in
            for kind in options.kinds {
                let reflector = Reflector.cluster(connection, kind, options)
                group.addTask { [observe] in
                    await reflector.run { batch in
                        await changes(batch.map { ObjectChange($0, of: kind) })
                    } observe: {
                        observe(kind, $0)
                    }
                }
            }
        }
    }
}

/// What of the cluster is followed, and how.
package struct FollowOptions: Sendable {
    package var kinds: Set<ObjectKind>
    /// Label selector for services, endpoint slices and pods; empty for all.
    package var labelSelector: String
    /// Label selector for namespaces; empty for all.
    package var namespaceLabelSelector: String
    /// Pods come with their labels.
    package var podLabels: Bool
    package var reflector: ReflectorOptions

    package init(
        kinds: Set<ObjectKind> = [.namespace, .service, .endpointSlice, .pod], labelSelector: String = "",
        namespaceLabelSelector: String = "", podLabels: Bool = false, reflector: ReflectorOptions = ReflectorOptions()
    ) {
        self.kinds = kinds
        self.labelSelector = labelSelector
        self.namespaceLabelSelector = namespaceLabelSelector
        self.podLabels = podLabels
        self.reflector = reflector
    }
}

extension Reflector<ObservedObject> {
    /// All objects of one kind.
    static func cluster(_ connection: APIConnection, _ kind: ObjectKind, _ options: FollowOptions) -> Self {
        let podLabels = options.podLabels
        return Self(connection, FollowedCollection(kind, options), options.reflector) {
            bytes, encoding, isEnveloped throws(DecodingFailure) in
            let observed = try ObservedObject(
                kind, from: bytes, encoding, isEnveloped: isEnveloped, podLabels: podLabels)
            return (observed, observed.version)
        }
    }
}

extension FollowedCollection {
    fileprivate init(_ kind: ObjectKind, _ options: FollowOptions) {
        let selector = kind == .namespace ? options.namespaceLabelSelector : options.labelSelector
        var selection = [("labelSelector", selector)]
        switch kind {
        case .namespace: self.init("namespaces", selection: selection)
        case .service: self.init("services", selection: selection)
        case .pod:
            // Pods that have ended keep their address, which may be another pod's by now.
            selection.append(
                ("fieldSelector", "status.phase!=Succeeded,status.phase!=Failed,status.phase!=Unknown"))
            self.init("pods", selection: selection)
        case .endpointSlice: self.init(group: "discovery.k8s.io", "endpointslices", selection: selection)
        case .serviceImport:
            self.init(
                group: "multicluster.x-k8s.io", version: "v1alpha1", "serviceimports", selection: selection,
                mayBeAbsent: true)
        }
    }
}

extension ObjectChange {
    fileprivate init(_ change: ReflectedChange<ObservedObject>, of kind: ObjectKind) {
        self =
            switch change {
            case .listStarted: .relistStarted(kind)
            case .listFinished: .relistFinished(kind)
            case .deleted(let observed): .deleted(kind, observed.key)
            case .stored(let observed): observed.object.map(ObjectChange.stored) ?? .kept(kind, observed.key)
            }
    }
}
