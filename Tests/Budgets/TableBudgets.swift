import ClusterModel
import DNSWire
import Foundation
import Testing

@Suite("what the tables of a snapshot may take") struct TableBudgets {
    private static let count = 5000

    private static func octets(_ objects: [ClusterObject]) -> Double {
        let index = ClusterIndex(options: ModelOptions(), seed: 42)
        let names = (0..<20).map { ClusterObject.namespace(NamespaceObject(name: "team-\($0)")) }
        index.apply((names + objects).map(ObjectChange.stored), now: 1)
        return Double(index.makeSnapshot().octetCount)
    }

    private static func key(_ number: Int) -> ObjectKey {
        ObjectKey(namespace: "team-\(number % 20)", name: "service-\(1000 + number)")
    }

    private static func services(_ addressing: (Int) -> ServiceObject.Addressing) -> [ClusterObject] {
        (0..<count).map { number in
            .service(
                ServiceObject(
                    key: key(number), addressing: addressing(number),
                    ports: [
                        ObjectPort(name: "http", transport: "TCP", number: 80),
                        ObjectPort(name: "https", transport: "TCP", number: 443),
                    ]))
        }
    }

    private static func slices(_ endpoints: Int, named: Bool) -> [ClusterObject] {
        (0..<count).map { number in
            .endpointSlice(
                EndpointSliceObject(
                    key: key(number), service: key(number).name,
                    ports: [
                        ObjectPort(name: "http", transport: "TCP", number: 8080),
                        ObjectPort(name: "https", transport: "TCP", number: 8443),
                    ],
                    endpoints: (0..<endpoints).map { position in
                        Endpoint(
                            addresses: [IPAddress(v4: 0x0A00_0000 + UInt32(number * 20 + position))],
                            hostname: named ? "member-\(position)" : "")
                    }))
        }
    }

    private static func clusterAddress(_ number: Int) -> ServiceObject.Addressing {
        .cluster([IPAddress(v4: 0x0A60_0000 + UInt32(number))])
    }

    private static let podCount = 150_000

    /// Octets of each of 150,000 pods, the writer's included: what following pods adds to a cluster.
    private static func octetsOfPods(addresses: Int) -> Double {
        var options = ModelOptions()
        options.indexesPods = true
        let index = ClusterIndex(options: options, seed: 42)
        let before = index.octetCount + index.makeSnapshot().octetCount
        let pods = (0..<podCount).map { number in
            let all = [IPAddress(v4: 0x0A00_0000 + UInt32(number)), IPAddress(v6High: 0xFD00, low: UInt64(number))]
            return ClusterObject.pod(
                PodObject(
                    key: ObjectKey(namespace: "team-\(number % 300)", name: "pod-\(number)"),
                    addresses: Array(all.prefix(addresses))))
        }
        index.apply(pods.map(ObjectChange.stored), now: 1)
        return Double(index.makeSnapshot().octetCount + index.octetCount - before) / Double(podCount)
    }

    @Test("octets of each Service and each endpoint, 5,000 Services in 20 namespaces") func octets() throws {
        let budgets = try BudgetFile.read("tables.json", as: [String: BudgetFile.Octets].self)
        let empty = Self.octets([])
        let plain = Self.octets(Self.services(Self.clusterAddress))
        let headless = Self.services { _ in .headless }
        let one = Self.octets(headless + Self.slices(1, named: false))
        let many = Self.octets(headless + Self.slices(20, named: false))
        let named = Self.octets(headless + Self.slices(20, named: true))
        let ready = Self.octets(Self.services(Self.clusterAddress) + Self.slices(20, named: false))
        let services = Double(Self.count)
        var measured = [
            "Service with a cluster address and two ports": (plain - empty) / services,
            "headless Service with one endpoint": (one - empty) / services,
            "endpoint of a headless Service": (many - one) / (services * 19),
            "endpoint with a host name": (named - empty) / (services * 20),
            "endpoint of a Service with a cluster address": (ready - plain) / (services * 20),
        ]
        measured["pod with one address, for completion of names"] = Self.octetsOfPods(addresses: 1)
        measured["pod with an address of each family"] = Self.octetsOfPods(addresses: 2)
        #expect(Set(measured.keys) == Set(budgets.keys))
        for (name, octets) in measured.sorted(by: { $0.key < $1.key }) {
            print("\(name): \(octets) octets")
            let budget = try #require(budgets[name])
            #expect(octets <= budget.octets, "\(name): \(budget.why)")
        }
    }
}
