import DNSWire
import TestKit
import Testing
import Text

@testable import ClusterModel

@Suite("names of pods") struct PodAnswers {
    static let objects = [
        namespace("t"), namespace("u"), pod("t/p1", ["10.244.1.5", "fd00:244::5"]),
        pod("t/host", ["192.0.2.1"], usesHostNetwork: true), pod("u/host", ["192.0.2.1"], usesHostNetwork: true),
    ]

    @Test func insecure() {
        let dns = TestCluster(ModelOptions(pods: .insecure), Self.objects)
        #expect(dns.ask("10-244-1-5.t.pod A").answer == ["10-244-1-5.t.pod.cluster.local. 30 A 10.244.1.5"])
        #expect(dns.ask("1-2-3-4.t.pod A").outcome == .records)
        #expect(dns.ask("1-2-3-4.t.pod AAAA").outcome == .noData)
        #expect(dns.ask("1-2-3-4.t.pod SRV").outcome == .noData)
        #expect(dns.ask("fd00-244--2.t.pod AAAA").answer == ["fd00-244--2.t.pod.cluster.local. 30 AAAA fd00:244::2"])
        #expect(dns.ask("2001-db8-0-0-0-0-0-1.t.pod AAAA").outcome == .records)
        #expect(dns.ask("t.pod A").outcome == .noData)
        for name in [
            "abc.t.pod", "1-2-3-256.t.pod", "1-2-3.t.pod", "1-2-3-04.t.pod", "-1-2-3.t.pod", "1-2-3-4.ghost.pod",
            "x.1-2-3-4.t.pod", "_a._b.1-2-3-4.t.pod", "ghost.pod",
        ] {
            #expect(dns.ask("\(name) A").outcome == .noSuchName, "\(name)")
        }
    }

    @Test func verified() {
        let dns = TestCluster(ModelOptions(pods: .verified), Self.objects)
        #expect(dns.ask("10-244-1-5.t.pod A").outcome == .records)
        #expect(dns.ask("10-244-1-5.t.pod AAAA").outcome == .noData)
        #expect(dns.ask("10-244-1-5.u.pod A").outcome == .noSuchName)
        #expect(dns.ask("1-2-3-4.t.pod A").outcome == .noSuchName)
        #expect(dns.ask("t.pod A").outcome == .noData)
        #expect(dns.ask("fd00-244--5.t.pod AAAA").outcome == .noSuchName, "only status.podIP has a name")
    }

    @Test("pods of one node share its address") func sharedAddress() {
        let dns = TestCluster(ModelOptions(pods: .verified), Self.objects)
        dns.delete(pod("t/host", []))
        #expect(dns.ask("192-0-2-1.t.pod A").outcome == .noSuchName)
        #expect(dns.ask("192-0-2-1.u.pod A").outcome == .records)
        dns.apply([.stored(pod("t/new", ["10.0.0.9"])), .deleted(.pod, ObjectKey(namespace: "t", name: "new"))])
        #expect(dns.ask("10-0-0-9.t.pod A").outcome == .noSuchName)
    }

    @Test("a terminating pod that a list still names has its name until it is deleted") func terminating() {
        let dns = TestCluster(ModelOptions(pods: .verified), Self.objects)
        let (p1, unseen) = (ObjectKey(namespace: "t", name: "p1"), ObjectKey(namespace: "t", name: "unseen"))
        dns.apply([.relistStarted(.pod), .kept(.pod, p1), .kept(.pod, unseen), .relistFinished(.pod)])
        #expect(dns.ask("10-244-1-5.t.pod A").outcome == .records)
        #expect(dns.ask("192-0-2-1.t.pod A").outcome == .noSuchName, "no longer listed")
        dns.apply([.deleted(.pod, p1), .deleted(.pod, unseen)])
        #expect(dns.ask("10-244-1-5.t.pod A").outcome == .noSuchName)
    }

    @Test func namespaceOfAClient() {
        let dns = TestCluster(ModelOptions(pods: .verified), Self.objects)
        #expect(dns.snapshot.view.podNamespace(of: IPAddress(v4: 0x0AF4_0105))?.array == Array("t".utf8))
        #expect(IPAddress("fd00:244::5").flatMap { dns.snapshot.view.podNamespace(of: $0)?.array } == Array("t".utf8))
        #expect(dns.snapshot.view.podNamespace(of: IPAddress(v4: 0xC000_0201)) == nil)
    }

    @Test("an address in doubt stands for no namespace") func doubtfulAddress() {
        var options = ModelOptions()
        options.indexesPods = true
        let dns = TestCluster(options, Self.objects)
        let address = IPAddress(v4: 0x0AF4_0105)
        func namespace() -> [UInt8]? { dns.snapshot.view.podNamespace(of: address)?.array }
        #expect(dns.ask("10-244-1-5.t.pod A").outcome == .noSuchName)
        #expect(namespace() == Array("t".utf8))
        dns.store(pod("t/p2", ["10.244.1.5"]))
        #expect(namespace() == Array("t".utf8))
        let serial = dns.snapshot.serial
        dns.store(pod("u/p3", ["10.244.1.5"]))
        #expect(namespace() == nil)
        dns.delete(pod("t/p1", []))
        dns.delete(pod("t/p2", []))
        #expect(namespace() == Array("u".utf8))
        dns.store(pod("u/p3", ["10.244.1.6"]))
        #expect(namespace() == nil)
        dns.store(pod("t/p4", ["10.244.1.5"], usesHostNetwork: true))
        #expect(namespace() == nil)
        dns.relist(.pod, [pod("t/p5", ["10.244.1.5"])])
        #expect(namespace() == Array("t".utf8))
        #expect(dns.snapshot.serial == serial, "no record has changed")
    }

    @Test("namespaces of pods are forgotten with the last one, and their numbers used again") func numbers() {
        var namespaces = PodNamespaces()
        let (t, u) = (namespaces.enter([1]), namespaces.enter([2]))
        #expect(namespaces.enter([1]) == t)
        namespaces.leave(t)
        #expect(namespaces.label(t) == [1])
        namespaces.leave(t)
        #expect(namespaces.label(t).isEmpty)
        #expect(namespaces.enter([3]) == t)
        #expect(namespaces.label(u) == [2])
        #expect(namespaces.enter([1]) == 2)
        namespaces.leave(9)
        #expect(namespaces.label(9).isEmpty)
    }

    @Test func disabled() {
        let dns = TestCluster(Self.objects)
        #expect(dns.ask("10-244-1-5.t.pod A").outcome == .noSuchName)
        #expect(dns.ask("t.pod A").outcome == .noSuchName)
        #expect(dns.ask("pod A").outcome == .noData)
    }
}

@Suite("addresses as labels") struct AddressLabels {
    @Test("every spelling reads as its text does", arguments: 0..<UInt64(4)) func spellings(_ seed: UInt64) {
        var dice = SeededRandom(seed: seed)
        for _ in 0..<5000 {
            let parts = (0..<Int.random(in: 1...9, using: &dice)).map { _ in
                dice.pick(["", "0", "1", "ff", "ffff", "10"])
            }
            let dashed = Array(parts.joined(separator: "-").utf8)
            guard dashed.filter({ $0 == UInt8(ascii: "-") }).count >= 2 else { continue }
            let isIPv4 = parts.count == 4 && !dashed.isEmpty && !parts.dropFirst().dropLast().contains("")
            let text = parts.joined(separator: isIPv4 ? "." : ":")
            #expect(withBytes(dashed) { IPAddress(dashed: $0) } == IPAddress(text), "\(text)")
        }
    }

    @Test("the label of an address reads back as that address") func roundTrip() {
        var dice = SeededRandom(seed: 9)
        for _ in 0..<2000 {
            let mask = dice.next() & dice.next() & dice.next()
            for address in [IPAddress(v4: UInt32(truncatingIfNeeded: mask)), IPAddress(v6High: mask, low: mask << 40)] {
                let label = AddressLabel(address).array
                #expect(withBytes(label) { IPAddress(dashed: $0) } == address)
                let text = address.description.map { ".:".contains($0) ? "-" : $0 }
                #expect(String(decoding: label, as: UTF8.self) == String(text) + (text.last == "-" ? "0" : ""))
            }
        }
    }
}

@Suite("reverse names") struct ReverseAnswers {
    let dns = TestCluster([
        namespace("t"), service("t/dual", ["10.96.0.12", "fd00:96::12"], ports: ["http/TCP/80"]),
        headless("t/hd"), slice("t/hd-a", of: "hd", ["web-0=10.244.2.1", "10.244.2.2", "fd00:244::2"]),
        headless("t/other"), slice("t/other-a", of: "other", ["10.244.2.2"]),
        externalName("t/ext", "a.test"), slice("t/ext-a", of: "ext", ["10.244.2.3"]),
        slice("t/orphan-a", of: "orphan", ["10.244.2.4"]), slice("t/free-a", of: "", ["10.244.2.5"]),
        service("t/back", ["10.96.0.13"]), slice("t/back-a", of: "back", ["10.96.0.12"]),
    ])

    @Test func clusterAddresses() {
        #expect(
            dns.ask("12.0.96.10.in-addr.arpa. PTR").answer
                == ["12.0.96.10.in-addr.arpa. 30 PTR dual.t.svc.cluster.local."])
        let v6 = "2.1.0.0" + String(repeating: ".0", count: 20) + ".6.9.0.0.0.0.d.f.ip6.arpa."
        #expect(dns.ask("\(v6) PTR").answer == ["\(v6) 30 PTR dual.t.svc.cluster.local."])
    }

    @Test func endpoints() {
        #expect(
            dns.ask("1.2.244.10.in-addr.arpa. PTR").answer
                == ["1.2.244.10.in-addr.arpa. 30 PTR web-0.hd.t.svc.cluster.local."])
        #expect(
            dns.ask("2.2.244.10.in-addr.arpa. PTR").answer.sorted() == [
                "2.2.244.10.in-addr.arpa. 30 PTR 10-244-2-2.hd.t.svc.cluster.local.",
                "2.2.244.10.in-addr.arpa. 30 PTR 10-244-2-2.other.t.svc.cluster.local.",
            ])
    }

    @Test("the name exists for other types, and is not read in any other spelling") func otherQuestions() {
        #expect(dns.ask("1.2.244.10.in-addr.arpa. A").outcome == .noData)
        #expect(dns.ask("in-addr.arpa. PTR").outcome == .noData)
        for name in ["2.244.10", "01.2.244.10", "1.1.2.244.10", "256.2.244.10", "x.2.244.10", "9.9.9.9"] {
            #expect(dns.ask("\(name).in-addr.arpa. PTR").outcome == .noSuchName, "\(name)")
        }
        #expect(dns.ask("dual.t.svc.in-addr.arpa. A").outcome == .noSuchName)
    }

    @Test("only services that have the name in return", arguments: ["3", "4", "5"]) func ownersOnly(_ last: String) {
        #expect(dns.ask("\(last).2.244.10.in-addr.arpa. PTR").outcome == .noSuchName)
    }

    @Test("name servers are the services in front of an address") func nameServers() {
        let address = IPAddress(v4: 0x0AF4_0202)
        let names = dns.snapshot.view.nameServers(behind: [address])
        let labels = names.map { String(decoding: $0.labels, as: UTF8.self) }.sorted()
        #expect(labels.contains("\n10-244-2-2\u{5}other\u{1}t"))
        #expect(labels.allSatisfy { $0.hasSuffix("\u{2}hd\u{1}t") || $0.hasSuffix("\u{5}other\u{1}t") })
        #expect(dns.snapshot.view.nameServers(behind: [address], limit: 1).count == 1)
        dns.delete(namespace("t"))
        #expect(dns.snapshot.view.nameServers(behind: [address]).isEmpty)
    }
}
