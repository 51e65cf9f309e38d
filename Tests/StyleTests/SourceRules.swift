import Foundation
import Testing

/// The architecture as far as a search through the sources can hold it.
@Suite("source rules") struct SourceRules {
    static let sources = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().appending(path: "Sources")

    static func lines(under folder: String) throws -> [(place: String, line: String)] {
        let root = sources.appending(path: folder)
        let files = FileManager.default.enumerator(at: root, includingPropertiesForKeys: nil)?
            .compactMap { $0 as? URL }.filter { $0.pathExtension == "swift" } ?? []
        return try files.flatMap { file in
            try String(contentsOf: file, encoding: .utf8).split(separator: "\n", omittingEmptySubsequences: false)
                .enumerated().map { ("\(file.lastPathComponent):\($0.offset + 1)", String($0.element)) }
        }
    }

    static func imports(under folder: String) throws -> Set<String> {
        Set(try lines(under: folder).compactMap { _, line in
            let words = line.split(separator: " ").filter { !["package", "internal", "private", "public"].contains($0) }
            return words.count >= 2 && words[0] == "import" ? String(words[1]) : nil
        })
    }

    @Test(
        "each target imports what stands below it, and nothing else",
        arguments: [
            ("Text", []), ("DNSWire", ["Text"]), ("Corefile", ["Text"]), ("Snapshots", ["Synchronization"]),
            ("Telemetry", ["Synchronization"]),
            ("Patterns", []), ("Expressions", ["Patterns"]),
            ("ClusterModel", ["DNSWire", "Snapshots", "Synchronization", "Text"]),
            ("EventLoop", ["CLinux", "Glibc", "Snapshots", "Synchronization", "Telemetry"]),
            ("DNSServer", ["Corefile", "DNSWire", "EventLoop", "Snapshots", "Synchronization", "Telemetry"]),
            ("ZoneData", ["CLDNS", "DNSWire", "Glibc"]),
            (
                "SecureTransport",
                [
                    "Corefile", "DNSServer", "DNSWire", "EventLoop", "Glibc", "NIOCore", "NIOHTTP1", "NIOHTTP2",
                    "NIOPosix", "NIOSSL", "Synchronization", "Telemetry", "Text",
                ]
            ),
            (
                "ClusterSource",
                ["ClusterModel", "DNSWire", "EventLoop", "KubernetesAPI", "Snapshots", "Synchronization", "Telemetry"]
            ),
            ("Autoscaler", ["AsyncHTTPClient", "KubernetesAPI", "NIOCore", "Synchronization", "Telemetry", "Text"]),
            (
                "Plugins",
                [
                    "ClusterModel", "ClusterSource", "Corefile", "DNSServer", "DNSWire", "EventLoop", "Expressions",
                    "KubernetesAPI", "Patterns", "Snapshots", "Synchronization", "Telemetry", "Text",
                ]
            ),
        ] as [(String, Set<String>)])
    func arrows(_ target: String, _ allowed: Set<String>) throws {
        let found = try Self.imports(under: target)
        #expect(found.subtracting(allowed).isEmpty, "\(target) imports \(found.subtracting(allowed).sorted())")
    }

    @Test("raw memory is touched in few places", arguments: ["Text", "Corefile", "Patterns", "Expressions", "Snapshots", "Telemetry", "Plugins", "ClusterModel/Naming", "ClusterModel/Objects", "DNSServer/Answering", "DNSServer/Routing", "DNSServer/Lifecycle", "SecureTransport"])
    func unsafeWords(_ folder: String) throws {
        for (place, line) in try Self.lines(under: folder) {
            let code = line.split(separator: "//", omittingEmptySubsequences: false).first ?? ""
            #expect(!code.contains(/\bunsafe\b/), "\(folder)/\(place)")
        }
    }

    @Test(
        "nothing that arrives may end the process: no forced unwrap, try or cast",
        arguments: ["Text", "DNSWire", "Corefile", "Patterns", "Expressions", "Telemetry", "EventLoop", "DNSServer", "ClusterModel", "KubernetesAPI", "Plugins", "ClusterLab", "ZoneData", "Autoscaler", "SecureTransport"])
    func traps(_ folder: String) throws {
        for (place, line) in try Self.lines(under: folder) where !place.contains(".pb.swift") {
            let code = line.split(separator: "//", omittingEmptySubsequences: false).first ?? ""
            #expect(!code.contains(/\btry!|\bas!|fatalError\(/), "\(folder)/\(place)")
        }
    }
}
