// swift-tools-version: 6.3
import PackageDescription

/// The settings every Swift target of this package is compiled with.
let settings: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
    .strictMemorySafety(),
]

let asyncHTTPClient = Target.Dependency.product(name: "AsyncHTTPClient", package: "async-http-client")
let nioCore = Target.Dependency.product(name: "NIOCore", package: "swift-nio")
let nioEmbedded = Target.Dependency.product(name: "NIOEmbedded", package: "swift-nio")
let nioTLS = Target.Dependency.product(name: "NIOTLS", package: "swift-nio")
let nioPosix = Target.Dependency.product(name: "NIOPosix", package: "swift-nio")
let nioSSL = Target.Dependency.product(name: "NIOSSL", package: "swift-nio-ssl")
let nioHTTP1 = Target.Dependency.product(name: "NIOHTTP1", package: "swift-nio")
let nioHTTP2 = Target.Dependency.product(name: "NIOHTTP2", package: "swift-nio-http2")
let nioHPACK = Target.Dependency.product(name: "NIOHPACK", package: "swift-nio-http2")
let hummingbird = Target.Dependency.product(name: "Hummingbird", package: "hummingbird")
let hummingbirdCore = Target.Dependency.product(name: "HummingbirdCore", package: "hummingbird")
let hummingbirdHTTP2 = Target.Dependency.product(name: "HummingbirdHTTP2", package: "hummingbird")
let yams = Target.Dependency.product(name: "Yams", package: "Yams")
let protobuf = Target.Dependency.product(name: "SwiftProtobuf", package: "swift-protobuf")
let httpTypes = Target.Dependency.product(name: "HTTPTypes", package: "swift-http-types")
let argumentParser = Target.Dependency.product(name: "ArgumentParser", package: "swift-argument-parser")
let log = Target.Dependency.product(name: "Logging", package: "swift-log")
let unixSignals = Target.Dependency.product(name: "UnixSignals", package: "swift-service-lifecycle")

/// The program carries the Swift runtime and Foundation in itself, so that an image needs no toolchain; these are the
/// libraries that Foundation's static archives need and the linker does not add by itself.
let staticFoundation = [
    "CoreFoundation", "_FoundationICU", "_FoundationCShims", "_FoundationCollections", "dispatch", "BlocksRuntime",
    "swiftSynchronization", "stdc++",
].map { "-l" + $0 }

/// The program alone: nothing looks its symbols up at run time, so code that nothing calls goes, and code that is there twice
/// is kept once. The linker of the toolchain can do that; Debian's cannot.
let smallProgram =
    ["-use-ld=lld"]
    + ["--no-export-dynamic", "--icf=safe", "-z", "pack-relative-relocs", "-O2"].flatMap { ["-Xlinker", $0] }

let package = Package(
    name: "cluster-dns",
    products: [
        .executable(name: "cluster-dns", targets: ["cluster-dns"]),
        .executable(name: "cluster-dns-lab", targets: ["cluster-dns-lab"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", exact: "1.8.2"),
        .package(url: "https://github.com/apple/swift-http-types", exact: "1.8.0"),
        .package(url: "https://github.com/apple/swift-log", exact: "1.16.2"),
        .package(url: "https://github.com/apple/swift-nio", exact: "2.101.2"),
        .package(url: "https://github.com/apple/swift-nio-http2", exact: "1.46.0"),
        .package(url: "https://github.com/apple/swift-nio-ssl", exact: "2.37.6"),
        .package(url: "https://github.com/apple/swift-protobuf", exact: "1.39.0"),
        // Without what reads configurations, which nothing here does, and what needs all of Foundation.
        .package(url: "https://github.com/hummingbird-project/hummingbird", exact: "2.28.1", traits: []),
        .package(url: "https://github.com/jpsim/Yams", exact: "6.2.2"),
        .package(url: "https://github.com/swift-server/async-http-client", exact: "1.37.0"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle", exact: "2.13.0"),
    ],
    targets: [
        // Vocabulary: pure, importing nothing but the standard library.
        .target(name: "CLinux"),
        .target(name: "Text"),
        .target(name: "DNSWire", dependencies: ["Text"]),
        .target(name: "Flags", dependencies: ["Text"]),
        .target(name: "Corefile", dependencies: ["Text"]),
        .target(name: "Snapshots"),
        .target(name: "Telemetry"),
        .target(name: "Patterns"),
        .target(name: "Expressions", dependencies: ["Patterns"]),
        // How a core waits, and the cluster as data.
        .target(name: "EventLoop", dependencies: ["CLinux"]),
        .target(name: "ClusterModel", dependencies: ["DNSWire", "Text"]),
        // How answering works, how the cluster is followed, zone files.
        .target(name: "DNSServer", dependencies: ["DNSWire", "Corefile", "EventLoop", "Snapshots", "Telemetry"]),
        .target(
            name: "KubernetesAPI",
            dependencies: [
                "ClusterModel", "DNSWire", "EventLoop", "Text", asyncHTTPClient, nioCore, nioPosix, nioHTTP1, nioSSL,
                protobuf, yams,
            ],
            exclude: ["Protos"]),
        .target(
            name: "SecureTransport",
            dependencies: [
                "DNSServer", "DNSWire", "Corefile", "EventLoop", "Telemetry", "Text", nioCore, nioEmbedded, nioPosix,
                nioTLS, nioHTTP1, nioHTTP2, nioHPACK, nioSSL,
            ]),
        .target(
            name: "ClusterSource",
            dependencies: ["KubernetesAPI", "ClusterModel", "DNSWire", "EventLoop", "Snapshots", "Telemetry", "Text"]),
        .systemLibrary(name: "CLDNS"),
        // From archives, so that the program runs where Debian's libraries are not.
        .target(
            name: "ZoneData", dependencies: ["CLDNS", "DNSWire"],
            linkerSettings: [.linkedLibrary(":libldns.a"), .linkedLibrary(":libcrypto.a")]),
        .systemLibrary(name: "CMaxMindDB"),
        .target(name: "GeoData", dependencies: ["CMaxMindDB"]),
        // What a node's network is for the node cache.
        .systemLibrary(name: "CNetlink"),
        .target(name: "NodeHost", dependencies: ["CNetlink", "DNSWire"]),
        // What is answered, and how many answer.
        .target(
            name: "Plugins",
            dependencies: [
                "DNSServer", "DNSWire", "Corefile", "Snapshots", "EventLoop", "Telemetry", "ClusterModel",
                "ClusterSource", "KubernetesAPI", "Patterns", "Expressions", "Text", "GeoData", "ZoneData",
            ]),
        .target(
            name: "Autoscaler", dependencies: ["Flags", "KubernetesAPI", "Telemetry", "Text", asyncHTTPClient, nioCore]),
        // A node's cache as settings and text.
        .target(name: "NodeTier", dependencies: ["Corefile", "Flags", "Plugins", "Text"]),
        // The program.
        .executableTarget(
            name: "cluster-dns",
            dependencies: [
                "Plugins", "DNSServer", "DNSWire", "Corefile", "EventLoop", "Telemetry", "KubernetesAPI", "Autoscaler",
                "Flags", "NodeHost", "NodeTier", "SecureTransport", "Text", "ZoneData", "CLinux", "NoICUData",
                argumentParser, hummingbird,
                hummingbirdCore, httpTypes, log, unixSignals, nioCore,
            ],
            linkerSettings: [
                .unsafeFlags(["-static-stdlib"] + staticFoundation),
                .unsafeFlags(smallProgram, .when(configuration: .release)),
            ]),
        // ICU without its data, which is a third of a program that never asks for it.
        .target(name: "NoICUData"),
        // The embedded cluster, for tests and for people who have none: no part of the program or its image.
        .target(
            name: "ClusterLab",
            dependencies: [
                "Autoscaler", "COpenSSL", "Flags", "Text", hummingbird, hummingbirdHTTP2, httpTypes, yams, nioCore,
                nioSSL,
                log,
            ]),
        // From an archive for the same reason.
        .target(name: "COpenSSL", linkerSettings: [.linkedLibrary(":libcrypto.a")]),
        .executableTarget(
            name: "cluster-dns-lab", dependencies: ["ClusterLab", argumentParser, unixSignals],
            linkerSettings: [.unsafeFlags(["-static-stdlib"] + staticFoundation)]),
        // Tests.
        .target(
            name: "TestKit",
            dependencies: [
                "Plugins", "DNSServer", "DNSWire", "Corefile", "Snapshots", "EventLoop", "Telemetry", "ClusterModel",
                "ClusterSource", "ZoneData",
            ],
            path: "Tests/TestKit"),
        .target(name: "AllocationCounter", path: "Tests/AllocationCounter"),
        .testTarget(name: "StyleTests"),
        .testTarget(name: "TextTests", dependencies: ["Text"]),
        .testTarget(name: "CorefileTests", dependencies: ["Corefile", "Text"]),
        .testTarget(name: "DNSWireTests", dependencies: ["DNSWire", "Text"]),
        .testTarget(name: "PatternsTests", dependencies: ["Patterns"]),
        .testTarget(name: "ExpressionsTests", dependencies: ["Expressions"]),
        .testTarget(name: "EventLoopTests", dependencies: ["EventLoop", "CLinux"]),
        .testTarget(name: "ClusterModelTests", dependencies: ["TestKit", "ClusterModel", "DNSWire", "Text"]),
        .testTarget(
            name: "DNSServerTests",
            dependencies: [
                "TestKit", "DNSServer", "DNSWire", "Corefile", "EventLoop", "Snapshots", "Telemetry", "Text",
            ]),
        .testTarget(
            name: "KubernetesAPITests",
            dependencies: ["KubernetesAPI", "ClusterModel", "DNSWire", "Text", nioCore, nioPosix, nioHTTP1, protobuf]),
        .testTarget(name: "NodeHostTests", dependencies: ["NodeHost", "CNetlink", "DNSWire"]),
        .testTarget(name: "ZoneDataTests", dependencies: ["ZoneData", "ClusterModel", "DNSWire"]),
        .testTarget(
            name: "SecureTransportTests",
            dependencies: [
                "SecureTransport", "DNSServer", "DNSWire", "Corefile", "EventLoop", "Telemetry", "Text", nioCore,
                nioEmbedded, nioPosix, nioHTTP1, nioHTTP2, nioHPACK, nioSSL,
            ]),
        .testTarget(
            name: "PluginsTests",
            dependencies: [
                "TestKit", "Plugins", "DNSServer", "DNSWire", "Corefile", "EventLoop", "Telemetry", "ClusterModel",
                "ClusterSource", "KubernetesAPI", "Snapshots", "Text", "ZoneData",
            ]),
        .testTarget(
            name: "AutoscalerTests", dependencies: ["Autoscaler", "Flags", "KubernetesAPI", "Telemetry", "Text"]),
        .testTarget(name: "NodeTierTests", dependencies: ["NodeTier", "Corefile", "Flags", "Plugins", "Text"]),
        .testTarget(
            name: "ClusterLabTests", dependencies: ["ClusterLab", "Text", asyncHTTPClient, nioCore, nioHTTP1, nioSSL]),
        .testTarget(
            name: "AnswerTests",
            dependencies: [
                "TestKit", "ClusterLab", "KubernetesAPI", "ClusterModel", "Corefile", "DNSServer", "DNSWire", "Plugins",
                "Text", "ZoneData",
            ]),
        .testTarget(
            name: "BudgetsTests",
            dependencies: [
                "AllocationCounter", "Plugins", "DNSServer", "DNSWire", "Corefile", "Snapshots", "EventLoop",
                "Telemetry", "ClusterModel", "ClusterSource",
            ],
            path: "Tests/Budgets", exclude: ["answer.json", "tables.json"]),
    ]
)

let inC: Set = ["AllocationCounter", "CLinux", "NoICUData"]
for target in package.targets where target.type != .system && !inC.contains(target.name) {
    target.swiftSettings = settings
}

// Tests run against the very build that is shipped, so what they look into must be visible in it.
let lookedInto = [
    "Autoscaler", "ClusterLab", "ClusterModel", "KubernetesAPI", "NodeHost", "Plugins", "SecureTransport",
]
for target in package.targets where lookedInto.contains(target.name) {
    target.swiftSettings = settings + [.unsafeFlags(["-enable-testing"])]
}

// `make sanitize`: the runtime as shared libraries, whose names a suppression can give, and nothing that brings a `malloc` of
// its own or leaves symbols out of reports.
if Context.environment["CLUSTER_DNS_SANITIZE"] != nil {
    package.targets.removeAll { ["AllocationCounter", "BudgetsTests"].contains($0.name) }
    for target in package.targets where target.type == .executable { target.linkerSettings = [] }
}

// `make fuzz` names libFuzzer's archive here; nothing else builds these targets, or has code that counts its edges.
if let libFuzzer = Context.environment["CLUSTER_DNS_FUZZ"] {
    let linked: [LinkerSetting] = [.unsafeFlags(["-static-stdlib"] + staticFoundation + [libFuzzer])]
    package.targets += [
        .target(name: "FuzzDriver", path: "Tests/Fuzzing/Driver", swiftSettings: settings),
        .executableTarget(
            name: "MessageFuzzing", dependencies: ["FuzzDriver", "DNSWire", "Text"], path: "Tests/Fuzzing/Messages",
            swiftSettings: settings, linkerSettings: linked),
        .executableTarget(
            name: "Fuzzing",
            dependencies: [
                "FuzzDriver", "TestKit", "ClusterModel", "Corefile", "DNSServer", "DNSWire", "EventLoop", "Expressions",
                "KubernetesAPI", "Patterns", "Plugins", "SecureTransport", "Telemetry", "Text", "ZoneData", nioCore,
                nioHTTP1,
            ],
            path: "Tests/Fuzzing/Targets", swiftSettings: settings, linkerSettings: linked),
    ]
    let counted: Set = [
        "ClusterModel", "ClusterSource", "Corefile", "DNSServer", "DNSWire", "EventLoop", "Expressions",
        "KubernetesAPI", "Patterns", "Plugins", "SecureTransport", "Snapshots", "Telemetry", "Text", "ZoneData",
    ]
    for target in package.targets where counted.contains(target.name) {
        target.swiftSettings = (target.swiftSettings ?? []) + [.unsafeFlags(["-sanitize=fuzzer"])]
    }
}
