import Flags

/// How measured load asks for replicas.
package struct LoadSettings: Equatable, Sendable {
    /// Queries a second that one core serves.
    package var queriesPerCore = 20_000.0
    package var coresPerPod = 1.0
    /// The longest mean time that queries may wait before they are looked at.
    package var queueDelay = Duration.milliseconds(5)
    /// How long a load counts after it was measured.
    package var window = Duration.seconds(300)
    package var port = 9153

    package init() {}

    init(_ flags: FlagParser) throws(ParameterError) {
        queriesPerCore = try flags.number("load-queries-per-core", else: queriesPerCore)
        coresPerPod = try flags.number("load-cores-per-pod", else: coresPerPod)
        queueDelay = try flags.duration("load-queue-delay", else: queueDelay)
        window = try flags.duration("load-window", else: window)
        port = try flags.integer("load-metrics-port", else: port, in: 1...65535) ?? port
    }
}
