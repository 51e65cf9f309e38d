import Foundation
import Glibc
import Text

/// The objects of a lab on disk: one JSON document that is always replaced as a whole.
///
/// A write that is lost with the process loses objects, but never brings a version back: after anything but a clean stop
/// the next lab goes on past every version that can have been given out.
struct StateFile: Sendable {
    let path: String

    private static let kind = "LabState"
    private static let apiVersion = "lab.cluster-dns/v1"
    /// Versions that may be given out between two saves, far more than a lab can.
    private static let reserve: UInt64 = 1_000_000

    /// What is kept.
    struct Contents: Sendable {
        /// The version from which the next lab goes on.
        var version: UInt64 = 0
        /// Names that were generated, so that none comes twice.
        var serial: UInt64 = 0
        var objects: [JSONValue] = []
    }

    /// The state as it was written; nil when there is no file yet. A file that is something else is an error.
    func read() throws -> Contents? {
        guard FileManager.default.fileExists(atPath: path) else { return nil }
        guard let data = FileManager.default.contents(atPath: path) else {
            throw LabError.cannotRead(path, why: "no permission, or no file")
        }
        let value: JSONValue
        do {
            value = try JSONReader.read(Array(data))
        } catch { throw LabError.cannotRead(path, why: "found no JSON, expected the state of a lab: \(error)") }
        guard value.kind == Self.kind, value.apiVersion == Self.apiVersion,
            let version = value["metadata"]["resourceVersion"].text.flatMap({ UInt64($0) }), version < 1 << 62,
            let serial = value["serial"].number, serial >= 0, case .array(let objects) = value["items"]
        else {
            let found = "\(value.apiVersion) \(value.kind)"
            throw LabError.cannotRead(
                path, why: "found \(found), expected \(Self.apiVersion) \(Self.kind) with a version and items")
        }
        return Contents(version: version, serial: UInt64(serial), objects: objects)
    }

    /// Replaces the file in one step, readable by its owner only.
    func write(_ snapshot: Snapshot, isLast: Bool) throws {
        let version = isLast ? snapshot.version : snapshot.version + Self.reserve
        let head: JSONValue = [
            "kind": .string(Self.kind), "apiVersion": .string(Self.apiVersion),
            "metadata": ["resourceVersion": .string(String(version))],
            "serial": .int(Int64(clamping: snapshot.serial)),
        ]
        var bytes = Array(head.bytes.dropLast()) + Array(",\"items\":[".utf8)
        var isFirst = true
        for (kind, objects) in snapshot.objects {
            for object in objects {
                bytes.append(contentsOf: (isFirst ? "\n" : ",\n").utf8)
                isFirst = false
                object.typed(kind).append(to: &bytes)
            }
        }
        bytes.append(contentsOf: "\n]}\n".utf8)
        // The draft is private before anything is in it, and becomes the file in one step.
        let draft = path + ".new"
        guard
            FileManager.default.createFile(atPath: draft, contents: nil, attributes: [.posixPermissions: 0o600]),
            let handle = FileHandle(forWritingAtPath: draft)
        else { throw LabError.cannotWrite(draft) }
        try handle.write(contentsOf: Data(bytes))
        try handle.synchronize()
        try handle.close()
        // Foundation's own replacement leaves a moment without the file.
        guard unsafe rename(draft, path) == 0 else { throw LabError.cannotWrite(path) }
    }

    /// Everything a lab holds at one moment; the objects are shared, not copied.
    struct Snapshot: Sendable {
        let version: UInt64
        let serial: UInt64
        let objects: [(ResourceKind, [StoredObject])]
    }
}

extension ClusterState {
    /// Everything there is, at one version.
    func snapshot() -> StateFile.Snapshot {
        var seen: Set<Int> = []
        let kinds = kinds.filter { seen.insert($0.index).inserted }
        return StateFile.Snapshot(
            version: store.version, serial: serial, objects: kinds.map { ($0, store.list($0)) })
    }

    /// Takes kept objects as they were: uids, addresses, versions; watches from before get 410.
    mutating func restore(_ contents: StateFile.Contents) {
        restore(contents.objects.map { ManifestObject(object: $0, file: "", line: 0) })
        serial = max(serial, contents.serial)
        store.restart(at: max(contents.version, store.version))
        for object in store.list(.service) { claim(service: object.value(.service)) }
        for object in store.list(.node) {
            for address in object.value(.node)["status"]["addresses"].elements {
                _ = nodes4.claim(address["address"].text ?? "")
            }
        }
        for object in store.list(.pod) {
            let pod = object.value(.pod)
            if pod["spec"]["hostNetwork"].flag != true {
                for address in pod["status"]["podIPs"].elements {
                    _ = pods4.claim(address["ip"].text ?? "")
                    _ = pods6.claim(address["ip"].text ?? "")
                }
            }
            // Whoever was stopping has stopped by now.
            if !pod["metadata"]["deletionTimestamp"].isNull {
                stopping[StoppingKey(namespace: object.namespace, name: object.name, uid: pod.uid)] = 0
            }
        }
        for object in store.list(.namespace) { dirtyNamespaces.insert(object.name) }
    }

    private mutating func claim(service: JSONValue) {
        for address in service["spec"]["clusterIPs"].elements.compactMap(\.text) {
            _ = services4.claim(address)
            _ = services6.claim(address)
        }
        for port in service["spec"]["ports"].elements {
            if let number = port["nodePort"].number, number > 0 { nodePorts.insert(number) }
        }
        for entry in service["status"]["loadBalancer"]["ingress"].elements {
            _ = ingress4.claim(entry["ip"].text ?? "")
            _ = ingress6.claim(entry["ip"].text ?? "")
        }
    }
}
