import NodeTier
import Telemetry

/// What the host has to have so that the packets of pods come here: an interface with the addresses, and rules.
protocol HostNetwork: Sendable {
    /// Before anything listens: the addresses have to be there.
    func setUp() async

    /// Once queries are answered, and at every interval from then on: all is there, and nothing that is not wanted.
    func keepInStep() async

    /// The process is to end and still answers: packets that others can answer go to them.
    func withdraw() async

    /// The last query is answered.
    func remove() async
}

/// A host that somebody else sets up.
struct ForeignHost: HostNetwork {
    let host: NodeSettings.Host

    func setUp() async {
        guard host.interface != nil || host.hasRules else { return }
        Log.warning(
            "node: interface and rules are not set up by this version: the addresses of -localip have to be there already"
        )
    }

    func keepInStep() async {}
    func withdraw() async {}
    func remove() async {}
}
