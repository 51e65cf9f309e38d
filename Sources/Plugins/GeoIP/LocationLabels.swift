import DNSServer
import DNSWire
import GeoData

/// Tells where the client of a question is, on one loop.
final class LocationLabels: MetadataReader {
    enum Kind {
        case place
        case network

        /// Nil for a database of something else.
        init?(_ type: String) {
            if ["City", "Country", "Enterprise", "Insights", "Location"].contains(where: type.contains) {
                self = .place
            } else if ["ASN", "ISP"].contains(where: type.contains) {
                self = .network
            } else {
                return nil
            }
        }
    }

    private let database: LocationDatabase
    private let kind: Kind
    private let readsSubnet: Bool

    init?(_ database: LocationDatabase, readsSubnet: Bool) {
        guard let kind = Kind(database.type) else { return nil }
        self.database = database
        self.kind = kind
        self.readsSubnet = readsSubnet
    }

    /// Where the labels stand in the database, and what they are where it has nothing: as CoreDNS has them.
    private static let places: [String: (path: [String], missing: String)] = [
        "city/name": (["city", "names", "en"], ""),
        "country/code": (["country", "iso_code"], ""),
        "country/name": (["country", "names", "en"], ""),
        "country/is_in_european_union": (["country", "is_in_european_union"], "false"),
        "continent/code": (["continent", "code"], ""),
        "continent/name": (["continent", "names", "en"], ""),
        "latitude": (["location", "latitude"], "0"),
        "longitude": (["location", "longitude"], "0"),
        "timezone": (["location", "time_zone"], ""),
        "postalcode": (["postal", "code"], ""),
    ]
    private static let networks: [String: (path: [String], missing: String)] = [
        "asn/number": (["autonomous_system_number"], "0"),
        "asn/org": (["autonomous_system_organization"], ""),
    ]

    func value(_ label: String, of exchange: borrowing Exchange) -> String? {
        guard label.hasPrefix("geoip/") else { return nil }
        let name = String(label.dropFirst("geoip/".count))
        let address = (readsSubnet ? exchange.subnet : nil) ?? exchange.client.address.octets
        if kind == .place, name == "subdivisions/code" { return subdivisions(of: address) }
        guard let place = kind == .place ? Self.places[name] : Self.networks[name] else { return nil }
        return database.value(place.path, of: address).map(Self.text) ?? place.missing
    }

    /// The codes of all subdivisions, the largest first: `GB-ENG,GB-WBK` has `ENG,WBK`.
    private func subdivisions(of address: [UInt8]) -> String {
        var codes: [String] = []
        // No country has more levels than its largest and its smallest.
        for index in 0..<8 {
            guard let code = database.value(["subdivisions", "\(index)", "iso_code"], of: address) else { break }
            codes.append(Self.text(code))
        }
        return codes.joined(separator: ",")
    }

    private static func text(_ value: LocationValue) -> String {
        switch value {
        // Nothing from a file may break a log line.
        case .text(let text):
            String(text.unicodeScalars.filter { $0.value >= 0x20 && $0.value != 0x7F }.map(Character.init))
        case .integer(let number): "\(number)"
        case .boolean(let claim): "\(claim)"
        case .number(let number): decimal(number)
        }
    }

    /// The shortest decimal that reads as the same number, without an exponent or an empty fraction.
    private static func decimal(_ number: Double) -> String {
        if number == number.rounded(), abs(number) < 1e15 { return "\(Int(number))" }
        let text = "\(number)"
        guard let mark = text.firstIndex(of: "e"), let shift = Int(text[text.index(after: mark)...]), shift < 0 else {
            return text
        }
        let isNegative = text.hasPrefix("-")
        let digits = text[..<mark].filter(\.isNumber)
        return (isNegative ? "-0." : "0.") + String(repeating: "0", count: -shift - 1) + digits
    }
}

extension Exchange {
    /// The network that the query says it is asked for (RFC 7871 §6), as a whole address; nil when it says none.
    fileprivate var subnet: [UInt8]? {
        guard let edns = asked.edns else { return nil }
        let options = EDNSOptions(message.slice(edns.optionsOffset, edns.optionsLength))
        guard let option = options.first(where: { $0.code == 8 })?.data, option.count >= 4 else { return nil }
        let length: Int
        switch option.uint16(at: 0) {
        case 1: length = 4
        case 2: length = 16
        default: return nil
        }
        let given = option.suffix(from: 4).array
        guard given.count <= length else { return nil }
        return given + [UInt8](repeating: 0, count: length - given.count)
    }
}
