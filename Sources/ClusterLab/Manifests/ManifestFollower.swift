import Foundation
import Logging
import Synchronization
import Text

/// Loads manifest files and keeps the cluster in step when they are edited.
final class ManifestFollower: Sendable {
    private let paths: [String]
    private let asStored: Bool
    private let cluster: Cluster
    private let logger: Logger
    private let files = Mutex<[String: File]>([:])

    /// What a file held when it was last read.
    private struct File {
        var signature: Signature
        var objects: [Identity: JSONValue] = [:]
    }

    private struct Signature: Equatable {
        let changed: Date
        let size: Int
        let inode: Int
    }

    private struct Identity: Hashable {
        let apiVersion: String
        let kind: String
        let namespace: String
        let name: String

        init(_ object: JSONValue) {
            apiVersion = object.apiVersion
            kind = object.kind
            namespace = object.namespace
            name = object.name
        }
    }

    init(paths: [String], asStored: Bool, cluster: Cluster, logger: Logger) {
        self.paths = paths
        self.asStored = asStored
        self.cluster = cluster
        self.logger = logger
    }

    /// Reads everything for the first time; a path that cannot be read at all is an error.
    func load() throws -> [ManifestProblem] {
        for path in paths where !FileManager.default.isReadableFile(atPath: path) {
            throw LabError.cannotRead(path, why: "no such file or directory, or no permission")
        }
        let found = manifestFiles().compactMap { path in signature(path).map { (path, $0) } }
        var all: [ManifestObject] = []
        var problems: [ManifestProblem] = []
        for (path, signature) in found {
            let (objects, wrong) = read(path)
            all += objects
            problems += wrong
            files.withLock { $0[path] = File(signature: signature, objects: Self.byIdentity(objects)) }
        }
        let objects = all
        if asStored {
            cluster.update { $0.restore(objects) }
        } else {
            cluster.update { $0.createDefaultNode(unlessIn: objects) }
            problems += apply(all)
        }
        return problems
    }

    /// Looks for edits until it is cancelled.
    func follow() async {
        while !Task.isCancelled {
            try? await Task.sleep(for: .milliseconds(250))
            lookAgain()
        }
    }

    /// Compares every file with what it was and applies the difference.
    func lookAgain() {
        let paths = manifestFiles()
        let known = files.withLock { $0 }
        for path in paths {
            guard let signature = signature(path), known[path]?.signature != signature else { continue }
            let (objects, problems) = read(path)
            report(problems)
            let before = known[path]?.objects ?? [:]
            let after = Self.byIdentity(objects)
            let changed = objects.filter { before[Identity($0.object)] != after[Identity($0.object)] }
            // A file that is half written must not delete what it still means to hold.
            let removed = problems.isEmpty ? before.keys.filter { after[$0] == nil } : []
            let kept = problems.isEmpty ? after : before.merging(after) { _, new in new }
            files.withLock { $0[path] = File(signature: signature, objects: kept) }
            report(apply(changed))
            remove(removed)
            if !changed.isEmpty || !removed.isEmpty {
                logger.info("\(path): \(changed.count) objects applied, \(removed.count) deleted")
            }
        }
        for (path, file) in known where !paths.contains(path) {
            files.withLock { $0[path] = nil }
            remove(Array(file.objects.keys))
            logger.info("\(path): gone, \(file.objects.count) objects deleted")
        }
    }

    func report(_ problems: [ManifestProblem]) {
        for problem in problems { logger.error("\(problem)") }
    }

    private func apply(_ objects: [ManifestObject]) -> [ManifestProblem] {
        guard !objects.isEmpty else { return [] }
        let (made, problems) = cluster.update { $0.apply(objects) }
        for namespace in made { logger.warning("namespace \(namespace) is in no manifest: created") }
        return problems
    }

    private func remove(_ identities: [Identity]) {
        let elsewhere = files.withLock { files in
            files.values.reduce(into: Set<Identity>()) { $0.formUnion($1.objects.keys) }
        }
        cluster.update { state in
            for identity in identities where !elsewhere.contains(identity) {
                guard let kind = state.kind(apiVersion: identity.apiVersion, kind: identity.kind) else { continue }
                // A custom object whose file names no namespace is in the default one.
                let namespace = kind.isNamespaced && identity.namespace.isEmpty ? "default" : identity.namespace
                _ = try? state.delete(kind, namespace: namespace, name: identity.name)
            }
        }
    }

    private static func byIdentity(_ objects: [ManifestObject]) -> [Identity: JSONValue] {
        var found: [Identity: JSONValue] = [:]
        for item in objects {
            found[Identity(item.object)] = item.object
        }
        return found
    }

    private func read(_ path: String) -> (objects: [ManifestObject], problems: [ManifestProblem]) {
        guard let data = FileManager.default.contents(atPath: path) else {
            return ([], [ManifestProblem(file: path, line: 1, found: "no readable file", expected: "a manifest")])
        }
        return ManifestReader.read(String(decoding: data, as: UTF8.self), file: path)
    }

    /// The files among the paths; of a directory its YAML and JSON files, in name order.
    private func manifestFiles() -> [String] {
        paths.flatMap { path -> [String] in
            var isDirectory: ObjCBool = false
            guard unsafe FileManager.default.fileExists(atPath: path, isDirectory: &isDirectory) else { return [] }
            guard isDirectory.boolValue else { return [path] }
            let names = (try? FileManager.default.contentsOfDirectory(atPath: path)) ?? []
            return names.sorted().filter { name in
                [".yaml", ".yml", ".json"].contains { name.hasSuffix($0) } && !name.hasPrefix(".")
            }.map { path + (path.hasSuffix("/") ? "" : "/") + $0 }
        }
    }

    private func signature(_ path: String) -> Signature? {
        guard let attributes = try? FileManager.default.attributesOfItem(atPath: path) else { return nil }
        return Signature(
            changed: attributes[.modificationDate] as? Date ?? .distantPast,
            size: (attributes[.size] as? NSNumber)?.intValue ?? 0,
            inode: (attributes[.systemFileNumber] as? NSNumber)?.intValue ?? 0)
    }
}
