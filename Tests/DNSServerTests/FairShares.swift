import DNSServer
import DNSWire
import EventLoop
import Testing

/// Clients of a socket that can answer 1,000 datagrams a second, a second at a time.
private struct Second {
    var shares = ClientShares()
    private var now: UInt64 = 1

    /// - Returns: of each limited client the part that stays, in hundredths.
    mutating func flooded(_ received: [String: Int], unseen: Int = 0) -> [String: Int] {
        after(received) { $0.whenFlooded(at: $1, unseen: unseen) }
    }
    mutating func calm(_ received: [String: Int], waiting: Int = 0) -> [String: Int] {
        after(received) { $0.whenCalm(at: $1, waiting: waiting) }
    }

    private mutating func after(
        _ received: [String: Int], _ decide: (inout ClientShares, UInt64) -> SourceFilter
    ) -> [String: Int] {
        shares.begin(at: now)
        for (client, count) in received {
            // Ports change, the client does not.
            for port in 0..<count { shares.count(address(client, port: UInt16(port % 60_000))) }
        }
        now += 1_000_000_000
        let rules = decide(&shares, now).rules
        return Dictionary(
            uniqueKeysWithValues: rules.map { ("\($0.source.address)", Int(($0.kept * 100).rounded())) })
    }

    private func address(_ text: String, port: UInt16) -> SocketAddress {
        SocketAddress(IPAddress(text) ?? IPAddress(v4: 0), port: port)
    }
}

@Suite("flood: shares of clients") struct FairShares {
    @Test("who asks less than the others is served whole; the greedy divide what is left") func maxMin() {
        var second = Second()
        // Half of 1,000 is given out until the queue is short: 100 and 50 to the small, 175 to each of the greedy.
        let received = ["10.0.0.1": 100, "2001:db8::2": 50, "10.0.0.3": 425, "10.0.0.4": 425]
        #expect(second.flooded(received) == ["10.0.0.3": 41, "10.0.0.4": 41])
        // Then 900 and a little more, which is 377 for each of the greedy.
        #expect(
            second.calm(["10.0.0.1": 100, "2001:db8::2": 50, "10.0.0.3": 175, "10.0.0.4": 175])
                == ["10.0.0.3": 89, "10.0.0.4": 89])
    }

    @Test("a client that is limited is judged by what it sends, not by what is left of it") func limited() {
        var second = Second()
        #expect(second.flooded(["10.0.0.1": 100, "10.0.0.2": 900]) == ["10.0.0.2": 44])
        // It sent ten times as much, and as many of it stayed; the small one had a tenth before and has all now.
        #expect(second.calm(["10.0.0.1": 200, "10.0.0.2": 4_000]) == ["10.0.0.2": 8])
    }

    @Test("while some wait all the same, less is given out") func waiting() {
        var second = Second()
        #expect(second.flooded(["10.0.0.1": 100, "10.0.0.2": 900]) == ["10.0.0.2": 44])
        // 0.9 of 1,005 where two milliseconds' datagrams wait, then of nine tenths of that.
        #expect(second.calm(["10.0.0.1": 100, "10.0.0.2": 400], waiting: 2) == ["10.0.0.2": 89])
        #expect(second.calm(["10.0.0.1": 100, "10.0.0.2": 801], waiting: 3) == ["10.0.0.2": 80])
    }

    @Test("what was lost or waits counts for those who are seen") func unseen() {
        var second = Second()
        // 10,000 came for 1,000 that were answered: 200 of the small one, 9,800 of the other, for which 300 are left.
        #expect(second.flooded(["10.0.0.1": 20, "10.0.0.2": 980], unseen: 9_000) == ["10.0.0.2": 3])
        // What the limit dropped is known already: nothing else was lost.
        #expect(second.flooded(["10.0.0.1": 50, "10.0.0.2": 450], unseen: 14_250) == ["10.0.0.2": 1])
    }

    @Test("without anybody who asks less, nobody is limited") func alone() {
        var second = Second()
        #expect(second.flooded(["10.0.0.1": 1_000]) == [:])
        #expect(second.flooded(["10.0.0.1": 500, "10.0.0.2": 500]) == [:])
    }

    @Test("what few datagrams say of a client is not held against it") func evidence() {
        var second = Second()
        // 104 are given out: 2 to each of nine, 12 to each of those who asked more.
        var received = ["10.0.0.99": 100]
        for number in 1...9 { received["10.0.0.\(number)"] = 2 }
        for number in 10...15 { received["10.0.0.\(number)"] = 15 }
        #expect(second.flooded(received).keys.sorted() == ["10.0.0.99"])
    }

    @Test("a limit ends when there is enough for all, and not by a pause of the flood") func ends() {
        var second = Second()
        #expect(second.flooded(["10.0.0.1": 20, "10.0.0.2": 980]) == ["10.0.0.2": 49])
        // What stays of 4,000 a second.
        #expect(second.calm(["10.0.0.1": 20, "10.0.0.2": 1_960]).keys.sorted() == ["10.0.0.2"])
        // Silent, it is still thought to send half of that, then a quarter, then little enough.
        #expect(second.calm(["10.0.0.1": 20]).keys.sorted() == ["10.0.0.2"])
        #expect(second.calm(["10.0.0.1": 20]).keys.sorted() == ["10.0.0.2"])
        #expect(second.calm(["10.0.0.1": 20]).isEmpty)
    }
}

@Suite("flood: what waited already") struct WaitingShares {
    private func client(_ last: UInt32, port: UInt16 = 0) -> SocketAddress {
        SocketAddress(IPAddress(v4: 0x0A00_0000 | last), port: port)
    }

    @Test("of a limited client every fourth is answered, of others all, until the queue is through") func thinned() {
        var thinning = QueueThinning(SourceFilter([.init(client(1), kept: 0.25)]), waiting: 16)
        for number in 1...8 {
            #expect(!thinning.isOver)
            let (limited, other) = (thinning.admits(client(1, port: UInt16(number))), thinning.admits(client(2)))
            #expect(limited == (number % 4 == 0))
            #expect(other)
        }
        #expect(thinning.isOver)
    }

    @Test("where nobody is limited nothing is thinned") func nobody() {
        #expect(QueueThinning(SourceFilter([]), waiting: 100).isOver)
    }
}

@Suite("streams: what is read in a turn") struct StreamShares {
    @Test("so much as takes half a millisecond, 64 octets to 16 KiB") func adapts() {
        var share = StreamShare()
        #expect(share.octets == 1024)
        share.took(500_000)
        #expect(share.octets == 1024)
        share.took(500_001)
        #expect(share.octets == 512)
        for _ in 0..<9 { share.took(5_000_000) }
        #expect(share.octets == 64)
        share.took(200_000)
        #expect(share.octets == 64)
        for _ in 0..<20 { share.took(199_999) }
        #expect(share.octets == 16_384)
    }
}
