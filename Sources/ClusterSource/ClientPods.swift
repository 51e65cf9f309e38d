package import ClusterModel
package import DNSWire
import Synchronization

/// Names and labels of pods by their addresses, for those who ask who asked.
///
/// Apart from the record tables, since only `metadata` wants it: a pod takes several hundred octets here.
package final class ClientPods: Sendable {
    package struct Pod: Sendable {
        package let name: String
        package let labels: [String: String]
    }

    private struct Kept {
        let addresses: [IPAddress]
        let pod: Pod
        var epoch: UInt32
    }

    private struct Tables {
        var pods: [ObjectKey: Kept] = [:]
        /// Several while an address goes from one pod to the next.
        var keys: [IPAddress: [ObjectKey]] = [:]
        /// Counts the lists: what one did not name is gone at its end.
        var epoch: UInt32 = 0

        mutating func remove(_ key: ObjectKey) {
            guard let kept = pods.removeValue(forKey: key) else { return }
            for address in kept.addresses {
                keys[address]?.removeAll { $0 == key }
                if keys[address]?.isEmpty == true { keys[address] = nil }
            }
        }

        mutating func store(_ object: PodObject) {
            remove(object.key)
            // Pods on their host's network share its address, and stand for nobody.
            let addresses = object.usesHostNetwork ? [] : object.addresses
            pods[object.key] = Kept(
                addresses: addresses, pod: Pod(name: object.key.name, labels: object.labels), epoch: epoch)
            for address in addresses { keys[address, default: []].append(object.key) }
        }
    }

    private let tables = Mutex(Tables())

    package init() {}

    package func apply(_ changes: [ObjectChange]) {
        tables.withLock { tables in
            for change in changes {
                switch change {
                case .stored(.pod(let pod)): tables.store(pod)
                case .kept(.pod, let key): tables.pods[key]?.epoch = tables.epoch
                case .deleted(.pod, let key): tables.remove(key)
                case .relistStarted(.pod): tables.epoch &+= 1
                case .relistFinished(.pod):
                    for key in tables.pods.filter({ $0.value.epoch != tables.epoch }).keys { tables.remove(key) }
                default: break
                }
            }
        }
    }

    /// The one pod that has this address; nil for none and for several.
    package func pod(at address: IPAddress) -> Pod? {
        tables.withLock { tables in
            guard let keys = tables.keys[address], keys.count == 1 else { return nil }
            return tables.pods[keys[0]]?.pod
        }
    }
}
