import ClusterModel
import ClusterSource
package import DNSServer
import DNSWire
import Snapshots
import Synchronization

/// Tells what a name of the cluster stands for and from which namespace it is asked, on one loop.
final class ClusterMetadata: MetadataReader {
    private let zones: [(wire: ByteBlock, isReverse: Bool, isMulticluster: Bool)]
    private var snapshot: Subscription<ClusterSnapshot>
    private let clients: ClientPods?

    init(_ settings: KubernetesSettings, _ published: Published<ClusterSnapshot>, _ clients: ClientPods?) {
        self.clients = clients
        zones = settings.zones.sorted { $0.wire.count > $1.wire.count }
            .map { (ByteBlock($0.wire), $0.isReverse, settings.multiclusterZones.contains($0)) }
        snapshot = Subscription(published)
    }

    func value(_ label: String, of exchange: borrowing Exchange) -> String? {
        guard label.hasPrefix("kubernetes/") else { return nil }
        let field = label.dropFirst("kubernetes/".count)
        if field == "client-namespace" {
            snapshot.refresh()
            // Text before the snapshot may go.
            return snapshot.value.view.podNamespace(of: exchange.client.address).map(Self.text)
        }
        if field == "client-pod-name" {
            return clients?.pod(at: exchange.client.address).map { Self.printable($0.name) }
        }
        if field.hasPrefix("client-label/") {
            let label = String(field.dropFirst("client-label/".count))
            return clients?.pod(at: exchange.client.address)?.labels[label].map(Self.printable)
        }
        let asked = exchange.asked
        guard let zone = zones.first(where: { asked.folded.isSubdomain(of: $0.wire.view) }) else { return nil }
        var question = ClusterQuestion(
            name: asked.name, folded: asked.folded, type: asked.type, nameOffset: 12,
            zoneLength: zone.wire.view.count, zoneIsReverse: zone.isReverse, ttl: 0, rotation: 0)
        question.zoneIsMulticluster = zone.isMulticluster
        return Self.fields(ClusterName(question), isMulticluster: zone.isMulticluster)[String(field)]
    }

    private static let names = ["endpoint", "kind", "namespace", "port-name", "protocol", "service"]

    private static func fields(_ name: ClusterName, isMulticluster: Bool) -> [String: String] {
        var fields = Dictionary(uniqueKeysWithValues: names.map { ($0, "") })
        func setService(_ labels: ServiceLabels) {
            fields["kind"] = "svc"
            fields["namespace"] = text(labels.namespace)
            fields["service"] = text(labels.service)
        }
        switch name {
        case .apex, .schemaVersion, .nameServer, .nameServerParent, .address: break
        case .unknown: return ["parse-error": "invalid query name"]
        case .serviceRoot: fields["kind"] = "svc"
        case .podRoot: fields["kind"] = "pod"
        case .serviceNamespace(let namespace):
            fields["kind"] = "svc"
            fields["namespace"] = text(namespace)
        case .podNamespace(let namespace):
            fields["kind"] = "pod"
            fields["namespace"] = text(namespace)
        case .service(let labels): setService(labels)
        case .port(let port, let labels):
            setService(labels)
            fields["port-name"] = text(port.name)
            fields["protocol"] = "\(port.transport)"
        case .endpoint(let label, let labels):
            setService(labels)
            let parts = isMulticluster ? self.labels(label) : [text(label)]
            fields["endpoint"] = parts.first ?? ""
            if parts.count > 1 { fields["cluster"] = parts[1] }
        case .zonal(let zone, _, let labels):
            setService(labels)
            fields["zone"] = self.labels(zone).joined(separator: ".")
        case .pod(let address, let namespace):
            fields["kind"] = "pod"
            fields["namespace"] = text(namespace)
            fields["service"] = text(address)
        }
        return fields
    }

    /// The labels of a wire form without a root.
    private static func labels(_ wire: ByteView) -> [String] {
        var labels: [String] = []
        var place = 0
        while let length = wire.at(place), Int(length) < wire.count - place {
            labels.append(text(wire.slice(place + 1, Int(length))))
            place += Int(length) + 1
        }
        return labels
    }

    /// The API server admits letters, digits and three signs only; another may not break a log line either.
    private static func printable(_ text: String) -> String {
        String(text.unicodeScalars.filter { $0.value > 0x20 && $0.value != 0x7F }.map(Character.init))
    }

    /// As names are printed, without a final dot: nothing from a question may break a log line.
    private static func text(_ label: ByteView) -> String {
        withBytes([UInt8(truncatingIfNeeded: label.count)] + label.array + [0]) { String($0.nameText.dropLast()) }
    }
}

extension KubernetesPlugin: MetadataProvider {
    package func makeMetadataReader(on server: LoopServer) -> (any MetadataReader)? {
        following.withLock { $0 }.map { ClusterMetadata(settings, $0.published, $0.clients) }
    }
}
