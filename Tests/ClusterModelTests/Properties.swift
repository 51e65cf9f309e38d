import DNSWire
import TestKit
import Testing
import Text

@testable import ClusterModel

extension SeededRandom {
    mutating func pick<Element>(_ elements: [Element]) -> Element {
        elements[Int.random(in: 0..<elements.count, using: &self)]
    }
}

/// Small worlds with few names and addresses, so that everything meets everything.
struct RandomCluster {
    static let namespaces = ["a", "b"]
    static let services = ["s0", "s1", "s2", "s3", "s4"]
    static let labels = ["", "", "", "web-0", "web-1", "tcp", "10-0-0-1"]
    static let ports = ["http/TCP/80", "http/UDP/80", "dns/UDP/53", "TCP/80", "https/TCP/443"]
    static let addresses = (0..<8).map { "10.0.0.\($0)" } + (0..<4).map { "fd00::\($0)" }
    var dice: SeededRandom

    mutating func ports() -> [String] { (0..<Int.random(in: 0...3, using: &dice)).map { _ in dice.pick(Self.ports) } }

    mutating func object() -> ClusterObject {
        let space = dice.pick(Self.namespaces)
        let path = "\(space)/\(dice.pick(Self.services))"
        switch Int.random(in: 0..<10, using: &dice) {
        case 0: return namespace(space)
        case 1: return externalName(path, dice.pick(["x.test", "10.0.0.1"]))
        case 2, 3:
            let last = Int.random(in: 0..<9, using: &dice)
            return service(
                path, dice.pick([["10.96.0.\(last)"], ["10.96.0.\(last)", "fd00:96::\(last)"], []]), ports: ports())
        case 4: return headless(path, ports: ports())
        case 5: return pod("\(space)/p\(Int.random(in: 0..<4, using: &dice))", [dice.pick(Self.addresses)])
        default:
            let endpoints = (0..<Int.random(in: 0...4, using: &dice)).map { _ in
                let label = dice.pick(Self.labels)
                return (label.isEmpty ? "" : label + "=") + dice.pick(Self.addresses)
            }
            return slice(
                "\(space)/l\(Int.random(in: 0..<8, using: &dice))", of: dice.pick(Self.services + [""]), ports: ports(),
                endpoints)
        }
    }

    static let names: [String] = namespaces.flatMap { space in
        ["\(space).svc", "\(space).pod", "10-0-0-1.\(space).pod", "fd00--1.\(space).pod", "x.\(space).pod"]
            + services.flatMap { service in
                let own = "\(service).\(space).svc"
                return [
                    "", "web-0.", "web-1.", "tcp.", "_tcp.", "_udp.", "10-0-0-1.", "fd00--.", "fd00--0.", "_http._tcp.",
                    "_http._udp.", "_dns._udp.", "http.tcp.", "_https._tcp.",
                ].map { $0 + own }
            }
    }
    static let reverseNames =
        (0..<9).map { "\($0).0.0.10.in-addr.arpa." } + (0..<9).map { "\($0).0.96.10.in-addr.arpa." }
        + (0..<4).map { "\($0)." + String(repeating: "0.", count: 27) + "0.0.d.f.ip6.arpa." }
    static let types = ["A", "AAAA", "SRV", "TXT", "CNAME", "PTR", "SOA", "NS", "MX", "ANY", "HTTPS"]
}

@Suite("what holds in every cluster") struct Properties {
    static let options = [
        ModelOptions(pods: .insecure), ModelOptions(pods: .verified, ignoresEmptyServices: true),
        ModelOptions(namespaces: ["a"], answersEndpoints: false),
    ]

    private func cluster(_ seed: UInt64, events: Int = 40) -> (TestCluster, [ObjectChange]) {
        var world = RandomCluster(dice: SeededRandom(seed: seed))
        var changes = RandomCluster.namespaces.map { ObjectChange.stored(namespace($0)) }
        for _ in 0..<events {
            let object = world.object()
            let isGone = Int.random(in: 0..<4, using: &world.dice) == 0
            changes.append(isGone && object.kind != .namespace ? .deleted(object.kind, object.key) : .stored(object))
        }
        let cluster = TestCluster(Self.options[Int(seed % 3)], seed: seed)
        cluster.apply(changes)
        return (cluster, changes)
    }

    @Test("a name exists for all types or for none (RFC 8020)", arguments: 0..<UInt64(30))
    func existence(_ seed: UInt64) {
        let (dns, _) = cluster(seed)
        for name in RandomCluster.names + RandomCluster.reverseNames {
            let missing = Set(RandomCluster.types.map { dns.ask("\(name) \($0)").outcome == .noSuchName })
            #expect(missing.count == 1, "\(name)")
            if missing == [false], !name.hasSuffix("arpa."), let dot = name.firstIndex(of: ".") {
                let parent = String(name[name.index(after: dot)...])
                #expect(dns.ask("\(parent) A").outcome != .noSuchName, "\(name) exists, its parent does not")
            }
        }
    }

    @Test("every PTR leads to a name with that address", arguments: 0..<UInt64(30))
    func reverse(_ seed: UInt64) {
        // Empty services keep the PTR of their cluster address, as CoreDNS has it.
        let dns = seed % 3 == 1 ? cluster(seed + 1).0 : cluster(seed).0
        for name in RandomCluster.reverseNames {
            for line in dns.ask("\(name) PTR").answer {
                let target = line.split(separator: " ").last.map(String.init) ?? ""
                let found = (dns.ask("\(target) A").answer + dns.ask("\(target) AAAA").answer)
                    .compactMap { IPAddress($0.split(separator: " ").last ?? "") }
                #expect(found.contains { Self.reverseName($0) == name }, "\(line)")
            }
        }
    }

    private static func reverseName(_ address: IPAddress) -> String {
        if address.isIPv4 { return (0..<4).reversed().map { "\(address.octet($0))." }.joined() + "in-addr.arpa." }
        return (0..<16).reversed().map { index in
            let octet = address.octet(index)
            return String(octet & 0xF, radix: 16) + "." + String(octet >> 4, radix: 16) + "."
        }.joined() + "ip6.arpa."
    }

    @Test("the targets of SRV are the addresses of the name", arguments: 0..<UInt64(30))
    func servers(_ seed: UInt64) {
        let (dns, _) = cluster(seed)
        for name in RandomCluster.names {
            let reply = dns.ask("\(name) SRV")
            guard reply.outcome == .records else { continue }
            func addresses(_ lines: [String]) -> Set<Substring> {
                Set(lines.compactMap { $0.split(separator: " ").last })
            }
            let direct = addresses(dns.ask("\(name) A").answer + dns.ask("\(name) AAAA").answer)
            #expect(addresses(reply.additional).isSubset(of: direct), "\(name)")
            #expect(Set(reply.answer).count == reply.answer.count, "\(name)")
            #expect(Set(reply.additional).count == reply.additional.count, "\(name)")
            for target in addresses(reply.answer) {
                let own = addresses(dns.ask("\(target) A").answer + dns.ask("\(target) AAAA").answer)
                #expect(!own.isEmpty && reply.additional.contains { $0.hasPrefix(target) }, "\(target)")
            }
        }
    }

    @Test("events one by one end where a list begins", arguments: 0..<UInt64(12))
    func convergence(_ seed: UInt64) {
        let (whole, changes) = cluster(seed)
        let steps = TestCluster(Self.options[Int(seed % 3)], seed: seed &+ 1)
        var final: [ObjectKind: [ObjectKey: ClusterObject]] = [:]
        for change in changes {
            steps.apply([change])
            switch change {
            case .stored(let object): final[object.kind, default: [:]][object.key] = object
            case .deleted(let kind, let key): final[kind]?[key] = nil
            default: break
            }
        }
        let listed = TestCluster(Self.options[Int(seed % 3)], seed: seed)
        listed.store((0..<20).map { _ in headless("a/stale") } + [pod("a/stale", ["10.0.0.1"]), namespace("stale")])
        for kind in ObjectKind.allCases { listed.relist(kind, Array((final[kind] ?? [:]).values)) }
        for name in RandomCluster.names + RandomCluster.reverseNames {
            for type in ["A", "AAAA", "SRV", "PTR"] {
                let replies = [whole, steps, listed].map { cluster in
                    let reply = cluster.ask("\(name) \(type)")
                    return [reply.answer.sorted(), reply.additional.sorted(), ["\(reply.outcome)"]]
                }
                #expect(replies[0] == replies[1] && replies[0] == replies[2], "\(name) \(type)")
            }
        }
    }

    @Test("whatever is answered otherwise after a change was told", arguments: 0..<UInt64(24))
    func changesAreTold(_ seed: UInt64) {
        var world = RandomCluster(dice: SeededRandom(seed: seed))
        let cluster = TestCluster(Self.options[Int(seed % 3)], seed: seed)
        cluster.index.notesChanges = true
        var before = answers(of: cluster)
        for _ in 0..<30 {
            let object = world.object()
            let isGone = Int.random(in: 0..<4, using: &world.dice) == 0
            cluster.apply([isGone ? .deleted(object.kind, object.key) : .stored(object)])
            let told = cluster.index.drainChanges().map(Set.init)
            let after = answers(of: cluster)
            for (question, answer) in after where answer != before[question] {
                // Nil is anything.
                guard let told, let key = cluster.changeKey(of: question) else { continue }
                #expect(told.contains(key), "\(question) after \(isGone ? "the end of " : "")\(object)")
            }
            before = after
        }
    }

    /// What every name says of the types that have records, in any order.
    private func answers(of cluster: TestCluster) -> [String: [String]] {
        var all: [String: [String]] = [:]
        for name in RandomCluster.names + RandomCluster.reverseNames {
            for type in ["A", "AAAA", "SRV", "PTR"] {
                let reply = cluster.ask("\(name) \(type)")
                all["\(name) \(type)"] = ["\(reply.outcome)"] + reply.answer.sorted()
            }
        }
        return all
    }

    @Test("while nobody listens nothing is noted") func silence() {
        let cluster = TestCluster([namespace("a"), service("a/s", ["10.96.0.1"])])
        _ = cluster.index.drainChanges()
        cluster.store(service("a/s", ["10.96.0.2"]))
        #expect(cluster.index.drainChanges() == [])
    }

    @Test("no name from outside ends the process", arguments: 0..<UInt64(20))
    func hostileNames(_ seed: UInt64) {
        let (dns, _) = cluster(seed)
        var dice = SeededRandom(seed: seed)
        let zone = Array("\u{7}cluster\u{5}local\u{0}".utf8)
        let parts = [
            "svc", "pod", "a", "s0", "_tcp", "_http", "_", "--", "-", "10-0-0-1", "1--1", "dns", "ns", "in-addr",
        ]
        for _ in 0..<200 {
            var wire: [UInt8] = []
            while Int.random(in: 0..<6, using: &dice) > 0, wire.count < 170 {
                let isWord = Bool.random(using: &dice)
                let label =
                    isWord
                    ? Array(dice.pick(parts).utf8)
                    : (0..<Int.random(in: 1...63, using: &dice)).map { _ in UInt8.random(in: 0...255, using: &dice) }
                wire += [UInt8(label.count)] + label
            }
            let ending = dice.pick([
                zone, Array("\u{7}in-addr\u{4}arpa\u{0}".utf8), Array("\u{3}ip6\u{4}arpa\u{0}".utf8),
            ])
            _ = dns.ask(wire: wire + ending, dice.pick([.a, .aaaa, .srv, .ptr, .txt]), size: 60 + wire.count)
        }
    }
}
