package import Corefile
package import DNSServer
import DNSWire
import Synchronization

/// Makes what plugins of the block know about a question available to others, such as `log`.
package final class MetadataPlugin: Plugin, MetadataCollector {
    package static let directive = "metadata"
    private let zones: [Name]
    private let providers = Mutex<[any MetadataProvider]>([])

    package init(_ directives: [Directive], in block: BlockSettings) throws(ConfigurationErrors) {
        var check = SettingsCheck()
        var zones = block.zones
        if let directive = check.only(directives) {
            zones = check.zones(of: directive, else: block.zones)
            check.attempt(try directive.noBlock())
        }
        self.zones = zones
        try check.finish()
    }

    package func join(_ block: [any Plugin]) {
        let found = block.compactMap { $0 as? any MetadataProvider }
        providers.withLock { $0 = found }
    }

    package func makeMetadataReader(on server: LoopServer) -> (any MetadataReader)? {
        let readers = providers.withLock { $0 }.compactMap { $0.makeMetadataReader(on: server) }
        return CollectedMetadata(zones, readers)
    }
}

/// Asks one provider after the other about questions in the zones.
private final class CollectedMetadata: MetadataReader {
    private let zones: ZoneSet
    private let readers: [any MetadataReader]

    init(_ zones: [Name], _ readers: [any MetadataReader]) {
        self.zones = ZoneSet(zones)
        self.readers = readers
    }

    func value(_ label: String, of exchange: borrowing Exchange) -> String? {
        guard zones.contains(exchange.asked.folded) else { return nil }
        for reader in readers {
            if let value = reader.value(label, of: exchange) { return value }
        }
        return nil
    }
}
