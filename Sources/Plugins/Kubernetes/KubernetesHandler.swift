import ClusterModel
import ClusterSource
import DNSServer
import DNSWire
import EventLoop
import Snapshots

/// Answers cluster names on one loop, from the newest snapshot of the cluster.
final class KubernetesHandler: Handler {
    private struct Zone {
        let wire: ByteBlock
        let isReverse: Bool
        let isMulticluster: Bool
    }

    private let zones: [Zone]
    /// Zones whose missing names go to the next plugin.
    private let fallthroughZones: ZoneSet
    private let primaryZone: ByteBlock
    private let ttl: UInt32
    private var snapshot: Subscription<ClusterSnapshot>
    private var view: ClusterView
    private let state: FollowState
    private let nameServer: NameServerRecords

    init(_ settings: KubernetesSettings, _ published: Published<ClusterSnapshot>, _ state: FollowState) {
        // Longest first, so that the first match is the best one.
        zones = settings.zones.sorted { $0.wire.count > $1.wire.count }
            .map { zone in
                Zone(
                    wire: ByteBlock(zone.wire), isReverse: zone.isReverse,
                    isMulticluster: settings.multiclusterZones.contains(zone))
            }
        fallthroughZones = ZoneSet(settings.fallthroughZones ?? [])
        primaryZone = ByteBlock(settings.primaryZone.wire)
        ttl = settings.ttl
        snapshot = Subscription(published)
        view = snapshot.value.view
        self.state = state
        nameServer = NameServerRecords(addresses: state.localAddresses)
    }

    func answer(_ exchange: inout Exchange) -> Verdict {
        let question = exchange.question
        guard let zone = zone(of: question.folded) else { return .next }
        if snapshot.refresh() { view = snapshot.value.view }
        guard state.isSynced else {
            // An empty store knows nothing: neither that a name exists nor that it does not.
            exchange.isAuthoritative = exchange.isFirstQuestion
            return .failed(.serverFailure, .notReady, because: "the API server has not been listed yet")
        }
        // What an earlier process saved, or what could not be kept in step, is better than nothing, and said to be old
        // (RFC 8914 §4.4).
        if state.isRestored || state.age.isStale { exchange.response.extendedError = .staleAnswer }
        var asked = ClusterQuestion(
            name: question.name, folded: question.folded, type: question.type, nameOffset: question.nameOffset,
            zoneLength: zone.wire.view.count, zoneIsReverse: zone.isReverse, ttl: ttl,
            rotation: exchange.style.rotation)
        asked.zoneIsMulticluster = zone.isMulticluster
        if question.type == .axfr || question.type == .ixfr { return .failed(.refused) }
        if nameServer.answer(asked, view: view, serial: snapshot.value.serial, &exchange) {
            return own(&exchange)
        }
        switch view.answer(asked, primaryZone: primaryZone.view, to: &exchange.response) {
        case .records:
            return own(&exchange)
        case .alias(let offset):
            _ = own(&exchange)
            return exchange.chase(targetAt: offset)
        case .noData where !isUncertain(asked):
            deny(asked, .noError, &exchange)
        case .noData:
            return failForMissing(&exchange)
        case .noSuchName:
            if isUncertain(asked) { return failForMissing(&exchange) }
            if fallthroughZones.contains(question.folded) {
                exchange.isMissing = true
                exchange.response.extendedError = nil
                return .next
            }
            deny(asked, .nameError, &exchange)
        }
        return own(&exchange)
    }

    private func own(_ exchange: inout Exchange) -> Verdict {
        if exchange.isFirstQuestion { exchange.isAuthoritative = true }
        return .answered
    }

    /// True when the question's name may exist in objects that the API server does not let us list.
    private func isUncertain(_ question: ClusterQuestion) -> Bool {
        let missing = state.age.missing
        return !missing.isEmpty && view.isUncertain(view.classify(question), without: missing)
    }

    private func failForMissing(_ exchange: inout Exchange) -> Verdict {
        exchange.isAuthoritative = exchange.isFirstQuestion
        return .failed(.serverFailure, .notReady, because: state.unreadiness ?? "a kind cannot be listed")
    }

    private func zone(of name: ByteView) -> Zone? {
        zones.first { name.isSubdomain(of: $0.wire.view) }
    }

    /// A negative answer with the zone's SOA, so that resolvers know how long to believe it (RFC 2308 §3).
    private func deny(_ question: ClusterQuestion, _ code: ResponseCode, _ exchange: inout Exchange) {
        exchange.response.code = code
        nameServer.appendSOA(question, serial: snapshot.value.serial, in: .authority, to: &exchange.response)
    }
}
