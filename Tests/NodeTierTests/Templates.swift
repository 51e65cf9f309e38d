import Corefile
import NodeTier
import Testing

@Suite("node: the words of a template") struct Templates {
    private func filled(
        _ template: String, addresses: String = "169.254.20.10", clusterDNS: String? = "10.0.0.11",
        upstreams: [String]? = nil
    ) throws -> String {
        let settings = try CommandLines.settings("-localip=\(addresses)", "-upstreamsvc=kube-dns-upstream")
        return try CorefileTemplate(template, file: "base").filled(
            .init(settings, clusterDNS: clusterDNS, upstreams: upstreams))
    }

    private func remarks(_ template: String) -> [String] { CorefileTemplate(template, file: "base").remarks }

    @Test("the addresses") func addresses() throws {
        #expect(try filled("bind __PILLAR__LOCAL__DNS__ __PILLAR__DNS__SERVER__") == "bind 169.254.20.10 ")
        #expect(
            try filled("bind __PILLAR__LOCAL__DNS__", addresses: "169.254.20.10,10.0.0.10,fd00::10")
                == "bind 169.254.20.10 10.0.0.10 fd00::10")
    }

    @Test("before a port there is one address, in brackets where it needs them") func port() throws {
        let health = "health __PILLAR__LOCAL__DNS__:8080"
        #expect(try filled(health, addresses: "169.254.20.10,10.0.0.10") == "health 169.254.20.10:8080")
        #expect(try filled(health, addresses: "fd00::10,10.0.0.10") == "health [fd00::10]:8080")
    }

    @Test("the cluster's DNS") func cluster() throws {
        #expect(try filled("forward . __PILLAR__CLUSTER__DNS__ {") == "forward . 10.0.0.11 {")
    }

    @Test("without a Service there is no Corefile, and the error says which line and which variable") func noCluster()
        throws
    {
        let error = #expect(throws: ConfigurationErrors.self) {
            _ = try filled(
                "# __PILLAR__CLUSTER__DNS__\n.:53 {\n    forward . __PILLAR__CLUSTER__DNS__\n}\n", clusterDNS: nil)
        }
        #expect(
            error?.description
                == "base:3: __PILLAR__CLUSTER__DNS__: found no address in the environment variable "
                + "KUBE_DNS_UPSTREAM_SERVICE_HOST, expected the Service that -upstreamsvc names, with a cluster IP, "
                + "before this pod starts")
        #expect(try filled(".:53 {\n    whoami\n}\n", clusterDNS: nil) == ".:53 {\n    whoami\n}\n")
    }

    @Test("the resolvers of the node, or those of the ConfigMap") func upstreams() throws {
        let line = "forward . __PILLAR__UPSTREAM__SERVERS__"
        #expect(try filled(line) == "forward . /etc/resolv.conf")
        #expect(try filled(line, upstreams: ["10.0.0.1", "10.0.0.2:5353"]) == "forward . 10.0.0.1 10.0.0.2:5353")
    }

    @Test("configured upstreams are asked over UDP, whatever the indentation, and lines stay where they are")
    func force() throws {
        let template = ". {\n  forward . __PILLAR__UPSTREAM__SERVERS__ {\n\tforce_tcp\n  }\n  loop\n}"
        #expect(
            try filled(template, upstreams: ["10.0.0.1"]) == ". {\n  forward . 10.0.0.1 \n\n\n  loop\n}")
        #expect(try filled(template) == ". {\n  forward . /etc/resolv.conf {\n\tforce_tcp\n  }\n  loop\n}")
        let other = "forward . __PILLAR__UPSTREAM__SERVERS__ {\nforce_tcp\nmax_concurrent 10\n}"
        #expect(try filled(other, upstreams: ["10.0.0.1"]) == "forward . 10.0.0.1 {\nforce_tcp\nmax_concurrent 10\n}")
        let cluster = "forward . __PILLAR__CLUSTER__DNS__ {\nforce_tcp\n}"
        #expect(try filled(cluster, upstreams: ["10.0.0.1"]) == "forward . 10.0.0.11 {\nforce_tcp\n}")
    }

    @Test("the metrics' address") func prometheus() throws {
        #expect(try filled("prometheus __PROMETHEUS__ENDPOINT__") == "prometheus :9253")
    }

    @Test("a word that was to be filled in with the manifest is said, with its line") func remarks() {
        #expect(
            remarks("# __PILLAR__X__\n__PILLAR__DNS__DOMAIN__:53 {\n    bind __PILLAR__LOCAL__DNS__\n}") == [
                "base:2: found __PILLAR__DNS__DOMAIN__, expected what it stands for: the manifest was applied as it is"
            ])
        #expect(
            remarks("bind __PILLAR__LOCAL__DNS__ __PILLAR__DNS__SERVER__\nforward . __PILLAR__CLUSTER__DNS__") == [])
    }
}
