import Flags
import NodeTier
import Testing
import Text

@Suite("node: command line") struct CommandLines {
    static func settings(_ arguments: String...) throws -> NodeSettings {
        var flags = FlagParser(NodeFlags.all, dashes: .oneOrTwo)
        try flags.parse(arguments)
        return try NodeSettings(flags)
    }

    @Test("the command line of NodeLocal DNSCache's manifest") func manifest() throws {
        let settings = try Self.settings(
            "-localip", "169.254.20.10,10.0.0.10", "-conf", "/etc/Corefile", "-upstreamsvc", "kube-dns-upstream")
        #expect(settings.addresses == ["169.254.20.10", "10.0.0.10"])
        #expect(settings.shown == "/etc/Corefile")
        #expect(settings.upstreamVariable == "KUBE_DNS_UPSTREAM_SERVICE_HOST")
        #expect(settings.remarks == [])
    }

    @Test("what is not said is as in node-cache") func defaults() throws {
        let settings = try Self.settings("-localip=169.254.20.10")
        #expect(settings.template == "/etc/coredns/Corefile.base" && settings.shown == "/etc/Corefile")
        #expect(settings.folder == "/etc/kube-dns" && settings.upstreamVariable == "KUBE_DNS_SERVICE_HOST")
        #expect(settings.metrics == .init(address: IPLiteral("0.0.0.0"), port: 9353))
        #expect(settings.prometheus == ":9253" && settings.port == 53 && settings.pidfile == nil && !settings.isQuiet)
        let host = settings.host
        #expect(host.interface == "nodelocaldns" && host.hasRules && !host.stays)
        #expect(host.port == 53 && host.healthPort == 8080 && host.interval == .seconds(60))
        #expect(host.addresses == [IPLiteral("169.254.20.10")])
    }

    @Test("each flag, with one dash or two, behind = or apart") func each() throws {
        let settings = try Self.settings(
            "--localip=169.254.20.10", "-setupinterface=false", "-interfacename", "dns0", "-setupiptables=false",
            "-syncinterval=30s", "-metrics-listen-address", "[::1]:9000", "-prometheus-listen-address=:9001",
            "-basecorefile=/base", "-corefile=/out", "--kubednscm", "/cm", "-upstreamsvc=my-dns", "-health-port=9002",
            "-skipteardown", "-dns.port=1053", "-pidfile=/pid", "-quiet")
        #expect(
            settings.host
                == .init(
                    addresses: [IPLiteral("169.254.20.10")].compactMap(\.self), interface: nil, hasRules: false,
                    port: 1053,
                    healthPort: 9002, interval: .seconds(30), stays: true))
        #expect(try Self.settings("-localip=::1", "-interfacename=dns0").host.interface == "dns0")
        #expect(settings.metrics == .init(address: IPLiteral("::1"), port: 9000) && settings.prometheus == ":9001")
        #expect(settings.template == "/base" && settings.shown == "/out" && settings.folder == "/cm")
        #expect(settings.upstreamVariable == "MY_DNS_SERVICE_HOST")
        #expect(settings.port == 1053 && settings.pidfile == "/pid" && settings.isQuiet)
        #expect(try Self.settings("-localip=::1", "-p", "54").port == 54)
        #expect(try Self.settings("-localip=::1", "-conf=/a", "-corefile=/b").shown == "/a")
    }

    @Test("addresses of both families are taken") func families() throws {
        #expect(try Self.settings("-localip=169.254.20.10,fd00::10").host.addresses.map(\.isV6) == [false, true])
    }

    @Test(
        "an interval is seconds, a time, or what node-cache made people write",
        arguments: [("60", 60), ("60ns", 60), ("5", 5), ("30s", 30), ("1m", 60), ("2m30s", 150)])
    func interval(_ text: String, _ seconds: Int) throws {
        #expect(try Self.settings("-localip=::1", "-syncinterval=\(text)").host.interval == .seconds(seconds))
    }

    @Test("metrics on every address, and none") func metrics() throws {
        #expect(
            try Self.settings("-localip=::1", "-metrics-listen-address=:9353").metrics
                == .init(address: nil, port: 9353))
        #expect(try Self.settings("-localip=::1", "-metrics-listen-address=").metrics == nil)
    }

    @Test("what has no meaning here is accepted, with a line in the log") func meaningless() throws {
        #expect(
            try Self.settings("-localip=::1", "-setupebtables=false", "-reloadwithsignal").remarks == [
                "-reloadwithsignal has no effect: changes of the files are taken over without a signal",
                "-setupebtables has no effect: no rules of ebtables are needed",
            ])
    }

    @Test(
        "what is wrong names the flag, what was found and what belongs there",
        arguments: [
            (["-quiet"], "-localip: found nothing, expected addresses such as 169.254.20.10,10.96.0.10"),
            (["-localip=10.0.0.1,"], #"-localip: found "", expected addresses such as 169.254.20.10,10.96.0.10"#),
            (["-localip=dns"], #"-localip: found "dns", expected addresses such as 169.254.20.10,10.96.0.10"#),
            (["-localip=fe80::1%eth0"], #"-localip: found "fe80::1%eth0", expected addresses"#),
            (["-localip=::1", "-syncinterval=soon"], #"-syncinterval: found "soon", expected seconds, or a time"#),
            (["-localip=::1", "-syncinterval=10ms"], #"-syncinterval: found "10ms", expected seconds, or a time"#),
            (["-localip=::1", "-health-port=0"], #"-health-port: found "0", expected a whole number, 1...65535"#),
            (["-localip=::1", "-dns.port=x"], #"-dns.port: found "x", expected a whole number, 1...65535"#),
            (
                ["-localip=::1", "-metrics-listen-address=9353"],
                #"-metrics-listen-address: found "9353", expected [IP]:PORT"#
            ),
            (["-localip=::1", "-setupinterface=maybe"], #"-setupinterface: found "maybe", expected true or false"#),
            (["-localip=::1", "-unknown"], "command line: found -unknown, expected a flag that --help lists"),
            (["-localip"], "-localip: found nothing after it, expected IP,…"),
        ])
    func wrong(_ arguments: [String], _ beginning: String) {
        let said: String
        do {
            var flags = FlagParser(NodeFlags.all, dashes: .oneOrTwo)
            try flags.parse(arguments)
            _ = try NodeSettings(flags)
            said = "nothing"
        } catch { said = "\(error)" }
        #expect(said.hasPrefix(beginning), "\(said)")
    }

    @Test("the help lists every flag and every word") func help() {
        for flag in NodeFlags.all { #expect(NodeFlags.help.contains("  -\(flag.name)"), "\(flag.name)") }
        for word in ["LOCAL__DNS", "CLUSTER__DNS", "UPSTREAM__SERVERS", "DNS__SERVER"] {
            #expect(NodeFlags.help.contains("__PILLAR__\(word)__"))
        }
        #expect(NodeFlags.help.contains("__PROMETHEUS__ENDPOINT__"))
        #expect(NodeFlags.help.split(separator: "\n").allSatisfy { $0.count <= 120 })
    }
}
