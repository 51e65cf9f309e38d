import DNSServer
import DNSWire
import Snapshots
import ZoneData

/// Answers from whole zones on one loop.
final class ZoneTableHandler: Handler {
    private struct Zone {
        let origin: ByteBlock
        let table: ZoneTable?
        let fallthroughZones: ZoneSet
    }

    private var published: Subscription<[ServedZone]>
    private var zones: [Zone]
    private let answering = ZoneAnswering()

    /// Told of zones that changed, and by whom; true when they are copied from there.
    private let hearsOfChange: (Name, IPAddress) -> Bool

    init(_ zones: ServedZones, hearsOfChange: @escaping (Name, IPAddress) -> Bool = { _, _ in false }) {
        self.hearsOfChange = hearsOfChange
        published = Subscription(zones.published)
        self.zones = Self.zones(published.value)
    }

    private static func zones(_ served: [ServedZone]) -> [Zone] {
        served.map {
            Zone(
                origin: ByteBlock($0.origin.wire), table: $0.table, fallthroughZones: ZoneSet($0.fallthroughZones))
        }
    }

    func answer(_ exchange: inout Exchange) -> Verdict {
        if published.refresh() { zones = Self.zones(published.value) }
        let question = exchange.question
        guard let position = position(of: question) else { return .next }
        guard question.type != .axfr, question.type != .ixfr else { return .failed(.refused) }
        guard let table = zones[position].table else {
            return .failed(
                .serverFailure, .notReady, because: "the zone \(zones[position].origin.view.nameText) is not loaded")
        }
        let asked = ZoneQuestion(
            name: question.name, folded: question.folded, type: question.type, nameOffset: question.nameOffset,
            dnssecOK: exchange.asked.edns?.dnssecOK ?? false, rotation: exchange.style.rotation)
        let outcome = answering.answer(
            asked, from: table, deniesMissing: !zones[position].fallthroughZones.contains(question.folded),
            to: &exchange.response)
        switch outcome {
        case .noSuchName:
            exchange.isMissing = true
            return .next
        case .referral: return .answered
        case .answered:
            claim(&exchange)
            return .answered
        case .chase(let offset):
            claim(&exchange)
            return exchange.chase(targetAt: offset)
        }
    }

    var refusesOthers: Bool { true }

    func takeNotice(_ exchange: inout Exchange) -> Verdict {
        hearsOfChange(Name(exchange.question.folded), exchange.client.address) ? .answered : .next
    }

    private func claim(_ exchange: inout Exchange) {
        if exchange.isFirstQuestion { exchange.isAuthoritative = true }
    }

    /// The longest zone that is the name or above it; of DS, which is data of the parent, the one above it if there is.
    private func position(of question: Question) -> Int? {
        var itself: Int?
        for (index, zone) in zones.enumerated() where question.folded.isSubdomain(of: zone.origin.view) {
            guard question.type == .ds, question.folded.count == zone.origin.view.count else { return index }
            itself = index
        }
        return itself
    }
}
