package import ClusterModel

/// Keeps a reader in step with the cluster: every kind by its own list and watch, for as long as it runs.
package final class ClusterFollower: Sendable {
    private let connection: APIConnection
    private let options: FollowOptions
    private let observe: @Sendable (FollowEvent) -> Void

    /// - Parameter observe: called from several tasks; must be quick.
    package init(
        connection: APIConnection, options: FollowOptions, observe: @escaping @Sendable (FollowEvent) -> Void
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
                let follower = KindFollower(
                    kind: kind, connection: connection, options: options, observe: observe, changes: changes)
                group.addTask { await follower.run() }
            }
        }
    }
}
