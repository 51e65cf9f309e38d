import Testing

/// What a search through the sources can hold of the architecture.
@Suite("source rules") struct SourceRules {
    /// Folders of Sources whose code touches memory only through checked views.
    static let checked = [
        "ClusterModel/Naming", "ClusterModel/Objects", "ClusterSource", "Corefile", "DNSServer/Answering",
        "DNSServer/Lifecycle", "Expressions", "Flags", "NodeHost/Interface", "NodeHost/Rules", "NodeTier", "Patterns",
        "Plugins", "SecureTransport",
        "Snapshots",
        "Telemetry", "Text",
    ]
    /// Targets that read what others send.
    static let reached = [
        "Autoscaler", "ClusterLab", "ClusterModel", "ClusterSource", "Corefile", "DNSServer", "DNSWire", "EventLoop",
        "Expressions", "Flags", "GeoData", "KubernetesAPI", "NodeHost", "NodeTier", "Patterns", "Plugins",
        "SecureTransport", "Snapshots", "Telemetry", "Text",
        "ZoneData", "cluster-dns", "cluster-dns-lab",
    ]

    /// Lines of code under a folder of Sources in which `isWrong`.
    private func lines(_ folder: String, where isWrong: (String) -> Bool) throws -> [String] {
        let files = try SourceFile.all(under: "Sources/\(folder)")
        #expect(!files.isEmpty)
        return files.flatMap { file in
            file.code.enumerated().filter { isWrong($0.element) }.map { "\(file.path):\($0.offset + 1)" }
        }
    }

    @Test("raw memory is touched in few places", arguments: checked)
    func unsafeWords(_ folder: String) throws {
        #expect(try lines(folder) { $0.contains(/\bunsafe\b/) } == [])
    }

    @Test("nothing that arrives may end the process", arguments: reached)
    func traps(_ target: String) throws {
        #expect(
            try lines(target) {
                $0.contains(
                    /\btry!|\bas!|\b(?:fatalError|preconditionFailure|assertionFailure)\(|\bunsafelyUnwrapped\b/)
                    || $0.contains(/[\w)\]]!(?!=)/)
            } == [])
    }
}
