import KubernetesAPI

/// The ConfigMap as its watch brings it.
struct FollowedConfigMap {
    /// What the watch told last; nil when there is no such ConfigMap.
    private(set) var map: ObservedConfigMap?
    /// The watch is up, so that `map` is how things are.
    private(set) var isCurrent = false
    private var isKnown = false
    /// The list under way has brought it.
    private var isListed = false

    /// - Returns: whether it has changed.
    mutating func take(_ changes: [ReflectedChange<ObservedConfigMap>]) -> Bool {
        let before = (isKnown, map)
        for change in changes {
            switch change {
            case .listStarted: (isListed, isCurrent) = (false, false)
            case .listFinished:
                if !isListed { map = nil }
                (isKnown, isCurrent) = (true, true)
            case .stored(let new):
                isListed = true
                map = new
            case .deleted: map = nil
            }
        }
        return isKnown && before != (true, map)
    }

    /// The watch is up again, from where it was.
    mutating func watched() { isCurrent = isKnown }

    mutating func failed() { isCurrent = false }
}
