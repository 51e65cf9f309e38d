import ClusterModel
import DNSWire
import Testing
import ZoneData

/// A cluster with every kind of Service, asked on the path of answers; what comes out is read by ldns alone.
enum JudgedCluster {
    static let snapshot: ClusterSnapshot = {
        let index = ClusterIndex(options: ModelOptions(pods: .insecure), seed: 42)
        index.apply(objects.map(ObjectChange.stored), now: 1_700_000_000)
        return index.makeSnapshot()
    }()

    static let names: [String] = {
        let below = [
            "", "dns-version.", "ns.dns.", "dns.", "svc.", "pod.", "shop.svc.", "shop.pod.", "ghost.svc.",
            "web.shop.svc.", "WeB.Shop.sVc.", "plain.shop.svc.", "ghost.shop.svc.", "_tcp.web.shop.svc.",
            "_http._tcp.web.shop.svc.", "_dns._udp.web.shop.svc.", "_ghost._tcp.web.shop.svc.",
            "10-1-0-1.web.shop.svc.", "db.shop.svc.", "db-0.db.shop.svc.", "DB-1.db.shop.svc.", "db-9.db.shop.svc.",
            "_sql._tcp.db.shop.svc.", "anon.shop.svc.", "10-0-2-1.anon.shop.svc.", "fd00-2--1.anon.shop.svc.",
            "many.shop.svc.", "_http._tcp.many.shop.svc.", "huge.shop.svc.", "_http._tcp.huge.shop.svc.",
            "mail.shop.svc.", "inner.shop.svc.", "empty.shop.svc.", "10-0-0-7.shop.pod.", "fd00--7.shop.pod.",
            "10-0-0-7.ghost.pod.", String(repeating: "a", count: 63) + ".shop.svc.", "a\\.b.shop.svc.",
        ].map { $0 + "cluster.local." }
        return below + [
            "10.0.96.10.in-addr.arpa.", "1.1.0.10.in-addr.arpa.", "1.2.0.10.in-addr.arpa.", "9.9.9.9.in-addr.arpa.",
            "0.10.in-addr.arpa.", reverse("fd00:96::10"), reverse("fd00:2::1"), reverse("fd00:9::9"),
        ]
    }()

    static let types = ["A", "AAAA", "SRV", "PTR", "TXT", "CNAME", "ANY", "NS", "SOA", "HTTPS"]

    private static func reverse(_ text: String) -> String {
        (IPAddress(text)?.octets ?? []).reversed().map { octet in
            String(octet & 0xF, radix: 16) + "." + String(octet >> 4, radix: 16) + "."
        }.joined() + "ip6.arpa."
    }
}

// MARK: - Objects

extension JudgedCluster {
    private static let objects: [ClusterObject] =
        [
            .namespace(NamespaceObject(name: "shop")),
            service(
                "web", .cluster(addresses(["10.96.0.10", "fd00:96::10"])),
                [("http", "TCP", 80), ("https", "TCP", 443), ("dns", "UDP", 53)]),
            slice("web-1", of: "web", [("http", "TCP", 8080)], [("", "10.1.0.1")]),
            service("plain", .cluster(addresses(["10.96.0.11"])), [("", "TCP", 8080)]),
            service("db", .headless, [("sql", "TCP", 5432)]),
            slice(
                "db-1", of: "db", [("sql", "TCP", 5432)],
                [("db-0", "10.0.1.1"), ("db-1", "10.0.1.2"), ("db-0", "fd00:1::1")]),
            service("anon", .headless, []),
            slice("anon-1", of: "anon", [("", "TCP", 80)], [("", "10.0.2.1"), ("", "fd00:2::1")]),
            service("many", .headless, []),
            service("huge", .headless, []),
            service("empty", .headless, []),
            service("mail", .externalName("mail.example.test"), []),
            service("inner", .externalName("web.shop.svc.cluster.local"), []),
        ] + slices(of: "many", endpoints: 400, network: 0x0A10_0000)
        + slices(of: "huge", endpoints: 5000, network: 0x0A20_0000)

    private static func key(_ name: String) -> ObjectKey { ObjectKey(namespace: "shop", name: name) }

    private static func addresses(_ texts: [String]) -> [IPAddress] { texts.compactMap { IPAddress($0) } }

    private static func service(
        _ name: String, _ addressing: ServiceObject.Addressing, _ ports: [(String, String, UInt16)]
    ) -> ClusterObject {
        let ports = ports.map { ObjectPort(name: $0.0, transport: $0.1, number: $0.2) }
        return .service(ServiceObject(key: key(name), addressing: addressing, ports: ports))
    }

    private static func slice(
        _ name: String, of service: String, _ ports: [(String, String, UInt16)], _ endpoints: [(String, String)]
    ) -> ClusterObject {
        let endpoints = endpoints.map { Endpoint(addresses: addresses([$0.1]), hostname: $0.0) }
        let ports = ports.map { ObjectPort(name: $0.0, transport: $0.1, number: $0.2) }
        return .endpointSlice(
            EndpointSliceObject(key: key(name), service: service, ports: ports, endpoints: endpoints))
    }

    /// Slices of a hundred endpoints, as the controller makes them.
    private static func slices(of service: String, endpoints: Int, network: UInt32) -> [ClusterObject] {
        stride(from: 0, to: endpoints, by: 100).map { first in
            slice(
                "\(service)-\(first)", of: service, [("http", "TCP", 80), ("https", "TCP", 443)],
                (first..<min(first + 100, endpoints)).map { ("", "\(IPAddress(v4: network + UInt32($0)))") })
        }
    }
}

// MARK: - Asking

extension JudgedCluster {
    /// What the writer says it wrote, and what ldns found.
    struct Verdict {
        let octets: [UInt8]
        let counts: [Int]
        let isTruncated: Bool
        let decoded: DecodedMessage
    }

    /// - Parameters:
    ///   - text: `name TYPE`, the name absolute.
    ///   - size: the most octets of the response.
    static func ask(_ text: String, size: Int, edns: Bool) throws -> Verdict {
        let words = text.split(separator: " ").map(String.init)
        let wire = try #require(Name.wireKeepingCase(words[0]))
        let type = try #require(RecordType(words[1]))
        var octets: [UInt8] = [0x12, 0x34, 1, 0, 0, 1, 0, 0, 0, 0, 0, edns ? 1 : 0] + wire
        octets += [UInt8(type.rawValue >> 8), UInt8(type.rawValue & 0xFF), 0, 1]
        if edns { octets += [0, 0, 41, 0x04, 0xD0, 0, 0, 0x80, 0, 0, 0] }
        let zone = try #require(zones.first { withBytes(wire) { Name($0) }.isSubdomain(of: $0.name) })
        let (message, scratch, buffer) = (ByteBlock(octets), ByteBlock(capacity: 255), ByteBlock(capacity: 65_535))
        let primary = ByteBlock(zones[0].name.wire)
        var query = Query()
        #expect(QuestionParser.parse(message.view, into: &query, scratch: scratch.bytes) == .accepted)
        var response = MessageWriter(buffer.bytes)
        response.begin(message.view, query, size: size)
        let question = ClusterQuestion(
            name: query.name, folded: query.folded, type: type, nameOffset: 12, zoneLength: zone.name.wire.count,
            zoneIsReverse: zone.isReverse, ttl: 30, rotation: 0)
        let answer = withExtendedLifetime(snapshot) {
            snapshot.view.answer(question, primaryZone: primary.view, to: &response)
        }
        if answer == .noSuchName { response.code = .nameError }
        let length = response.finish(query)
        let sent = buffer.bytes.view(length).array
        withExtendedLifetime((message, scratch, primary, buffer)) {}
        return Verdict(
            octets: sent, counts: [response.answers, response.authorities, response.additionals].map { Int($0) },
            isTruncated: response.isTruncated, decoded: try MessageText.text(of: sent))
    }

    private static let zones = ["cluster.local", "in-addr.arpa", "ip6.arpa"].compactMap { Name($0) }.map(
        ClusterZone.init)
}
