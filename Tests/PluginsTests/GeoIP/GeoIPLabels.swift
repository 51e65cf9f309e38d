import DNSServer
import Foundation
import TestKit
import Testing

@Suite("geoip: where clients are") struct GeoIPLabels {
    private static let city: LocationFile = {
        var file = LocationFile(type: "GeoLite2-City")
        file.add(
            "192.0.2.0/24",
            .map([
                ("city", .map([("names", .map([("de", .text("Cambridge (de)")), ("en", .text("Cambridge"))]))])),
                (
                    "continent",
                    .map([("code", .text("EU")), ("names", .map([("en", .text("Europe"))]))])
                ),
                (
                    "country",
                    .map([
                        ("is_in_european_union", .boolean(true)), ("iso_code", .text("GB")),
                        ("names", .map([("en", .text("United Kingdom"))])),
                    ])
                ),
                (
                    "location",
                    .map([
                        ("latitude", .number(52.2242)), ("longitude", .number(-3)),
                        ("time_zone", .text("Europe/London")),
                    ])
                ),
                ("postal", .map([("code", .text("CB4"))])),
                (
                    "subdivisions",
                    .list([.map([("iso_code", .text("ENG"))]), .map([("iso_code", .text("CAM"))])])
                ),
            ]))
        file.add("2001:db8::/32", .map([("country", .map([("iso_code", .text("SE"))]))]))
        file.add("198.51.100.0/24", .map([("location", .map([("latitude", .number(0.000025))]))]))
        return file
    }()

    private static let network: LocationFile = {
        var file = LocationFile(type: "GeoLite2-ASN")
        file.add(
            "192.0.2.0/24",
            .map([
                ("autonomous_system_number", .integer(64496)), ("autonomous_system_organization", .text("Example Ltd")),
            ]))
        return file
    }()

    /// A file in a folder of its own, and that folder gone afterwards.
    private func withFile<Result>(_ octets: [UInt8], _ body: (String) throws -> Result) throws -> Result {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("geoip-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let file = folder.appendingPathComponent("test.mmdb")
        try Data(octets).write(to: file)
        return try body(file.path)
    }

    /// The value of a label, as it is sent upstream.
    private func label(
        _ label: String, of file: LocationFile = city, options: [UInt8] = [], from client: String = "192.0.2.77",
        _ property: String = ""
    ) throws -> String? {
        try withFile(file.octets) { path in
            let dns = try MemoryServer(
                "metadata\ngeoip \(path) {\n\(property)\n}\nrewrite edns0 local set 0xffee {\(label)}\nforward . @UPSTREAM@"
            ) { [$0.reply([.a("a.test.", "192.0.2.1")])] }
            _ = dns.begin(WireText.query("a.test. A", id: 7, dnssecOK: false, options: options), from: client)
            let sent = try #require(dns.queries.first)
            return WireText.options(sent.octets)?.first.map { option in
                let digits = Array(option.dropFirst("65518=".count))
                let octets = stride(from: 0, to: digits.count, by: 2).compactMap {
                    UInt8(String(digits[$0...($0 + 1)]), radix: 16)
                }
                return String(decoding: octets, as: UTF8.self)
            }
        }
    }

    @Test(
        "labels of a city",
        arguments: [
            ("geoip/city/name", "Cambridge"), ("geoip/continent/code", "EU"), ("geoip/continent/name", "Europe"),
            ("geoip/country/code", "GB"), ("geoip/country/name", "United Kingdom"),
            ("geoip/country/is_in_european_union", "true"), ("geoip/latitude", "52.2242"), ("geoip/longitude", "-3"),
            ("geoip/timezone", "Europe/London"), ("geoip/postalcode", "CB4"), ("geoip/subdivisions/code", "ENG,CAM"),
        ])
    func city(_ name: String, _ value: String) throws {
        #expect(try label(name) == value)
    }

    @Test("labels of a network") func network() throws {
        #expect(try label("geoip/asn/number", of: Self.network) == "64496")
        #expect(try label("geoip/asn/org", of: Self.network) == "Example Ltd")
        #expect(try label("geoip/asn/number", of: Self.network, from: "203.0.113.1") == "0")
        #expect(try label("geoip/city/name", of: Self.network) == nil)
    }

    @Test("clients that are not in it") func missing() throws {
        #expect(try label("geoip/latitude", from: "203.0.113.1") == "0")
        #expect(try label("geoip/country/is_in_european_union", from: "203.0.113.1") == "false")
        // Empty is nothing to send.
        #expect(try label("geoip/city/name", from: "203.0.113.1") == nil)
        #expect(try label("geoip/latitude", from: "198.51.100.1") == "0.000025")
        #expect(try label("geoip/weather") == nil)
    }

    @Test("IPv6 clients") func v6() throws {
        #expect(try label("geoip/country/code", from: "2001:db8::1") == "SE")
    }

    @Test("with edns-subnet the network counts that the query is asked for") func subnet() throws {
        let subnet: [UInt8] = [0, 8, 0, 7, 0, 1, 24, 0, 192, 0, 2]
        #expect(try label("geoip/country/code", options: subnet, from: "203.0.113.1", "edns-subnet") == "GB")
        #expect(try label("geoip/country/code", options: subnet, from: "203.0.113.1") == nil)
        #expect(try label("geoip/country/code", from: "192.0.2.1", "edns-subnet") == "GB")
        // Longer than an address, or of no family: as if it were not there.
        let long: [UInt8] = [0, 8, 0, 9, 0, 1, 24, 0, 203, 0, 113, 1, 1]
        #expect(try label("geoip/country/code", options: long, "edns-subnet") == "GB")
        #expect(try label("geoip/country/code", options: [0, 8, 0, 4, 0, 9, 0, 0], "edns-subnet") == "GB")
    }

    @Test("files that are none") func broken() throws {
        let expected = "expected a database of cities, countries or autonomous systems in MaxMind's format"
        let missing = TestPlan.errors("geoip /none.mmdb")
        #expect(missing.hasPrefix("geoip: found /none.mmdb: ") && missing.hasSuffix(expected), "\(missing)")
        try withFile(Array("no database".utf8)) { path in
            #expect(TestPlan.errors("geoip \(path)").hasPrefix("geoip: found \(path): "))
        }
        try withFile(LocationFile(type: "GeoIP2-Domain").octets) { path in
            #expect(
                TestPlan.errors("geoip \(path)")
                    == "geoip: found \(path): a database of type GeoIP2-Domain, \(expected)")
        }
    }

    @Test("a file that ends early is read as far as it goes") func cut() throws {
        let whole = Self.city.octets
        for length in stride(from: 0, to: whole.count, by: 97) {
            // Whether it opens or not: nothing of it may end the process.
            try withFile(Array(whole[..<length])) { path in _ = TestPlan.errors("geoip \(path)") }
        }
        #expect(try label("geoip/country/code") == "GB")
    }
}
