import ClusterModel
import DNSServer
import DNSWire
import TestKit
import Testing

@testable import Plugins

@Suite("kubernetes: what a Corefile may say") struct KubernetesSettingsErrors {
    @Test(arguments: [
        ("kubernetes", "no errors"),
        ("kubernetes cluster.local 10.0.0.0/8 ip6.arpa", "no errors"),
        (
            """
            kubernetes cluster.local in-addr.arpa {
                endpoint https://10.0.0.1:6443
                tls cert.pem key.pem ca.pem
                apiserver_qps 10
                apiserver_burst 20
                apiserver_max_inflight 5
                namespaces shop lab
                labels app in (web, db)
                pods verified
                endpoint_pod_names
                ttl 3600
                noendpoints
                fallthrough in-addr.arpa
                ignore empty_service
                startup_timeout 1m
                stale_after 10m
            }
            """, "no errors"
        ),
        ("kubernetes {\nkubeconfig config context\nnamespace_labels team=a\n}", "no errors"),
        (
            "kubernetes {\nnamespaces shop\nnamespace_labels team=a\n}",
            "kubernetes: found both namespaces and namespace_labels, expected one of the two"
        ),
        (
            "kubernetes in-addr.arpa ip6.arpa",
            "kubernetes: found only reverse zones, expected at least one zone that is not"
        ),
        (
            "kubernetes 10.0.0.0/8", "kubernetes: found only reverse zones, expected at least one zone that is not"
        ),
        ("kubernetes {\nttl 3601\n}", "kubernetes: found ttl 3601, expected a number from 0 to 3600"),
        (
            "kubernetes {\napiserver_qps often\napiserver_burst -1\napiserver_max_inflight 1.5\nstale_after 5\n}",
            """
            kubernetes: found apiserver_qps often, expected a number of requests a second, 0 or more
            kubernetes: found apiserver_burst -1, expected a number from 0 to 1000000
            kubernetes: found apiserver_max_inflight 1.5, expected a number from 0 to 1000000
            kubernetes: found stale_after 5, expected a duration like 5s or 1h30m
            """
        ),
        ("kubernetes {\nttl -1\n}", "kubernetes: found ttl -1, expected a number from 0 to 3600"),
        (
            "kubernetes {\nspeed 3\n}",
            "kubernetes: found speed, expected endpoint, tls, kubeconfig, apiserver_qps, apiserver_burst, "
                + "apiserver_max_inflight, namespaces, namespace_labels, labels, pods, endpoint_pod_names, ttl, "
                + "noendpoints, fallthrough, ignore, startup_timeout, snapshot, stale_after, multicluster or zonal"
        ),
        (
            "kubernetes {\npods some\nnoendpoints now\ntls a b\nstartup_timeout soon\nignore everything\n}",
            """
            kubernetes: found pods some, expected disabled, insecure or verified
            kubernetes: found noendpoints with 1 argument, expected no arguments
            kubernetes: found tls with 2 arguments, expected 3 arguments
            kubernetes: found startup_timeout soon, expected a duration like 5s or 1h30m
            kubernetes: found ignore everything, expected empty_service
            """
        ),
        (
            "kubernetes cluster.local\nkubernetes cluster.test",
            "kubernetes: found a second kubernetes in this server block, expected one"
        ),
    ])
    func reads(_ directives: String, _ expected: String) {
        #expect(TestPlan.errors(directives) == expected)
    }
}
