import ClusterModel
import ClusterSource
import DNSServer
import DNSWire
import Snapshots

/// The zones that `kubernetes` or `k8s_external` answers, and how.
struct ClusterZones {
    var zones: [Name]
    /// What PTR records point into.
    var primaryZone: Name
    /// Those of the zones that name services of all clusters.
    var multicluster: [Name] = []
    /// Zones whose missing names go to the next plugin; nil for none.
    var fallthroughZones: [Name]?
    /// Seconds.
    var ttl: UInt32
}

/// Answers cluster names on one loop, from the newest snapshot of the cluster.
final class ClusterZoneHandler: Handler {
    /// What the names of the zones stand for.
    enum Lookup {
        case services
        /// How services are reached from outside.
        ///
        /// - Parameter apex: the label that the zone's name server lives under, folded, without length octet.
        case external(apex: ByteBlock, answersHeadless: Bool)
    }

    private struct Zone {
        let wire: ByteBlock
        let isReverse: Bool
        let isMulticluster: Bool
    }

    private let zones: [Zone]
    private let fallthroughZones: ZoneSet
    private let primaryZone: ByteBlock
    private let ttl: UInt32
    private let lookup: Lookup
    private var snapshot: Subscription<ClusterSnapshot>
    private var view: ClusterView
    private let state: FollowState
    private let nameServer: NameServerRecords
    private let changed: ChangeFeed

    init(_ settings: ClusterZones, _ lookup: Lookup, _ following: ClusterFollowing, _ nameServer: NameServerRecords) {
        // Longest first, so that the first match is the best one.
        zones = settings.zones.sorted { $0.wire.count > $1.wire.count }
            .map { zone in
                Zone(
                    wire: ByteBlock(zone.wire), isReverse: zone.isReverse,
                    isMulticluster: settings.multicluster.contains(zone))
            }
        fallthroughZones = ZoneSet(settings.fallthroughZones ?? [])
        primaryZone = ByteBlock(settings.primaryZone.wire)
        ttl = settings.ttl
        self.lookup = lookup
        snapshot = Subscription(following.published)
        view = snapshot.value.view
        state = following.state
        changed = following.changed
        self.nameServer = nameServer
    }

    func answer(_ exchange: inout Exchange) -> Verdict {
        let question = exchange.question
        guard let zone = zone(of: question) else { return .next }
        if snapshot.refresh() { view = snapshot.value.view }
        guard state.isSynced else {
            // An empty store knows nothing: neither that a name exists nor that it does not.
            return fail("the API server has not been listed yet", &exchange)
        }
        // What an earlier process saved, or what could not be kept in step, is better than nothing, and said to be old
        // (RFC 8914 §4.4).
        if state.isOld { exchange.response.extendedError = .staleAnswer }
        if question.type == .axfr || question.type == .ixfr { return .failed(.refused) }
        var asked = clusterQuestion(question, in: zone)
        asked.rotation = exchange.style.rotation
        switch look(up: &asked, &exchange) {
        case .records: break
        case .ofServer:
            // Without such a record the name still exists.
            if !nameServer.answer(asked, view: view, serial: snapshot.value.serial, &exchange) {
                deny(asked, .noError, &exchange)
            }
        case .cname(let offset):
            claim(&exchange)
            return exchange.chase(targetAt: offset)
        case .noData:
            if isUncertain(asked, isMissing: false) { return failForMissing(&exchange) }
            deny(asked, .noError, &exchange)
        case .noSuchName:
            if isUncertain(asked, isMissing: true) { return failForMissing(&exchange) }
            if fallthroughZones.contains(question.folded) {
                exchange.isMissing = true
                exchange.response.extendedError = nil
                return .next
            }
            deny(asked, .nameError, &exchange)
        }
        claim(&exchange)
        return .answered
    }

    /// Of names outside of the cluster's zones, and of those that everything changes, nothing is told.
    func vouching(for question: Question) -> Vouching? {
        guard case .services = lookup, let zone = zone(of: question) else { return nil }
        return view.changeKey(of: clusterQuestion(question, in: zone)).map { Vouching(feed: changed, key: $0) }
    }

    var tellsChanges: Bool { if case .services = lookup { true } else { false } }

    private func zone(of question: Question) -> Zone? {
        zones.first { question.folded.isSubdomain(of: $0.wire.view) }
    }

    private func clusterQuestion(_ question: Question, in zone: Zone) -> ClusterQuestion {
        var asked = ClusterQuestion(
            name: question.name, folded: question.folded, type: question.type, nameOffset: question.nameOffset,
            zoneLength: zone.wire.view.count, zoneIsReverse: zone.isReverse, ttl: ttl, rotation: 0)
        asked.zoneIsMulticluster = zone.isMulticluster
        return asked
    }

    private func look(up question: inout ClusterQuestion, _ exchange: inout Exchange) -> ClusterAnswer {
        switch lookup {
        case .services: return view.answer(question, primaryZone: primaryZone.view, to: &exchange.response)
        case .external(let apex, let answersHeadless):
            question.zoneIsExternal = true
            let answering = ExternalAnswering(
                apex: apex.view, answersHeadless: answersHeadless, primaryZone: primaryZone.view)
            return view.answerExternal(question, answering, to: &exchange.response)
        }
    }

    private func claim(_ exchange: inout Exchange) {
        if exchange.isFirstQuestion { exchange.isAuthoritative = true }
    }

    /// A negative answer with the zone's SOA, so that resolvers know how long to believe it (RFC 2308 §3).
    private func deny(_ question: ClusterQuestion, _ code: ResponseCode, _ exchange: inout Exchange) {
        exchange.response.code = code
        nameServer.appendSOA(question, serial: snapshot.value.serial, in: .authority, to: &exchange.response)
    }

    // MARK: What is not known

    /// True when the question's name may exist in objects that the API server does not let us list.
    private func isUncertain(_ question: ClusterQuestion, isMissing: Bool) -> Bool {
        let missing = state.age.missing
        guard !missing.isEmpty else { return false }
        switch lookup {
        case .services: return view.isUncertain(view.classify(question), without: missing)
        case .external(_, let answersHeadless):
            return isMissing
                && (missing.contains(.namespace) || missing.contains(.service)
                    || answersHeadless && missing.contains(.endpointSlice))
        }
    }

    private func failForMissing(_ exchange: inout Exchange) -> Verdict {
        fail(state.unreadiness ?? "a kind cannot be listed", &exchange)
    }

    private func fail(_ reason: String, _ exchange: inout Exchange) -> Verdict {
        exchange.isAuthoritative = exchange.isFirstQuestion
        return .failed(.serverFailure, .notReady, because: reason)
    }
}
