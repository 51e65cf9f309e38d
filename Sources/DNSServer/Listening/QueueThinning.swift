package import EventLoop

/// What waited in a socket when a `SourceFilter` began: of a limited client's datagrams the same part is answered as of
/// those that come after it, evenly, so that others do not wait for all the rest.
package struct QueueThinning {
    /// Datagrams that are still to be taken out of the queue.
    private var left: Int
    private var clients: [SocketAddress: (kept: Double, credit: Double)]

    /// - Parameter waiting: how many datagrams wait.
    package init(_ filter: SourceFilter = SourceFilter([]), waiting: Int = 0) {
        left = filter.rules.isEmpty ? 0 : waiting
        clients = Dictionary(uniqueKeysWithValues: filter.rules.map { ($0.source, ($0.kept, 0)) })
    }

    /// True when all that waited was taken.
    package var isOver: Bool { left <= 0 }

    /// Takes one out; false when it is not to be answered.
    package mutating func admits(_ peer: SocketAddress) -> Bool {
        left -= 1
        var client = peer
        client.port = 0
        guard let (kept, credit) = clients[client] else { return true }
        let isDue = credit + kept >= 1
        clients[client] = (kept, credit + kept - (isDue ? 1 : 0))
        return isDue
    }
}
