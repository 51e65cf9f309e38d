import Testing

@testable import Autoscaler

@Suite("what pods measure") struct Loads {
    @Test("a metrics page: series of one counter are summed, anything else is passed over")
    func page() throws {
        let page = """
            # HELP coredns_dns_requests_total Counter of DNS requests.
            # TYPE coredns_dns_requests_total counter
            coredns_dns_requests_total{family="1",proto="udp",server="dns://:53",type="A",zone="."} 40
            coredns_dns_requests_total{server="a } b \\"c\\"",type="AAAA"} 2.5e1 1700000000000
            coredns_dns_dropped_total 3
            coredns_dns_queue_delay_seconds_sum 0.5
            coredns_dns_queue_delay_seconds_count 10
            coredns_dns_requests_total{broken
            coredns_dns_requests_total NaN
            coredns_dns_requests_total -7
            coredns_cache_hits_total 99
            """
        let sample = try #require(LoadSample(page: page))
        #expect(sample == LoadSample(queries: 65, drops: 3, queueSeconds: 0.5, queued: 10))
        #expect(LoadSample(page: "<html>not found</html>") == nil)
        #expect(LoadSample(page: "") == nil)
    }

    private let start = ContinuousClock.now

    private func meter(_ change: (inout LoadSettings) -> Void = { _ in }) -> LoadMeter {
        var settings = LoadSettings()
        settings.queriesPerCore = 1000
        change(&settings)
        return LoadMeter(settings)
    }

    @Test("pods that do not answer are taken to be as loaded as those that do")
    func silentPods() {
        var meter = meter()
        #expect(meter.take(["a": LoadSample(queries: 0)], pods: 3, current: 3, at: start) == nil)
        let floor = meter.take(["a": LoadSample(queries: 20_000)], pods: 3, current: 3, at: start + .seconds(10))
        #expect(floor?.replicas == 6)
        #expect(floor?.because == "load: 6000 queries a second, 1000 for each replica")
    }

    @Test("a counter that went back is that of a new process: it says nothing yet")
    func restarted() {
        var meter = meter()
        _ = meter.take(["a": LoadSample(queries: 1_000_000)], pods: 1, current: 1, at: start)
        #expect(meter.take(["a": LoadSample(queries: 5)], pods: 1, current: 1, at: start + .seconds(10)) == nil)
        let floor = meter.take(["a": LoadSample(queries: 30_005)], pods: 1, current: 1, at: start + .seconds(20))
        #expect(floor?.replicas == 3)
    }

    @Test("queries that wait ask for half as many replicas more, once a minute")
    func queueDelay() {
        var meter = meter { $0.coresPerPod = 2 }
        func look(_ second: Int, _ delay: Double, current: Int) -> Int? {
            let sample = LoadSample(
                queries: Double(second) * 10, queueSeconds: delay * Double(second), queued: Double(second))
            return meter.take(["a": sample], pods: 1, current: current, at: start + .seconds(second))?.replicas
        }
        #expect(look(0, 0.001, current: 4) == nil)
        #expect(look(10, 0.001, current: 4) == 1)
        #expect(look(20, 0.02, current: 4) == 6)
        #expect(look(30, 0.02, current: 6) == 6, "the new pods need time")
        #expect(look(90, 0.02, current: 6) == 9)
    }
}
