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
        return .tentative
    }

    func reconsider(_ exchange: inout Exchange) -> Bool {
        guard exchange.isNameMissing else {
            settle(&exchange)
            return false
        }
        if askOtherType(&exchange) { return true }
        exchange.search?.asksOtherType = false
        // Asked anew each time: while an upstream was waited for, the address may have passed to another pod.
        if let path = path(exchange), askNext(of: path, &exchange) { return true }
        exchange.search = nil
        // Nothing is wrong with the answer to the client's own question when no other was asked since.
        guard exchange.aliases > 0 || !exchange.isNameMissing else { return false }
        exchange.askAnew()
        return true
    }

    /// The client's search path, if it is known and the client's question is its first try.
    private func path(_ exchange: borrowing Exchange) -> SearchPath? {
        let name = exchange.asked.folded
        guard let path = reader.searchPath(of: IPAddress(exchange.client), for: name),
            name.count > path.first.count, name.isSubdomain(of: path.first)
        else { return nil }
        return path
    }

    /// Asks for the next element's name; false when there is none.
    private func askNext(of path: SearchPath, _ exchange: inout Exchange) -> Bool {
        let name = exchange.asked.name
        let labels = name.slice(0, name.count - path.first.count)
        while let considered = exchange.search?.considered, let element = element(considered + 1, of: path) {
            exchange.search?.considered += 1
            guard !isRepeat(element, at: considered + 1, of: path) else { continue }
            if exchange.askInstead(labels, element) { return true }
        }
        return false
    }

    /// Asks whether the other kind of address is at a name that was said not to exist: some servers deny the whole name
    /// when they only mean the type.
    private func askOtherType(_ exchange: inout Exchange) -> Bool {
        guard let search = exchange.search, search.considered > 0, !search.asksOtherType,
            let other: RecordType = [.a: .aaaa, .aaaa: .a][exchange.asked.type]
        else { return false }
        exchange.search?.asksOtherType = true
        guard askAgain(&exchange) else { return false }
        exchange.question.type = other
        return true
    }

    /// Writes the alias to the element considered last anew.
    private func askAgain(_ exchange: inout Exchange) -> Bool {
        guard let search = exchange.search, let path = path(exchange), let element = element(search.considered, of: path)
        else { return false }
        return exchange.askInstead(exchange.asked.name.slice(0, exchange.asked.name.count - path.first.count), element)
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

    private func settle(_ exchange: inout Exchange) {
        guard let search = exchange.search, search.considered > 0 else {
            exchange.search = nil
            return
        }
        switch exchange.response.code {
        case .noError, .nameError:
            // Of the other type's answer nothing is said but that the name is there.
            if search.asksOtherType { _ = askAgain(&exchange) }
            exchange.keepOtherName()
            successes.bump()
        default:
            // Nobody knows whether that name exists, so it is no alias' target.
            exchange.search = nil
            exchange.response.removeRecords(exchange.asked)
            exchange.isAuthoritative = false
        }
    }
}
