/// A request that was not done: what was asked of which resource, and why not.
package struct RequestProblem: Error, Equatable, CustomStringConvertible {
    package enum Cause: Equatable, Sendable {
        case refused(StatusReport)
        /// No answer, or one that is not what it should be.
        case failed(String)
    }

    /// An RBAC verb: get, list, watch, create, update.
    package let verb: String
    /// A resource as RBAC names it, such as `deployments/scale`, and its group; empty for the core group.
    package let resource: String
    package let group: String
    /// Empty for cluster-wide resources.
    package let namespace: String
    /// Empty for lists.
    package let name: String
    package let cause: Cause

    package init(
        verb: String, resource: String, group: String = "", namespace: String = "", name: String = "", cause: Cause
    ) {
        self.verb = verb
        self.resource = resource
        self.group = group
        self.namespace = namespace
        self.name = name
        self.cause = cause
    }

    package var code: Int { if case .refused(let report) = cause { report.code } else { 0 } }
    package var isForbidden: Bool { code == 403 }
    package var isMissing: Bool { code == 404 }
    /// Somebody else changed the object since it was read.
    package var isConflict: Bool { code == 409 }

    /// Why, without what was asked.
    package var reason: String {
        switch cause {
        case .failed(let reason): reason
        case .refused(let report): RequestFailure.refused(report).reason
        }
    }

    package var description: String {
        let place = namespace.isEmpty ? "" : " in namespace \(namespace)"
        var text = "cannot \(verb) \(resource)\(name.isEmpty ? "" : " " + name)\(place): \(reason)"
        if isForbidden {
            text += "; grant \(verb) on \(resource)\(group.isEmpty ? "" : " of group " + group) to this service account"
        }
        return text
    }
}
