/// What a DNS server has counted since it started, read from its metrics page (Prometheus text format 0.0.4).
package struct LoadSample: Equatable, Sendable {
    /// `coredns_dns_requests_total`
    package var queries = 0.0
    /// `coredns_dns_dropped_total`: queries that were not looked at.
    package var drops = 0.0
    /// `coredns_dns_queue_delay_seconds`: sum of the times that queries waited, and how many did; 0 where absent.
    package var queueSeconds = 0.0
    package var queued = 0.0

    package init(queries: Double = 0, drops: Double = 0, queueSeconds: Double = 0, queued: Double = 0) {
        self.queries = queries
        self.drops = drops
        self.queueSeconds = queueSeconds
        self.queued = queued
    }

    /// - Parameter text: the page; lines that are not understood are passed over. nil when no query counter is there.
    package init?(page text: String) {
        var hasQueries = false
        for line in text.split(separator: "\n") where line.hasPrefix("coredns_dns_") {
            let name = line.prefix { $0 != "{" && $0 != " " }
            // A time stamp may follow the value, and label values may hold spaces.
            let behind = line.lastIndex(of: "}").map { line[line.index(after: $0)...] } ?? line.dropFirst(name.count)
            guard let word = behind.split(separator: " ").first, let value = Double(word), value.isFinite, value >= 0
            else { continue }
            switch name {
            case "coredns_dns_requests_total":
                queries += value
                hasQueries = true
            case "coredns_dns_dropped_total": drops += value
            case "coredns_dns_queue_delay_seconds_sum": queueSeconds += value
            case "coredns_dns_queue_delay_seconds_count": queued += value
            default: break
            }
        }
        guard hasQueries else { return nil }
    }
}
