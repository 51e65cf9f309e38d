package import Flags

/// Every flag of `cluster-dns node`, in the order of its help.
package enum NodeFlags {
    /// node-cache's own.
    static let reference: [FlagParser.Flag] = [
        .init("localip", "IP,…", "Addresses that pods ask, of one family or both. Needed."),
        .init("basecorefile", "FILE", "The template of the Corefile. Default: /etc/coredns/Corefile.base."),
        .init("kubednscm", "FOLDER", "Where kube-dns' ConfigMap is mounted. Default: /etc/kube-dns."),
        .init("upstreamsvc", "NAME", "The Service that stands for the cluster's DNS. Default: kube-dns."),
        .init("metrics-listen-address", "[IP]:PORT", "Shows /metrics; empty for none. Default: 0.0.0.0:9353."),
        .init("prometheus-listen-address", "[IP]:PORT", "Fills __PROMETHEUS__ENDPOINT__. Default: :9253."),
        .init("setupinterface", "", "Keeps an interface with the addresses. Default: true."),
        .init("interfacename", "NAME", "Its name. Default: nodelocaldns."),
        .init("setupiptables", "", "Keeps packets of the addresses untracked. Default: true."),
        .init("syncinterval", "TIME", "Between two looks at interface and rules: 60, 1m. Default: 60."),
        .init("health-port", "N", "Port of the health page, for the rules. Default: 8080."),
        .init("skipteardown", "", "Leaves interface and rules when it ends."),
    ]

    /// CoreDNS', which node-cache has too.
    static let server: [FlagParser.Flag] = [
        .init("conf", "FILE", "Where the filled Corefile is shown. Default: /etc/Corefile."),
        .init("dns.port", "N", "Port of server blocks that name none, and of stub domains. Default: 53."),
        .init("p", "N", "The same."),
        .init("pidfile", "FILE", "File to write the process id to."),
        .init("quiet", "", "Prints neither zones nor version at start."),
        .init("version", "", "Prints the version and ends."),
        .init("plugins", "", "Lists the plugins and ends."),
    ]

    /// What node-cache does not have.
    static let own: [FlagParser.Flag] = [
        .init("memory-budget", "N|auto|none", "As of serve. Default: auto."),
        .init("help", "", "Prints this and ends."),
    ]

    /// Accepted, with a line in the log.
    static let meaningless: [(flag: FlagParser.Flag, why: String)] = [
        (.init("corefile", "FILE", "The same as -conf, which comes before it."), "-conf says it"),
        (.init("reloadwithsignal", "", "Accepted."), "changes of the files are taken over without a signal"),
        (.init("setupebtables", "", "Accepted."), "no rules of ebtables are needed"),
    ]

    package static var all: [FlagParser.Flag] { reference + server + own + meaningless.map(\.flag) }

    package static var help: String {
        func list(_ title: String, _ flags: [FlagParser.Flag]) -> String {
            FlagParser.list(title, flags, dashes: "-", column: 40)
        }
        return """
            Serves DNS on a node for its pods, in place of NodeLocal DNSCache's node-cache: with its flags, its ConfigMaps and
            its Corefile, which may stay as they are.

            Usage: cluster-dns node -localip IP[,IP…] [FLAG…]

            The template is a Corefile in which these words are filled in:
              __PILLAR__LOCAL__DNS__         the addresses of -localip; before a port, the first one
              __PILLAR__CLUSTER__DNS__       the address of the Service that -upstreamsvc names, from the environment:
                                             kube-dns-upstream is in KUBE_DNS_UPSTREAM_SERVICE_HOST
              __PILLAR__UPSTREAM__SERVERS__  upstreamNameservers of kube-dns' ConfigMap, or /etc/resolv.conf
              __PILLAR__DNS__SERVER__        nothing: -localip has that address too
              __PROMETHEUS__ENDPOINT__       the address of -prometheus-listen-address
            Each of the ConfigMap's stubDomains becomes a server block. Changes of both files are taken over while serving;
            what is wrong with them is logged, and what was right before serves on. SIGUSR1 reads them at once; SIGTERM and
            SIGINT answer all that was received, and end.

            One dash or two, -flag=value or -flag value; switches are -flag, -flag=true or -flag=false.


            """ + list("As in node-cache", reference) + "\n" + list("As in CoreDNS", server) + "\n"
                + list("Beyond both", own) + "\n" + list("Without a meaning here", meaningless.map(\.flag))
    }
}
