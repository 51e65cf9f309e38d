import DNSServer
import DNSWire
import EventLoop
import Telemetry

/// Counts on one loop; instruments are made when first needed and summed over the loops when read.
final class PrometheusHandler: Handler {
    private let block: BlockSettings
    private unowned let server: LoopServer
    private let zones: [ZoneCounters]

    init(_ block: BlockSettings, _ server: LoopServer) {
        self.block = block
        self.server = server
        zones = block.zones.sorted { $0.wire.count > $1.wire.count }.map { ZoneCounters($0, block) }
    }

    func answer(_ exchange: inout Exchange) -> Verdict { .next }

    func finish(_ exchange: inout Exchange) {
        guard let zone = zones.first(where: { exchange.asked.folded.isSubdomain(of: $0.wire.view) }) ?? zones.last
        else { return }
        zone.count(&exchange, plugin: exchange.answeredBy, now: server.loop.currentTime)
    }
}

/// The instruments of one zone on one loop.
private final class ZoneCounters {
    let wire: ByteBlock
    private let labels: [(String, String)]
    private let metrics: MetricRegistry
    private let duration: Histogram
    private let dnssecOK: Counter
    /// By transport and family: 4 places.
    private var sizes: [Sizes?] = Array(repeating: nil, count: 4)
    /// By transport, family and type.
    private var requests: [Counter?] = Array(repeating: nil, count: 4 * (typeLabels.count + 1))
    /// By code and plugin.
    private var responses: [ResponseLabels: Counter] = [:]
    private var lastResponse: (ResponseLabels, Counter)?

    private struct Sizes {
        let request: Histogram
        let response: Histogram
    }

    private struct ResponseLabels: Hashable {
        let code: ResponseCode
        let plugin: String
    }

    /// Types that have a label value of their own; all others are "other".
    private static let typeLabels: [RecordType] = [
        .a, .aaaa, .srv, .ptr, .cname, .txt, .mx, .ns, .soa, .https, .any, .ds, .dnskey, .nsec, .nsec3, .rrsig, .svcb,
        .ixfr, .axfr,
    ]

    init(_ zone: Name, _ block: BlockSettings) {
        wire = ByteBlock(zone.wire)
        metrics = block.metrics
        labels = [("server", block.serverLabel), ("zone", zone.description), ("view", block.view)]
        duration = metrics.histogram(
            "coredns_dns_request_duration_seconds", "Histogram of the time (in seconds) each request took per zone.",
            labels, bounds: Histogram.timeBounds, unitsPerOne: 1e9)
        dnssecOK = metrics.counter(
            "coredns_dns_do_requests_total", "Counter of DNS requests with DO bit set per zone.", labels)
    }

    func count(_ exchange: inout Exchange, plugin: String, now: UInt64) {
        let place = exchange.transport.rawValue * 2 + (exchange.client.isIPv4 ? 0 : 1)
        request(exchange.asked.type, place).bump()
        let sizes = sizes(place)
        sizes.request.observe(UInt64(exchange.message.count))
        sizes.response.observe(UInt64(exchange.responseSize))
        duration.observe(now &- exchange.received)
        if exchange.asked.edns?.dnssecOK == true { dnssecOK.bump() }
        response(ResponseLabels(code: exchange.response.code, plugin: plugin)).bump()
    }

    private func transportLabels(_ place: Int) -> [(String, String)] { [("proto", place >= 2 ? "tcp" : "udp")] }

    private func request(_ type: RecordType, _ place: Int) -> Counter {
        let column = Self.typeLabels.firstIndex(of: type) ?? Self.typeLabels.count
        let index = place * (Self.typeLabels.count + 1) + column
        if let counter = requests[index] { return counter }
        let text = column < Self.typeLabels.count ? type.description : "other"
        let counter = metrics.counter(
            "coredns_dns_requests_total", "Counter of DNS requests made per zone, protocol and family.",
            labels + transportLabels(place) + [("family", place % 2 == 0 ? "1" : "2"), ("type", text)])
        requests[index] = counter
        return counter
    }

    private func sizes(_ place: Int) -> Sizes {
        if let known = sizes[place] { return known }
        let made = Sizes(
            request: metrics.histogram(
                "coredns_dns_request_size_bytes",
                "Size of the EDNS0 UDP buffer in bytes (64K for TCP) per zone and protocol.",
                labels + transportLabels(place), bounds: Histogram.sizeBounds, unitsPerOne: 1),
            response: metrics.histogram(
                "coredns_dns_response_size_bytes", "Size of the returned response in bytes.",
                labels + transportLabels(place), bounds: Histogram.sizeBounds, unitsPerOne: 1))
        sizes[place] = made
        return made
    }

    private func response(_ key: ResponseLabels) -> Counter {
        // Nearly every answer is of the same kind as the one before it.
        if let lastResponse, lastResponse.0 == key { return lastResponse.1 }
        let counter =
            responses[key]
            ?? metrics.counter(
                "coredns_dns_responses_total", "Counter of response status codes.",
                labels + [("rcode", key.code.description), ("plugin", key.plugin)])
        responses[key] = counter
        lastResponse = (key, counter)
        return counter
    }
}
