package import Corefile
package import DNSServer
import DNSWire
import GeoData

/// Knows where clients are, from a file of MaxMind's or in its format, for those who ask through `metadata`.
package final class GeoIPPlugin: Plugin {
    package static let directive = "geoip"
    private let database: LocationDatabase?
    private let readsSubnet: Bool

    package init(_ directives: [Directive], in block: BlockSettings) throws(ConfigurationErrors) {
        var check = SettingsCheck()
        var settings = Settings()
        var database: LocationDatabase?
        if let directive = check.only(directives) {
            Self.options.read(directive.block, into: &settings, &check)
            database = check.attempt(try Self.open(directive))
        }
        (self.database, readsSubnet) = (database, settings.readsSubnet)
        try check.finish()
    }

    private struct Settings {
        var readsSubnet = false
    }

    private static var options: OptionTable<Settings> { [.flag("edns-subnet", \.readsSubnet)] }

    private static func open(_ directive: Directive) throws(ConfigurationError) -> LocationDatabase {
        let path = try directive.argument(0, "a database of locations")
        try directive.expectCount(1)
        let expected = "a database of cities, countries or autonomous systems in MaxMind's format"
        let database: LocationDatabase
        do {
            database = try LocationDatabase(path: path.text)
        } catch {
            throw directive.error(found: "\(path.text): \(error)", expected: expected, at: path.at)
        }
        guard LocationLabels.Kind(database.type) != nil else {
            throw directive.error(
                found: "\(path.text): a database of type \(database.type)", expected: expected, at: path.at)
        }
        return database
    }

    package func makeHandler(on server: LoopServer) -> (any Handler)? { nil }
}

extension GeoIPPlugin: MetadataProvider {
    package func makeMetadataReader(on server: LoopServer) -> (any MetadataReader)? {
        database.flatMap { LocationLabels($0, readsSubnet: readsSubnet) }
    }
}
