import DNSWire
import EventLoop

/// A server block's handlers on one loop.
final class LoopBlock {
    let handlers: [any Handler]
    /// Directive of each handler, for labels.
    let names: [String]
    let offersRecursion: Bool

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
    }
}

/// Finds the server block for a name among those of one address: the longest zone wins.
final class ServerBlockRouter {
    private let zones: [(wire: ByteBlock, block: LoopBlock)]

    init(_ zones: [(Name, LoopBlock)]) {
        // Stable, so that of equal zones the first in the file is asked.
        self.zones = zones.enumerated()
            .sorted { ($1.element.0.wire.count, $0.offset) < ($0.element.0.wire.count, $1.offset) }
            .map { (ByteBlock($0.element.0.wire), $0.element.1) }
    }

    /// - Parameter name: folded wire form.
    /// - Parameter type: DS is answered by the parent of the zone that the name is the apex of (RFC 4035 §3.1.4.1).
    func find(_ name: ByteView, type: RecordType) -> LoopBlock? {
        var child: LoopBlock?
        for (wire, block) in zones where name.isSubdomain(of: wire.view) {
            guard type == .ds, wire.view.count == name.count else { return block }
            if child == nil { child = block }
        }
        return child
    }
}
