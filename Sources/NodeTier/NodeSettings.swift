package import Flags
package import Text

/// What the command line of a node's cache says.
package struct NodeSettings: Sendable, Equatable {
    /// What the host has to have so that the packets of pods come here.
    package struct Host: Sendable, Equatable {
        package var addresses: [IPLiteral]
        /// The name of the interface that has them; nil when they come from elsewhere.
        package var interface: String?
        package var hasRules: Bool
        /// Ports that the rules are about.
        package var port: UInt16
        package var healthPort: UInt16
        /// Between two looks at whether all is there.
        package var interval: Duration
        /// All of it outlives the process.
        package var stays: Bool

        package init(
            addresses: [IPLiteral], interface: String?, hasRules: Bool, port: UInt16, healthPort: UInt16,
            interval: Duration, stays: Bool
        ) {
            self.addresses = addresses
            self.interface = interface
            self.hasRules = hasRules
            self.port = port
            self.healthPort = healthPort
            self.interval = interval
            self.stays = stays
        }
    }

    package struct Page: Sendable, Equatable {
        /// nil for every address.
        package var address: IPLiteral?
        package var port: UInt16

        package init(address: IPLiteral?, port: UInt16) {
            self.address = address
            self.port = port
        }
    }

    package var host: Host
    /// The addresses as the command line writes them.
    package var addresses: [String]
    package var template: String
    /// Where the filled Corefile is shown to people.
    package var shown: String
    /// Where the keys of kube-dns' ConfigMap are.
    package var folder: String
    /// The environment variable with the address of the cluster's DNS.
    package var upstreamVariable: String
    package var prometheus: String
    /// nil for none.
    package var metrics: Page?
    package var port: UInt16
    package var pidfile: String?
    package var isQuiet: Bool
    /// Lines for the log about flags that were given and mean nothing.
    package var remarks: [String]

    package init(_ flags: FlagParser) throws(ParameterError) {
        addresses = (flags.text("localip") ?? "").split(separator: ",", omittingEmptySubsequences: false).map(
            String.init)
        let literals = try addresses.map { text throws(ParameterError) in
            guard let literal = IPLiteral(text), literal.scope == nil else {
                let found = flags.text("localip") == nil ? "nothing" : "\"\(text)\""
                throw ParameterError(
                    at: flags.place("localip"), found: found, expected: "addresses such as 169.254.20.10,10.96.0.10")
            }
            return literal
        }
        let port = try Self.port("dns.port", flags, else: try Self.port("p", flags, else: 53))
        host = Host(
            addresses: literals,
            interface: try flags.flag("setupinterface", else: true)
                ? flags.text("interfacename") ?? "nodelocaldns" : nil,
            hasRules: try flags.flag("setupiptables", else: true), port: port,
            healthPort: try Self.port("health-port", flags, else: 8080), interval: try Self.interval(flags),
            stays: try flags.flag("skipteardown"))
        self.port = port
        template = flags.text("basecorefile") ?? "/etc/coredns/Corefile.base"
        shown = flags.text("conf") ?? flags.text("corefile") ?? "/etc/Corefile"
        folder = flags.text("kubednscm") ?? "/etc/kube-dns"
        upstreamVariable = Self.variable(flags.text("upstreamsvc") ?? "kube-dns")
        prometheus = flags.text("prometheus-listen-address") ?? ":9253"
        metrics = try Self.page("metrics-listen-address", flags, else: "0.0.0.0:9353")
        pidfile = flags.text("pidfile")
        isQuiet = try flags.flag("quiet")
        remarks = NodeFlags.meaningless.filter { flags.values[$0.flag.name] != nil }.map {
            "\(flags.place($0.flag.name)) has no effect: \($0.why)"
        }
    }

    /// Where the kubelet writes a Service's address.
    private static func variable(_ service: String) -> String {
        service.uppercased().replacing("-", with: "_") + "_SERVICE_HOST"
    }

    private static func port(_ name: String, _ flags: FlagParser, else standard: UInt16) throws(ParameterError)
        -> UInt16
    {
        let number = try flags.integer(name, else: Int(standard), in: 1...65535)
        return number.map { UInt16(clamping: $0) } ?? standard
    }

    /// node-cache takes a Go duration and multiplies it by seconds: those who set it had to write 60ns for a minute, and
    /// nobody means nanoseconds.
    private static func interval(_ flags: FlagParser) throws(ParameterError) -> Duration {
        guard let text = flags.text("syncinterval") else { return .seconds(60) }
        if let seconds = Int(text) ?? (text.hasSuffix("ns") ? Int(text.dropLast(2)) : nil),
            (1...86400).contains(seconds)
        {
            return .seconds(seconds)
        }
        guard let interval = DurationText.parse(text), (.seconds(1) ... .seconds(86400)).contains(interval) else {
            throw ParameterError(
                at: flags.place("syncinterval"), found: "\"\(text)\"",
                expected: "seconds, or a time such as 30s, from 1s to 24h")
        }
        return interval
    }

    private static func page(_ name: String, _ flags: FlagParser, else standard: String) throws(ParameterError) -> Page?
    {
        let text = flags.values[name] ?? standard
        if text.isEmpty { return nil }
        let wrong = ParameterError(
            at: flags.place(name), found: "\"\(text)\"", expected: "[IP]:PORT, such as 0.0.0.0:9353 or [::]:9353")
        guard let colon = text.lastIndex(of: ":"), let port = UInt16(text[text.index(after: colon)...]), port > 0 else {
            throw wrong
        }
        var host = text[..<colon]
        if host.isEmpty { return Page(address: nil, port: port) }
        if host.hasPrefix("["), host.hasSuffix("]") { host = host.dropFirst().dropLast() }
        guard let address = IPLiteral(String(host)) else { throw wrong }
        return Page(address: address, port: port)
    }
}
