import Corefile
import DNSServer
import DNSWire
import EventLoop

/// One `forward` line: which names go to which upstreams, and how.
struct ForwardSettings: Sendable {
    enum Policy: String, CaseIterable, Sendable {
        case random
        case roundRobin = "round_robin"
        case sequential
    }

    var from = Name.root
    /// Names below `from` that are not forwarded.
    var except: [Name] = []
    var targets: [UpstreamTarget] = []
    var policy = Policy.random
    /// Asks over TCP only.
    var forcesTCP = false
    /// Nanoseconds after which an unused connection is closed.
    var expire: UInt64 = 10_000_000_000
    /// Failed probes in a row that an upstream may have and still count as healthy; 0 switches probes off.
    var maximumFailures = 2
    /// Nanoseconds between probes.
    var probeInterval: UInt64 = 500_000_000
    var probeAsksRecursion = true
    var probeName = Name.root
    /// Clients' queries that may wait at once; 0 for no limit but the server's own.
    var maximumConcurrent = 0
    /// Nanoseconds to wait for one reply.
    var readTimeout: UInt64 = 2_000_000_000
    /// Tries for one question; nil for twice the number of upstreams.
    var maximumAttempts: Int?
    /// Connections kept to one upstream; 0 for no limit.
    var maximumIdleConnections = 0
    /// Nanoseconds a connection lives; 0 for no limit.
    var maximumAge: UInt64 = 0
    /// Codes that make the next upstream be asked.
    var failover: Set<ResponseCode> = []
    /// Codes that make the next `forward` line be asked.
    var next: Set<ResponseCode> = []
    var nextOnNoData = false
    var failsWhenAllAreDown = false
    /// How upstreams of `tls://` and `https://` are judged, and what they are shown.
    var credentials: UpstreamCredentials?
    /// Where `tls` stands, for messages about its files.
    var credentialsAt: SourcePosition?
    /// What the certificates of upstreams have to name that say nothing of it themselves.
    var serverName: String?
    /// Queries over HTTPS stand in the path.
    var asksByGET = false
    /// Queries without RD are sent, too.
    var asksWithoutRecursion = false
    /// Names that the handlers behind may answer when the upstreams have NXDOMAIN or nothing for them.
    var fallthroughZones: [Name]?
    /// Properties that were read but change nothing in this build.
    var ineffective: [String] = []
    /// Where the line stands, for messages.
    var at: SourcePosition

    /// Nanoseconds that one question may take in all.
    static let questionTimeout: UInt64 = 5_000_000_000
    static let mostTargets = 15
}
