import Foundation
import Testing

@Suite("what targets need, and which way they may look") struct ManifestRules {
    /// What comes with the toolchain and is declared by nobody.
    private static let toolchain: Set<String> = [
        "Dispatch", "Foundation", "FoundationEssentials", "Glibc", "PackageDescription", "Synchronization", "Testing",
    ]

    /// Each imports only what stands in a line above its own.
    private static let layers: [Set<String>] = [
        [
            "CLinux", "CLDNS", "CMaxMindDB", "CNetlink", "COpenSSL", "NoICUData", "Patterns", "Snapshots", "Telemetry",
            "Text",
        ],
        ["DNSWire", "Flags"],
        ["ClusterModel", "Corefile", "EventLoop", "Expressions", "GeoData", "NodeHost", "ZoneData"],
        ["DNSServer", "KubernetesAPI"],
        ["Autoscaler", "ClusterSource", "SecureTransport"],
        ["ClusterLab", "Plugins"],
        ["NodeTier"],
        ["cluster-dns", "cluster-dns-lab"],
    ]

    @Test("each target declares what it imports, and nothing else") func declarations() throws {
        let targets = try Manifest().targets
        #expect(targets.count > 30)
        for target in targets {
            let imports = try target.imports().subtracting(Self.toolchain)
            #expect(imports.subtracting(target.dependencies).sorted() == [], "\(target.name) does not declare these")
            #expect(target.dependencies.subtracting(imports).sorted() == [], "\(target.name) does not import these")
        }
    }

    @Test("imports point downwards") func layers() throws {
        let targets = try Manifest().targets.filter { $0.folder.hasPrefix("Sources/") }
        let own = Self.layers.reduce(into: Set<String>()) { $0.formUnion($1) }
        #expect(own == Set(targets.map(\.name)).union(["CLDNS", "CMaxMindDB", "CNetlink"]))
        for (height, layer) in Self.layers.enumerated() {
            let below = Self.layers[..<height].reduce(into: Set<String>()) { $0.formUnion($1) }
            for target in targets where layer.contains(target.name) {
                let wrong = target.dependencies.intersection(own).subtracting(below)
                #expect(wrong.sorted() == [], "\(target.name) stands beside or below these")
            }
        }
    }

    @Test(
        "only these need",
        arguments: [
            ("Foundation", ["ClusterLab", "cluster-dns-lab"]), ("FoundationEssentials", ["KubernetesAPI"]),
            (
                "Glibc",
                [
                    "ClusterLab", "EventLoop", "GeoData", "KubernetesAPI", "NodeHost", "SecureTransport", "ZoneData",
                    "cluster-dns",
                ]
            ),
            ("CLDNS", ["ZoneData"]), ("COpenSSL", ["ClusterLab"]), ("CMaxMindDB", ["GeoData"]),
            ("CNetlink", ["NodeHost"]),
            ("CLinux", ["EventLoop", "cluster-dns"]),
            (
                "NIOCore",
                ["Autoscaler", "ClusterLab", "KubernetesAPI", "SecureTransport", "cluster-dns"]
            ),
            ("NIOSSL", ["ClusterLab", "KubernetesAPI", "SecureTransport"]), ("NIOEmbedded", ["SecureTransport"]),
            ("AsyncHTTPClient", ["Autoscaler", "KubernetesAPI"]), ("Hummingbird", ["ClusterLab", "cluster-dns"]),
            ("Yams", ["ClusterLab", "KubernetesAPI"]), ("SwiftProtobuf", ["KubernetesAPI"]),
        ] as [(String, [String])])
    func narrow(_ module: String, _ allowed: [String]) throws {
        let users = try Manifest().targets.filter { $0.folder.hasPrefix("Sources/") }
            .filter { try $0.imports().contains(module) }
        #expect(users.map(\.name).sorted() == allowed, "\(module)")
    }

    /// A debug build would let every test look into every target; the build that is shipped does not.
    @Test("tests look into those targets that are built for it") func lookedInto() throws {
        let text = try Manifest().text
        let list = try #require(text.firstMatch(of: /let lookedInto = \[([^\]]*)\]/)?.output.1)
        let built = Set(list.matches(of: /"(\w+)"/).map { String($0.output.1) })
        #expect(!built.isEmpty)
        let tested = try SourceFile.all(under: "Tests").flatMap(\.lines)
            .compactMap { $0.firstMatch(of: /^@testable import (\w+)/).map { String($0.output.1) } }
        #expect(Set(tested) == built)
    }

    @Test("packages have exact versions") func versions() throws {
        let packages = try Manifest().text.split(separator: "\n").filter { $0.contains(".package(url:") }
        #expect(!packages.isEmpty)
        for line in packages { #expect(line.contains(/, exact: "[0-9.]+"(, traits: \[\])?\)/), "\(line)") }
    }
}
