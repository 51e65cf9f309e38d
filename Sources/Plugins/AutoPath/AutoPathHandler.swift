import DNSServer
import DNSWire
import Telemetry

/// Tries the elements of the client's search path, one after the other, when its first try does not exist.
///
/// A and AAAA of one client end at the same element: a name that has records of either type exists for both.
final class AutoPathHandler: Handler {
    private let zones: ZoneSet
    private let reader: any SearchPathReader
    /// What comes behind the elements that the reader tells; the last is the root: the name as it was meant.
    private let further: [ByteBlock]
    private let successes: Counter
    /// The name asked behind this handler.
    private let name = ByteBlock(capacity: 255)

    /// How far the search for a client's name has come, once its own does not exist.
    private final class Search {
        /// Elements considered; the name asked is that of the last.
        var considered = 0
        /// True while that name is asked for the other kind of address.
        var asksOtherType = false
        /// True when no element was left and the client's own name is asked again.
        var hasEnded = false
        /// True when one of the names was said not to exist by somebody who knows.
        var isAuthoritative = false
    }

    init(_ zones: [Name], _ reader: any SearchPathReader, further: ArraySlice<Name>, _ successes: Counter) {
        self.zones = ZoneSet(zones)
        self.reader = reader
        self.further = further.map { ByteBlock($0.wire) } + [ByteBlock(Name.root.wire)]
        self.successes = successes
    }

    func answer(_ exchange: inout Exchange) -> Verdict {
        let question = exchange.question
        guard exchange.isFirstQuestion, question.type != .axfr, question.type != .ixfr,
            zones.contains(question.folded), path(exchange) != nil
        else { return .next }
        return askOwn(exchange, nil)
    }

    func answered(_ response: InnerResponse, _ exchange: inout Exchange, note: AnyObject?) -> Verdict {
        let begun = note as? Search
        guard isMissing(response, begun), begun?.hasEnded != true else { return settle(response, begun, &exchange) }
        let search = begun ?? Search()
        if response.isAuthoritative { search.isAuthoritative = true }
        if let next = askNext(search, exchange) { return next }
        return begun == nil ? settle(response, nil, &exchange) : askOwn(exchange, search)
    }

    /// True when nothing is at the name asked last, neither records nor a CNAME.
    private func isMissing(_ response: InnerResponse, _ search: Search?) -> Bool {
        // A name tried for the client that nobody answers for is not there.
        response.code == .nameError && response.answers == 0 || search != nil && response.isUnanswered
    }

    // MARK: Asking

    private func askOwn(_ exchange: borrowing Exchange, _ search: Search?) -> Verdict {
        search?.hasEnded = true
        return .ask(Subquery(exchange.asked.name, exchange.asked.type, class: exchange.asked.class, note: search))
    }

    /// Asks whether the other kind of address is at the name asked last, or else for the next element's name; nil when
    /// there is none.
    ///
    /// Some servers deny the whole name when they only mean the type.
    private func askNext(_ search: Search, _ exchange: borrowing Exchange) -> Verdict? {
        // Asked anew each time: while an upstream was waited for, the address may have passed to another pod.
        guard let path = path(exchange) else { return nil }
        let other: RecordType? = exchange.asked.type == .a ? .aaaa : exchange.asked.type == .aaaa ? .a : nil
        if let other, search.considered > 0, !search.asksOtherType,
            let length = layName(search.considered, of: path, exchange)
        {
            search.asksOtherType = true
            return .ask(Subquery(name.bytes.view(length), other, class: exchange.asked.class, note: search))
        }
        search.asksOtherType = false
        while let element = element(search.considered + 1, of: path) {
            search.considered += 1
            guard !isRepeat(element, at: search.considered, of: path),
                let length = layName(search.considered, of: path, exchange)
            else { continue }
            return .ask(
                Subquery(name.bytes.view(length), exchange.asked.type, class: exchange.asked.class, note: search))
        }
        return nil
    }

    /// The client's search path, if it is known and the client's question is its first try.
    private func path(_ exchange: borrowing Exchange) -> SearchPath? {
        let name = exchange.asked.folded
        guard let path = reader.searchPath(of: exchange.client.address, for: name),
            name.count > path.first.count, name.isSubdomain(of: path.first)
        else { return nil }
        return path
    }

    /// Lays out the client's name with another element of the path; gives its length, nil when it is too long.
    private func layName(_ index: Int, of path: SearchPath, _ exchange: borrowing Exchange) -> Int? {
        guard let element = element(index, of: path) else { return nil }
        let labels = exchange.asked.name.slice(0, exchange.asked.name.count - path.first.count)
        guard labels.count + element.count <= 255 else { return nil }
        name.bytes.copy(labels, to: 0)
        name.bytes.copy(element, to: labels.count)
        return labels.count + element.count
    }

    private func element(_ index: Int, of path: SearchPath) -> ByteView? {
        if let element = path.element(index) { return element }
        let place = index - path.parents - 1
        return further.indices.contains(place) ? further[place].view : nil
    }

    private func isRepeat(_ element: ByteView, at index: Int, of path: SearchPath) -> Bool {
        for earlier in 0..<index where self.element(earlier, of: path)?.equals(element) == true { return true }
        return false
    }

    // MARK: Answering

    private func settle(_ response: InnerResponse, _ search: Search?, _ exchange: inout Exchange) -> Verdict {
        guard let search, !search.hasEnded else {
            exchange.take(response)
            return .answered
        }
        exchange.adopt(response)
        // Nobody knows whether that name exists, so it is no CNAME's target.
        guard response.code == .noError || response.code == .nameError else {
            exchange.isAuthoritative = false
            return .answered
        }
        exchange.isAuthoritative = exchange.isAuthoritative || search.isAuthoritative
        // It lives as long as what stands behind it.
        exchange.writeCNAME(
            to: response, search.asksOtherType ? 0 : response.records.first { _ in true }?.record.ttl ?? 0)
        // Of the other type's answer nothing is said but that the name is there.
        if !search.asksOtherType {
            for (record, section) in response.records {
                exchange.copy(record, of: response, ttl: record.ttl, in: section)
            }
        }
        successes.bump()
        return .answered
    }
}

extension Exchange {
    /// Makes the client's name a CNAME of the one that `response` answers.
    fileprivate mutating func writeCNAME(to response: InnerResponse, _ ttl: UInt32) {
        self.response.writeCNAME(
            owner: question.nameOffset, ttl: ttl, target: response.message.slice(12, response.questionEnd - 16))
    }
}
