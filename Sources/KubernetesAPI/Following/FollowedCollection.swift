import Text

/// Which objects are followed, and how they are asked for.
struct FollowedCollection: Sendable {
    /// Empty for the core group.
    let group: String
    /// Plural, as RBAC names it.
    let resource: String
    let namespace: String
    /// Label and field selectors of the query.
    let selection: [(String, String)]
    /// The API server may know no such resource.
    let mayBeAbsent: Bool
    private let root: String

    /// - Parameter namespace: empty for all.
    init(
        group: String = "", version: String = "v1", _ resource: String, namespace: String = "",
        selection: [(String, String)] = [], mayBeAbsent: Bool = false
    ) {
        self.group = group
        self.resource = resource
        self.namespace = namespace
        self.selection = selection.filter { !$0.1.isEmpty }
        self.mayBeAbsent = mayBeAbsent
        root =
            ScaleResource.root(group, version)
            + (namespace.isEmpty ? "" : "/namespaces/\(PercentEncoding.encoded(namespace))") + "/\(resource)"
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
        var pairs = selection + [("watch", "true"), ("allowWatchBookmarks", "true")]
        if request.streamsList { pairs += [("sendInitialEvents", "true"), ("resourceVersionMatch", "NotOlderThan")] }
        pairs += [("resourceVersion", request.version), ("timeoutSeconds", String(request.timeoutSeconds))]
        return APIPath.query(root, pairs)
    }

    /// A list that waits for `version` and holds nothing: one object by name is the cheapest to ask for, and no object
    /// has this name. Where only one name may be listed, it is that one: its octets say nothing.
    func path(probing version: String) -> String {
        let byName = selection.first { $0.0 == "fieldSelector" && $0.1.hasPrefix("metadata.name=") }
        return APIPath.query(
            root,
            [
                byName ?? ("fieldSelector", "metadata.name=cluster-dns-probe"), ("limit", "1"),
                ("resourceVersion", version), ("resourceVersionMatch", "NotOlderThan"),
            ])
    }

    func problem(_ verb: String, _ failure: RequestFailure) -> RequestProblem {
        let cause: RequestProblem.Cause =
            if case .refused(let report) = failure { .refused(report) } else { .failed(failure.reason) }
        return RequestProblem(verb: verb, resource: resource, group: group, namespace: namespace, cause: cause)
    }
}
