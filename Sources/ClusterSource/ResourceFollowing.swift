package import KubernetesAPI
import Synchronization
import Telemetry
package import Text

/// Keeps somebody in step with some collections of an API server, each by its own list and watch.
package final class ResourceFollowing<Content: Sendable>: Sendable {
    package typealias Changes = [ReflectedChange<FollowedResource<Content>>]

    /// What becomes of what is heard.
    package struct Reader: Sendable {
        /// Returns once objects of a collection are wanted.
        let isWanted: @Sendable (ResourceCollection) async -> Void
        let content: @Sendable (ResourceCollection, JSONValue) -> Content
        /// Given batches in order; an empty one says that the collection may not be listed.
        let apply: @Sendable (ResourceCollection, Changes) async -> Void

        package init(
            isWanted: @escaping @Sendable (ResourceCollection) async -> Void,
            content: @escaping @Sendable (ResourceCollection, JSONValue) -> Content,
            apply: @escaping @Sendable (ResourceCollection, Changes) async -> Void
        ) {
            self.isWanted = isWanted
            self.content = content
            self.apply = apply
        }
    }

    private let cluster: FollowedCluster
    private let collections: [ResourceCollection]
    private let reader: Reader
    /// Whose name log lines have.
    private let plugin: String
    private let task = Mutex<Task<Void, Never>?>(nil)
    package let lastHeard = LastHeard<ResourceCollection>()
    /// What cannot be followed and why, as it was said last.
    private let said = Mutex<[String: String]>([:])

    /// - Parameter cluster: of which only the way to the API server counts.
    package init(_ cluster: FollowedCluster, _ collections: [ResourceCollection], plugin: String, _ reader: Reader) {
        self.cluster = cluster
        self.collections = collections
        self.plugin = plugin
        self.reader = reader
    }

    package func start() {
        task.withLock { task in
            guard task == nil else { return }
            task = Task { [self] in await run() }
        }
    }

    package func stop() { task.withLock { $0 }?.cancel() }

    private func run() async {
        while !Task.isCancelled {
            do {
                let endpoint = try cluster.apiEndpoint()
                let connection = try APIConnection(endpoint, pace: cluster.pace, onRequest: { _ in }) {
                    [plugin] problem in
                    Log.warning("plugin/\(plugin): \(problem)")
                }
                await follow(connection)
            } catch {
                // A missing or unreadable credential may appear: the file is looked at again.
                if isNews("", "\(error)") { Log.error("plugin/\(plugin): \(error)") }
                try? await Task.sleep(for: .seconds(1))
            }
        }
    }

    private func follow(_ connection: APIConnection) async {
        await withTaskGroup(of: Void.self) { group in
            for collection in collections {
                group.addTask { [self] in
                    await reader.isWanted(collection)
                    guard !Task.isCancelled else { return }
                    let reflector = Reflector<FollowedResource<Content>>.resources(connection, collection) {
                        [reader] in reader.content(collection, $0)
                    }
                    await reflector.run { [reader] changes in
                        await reader.apply(collection, changes)
                    } observe: { [self] event in
                        observe(collection, event, of: connection.endpoint.url)
                    }
                }
            }
        }
    }

    private func observe(_ collection: ResourceCollection, _ event: ReflectorEvent, of server: String) {
        switch event {
        case .listed(let count):
            Log.debug("plugin/\(plugin): listed \(count) \(collection.resource)")
            if said.withLock({ $0.removeValue(forKey: collection.resource) }) != nil {
                Log.info("plugin/\(plugin): \(collection.resource) are followed again")
            }
        case .failed(let problem, _):
            guard isNews(collection.resource, problem.reason) else { return }
            let hint =
                problem.isForbidden
                ? "; grant list and watch on \(collection.resource) to this service account" : ""
            Log.warning(
                "plugin/\(plugin): cannot follow \(collection.resource) of \(server): \(problem.reason)\(hint)")
        case .absent:
            // There is nothing of it to know, and the server says so each minute.
            lastHeard.heard(collection)
            guard isNews(collection.resource, "absent") else { return }
            Log.info(
                "plugin/\(plugin): \(server) has no \(collection.resource) of \(collection.group)/\(collection.version) "
                    + "yet; they are looked for every minute")
        case .contact: lastHeard.heard(collection)
        case .watching, .requestFinished: break
        }
    }

    private func isNews(_ what: String, _ text: String) -> Bool {
        said.withLock { $0.updateValue(text, forKey: what) != text }
    }
}
