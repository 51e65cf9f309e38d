import DNSWire
import EventLoop

/// A server block's handlers on one loop.
final class LoopBlock {
    let handlers: [any Handler]
    /// Directive of each handler, for labels.
    let names: [String]
    let offersRecursion: Bool
    /// Decides whether this block takes a question; nil for one that takes all of its zones.
    let filter: (any QuestionFilter)?

    init(_ block: ServerBlock, on server: LoopServer) {
        var handlers: [any Handler] = []
        var names: [String] = []
        for plugin in block.plugins {
            guard let handler = plugin.makeHandler(on: server) else { continue }
            handlers.append(handler)
            names.append(plugin.directive)
        }
        self.handlers = handlers
        self.names = names
        offersRecursion = block.offersRecursion
        filter = block.plugins.lazy.compactMap { $0 as? any BlockCondition }.first?.makeQuestionFilter(on: server)
    }
}

/// Finds the server block for a name among those of one address: the longest zone wins.
final class ServerBlockRouter {
    private let zones: [(wire: ByteBlock, block: LoopBlock)]
    private let hasFilters: Bool
    /// Where the blocks listen; nil for a router of no blocks.
    let address: SocketAddress?

    init(_ zones: [(Name, LoopBlock)], at address: SocketAddress? = nil) {
        self.address = address
        hasFilters = zones.contains { $0.1.filter != nil }
        // Stable, so that of equal zones the first in the file is asked.
        self.zones = zones.enumerated()
            .sorted { ($1.element.0.wire.count, $0.offset) < ($0.element.0.wire.count, $1.offset) }
            .map { (ByteBlock($0.element.0.wire), $0.element.1) }
    }

    /// The block for the current question.
    func find(_ exchange: borrowing Exchange) -> LoopBlock? {
        let question = exchange.question
        guard hasFilters else { return find(question.folded, type: question.type) }
        return findFiltered(exchange)
    }

    // Apart, so that servers without conditions pay for none: each filter is asked once, top to bottom.
    @inline(never)
    private func findFiltered(_ exchange: borrowing Exchange) -> LoopBlock? {
        let question = exchange.question
        var child: LoopBlock?
        for (wire, block) in zones where question.folded.isSubdomain(of: wire.view) {
            if let filter = block.filter, !filter.takes(exchange) { continue }
            guard question.type == .ds, wire.view.count == question.folded.count else { return block }
            if child == nil { child = block }
        }
        return child
    }

    /// - Parameter name: folded wire form.
    /// - Parameter type: DS is answered by the parent of the zone that the name is the apex of (RFC 4035 §3.1.4.1).
    private func find(_ name: ByteView, type: RecordType) -> LoopBlock? {
        var child: LoopBlock?
        for (wire, block) in zones where name.isSubdomain(of: wire.view) {
            guard type == .ds, wire.view.count == name.count else { return block }
            if child == nil { child = block }
        }
        return child
    }
}
