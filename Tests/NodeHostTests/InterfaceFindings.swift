import DNSWire
import Testing

@testable import NodeHost

@Suite("interface: what is not as it should be") struct InterfaceFindings {
    let settings = HostSettings(addresses: ["169.254.20.10", "fd00::a"].compactMap { IPAddress($0) })

    private func findings(_ link: Link?) -> [String] { LocalInterface(settings).findings(link).map(\.what) }

    private func link(isUp: Bool, _ addresses: [IPAddress]) -> Link {
        Link(index: 3, isUp: isUp, kind: "dummy", addresses: Set(addresses))
    }

    @Test("no interface, one that is down, and addresses that are missing") func findings() {
        #expect(findings(nil) == ["missing"])
        #expect(findings(link(isUp: false, settings.addresses)) == ["down"])
        #expect(findings(link(isUp: true, [])) == ["address 169.254.20.10 missing", "address fd00::a missing"])
    }

    @Test("addresses that nobody asked for are left alone") func others() {
        #expect(findings(link(isUp: true, settings.addresses + [IPAddress(v4: 1)])) == [])
    }

    @Test("settings that the kernel would refuse are refused before") func refused() {
        var settings = settings
        #expect(settings.problem == nil)
        for name in ["", "..", "a/b", "with space", "sixteen-letters!"] {
            settings.interface = name
            #expect(settings.problem != nil, "\(name)")
        }
        #expect(HostSettings(addresses: []).problem == "addresses: found 0, expected 1 to 16")
    }
}
