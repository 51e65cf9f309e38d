package import DNSWire
import EventLoop

/// The open connections of one listener in the order of their last use, and which of them gives way to a new one.
///
/// A new client is always let in while any connection is idle: who holds connections without asking anything would
/// otherwise shut out all others (RFC 7766 §6.2.3 lets a server close idle connections at any time).
package struct OpenConnections<Connection> {
    /// Names a connection in the table; none other has the same one for the table's life.
    package struct Ticket: Hashable, Sendable {
        fileprivate let slot: Int
        fileprivate let number: UInt64
    }

    /// How many may be open: together, and of one client's address.
    package struct Limits: Sendable {
        package var connections: Int
        package var perClient: Int

        package init(connections: Int, perClient: Int) {
            self.connections = connections
            self.perClient = perClient
        }
    }

    package enum Room {
        case free
        /// There is room once this one has been closed, which is not in the table any more.
        case after(Connection)
        /// Every connection that could give way has a query under way.
        case none
    }

    private struct Slot {
        let number: UInt64
        let client: IPAddress
        let connection: Connection
        /// The neighbours by last use.
        var before: Int?
        var behind: Int?
    }

    /// For so many nanoseconds a new connection is no idle one: its handshake or its first query is on the way, and work on
    /// it would be lost. A client that asks nothing for longer has no claim to its place.
    package static var youth: UInt64 { 250_000_000 }

    private var slots: [Slot?] = []
    private var free: [Int] = []
    private var idlest: Int?
    private var latest: Int?
    private var perClient: [IPAddress: Int] = [:]
    private var numbers: UInt64 = 0

    package init() {}

    package var count: Int { slots.count - free.count }
    package var all: [Connection] { slots.compactMap { $0?.connection } }

    /// Finds room for one more connection from `client`.
    ///
    /// - Parameters:
    ///   - isShort: true when the process has few descriptors left; then one goes for each that comes.
    ///   - isBusy: true for a connection that has a query under way, or is in its `youth` and has not asked yet.
    package mutating func makeRoom(
        for client: IPAddress, within limits: Limits, isShort: Bool, isBusy: (Connection) -> Bool
    ) -> Room {
        let own = perClient[client, default: 0]
        if own >= limits.perClient {
            return giveWay { $0.client == client && !isBusy($0.connection) }
        }
        guard count >= limits.connections || (isShort && count >= DescriptorReserve.share) else { return .free }
        let room = giveWay { !isBusy($0.connection) }
        guard case .none = room else { return room }
        // All are at work: who has the most loses one to who has fewer.
        guard let most = perClient.max(by: { $0.value < $1.value }), most.value > own + 1 else { return .none }
        return giveWay { $0.client == most.key }
    }

    private mutating func giveWay(_ mayGo: (borrowing Slot) -> Bool) -> Room {
        var next = idlest
        while let index = next, let slot = slots[index] {
            if mayGo(slot) {
                remove(Ticket(slot: index, number: slot.number))
                return .after(slot.connection)
            }
            next = slot.behind
        }
        return .none
    }

    /// Takes a connection in, as the one used last.
    package mutating func insert(_ connection: Connection, from client: IPAddress) -> Ticket {
        numbers += 1
        let slot = Slot(number: numbers, client: client, connection: connection, before: nil, behind: nil)
        let index = free.popLast() ?? slots.count
        if index == slots.count { slots.append(slot) } else { slots[index] = slot }
        append(index)
        perClient[client, default: 0] += 1
        return Ticket(slot: index, number: numbers)
    }

    /// Notes that a query came or was answered.
    package mutating func used(_ ticket: Ticket) {
        guard let slot = slots[ticket.slot], slot.number == ticket.number, latest != ticket.slot else { return }
        unlink(ticket.slot)
        append(ticket.slot)
    }

    /// Forgets a connection; does nothing when it has given way.
    package mutating func remove(_ ticket: Ticket) {
        guard let slot = slots[ticket.slot], slot.number == ticket.number else { return }
        unlink(ticket.slot)
        slots[ticket.slot] = nil
        free.append(ticket.slot)
        let left = perClient[slot.client, default: 1] - 1
        perClient[slot.client] = left > 0 ? left : nil
    }

    private mutating func append(_ index: Int) {
        slots[index]?.before = latest
        slots[index]?.behind = nil
        if let latest { slots[latest]?.behind = index } else { idlest = index }
        latest = index
    }

    private mutating func unlink(_ index: Int) {
        guard let slot = slots[index] else { return }
        if let before = slot.before { slots[before]?.behind = slot.behind } else { idlest = slot.behind }
        if let behind = slot.behind { slots[behind]?.before = slot.before } else { latest = slot.before }
    }
}
