import DNSWire
import TestKit
import Testing

@testable import ClusterModel

/// A cluster of 8,200 services and 150,000 endpoints, which is what one replica is to hold.
enum LargeCluster {
    static let serviceCount = 8200
    static let endpointsOfOne = 18

    static func services() -> [ClusterObject] {
        (0..<serviceCount).map { index in
            let path = "team-\(index % 80)/service-\(index)"
            return index % 3 == 0
                ? headless(path)
                : service(
                    path, ["10.\(96 + index / 65536).\(index / 256 % 256).\(index % 256)"],
                    ports: ["http/TCP/80", "https/TCP/443"])
        }
    }

    static func endpoints(of index: Int, shift: Int = 0) -> ClusterObject {
        let endpoints = (0..<(endpointsOfOne + (index % 10 < 3 ? 1 : 0))).map { number in
            let position = UInt32(truncatingIfNeeded: index * 20 + number + shift)
            return Endpoint(
                addresses: [IPAddress(v4: 0x0B00_0000 + position)],
                hostname: index % 3 == 0 ? "service-\(index)-\(number)" : "",
                podName: "service-\(index)-abcde-\(number)")
        }
        return slice(
            "team-\(index % 80)/service-\(index)-x7k2p", of: "service-\(index)",
            ports: ["http/TCP/80", "https/TCP/443"],
            endpoints)
    }
}

@Suite("memory and time, as promised", .serialized) struct Footprint {
    private static func fill(_ index: ClusterIndex) {
        index.apply((0..<80).map { .stored(namespace("team-\($0)")) }, now: 1)
        index.apply([.relistStarted(.service)], now: 1)
        for object in LargeCluster.services() { index.apply([.stored(object)], now: 1) }
        index.apply([.relistFinished(.service), .relistStarted(.endpointSlice)], now: 1)
        for service in 0..<LargeCluster.serviceCount {
            index.apply([.stored(LargeCluster.endpoints(of: service))], now: 1)
        }
        index.apply([.relistFinished(.endpointSlice)], now: 1)
    }

    @Test("8,200 services and 150,000 endpoints in 25 MB, a relist in a quarter more") func memory() {
        let index = ClusterIndex(options: ModelOptions(), seed: 7)
        let clock = ContinuousClock()
        let filling = clock.measure { Self.fill(index) }
        var snapshot = index.makeSnapshot()
        let held = index.octetCount + snapshot.octetCount
        let endpoints = (0..<LargeCluster.serviceCount).reduce(0) {
            $0 + LargeCluster.endpointsOfOne + ($1 % 10 < 3 ? 1 : 0)
        }
        var peak = held
        index.apply([.relistStarted(.endpointSlice)], now: 2)
        for service in 0..<LargeCluster.serviceCount {
            index.apply([.stored(LargeCluster.endpoints(of: service))], now: 2)
            if service % 512 == 0 { peak = max(peak, index.octetCount + snapshot.octetCount) }
        }
        index.apply([.relistFinished(.endpointSlice)], now: 2)
        #expect(!index.hasChanges)
        var rebuild = Duration.zero
        for round in 1...200 {
            let slice = LargeCluster.endpoints(of: round * 37, shift: round % 2)
            rebuild += clock.measure {
                index.apply([.stored(slice)], now: UInt32(round))
                snapshot = index.makeSnapshot()
            }
        }
        print(
            "\(endpoints) endpoints: index and snapshot \(held) octets, \(held / endpoints) each;",
            "tables alone \(snapshot.octetCount), \(snapshot.octetCount / endpoints) each; relist peak \(peak);",
            "filled in \(filling); one slice to snapshot \(rebuild / 200)")
        #expect(held <= 25 << 20)
        #expect(peak <= held + held / 4)
        withExtendedLifetime(snapshot) {}
    }

    @Test("an answer costs well under a microsecond") func speed() {
        let dns = TestCluster()
        Self.fill(dns.index)
        dns.apply([])
        for text in [
            "service-4.team-4.svc A", "service-3.team-3.svc A", "service-3.team-3.svc SRV",
            "_http._tcp.service-4.team-4.svc SRV",
            "ghost.team-4.svc A", "11-0-0-82.service-4.team-4.svc A", "82.0.0.11.in-addr.arpa. PTR",
        ] {
            measure(dns, text)
        }
    }

    private func measure(_ dns: TestCluster, _ text: String) {
        let parts = text.split(separator: " ").map(String.init)
        let full = parts[0].hasSuffix(".") ? parts[0] : parts[0] + ".cluster.local."
        let isReverse = full.hasSuffix("arpa.")
        let wire = ByteBlock(Name.wireKeepingCase(full) ?? [0])
        let zone = ByteBlock(Name(isReverse ? "in-addr.arpa" : "cluster.local")?.wire ?? [0])
        var query = Query()
        query.questionEnd = 0
        let buffer = ByteBlock(capacity: 4096)
        var response = MessageWriter(buffer.bytes)
        let question = ClusterQuestion(
            name: wire.view, folded: wire.view, type: RecordType(parts[1]) ?? .a, nameOffset: 12,
            zoneLength: zone.view.count, zoneIsReverse: isReverse, ttl: 5, rotation: 1)
        let view = dns.snapshot.view
        let rounds = 100_000
        var answers = 0
        let time = ContinuousClock().measure {
            for _ in 0..<rounds {
                response.begin(.empty, query, size: 1232)
                if view.answer(question, primaryZone: zone.view, to: &response) == .records { answers += 1 }
            }
        }
        withExtendedLifetime((wire, zone, dns, buffer)) {}
        print("\(text): \(time / rounds) each, \(response.answers) records")
        #expect(answers == rounds || text.hasPrefix("ghost"))
    }
}
