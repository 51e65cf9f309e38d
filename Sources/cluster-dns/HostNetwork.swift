import DNSWire
import NodeHost
import NodeTier
import Synchronization
import Telemetry
import Text

/// What the host has so that the packets of pods come to this process: an interface with the addresses, and rules.
///
/// What cannot be set up is said and counted, and served without: names are worth more than the rules around them.
final class HostNetwork: Sendable {
    private let interface: LocalInterface?
    private let rules: LocalRules?
    private let settings: HostSettings
    /// Where failures are counted, by node-cache's kinds.
    private let metrics = Mutex<MetricRegistry?>(nil)

    init(_ host: NodeSettings.Host) {
        var settings = HostSettings(addresses: host.addresses.compactMap { IPAddress(octets: $0.bytes) })
        settings.interface = host.interface ?? HostSettings.usualInterface
        settings.port = host.port
        settings.healthPort = host.healthPort
        self.settings = settings
        interface = host.interface == nil ? nil : LocalInterface(settings)
        rules = host.hasRules ? LocalRules(settings) : nil
    }

    /// Before anything listens: the addresses have to be there.
    func setUp(_ metrics: MetricRegistry) {
        self.metrics.withLock { $0 = metrics }
        put(interface, "interface_add")
    }

    /// Once queries are answered, and at every interval from then on: all is there, and nothing that is not wanted.
    func keepInStep() {
        put(interface, "interface_check")
        put(rules, "iptables")
    }

    private func put(_ part: (any HostPart)?, _ kind: String) {
        guard let part else { return }
        do throws(HostError) {
            for finding in try part.putRight() { Log.info("node: \(finding), put right") }
        } catch {
            fail(kind, error)
        }
    }

    private func fail(_ kind: String, _ error: HostError) {
        metrics.withLock { $0 }.map { NodeMetrics.errors($0, kind).add() }
        Log.error("node: \(error)")
    }

    /// The last query is answered, and nothing listens any more.
    func remove() {
        guard interface != nil || rules != nil else { return }
        if BoundSockets.haveAny(of: settings.addresses, port: settings.port) {
            return Log.info("node: another process answers at these addresses: interface and rules stay for it")
        }
        for (part, kind) in [(rules as (any HostPart)?, "iptables"), (interface, "interface_check")] {
            do throws(HostError) { _ = try part?.remove() } catch {
                fail(kind, error)
            }
        }
    }
}
