package import Flags
package import KubernetesAPI

/// The scaling parameters in force, and what is wrong with newer ones.
package struct ParameterState: Sendable {
    /// What reading a ConfigMap changed.
    package enum Change: Equatable, Sendable {
        case none
        case adopted(from: String?, to: String)
        /// The ConfigMap has become sound again, or was found sound at once.
        case restored(to: String)
        /// The ConfigMap cannot be used; the last good parameters stay.
        case broken(ParameterError)
    }

    /// The last good parameters.
    package private(set) var good: ScalingParameters?
    /// `metadata.resourceVersion` they were read at.
    package private(set) var goodVersion: String?
    /// What is wrong with the newest ones; nil when they are the good ones.
    package private(set) var fault: ParameterError?
    private var seenVersion: String?

    package init() {}

    /// Reads a ConfigMap unless this version of it has been read before.
    package mutating func take(_ map: ObservedConfigMap) -> Change {
        guard map.version != seenVersion || map.version.isEmpty else { return .none }
        seenVersion = map.version
        do throws(ParameterError) {
            good = try ScalingParameters(data: map.data)
            defer { (goodVersion, fault) = (map.version, nil) }
            return fault == nil ? .adopted(from: goodVersion, to: map.version) : .restored(to: map.version)
        } catch {
            let isNews = error != fault
            fault = error
            return isNews ? .broken(error) : .none
        }
    }

    /// There is no ConfigMap: nothing is in force, as in the reference.
    package mutating func forget() { self = ParameterState() }
}
