import Flags
import Testing

@testable import Autoscaler

@Suite("command line") struct CommandLineTests {
    private func settings(_ arguments: [String], podNamespace: String? = nil) throws -> AutoscaleSettings {
        var flags = FlagParser(AutoscaleFlags.all)
        try flags.parse(arguments)
        return try AutoscaleSettings(flags, podNamespace: podNamespace)
    }

    @Test("the flags of the addon's manifest")
    func addon() throws {
        let settings = try settings([
            "--namespace=kube-system", "--configmap=kube-dns-autoscaler", "--target=deployment/kube-dns",
            #"--default-params={"linear":{"coresPerReplica":256,"preventSinglePointFailure":true}}"#,
            "--logtostderr=true", "--v=2",
        ])
        #expect(settings.namespace == "kube-system" && settings.configMap == "kube-dns-autoscaler")
        #expect(settings.targets == [ScaleTarget(kind: "deployment", name: "kube-dns")])
        #expect(settings.pollPeriod == .seconds(10) && settings.maxSyncFailures == 0 && settings.verbosity == 2)
        #expect(settings.http?.port == 8080 && settings.election == nil && settings.load == nil && !settings.isDryRun)
        #expect(settings.scaleDownDelay == .zero && !settings.atLeastZones)
    }

    @Test("values apart, underscores, switches without a value, one-letter flags, the namespace of the pod")
    func spellings() throws {
        let settings = try settings(
            [
                "--configmap", "c", "--target", "Deployment/DNS", "--poll_period_seconds", "3", "--logtostderr",
                "-v", "4", "--stderrthreshold=2", "--log_dir=/tmp", "--leader-elect", "--scale-down-delay", "1h30m5s",
                "--http-address=", "--nodelabels=a=b,c!=d",
            ], podNamespace: "here")
        #expect(settings.namespace == "here" && settings.pollPeriod == .seconds(3) && settings.verbosity == 4)
        #expect(settings.targets == [ScaleTarget(kind: "deployment", name: "dns")])
        #expect(settings.election?.lease == "c" && settings.election?.namespace == "here")
        #expect(settings.scaleDownDelay == .seconds(5405) && settings.http == nil && settings.nodeLabels == "a=b,c!=d")
    }

    @Test(
        "refused",
        arguments: [
            ([], "--target: found nothing, expected what to scale, such as deployment/coredns"),
            (
                ["--target=deployment/a"],
                "--configmap: found nothing, expected the name of the ConfigMap with the parameters"
            ),
            (
                ["--target=deployment/a", "--configmap=c"],
                "--namespace: found nothing, expected a namespace, or MY_POD_NAMESPACE in the environment"
            ),
            (["--nonsense"], "command line: found --nonsense, expected a flag that --help lists"),
            (["-target=deployment/a"], "command line: found -target=deployment/a, expected a flag that --help lists"),
            (["deployment/a"], "command line: found \"deployment/a\", expected a flag"),
            (["--target"], "--target: found nothing after it, expected KIND/NAME,…"),
        ])
    func refused(_ arguments: [String], _ wanted: String) {
        let error = #expect(throws: ParameterError.self) { try settings(arguments) }
        #expect(error?.description == wanted)
    }

    @Test(
        "refused values",
        arguments: [
            ("--poll-period-seconds=0", "a whole number, 1...86400"),
            ("--poll-period-seconds=x", "a whole number, 1...86400"),
            ("--max-sync-failures=-1", "a whole number, 0 or more"), ("--dry-run=maybe", "true or false"),
            ("--scale-down-delay=10", "a time such as 15s, 500ms or 1h30m"),
            ("--http-address=8080", "an address and port such as :8080"),
        ])
    func values(_ flag: String, _ expected: String) {
        let error = #expect(throws: ParameterError.self) {
            try settings(["--target=deployment/a", "--configmap=c", "--namespace=n", flag])
        }
        #expect(error?.expected == expected)
    }

    @Test("lease times that do not fit together")
    func leaseTimes() {
        let error = #expect(throws: ParameterError.self) {
            try settings([
                "--target=deployment/a", "--configmap=c", "--namespace=n", "--leader-elect",
                "--leader-elect-renew-deadline=20s",
            ])
        }
        #expect(error?.expected == "the lease duration must be above the renew deadline")
    }

    @Test(
        "targets",
        arguments: [
            ("deployment/first,deployment/second", ["deployment/first", "deployment/second"]),
            ("deployment/first, deployment/second", ["deployment/first", "deployment/second"]),
            (
                "DeplOymEnT/anything, replicaset/anything,replicationcontroller/anything",
                ["deployment/anything", "replicaset/anything", "replicationcontroller/anything"]
            ),
            ("statefulset/db", ["statefulset/db"]), ("Widget.v1.example.com/w", ["widget.v1.example.com/w"]),
            ("deployment/a,deployment/a", ["deployment/a"]),
        ])
    func targets(_ text: String, _ wanted: [String]) throws {
        #expect(try ScaleTarget.list(text).map(\.description) == wanted)
    }

    @Test(
        "refused targets",
        arguments: [
            "deployments/anything", "noexist/anything", "deployment", "deployment/first deployment/second",
            "replicationcontroller", "replicaset/anything/what", "deployment/", "/a", "", "deployment/a,,deployment/b",
            "deployment/..", "deployment/a%2Fb", "widget.v1/w", "deployment/-a",
        ])
    func refusedTargets(_ text: String) {
        #expect(throws: ParameterError.self) { try ScaleTarget.list(text) }
    }

    @Test("explain prints the arithmetic")
    func explain() throws {
        var flags = FlagParser(AutoscaleFlags.all)
        try flags.parse([
            "--explain", "--nodes=100", "--cores", "5000", "--schedulable-nodes=90",
            #"--params={"linear":{"coresPerReplica":256,"nodesPerReplica":16,"max":10}}"#,
        ])
        #expect(
            try Explanation(flags).text == """
                linear, schedulable nodes: 90 nodes, 5000 cores
                  5000 cores / 256, rounded up: 20, at most max 10 -> 10
                  90 nodes / 16, rounded up: 6 -> 6
                  the larger of 10 and 6 -> 10
                replicas: 10
                """)
    }
}
