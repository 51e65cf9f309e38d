import ClusterModel
import ClusterSource
import DNSServer
import DNSWire
import Snapshots

/// Answers external names on one loop, from the newest snapshot of the cluster.
final class ExternalHandler: Handler {
    private let zones: [(wire: ByteBlock, isReverse: Bool)]
    /// Zones whose missing names go to the next plugin.
    private let fallthroughZones: ZoneSet
    private let primaryZone: ByteBlock
    private let apex: ByteBlock
    private let settings: ExternalSettings
    private var snapshot: Subscription<ClusterSnapshot>
    private var view: ClusterView
    private let state: FollowState
    private let nameServer: NameServerRecords

    init(
        _ settings: ExternalSettings, _ published: Published<ClusterSnapshot>, _ state: FollowState,
        _ addresses: [IPAddress]
    ) {
        self.settings = settings
        // Longest first, so that the first match is the best one.
        zones = settings.zones.sorted { $0.wire.count > $1.wire.count }
            .map { (wire: ByteBlock($0.wire), isReverse: $0.isReverse) }
        fallthroughZones = ZoneSet(settings.fallthroughZones ?? [])
        primaryZone = ByteBlock(settings.primaryZone.wire)
        apex = ByteBlock(Array(settings.apex.dropFirst()))
        snapshot = Subscription(published)
        view = snapshot.value.view
        self.state = state
        nameServer = NameServerRecords(external: addresses, apex: settings.apex)
    }

    func answer(_ exchange: inout Exchange) -> Verdict {
        let question = exchange.question
        guard let zone = zones.first(where: { question.folded.isSubdomain(of: $0.wire.view) }) else { return .next }
        if snapshot.refresh() { view = snapshot.value.view }
        guard state.isSynced else {
            exchange.isAuthoritative = exchange.isFirstQuestion
            return .failed(.serverFailure, .notReady, because: "the API server has not been listed yet")
        }
        // As for the cluster's own names: old data is answered from, and said to be old (RFC 8914 §4.4).
        if state.isRestored || state.age.isStale { exchange.response.extendedError = .staleAnswer }
        var asked = ClusterQuestion(
            name: question.name, folded: question.folded, type: question.type, nameOffset: question.nameOffset,
            zoneLength: zone.wire.view.count, zoneIsReverse: zone.isReverse, ttl: settings.ttl,
            rotation: exchange.style.rotation)
        asked.zoneIsExternal = true
        if question.type == .axfr || question.type == .ixfr { return .failed(.refused) }
        if nameServer.answer(asked, view: view, serial: snapshot.value.serial, &exchange) { return own(&exchange) }
        let answering = ExternalAnswering(
            apex: apex.view, answersHeadless: settings.answersHeadless, primaryZone: primaryZone.view)
        switch view.answerExternal(asked, answering, to: &exchange.response) {
        case .records: break
        case .alias(let offset):
            _ = own(&exchange)
            return exchange.chase(targetAt: offset)
        case .noData: deny(asked, .noError, &exchange)
        case .noSuchName where mayBeMissing:
            exchange.isAuthoritative = exchange.isFirstQuestion
            return .failed(.serverFailure, .notReady, because: state.unreadiness ?? "a kind cannot be listed")
        case .noSuchName:
            if fallthroughZones.contains(question.folded) {
                exchange.isMissing = true
                exchange.response.extendedError = nil
                return .next
            }
            deny(asked, .nameError, &exchange)
        }
        return own(&exchange)
    }

    /// True while the API server does not let us list what names of these zones are made from.
    private var mayBeMissing: Bool {
        let missing = state.age.missing
        guard !missing.isEmpty else { return false }
        return missing.contains(.namespace) || missing.contains(.service)
            || settings.answersHeadless && missing.contains(.endpointSlice)
    }

    private func own(_ exchange: inout Exchange) -> Verdict {
        if exchange.isFirstQuestion { exchange.isAuthoritative = true }
        return .answered
    }

    private func deny(_ question: ClusterQuestion, _ code: ResponseCode, _ exchange: inout Exchange) {
        exchange.response.code = code
        nameServer.appendSOA(question, serial: snapshot.value.serial, in: .authority, to: &exchange.response)
    }
}
