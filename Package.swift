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
let nioPosix = Target.Dependency.product(name: "NIOPosix", package: "swift-nio")
let nioSSL = Target.Dependency.product(name: "NIOSSL", package: "swift-nio-ssl")
let nioHTTP1 = Target.Dependency.product(name: "NIOHTTP1", package: "swift-nio")
let nioHTTP2 = Target.Dependency.product(name: "NIOHTTP2", package: "swift-nio-http2")
let nioFoundationCompat = Target.Dependency.product(name: "NIOFoundationCompat", package: "swift-nio")
let hummingbird = Target.Dependency.product(name: "Hummingbird", package: "hummingbird")
let hummingbirdTLS = Target.Dependency.product(name: "HummingbirdTLS", package: "hummingbird")
let hummingbirdHTTP2 = Target.Dependency.product(name: "HummingbirdHTTP2", package: "hummingbird")
let yams = Target.Dependency.product(name: "Yams", package: "Yams")
let protobuf = Target.Dependency.product(name: "SwiftProtobuf", package: "swift-protobuf")
let x509 = Target.Dependency.product(name: "X509", package: "swift-certificates")
let crypto = Target.Dependency.product(name: "Crypto", package: "swift-crypto")
let asn1 = Target.Dependency.product(name: "SwiftASN1", package: "swift-asn1")
let httpTypes = Target.Dependency.product(name: "HTTPTypes", package: "swift-http-types")
let argumentParser = Target.Dependency.product(name: "ArgumentParser", package: "swift-argument-parser")
let log = Target.Dependency.product(name: "Logging", package: "swift-log")
let unixSignals = Target.Dependency.product(name: "UnixSignals", package: "swift-service-lifecycle")
let lifecycle = Target.Dependency.product(name: "ServiceLifecycle", package: "swift-service-lifecycle")

/// The program carries the Swift runtime and Foundation in itself, so that an image needs no toolchain; these are the
/// libraries that Foundation's static archives need and the linker does not add by itself.
let staticFoundation = [
    "CoreFoundation", "_FoundationICU", "_FoundationCShims", "_FoundationCollections", "dispatch", "BlocksRuntime",
    "swiftSynchronization", "stdc++",
].map { "-l" + $0 }

let package = Package(
    name: "cluster-dns",
    products: [
        .executable(name: "cluster-dns", targets: ["cluster-dns"])
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        .package(url: "https://github.com/apple/swift-asn1", from: "1.4.0"),
        .package(url: "https://github.com/apple/swift-http-types", from: "1.4.0"),
        .package(url: "https://github.com/apple/swift-certificates", from: "1.21.1"),
        .package(url: "https://github.com/apple/swift-crypto", from: "4.5.2"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
        .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"),
        .package(url: "https://github.com/apple/swift-nio-http2", from: "1.46.0"),
        .package(url: "https://github.com/apple/swift-nio-ssl", from: "2.37.6"),
        .package(url: "https://github.com/apple/swift-protobuf", from: "1.39.0"),
        .package(url: "https://github.com/hummingbird-project/hummingbird", from: "2.28.1"),
        .package(url: "https://github.com/jpsim/Yams", from: "6.2.2"),
        .package(url: "https://github.com/swift-server/async-http-client", from: "1.37.0"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.13.0"),
    ],
    targets: [
        // Vocabulary: pure, importing nothing but the standard library.
        .target(name: "CLinux"),
        .target(name: "DNSWire"),
        .target(name: "Corefile"),
        .target(name: "Snapshots"),
        .target(name: "Telemetry"),
        .target(name: "Patterns"),
        .target(name: "Expressions", dependencies: ["Patterns"]),
        // How a core waits, and the cluster as data.
        .target(name: "EventLoop", dependencies: ["CLinux", "Snapshots", "Telemetry"]),
        .target(name: "ClusterModel", dependencies: ["DNSWire", "Snapshots"]),
        // How answering works, how the cluster is followed, zone files, the embedded cluster.
        .target(name: "DNSServer", dependencies: ["DNSWire", "Corefile", "Snapshots", "EventLoop", "Telemetry"]),
        .target(
            name: "KubernetesAPI",
            dependencies: [
                "ClusterModel", "DNSWire", "Telemetry", asyncHTTPClient, nioCore, nioPosix, nioHTTP1, nioSSL,
                nioFoundationCompat, protobuf, yams,
            ],
            exclude: ["Protos"]),
        .target(
            name: "SecureTransport",
            dependencies: [
                "DNSServer", "DNSWire", "Corefile", "EventLoop", "Telemetry", nioCore, nioPosix, nioHTTP1, nioHTTP2,
                nioSSL,
            ]),
        .systemLibrary(name: "CLDNS"),
        .target(name: "ZoneData", dependencies: ["CLDNS", "DNSWire"]),
        .target(
            name: "ClusterLab",
            dependencies: [
                "ClusterModel", hummingbird, hummingbirdTLS, hummingbirdHTTP2, httpTypes, yams, x509, asn1, crypto,
                nioCore, nioPosix, nioSSL, log, lifecycle,
            ]),
        // What is answered.
        .target(
            name: "Plugins",
            dependencies: [
                "DNSServer", "DNSWire", "Corefile", "Snapshots", "EventLoop", "Telemetry", "ClusterModel",
                "KubernetesAPI", "Patterns", "Expressions",
            ],
            exclude: [
                "Access/acl.md", "AutoPath/autopath.md", "Bind/bind.md", "Cache/cache.md", "DNS64/dns64.md",
                "Errors/errors.md", "External/k8s_external.md", "Forward/forward.md", "Health/health.md",
                "Hosts/hosts.md", "Kubernetes/kubernetes.md", "LoadBalance/loadbalance.md", "Log/log.md",
                "Loop/loop.md", "Metadata/metadata.md", "Prometheus/prometheus.md", "Ready/ready.md",
                "Reload/reload.md", "Rewrite/rewrite.md", "Template/template.md", "TLS/tls.md", "Transfer/transfer.md",
                "View/view.md", "Whoami/whoami.md",
            ]),
        .target(name: "Autoscaler", dependencies: ["KubernetesAPI", "Telemetry", asyncHTTPClient, nioCore]),
        // The program.
        .executableTarget(
            name: "cluster-dns",
            dependencies: [
                "Plugins", "DNSServer", "DNSWire", "Corefile", "Snapshots", "EventLoop", "Telemetry", "ClusterModel",
                "KubernetesAPI", "ClusterLab", "Autoscaler", "SecureTransport", "CLinux", argumentParser, hummingbird, httpTypes, log, lifecycle, unixSignals, crypto,
                nioCore,
            ],
            linkerSettings: [.unsafeFlags(["-static-stdlib"] + staticFoundation)]),
        // Tests.
        .target(
            name: "TestKit",
            dependencies: [
                "Plugins", "DNSServer", "DNSWire", "Corefile", "Snapshots", "EventLoop", "Telemetry", "ClusterModel",
                "KubernetesAPI", "ClusterLab", "ZoneData",
            ],
            path: "Tests/TestKit"),
        .testTarget(
            name: "DNSServerTests",
            dependencies: ["TestKit", "DNSServer", "DNSWire", "Corefile", "EventLoop", "Telemetry", "ClusterModel"]),
        .testTarget(name: "CorefileTests", dependencies: ["Corefile"]),
        .testTarget(name: "ClusterModelTests", dependencies: ["TestKit", "ClusterModel", "DNSWire", "Snapshots"]),
        .testTarget(name: "DNSWireTests", dependencies: ["DNSWire"]),
        .testTarget(name: "EventLoopTests", dependencies: ["EventLoop"]),
        .testTarget(
            name: "PluginsTests",
            dependencies: [
                "TestKit", "Plugins", "DNSServer", "DNSWire", "Corefile", "Snapshots", "EventLoop", "Telemetry", "ClusterModel",
                "ZoneData", "Patterns", "Expressions",
            ]),
        .testTarget(name: "PatternsTests", dependencies: ["Patterns"]),
        .testTarget(name: "ExpressionsTests", dependencies: ["Expressions"]),
        .testTarget(
            name: "SecureTransportTests", dependencies: ["SecureTransport", "DNSServer", "DNSWire", nioHTTP1]),
        .testTarget(name: "StyleTests"),
        .testTarget(name: "ZoneDataTests", dependencies: ["ZoneData", "ClusterModel", "DNSWire"]),
        .target(name: "AllocationCounter", path: "Tests/AllocationCounter"),
        .testTarget(
            name: "BudgetsTests",
            dependencies: [
                "AllocationCounter", "Plugins", "DNSServer", "DNSWire", "Corefile", "Snapshots", "EventLoop",
                "Telemetry", "ClusterModel",
            ],
            path: "Tests/Budgets", exclude: ["answer.json", "tables.json"]),
        .testTarget(
            name: "KubernetesAPITests",
            dependencies: [
                "KubernetesAPI", "ClusterModel", "DNSWire", nioCore, nioPosix, nioHTTP1, protobuf,
            ]),
        .testTarget(name: "AutoscalerTests", dependencies: ["Autoscaler", "KubernetesAPI", "Telemetry"]),
        .testTarget(name: "ClusterLabTests", dependencies: ["ClusterLab", asyncHTTPClient, nioCore, nioHTTP1, nioSSL]),
    ]
)

for target in package.targets where target.type != .system && !["AllocationCounter", "CLinux"].contains(target.name) {
    target.swiftSettings = settings
}

// Tests run against the very build that is shipped, so what they look into must be visible in it.
for target in package.targets where ["Autoscaler", "ClusterLab", "ClusterModel", "KubernetesAPI", "Plugins", "SecureTransport"].contains(target.name) {
    target.swiftSettings = settings + [.unsafeFlags(["-enable-testing"])]
}
