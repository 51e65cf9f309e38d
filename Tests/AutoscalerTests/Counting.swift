import Testing

@testable import Autoscaler

@Suite("quantities of CPU") struct Quantities {
    @Test(
        "whole cores, rounded up",
        arguments: [
            ("4", 4), ("3920m", 4), ("0.1", 1), ("1k", 1000), ("1e3", 1000), ("1E3", 1000), ("100n", 1), ("1Ki", 1024),
            ("0", 0), ("0m", 0), ("1000m", 1), ("1001m", 2), ("1.5", 2), (".5", 1), ("5.", 5), ("+2", 2), ("1u", 1),
            ("2e-1", 1), ("1e-9", 1), ("1e-99", 1), ("0e99", 0), ("2M", 2_000_000), ("1Mi", 1_048_576), ("1.5Ki", 1536),
            ("0.0001Ki", 1), ("007", 7), ("1G", 1_000_000_000), ("1Gi", 1_073_741_824), ("-1", -1), ("-1500m", -2),
            // Beyond 32 bits nothing is told apart.
            ("1E", Int(Int32.max)), ("1Ei", Int(Int32.max)), ("1e2147483647", Int(Int32.max)),
            ("99999999999999999999999999999999999999999999999999", Int(Int32.max)),
            ("-99999999999999999999999999999999999999999999999999Ei", Int(Int32.min)),
            ("0.00000000000000000000000000000000000000000000000001", 1),
            ("99999999999999999999999999999999999999999e-40", 10),
        ])
    func cores(_ text: String, _ wanted: Int) throws {
        #expect(try #require(Quantity(text)).cores == wanted)
    }

    @Test(
        "refused",
        arguments: [
            "", "m", "four", "1 ", " 1", "1.2.3", "1mm", "1K", "1ki", "1e", "1e1.5", "1e99999999999", "--1", "+-1",
            "0x10",
            "1_000", "1\u{301}", "\u{0661}", "Ki", ".", "1em",
        ])
    func refused(_ text: String) { #expect(Quantity(text) == nil) }

    @Test("sums are exact: three times 1500m are 4.5 cores, so 5")
    func exactSums() throws {
        let quantity = try #require(Quantity("1500m"))
        #expect((quantity + quantity + quantity).cores == 5)
        let tenth = try #require(Quantity("0.1"))
        #expect((0..<10).reduce(Quantity.zero) { sum, _ in sum + tenth }.cores == 1)
        let nano = try #require(Quantity("1n"))
        #expect((try #require(Quantity("1")) + nano).cores == 2)
    }
}

@Suite("counting nodes") struct Counting {
    private func node(_ cpu: String, cordoned: Bool = false, ready: Bool = true, zone: String = "") throws
        -> NodeCensus.Node
    {
        NodeCensus.Node(cpu: try #require(Quantity(cpu)), isSchedulable: ready && !cordoned, zone: zone)
    }

    @Test("cordoned nodes and nodes that are not ready count in the total only")
    func shares() throws {
        var census = NodeCensus()
        census.store("n1", try node("1000m"))
        census.store("n2", try node("2000m"))
        census.store("n3", try node("3000m", cordoned: true, ready: false))
        census.store("n5", try node("3000m", ready: false))
        #expect(census.size.total == .init(nodes: 4, cores: 9))
        #expect(census.size.schedulable == .init(nodes: 2, cores: 3))
    }

    @Test("changes of a node count once, and a removed node not at all")
    func changes() throws {
        var census = NodeCensus()
        census.store("a", try node("4", zone: "z1"))
        census.store("a", try node("8", cordoned: true, zone: "z2"))
        census.store("b", try node("1500m", zone: "z2"))
        census.remove("never there")
        #expect(census.size.total == .init(nodes: 2, cores: 10, zones: 1))
        #expect(census.size.schedulable == .init(nodes: 1, cores: 2, zones: 1))
        census.remove("b")
        #expect(census.size.total == .init(nodes: 1, cores: 8, zones: 1))
        #expect(census.size.schedulable == .init(nodes: 0, cores: 0))
    }

    @Test("what a new list does not bring is gone; a list cut short takes nothing away")
    func lists() throws {
        var census = NodeCensus()
        census.listStarted()
        for name in ["a", "b", "c"] { census.store(name, try node("1")) }
        census.listFinished()
        census.listStarted()
        census.store("a", try node("1"))
        #expect(census.size.total.nodes == 3)
        census.listStarted()
        census.store("a", try node("1"))
        census.store("d", try node("1"))
        census.listFinished()
        #expect(census.size.total == .init(nodes: 2, cores: 2))
    }

    @Test("random changes leave the sums that counting anew gives")
    func randomChanges() throws {
        var generator = SystemRandomNumberGenerator()
        var census = NodeCensus()
        var known: [String: NodeCensus.Node] = [:]
        for _ in 0..<5000 {
            let name = "node-\(Int.random(in: 0..<200, using: &generator))"
            if Bool.random(using: &generator) {
                let one = try node(
                    ["4", "3920m", "0.1", "64"].randomElement(using: &generator) ?? "1",
                    cordoned: .random(using: &generator),
                    zone: ["", "a", "b", "c", "d"].randomElement(using: &generator) ?? "")
                known[name] = one
                census.store(name, one)
            } else {
                known[name] = nil
                census.remove(name)
            }
        }
        let sum = known.values.reduce(Quantity.zero) { $0 + $1.cpu }
        let schedulable = known.values.filter(\.isSchedulable)
        #expect(
            census.size.total
                == .init(
                    nodes: known.count, cores: sum.cores, zones: Set(known.values.map(\.zone)).subtracting([""]).count))
        #expect(
            census.size.schedulable
                == .init(
                    nodes: schedulable.count, cores: schedulable.reduce(Quantity.zero) { $0 + $1.cpu }.cores,
                    zones: Set(schedulable.map(\.zone)).subtracting([""]).count))
    }
}
