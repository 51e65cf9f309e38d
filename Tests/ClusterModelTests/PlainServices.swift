import DNSWire
import TestKit
import Testing
import Text

@testable import ClusterModel

/// The short way to a service's records and the general one give the same octets.
@Suite("services without named endpoints") struct PlainServices {
    private static let services = [
        headless("a/s"), service("a/s", ["10.96.0.1", "fd00:96::1"], ports: ["http/TCP/80"]),
    ]
    .compactMap { object -> [UInt8]? in
        guard case .service(let service) = object else { return nil }
        return CompactObject.encode(service)
    }

    private static func octets(_ ports: [String], _ endpoints: [String]) -> [UInt8] {
        guard case .endpointSlice(let object) = slice("a/x", of: "s", ports: ports, endpoints) else { return [] }
        return CompactObject.encode(object, podNames: false)
    }

    @Test("random slices", arguments: 0..<200) func same(_ seed: UInt64) {
        var dice = SeededRandom(seed: seed)
        let ports = Int.random(in: 0..<2, using: &dice) == 0 ? [] : ["http/TCP/80", "dns/UDP/53"]
        let slices = (0..<Int.random(in: 0...3, using: &dice)).map { _ in
            Self.octets(
                ports, (0..<Int.random(in: 0...5, using: &dice)).map { _ in dice.pick(RandomCluster.addresses) })
        }
        for service in Self.services {
            #expect(
                PlainService(service: service, slices: slices)?.encoded()
                    == ServiceEncoder.encodeAny(service: service, slices: slices, isImport: false, zone: nil))
        }
    }

    @Test("what is not plain goes the general way") func notPlain() {
        let (named, ports, plain) = (
            Self.octets([], ["web-0=10.0.0.1"]), Self.octets(["http/TCP/80"], ["10.0.0.2"]),
            Self.octets([], ["10.0.0.3"])
        )
        for mixed in [[named], [plain, named], [ports, plain]] {
            #expect(PlainService(service: Self.services[0], slices: mixed) == nil)
        }
        #expect(PlainService(service: Self.services[0], slices: [plain]) != nil)
    }
}
