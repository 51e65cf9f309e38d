package import Corefile
package import DNSServer
import DNSWire
import Synchronization
import Telemetry

/// Completes names by the client's search path here, so that a client asks once instead of once for each element.
package final class AutoPathPlugin: Plugin {
    package static let directive = "autopath"
    private let settings: AutoPathSettings
    private let block: BlockSettings
    private let provider = Mutex<(any SearchPathProvider)?>(nil)

    package init(_ directives: [Directive], in block: BlockSettings) throws(ConfigurationErrors) {
        settings = try AutoPathSettings(directives, in: block)
        self.block = block
    }

    package func join(_ block: [any Plugin]) throws(ConfigurationErrors) {
        guard case .clients(let word) = settings.source else { return }
        let named = block.first { "@\($0.directive)" == word.text }
        guard let found = named as? any SearchPathProvider else {
            throw ConfigurationErrors([settings.wrongProvider(word)])
        }
        found.learnClients()
        provider.withLock { $0 = found }
    }

    package func makeHandler(on server: LoopServer) -> (any Handler)? {
        let successes = block.metrics.counter(
            "coredns_autopath_success_total", "The count of requests that were completed by the search path.",
            [("server", block.serverLabel)])
        switch settings.source {
        case .list(let elements):
            let path = FixedSearchPath(elements)
            return AutoPathHandler(settings.zones, path, further: elements.dropFirst(), successes)
        case .clients:
            guard let reader = provider.withLock({ $0 })?.makeSearchPathReader(on: server) else { return nil }
            return AutoPathHandler(settings.zones, reader, further: settings.hostSearch[...], successes)
        }
    }
}

/// One search path for every client; its further elements need not lie above the first.
private final class FixedSearchPath: SearchPathReader {
    private let first: ByteBlock

    init(_ elements: [Name]) { first = ByteBlock((elements.first ?? .root).wire) }

    func searchPath(of client: IPAddress, for name: ByteView) -> SearchPath? {
        SearchPath(first: first.view, parents: 0)
    }
}
