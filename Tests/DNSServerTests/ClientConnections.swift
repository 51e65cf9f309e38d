import DNSServer
import DNSWire
import EventLoop
import Testing

/// Connections are numbers here; what the table says is done at once, as a listener does it.
@Suite("connections: the idlest gives way to a new client") struct ClientConnections {
    private struct Table {
        var open = OpenConnections<Int>()
        var tickets: [Int: OpenConnections<Int>.Ticket] = [:]
        var busy: Set<Int> = []
        var isShort = false
        let limits: OpenConnections<Int>.Limits

        init(_ connections: Int, perClient: Int) {
            limits = .init(connections: connections, perClient: perClient)
        }

        /// Gives what became of it: `in`, `in, N out` or `refused`.
        mutating func connect(_ number: Int, from client: String) -> String {
            let address = IPAddress(client)!
            let busy = busy
            let room = open.makeRoom(for: address, within: limits, isShort: isShort) { busy.contains($0) }
            if case .none = room { return "refused" }
            tickets[number] = open.insert(number, from: address)
            guard case .after(let gone) = room else { return "in" }
            // A listener tells the table of what it closed, too.
            open.remove(tickets[gone]!)
            return "in, \(gone) out"
        }

        mutating func use(_ number: Int) { open.used(tickets[number]!) }
        mutating func close(_ number: Int) { open.remove(tickets[number]!) }
    }

    @Test("one below, at and above the limit of one client: only its own go") func oneClient() {
        var table = Table(10, perClient: 3)
        #expect(table.connect(1, from: "192.0.2.9") == "in")
        #expect(table.connect(2, from: "192.0.2.1") == "in")
        #expect(table.connect(3, from: "192.0.2.1") == "in")
        #expect(table.connect(4, from: "192.0.2.1") == "in")
        #expect(table.connect(5, from: "192.0.2.1") == "in, 2 out")
        table.use(3)
        #expect(table.connect(6, from: "192.0.2.1") == "in, 4 out")
        #expect(table.open.count == 4)
    }

    @Test("one below, at and above the limit of all: the one used longest ago goes, whose ever it is") func all() {
        var table = Table(3, perClient: 3)
        for number in 1...3 { #expect(table.connect(number, from: "192.0.2.\(number)") == "in") }
        table.use(1)
        #expect(table.connect(4, from: "192.0.2.4") == "in, 2 out")
        #expect(table.open.count == 3)
        table.close(3)
        #expect(table.connect(5, from: "192.0.2.4") == "in")
        #expect(table.open.all.sorted() == [1, 4, 5])
    }

    @Test("who has a query under way stays") func busy() {
        var table = Table(3, perClient: 2)
        for (number, client) in [(1, "192.0.2.1"), (2, "192.0.2.2"), (3, "192.0.2.3")] {
            _ = table.connect(number, from: client)
        }
        table.busy = [1, 2]
        #expect(table.connect(4, from: "192.0.2.4") == "in, 3 out")
        table.busy = [1, 2, 4]
        #expect(table.connect(5, from: "192.0.2.5") == "refused")
    }

    @Test("all are at work: who has the most loses one to who has none, but not to who has as many") func fair() {
        var table = Table(4, perClient: 4)
        for number in 1...3 { _ = table.connect(number, from: "192.0.2.1") }
        _ = table.connect(4, from: "192.0.2.2")
        table.busy = [1, 2, 3, 4, 5, 6, 7]
        #expect(table.connect(5, from: "192.0.2.3") == "in, 1 out")
        #expect(table.connect(6, from: "192.0.2.1") == "refused")
        #expect(table.connect(7, from: "192.0.2.2") == "refused")
    }

    @Test("descriptors are short: one goes for each that comes, but for the listener's share") func short() {
        var table = Table(1000, perClient: 1000)
        table.isShort = true
        let share = DescriptorReserve.share
        for number in 1...share { #expect(table.connect(number, from: "192.0.2.1") == "in") }
        #expect(table.connect(share + 1, from: "192.0.2.1") == "in, 1 out")
        table.isShort = false
        #expect(table.connect(share + 2, from: "192.0.2.1") == "in")
        #expect(table.open.count == share + 1)
    }

    @Test("a ticket of one that is gone does nothing to who has its place") func stale() {
        var table = Table(1, perClient: 1)
        _ = table.connect(1, from: "192.0.2.1")
        #expect(table.connect(2, from: "192.0.2.1") == "in, 1 out")
        table.use(1)
        table.close(1)
        #expect(table.open.all == [2])
    }

    @Test("any order of coming, use and going keeps the order of last use") func model() {
        var random = SystemRandomNumberGenerator()
        var (table, order) = (Table(8, perClient: 8), [Int]())
        for number in 1...4000 {
            switch UInt8.random(in: 0..<4, using: &random) {
            case 0 where !order.isEmpty:
                let gone = order.remove(at: Int.random(in: 0..<order.count, using: &random))
                table.close(gone)
            case 1 where !order.isEmpty:
                let used = order.remove(at: Int.random(in: 0..<order.count, using: &random))
                order.append(used)
                table.use(used)
            default:
                let wanted = order.count < 8 ? "in" : "in, \(order.removeFirst()) out"
                order.append(number)
                #expect(table.connect(number, from: "192.0.2.1") == wanted)
            }
            #expect(table.open.all.sorted() == order.sorted())
        }
    }
}
