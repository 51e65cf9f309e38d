import ClusterModel
import DNSWire
import Synchronization
import Telemetry

/// Says once of each ExternalName Service that it names an address: no CNAME leads there, so it does not exist.
final class AddressWarning: Sendable {
    /// Services spoken of; bounded, since anybody who may make Services could fill the log otherwise.
    private let known = Mutex<Set<ObjectKey>>([])
    private static let limit = 1000

    func look(at changes: [ObjectChange]) {
        for change in changes {
            guard case .stored(.service(let service)) = change, case .externalName(let name) = service.addressing else {
                continue
            }
            let isAddress = IPAddress(name) != nil
            let isNew = known.withLock { known in
                guard isAddress else {
                    known.remove(service.key)
                    return false
                }
                return known.count < Self.limit && known.insert(service.key).inserted
            }
            guard isNew else { continue }
            Log.warning(
                "plugin/kubernetes: Service \(service.key.namespace)/\(service.key.name): externalName is the address "
                    + "\(name), not a domain name; it has no records. Use a Service without selector and an EndpointSlice"
            )
        }
    }
}
