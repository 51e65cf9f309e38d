import DNSServer
import DNSWire
import EventLoop
import Synchronization
import Telemetry
import TestKit
import Testing

@testable import Plugins

@Suite("transfer: NOTIFY") struct ZoneNotifications {
    private final class Zone: Sendable {
        let serial = Mutex<UInt32?>(nil)

        func change(to new: UInt32) { serial.withLock { $0 = new } }
    }

    /// - Parameter patience: long where every message is answered, so that a busy machine causes no second one.
    private func notifier(
        _ server: SocketAddress, _ zone: Zone, patience: Duration, attempts: Int = 3
    ) throws -> ZoneNotifier {
        var notifier = ZoneNotifier(zone: try #require(Name("cluster.local")), server: server) {
            zone.serial.withLock { $0 }
        }
        notifier.pace = ZoneNotifier.Pace(
            look: .milliseconds(2), patience: patience, attempts: attempts, rest: .milliseconds(10))
        return notifier
    }

    /// The response to a NOTIFY.
    private static func heard(_ query: ReceivedQuery) -> [UInt8] {
        var reply = query.octets
        reply[2] |= 0x80
        return reply
    }

    @Test("one message for each change, and none without") func changes() async throws {
        let secondary = try await ScriptedUpstream.start(tcp: false) { [Self.heard($0)] }
        let zone = Zone()
        let notifier = try notifier(secondary.address, zone, patience: .seconds(180))
        let task = Task { await notifier.run() }
        defer { task.cancel() }
        zone.change(to: 7)
        #expect(await LiveServer.eventually { secondary.queries.count == 1 })
        let octets = try #require(secondary.queries.first).octets
        // NOTIFY with AA, one question: the zone's SOA (RFC 1996 §3.7).
        #expect(Array(octets[2..<12]) == [0x24, 0, 0, 1, 0, 0, 0, 0, 0, 0])
        #expect(Array(octets[12...]) == Array("\u{7}cluster\u{5}local\u{0}".utf8) + [0, 6, 0, 1])
        zone.change(to: 8)
        #expect(await LiveServer.eventually { secondary.queries.count == 2 })
        zone.change(to: 9)
        zone.change(to: 10)
        #expect(await LiveServer.eventually { secondary.queries.count >= 3 })
        // Several times the rest between two messages: there would have been a fourth.
        try await Task.sleep(for: .milliseconds(100))
        #expect(secondary.queries.count <= 4)
    }

    @Test("repeated until answered") func retries() async throws {
        let secondary = try await ScriptedUpstream.start(tcp: false) { query in
            // What is no answer to it does not count.
            query.number > 0 ? [Self.heard(query)] : [[0, 0] + query.octets.dropFirst(2), query.octets]
        }
        // So many, each with twice the patience, that some answer is in time on any machine.
        #expect(try await notifier(secondary.address, Zone(), patience: .milliseconds(100), attempts: 12).tell(7))
        #expect(secondary.queries.count >= 2)
    }

    @Test("given up after a bounded number of messages") func givenUp() async throws {
        let secondary = try await ScriptedUpstream.start(tcp: false) { _ in [] }
        #expect(try await notifier(secondary.address, Zone(), patience: .milliseconds(10)).tell(7) == false)
        await secondary.received(3)
        #expect(secondary.queries.count == 3)
    }

    @Test("every zone to every server, and to nobody for *") func targets() throws {
        let address = SocketAddress(IPAddress(v4: 0x7F00_0001), port: 53)
        let plan = try TestPlan.block(
            """
            transfer {
                to * 192.0.2.1
                source 192.0.2.9
            }
            transfer cluster.local {
                to 192.0.2.2:5353 [2001:db8::1]:54
            }
            kubernetes cluster.local in-addr.arpa
            """, at: address, MetricRegistry())
        let plugin = try #require(plan.plugins.compactMap { $0 as? TransferPlugin }.first)
        #expect(
            plugin.notifiers.map { "\($0.zone) \($0.server) \($0.source.map { "\($0)" } ?? "-")" } == [
                "cluster.local. 192.0.2.2:5353 -", "cluster.local. [2001:db8::1]:54 -",
                "in-addr.arpa. 192.0.2.1:53 192.0.2.9",
            ])
    }

    @Test(arguments: [
        ("transfer {\nto *\n}", "no errors"),
        ("transfer cluster.local 10.0.0.0/8 {\nto 192.0.2.1 * [2001:db8::1]\nsource 2001:db8::2\n}", "no errors"),
        ("transfer", "transfer: found no to, expected to and who may copy the zones"),
        ("transfer {\nto\n}", "transfer: found to with no arguments, expected at least 1 argument"),
        (
            "transfer {\nto ns.test\n}",
            "transfer: found to ns.test, expected * or an address as IP, IP:PORT or [IPv6]:PORT"
        ),
        ("transfer {\nto *\nsource eth0\n}", "transfer: found source eth0, expected an IP address of this host"),
        ("transfer {\nto *\nfrom 1.2.3.4\n}", "transfer: found from, expected to or source"),
    ])
    func settings(_ directives: String, _ expected: String) { #expect(TestPlan.errors(directives) == expected) }
}
