package import ClusterModel

/// What of the cluster is followed, and how.
package struct FollowOptions: Sendable {
    package var kinds: Set<ObjectKind>
    /// Label selector for services, endpoint slices and pods; empty for all.
    package var labelSelector: String
    /// Label selector for namespaces; empty for all.
    package var namespaceLabelSelector: String
    package var encoding: WireEncoding
    /// The longest silence of a watch. Servers send a bookmark about once a minute.
    package var watchdog: Duration
    /// The longest silence while the initial state is streamed, before it is listed in pages instead.
    package var streamPatience: Duration
    /// Objects of one list page, as client-go.
    package var pageSize: Int
    /// Ask for the initial state as events of the watch (WatchList) where the server can.
    package var streamsLists: Bool
    /// Pods come with their labels.
    package var podLabels: Bool

    package init(
        kinds: Set<ObjectKind> = [.namespace, .service, .endpointSlice, .pod], labelSelector: String = "",
        namespaceLabelSelector: String = "", encoding: WireEncoding = .protobuf, watchdog: Duration = .seconds(55),
        streamPatience: Duration = .seconds(15), pageSize: Int = 500, streamsLists: Bool = true,
        podLabels: Bool = false
    ) {
        self.kinds = kinds
        self.labelSelector = labelSelector
        self.namespaceLabelSelector = namespaceLabelSelector
        self.encoding = encoding
        self.watchdog = watchdog
        self.streamPatience = streamPatience
        self.pageSize = pageSize
        self.streamsLists = streamsLists
        self.podLabels = podLabels
    }
}

/// What happens while following, for logs and metrics.
package enum FollowEvent: Sendable, Equatable {
    /// A list is complete.
    case listed(ObjectKind, count: Int)
    /// A watch is open.
    case watching(ObjectKind)
    /// The API server has no such kind, as before a custom resource is defined; it is looked for again.
    case absent(ObjectKind)
    /// Something failed; it is tried again after `retryIn`, and old objects stay. `forbidden`: RBAC does not allow it.
    case failed(ObjectKind, reason: String, retryIn: Duration, forbidden: Bool)
    /// A request has ended. `verb` is "list" or "watch"; `code` the HTTP status, 0 when there was no response.
    case requestFinished(verb: String, code: Int, seconds: Double)
    /// Bytes came: what is known of this kind is as new as the server's.
    case contact(ObjectKind)
}
