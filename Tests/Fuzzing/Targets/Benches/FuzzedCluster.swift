import ClusterModel
import FuzzDriver
import TestKit

/// Changes of a small cluster that an input asks for, and what is there after them; few names and addresses, so that
/// everything meets everything.
struct FuzzedCluster {
    private static let namespaces = ["a", "b"]
    private static let services = ["s0", "s1", "s2"]
    private static let ports = ["http/TCP/80", "http/UDP/80", "dns/UDP/53", "TCP/80"]
    private static let addresses = (0..<5).map { "10.0.0.\($0)" } + (0..<3).map { "fd00::\($0)" }
    private static let labels = ["", "", "web-0", "web-1", "tcp", "10-0-0-1"]
    private static let kinds: [ObjectKind] = [.namespace, .service, .endpointSlice, .pod, .serviceImport]
    private static let mostSteps = 60

    private var input: FuzzInput
    private var steps = 0
    /// What is there now.
    private(set) var objects: [ObjectKind: [ObjectKey: ClusterObject]] = [:]
    /// Whether readers see the state after the last step.
    private(set) var publishes = false

    init(_ octets: [UInt8]) { input = FuzzInput(octets) }

    /// The next changes; nil when there are no more.
    mutating func step() -> [ObjectChange]? {
        steps += 1
        guard !input.isAtEnd, steps <= Self.mostSteps else { return nil }
        let choice = input.octet()
        publishes = choice & 0x80 != 0
        switch choice & 7 {
        case 0: return relist(input.pick(Self.kinds))
        case 1, 2: return delete(input.pick(Self.kinds))
        default:
            let object = object()
            objects[object.kind, default: [:]][object.key] = object
            return [.stored(object)]
        }
    }

    private mutating func delete(_ kind: ObjectKind) -> [ObjectChange] {
        let known = (objects[kind] ?? [:]).keys.sorted { $0.description < $1.description }
        guard !known.isEmpty else { return [.deleted(kind, ObjectKey(namespace: "a", name: "never"))] }
        let key = input.pick(known)
        objects[kind]?[key] = nil
        return [.deleted(kind, key)]
    }

    /// A list that says less, and other things, than what was known; a pod may be named without being told.
    private mutating func relist(_ kind: ObjectKind) -> [ObjectChange] {
        var changes: [ObjectChange] = [.relistStarted(kind)]
        for (key, object) in (objects[kind] ?? [:]).sorted(by: { $0.key.description < $1.key.description }) {
            switch input.octet() & 3 {
            case 0: objects[kind]?[key] = nil
            case 1 where kind == .pod: changes.append(.kept(kind, key))
            default: changes.append(.stored(object))
            }
        }
        for _ in 0..<input.number(below: 3) {
            let object = object()
            guard object.kind == kind else { continue }
            objects[kind, default: [:]][object.key] = object
            changes.append(.stored(object))
        }
        return changes + [.relistFinished(kind)]
    }

    private mutating func portList() -> [String] { (0..<input.number(below: 4)).map { _ in input.pick(Self.ports) } }

    private mutating func object() -> ClusterObject {
        let space = input.pick(Self.namespaces)
        let path = "\(space)/\(input.pick(Self.services))"
        let last = input.number(below: 6)
        switch input.number(below: 11) {
        case 0: return namespace(space)
        case 1: return externalName(path, input.pick(["x.test", "10.0.0.1", "s0.b.svc.cluster.local"]))
        case 2:
            return service(
                path, input.pick([["10.96.0.\(last)"], ["10.96.0.\(last)", "fd00:96::\(last)"], []]), ports: portList())
        case 3: return headless(path, ports: portList())
        case 4: return pod("\(space)/p\(last)", [input.pick(Self.addresses)], usesHostNetwork: last == 5)
        case 5: return serviceImport(path, last < 2 ? nil : ["10.97.0.\(last)"], ports: portList())
        case 6:
            return slice(
                "\(space)/i\(last)", ofImport: input.pick(Self.services), from: input.pick(["east", "west"]),
                ports: portList(), [input.pick(Self.addresses)])
        default:
            let endpoints = (0..<input.number(below: 4)).map { _ in
                let label = input.pick(Self.labels)
                return (label.isEmpty ? "" : label + "=") + input.pick(Self.addresses)
            }
            return slice(
                "\(space)/l\(last)", of: input.pick(Self.services + [""]), ports: portList(), endpoints)
        }
    }
}
