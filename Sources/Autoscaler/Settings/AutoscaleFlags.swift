package import Flags

/// Every flag of `cluster-dns autoscale`, in the order of its help.
package enum AutoscaleFlags {
    /// cluster-proportional-autoscaler's own.
    package static let reference: [FlagParser.Flag] = [
        .init(
            "target", "KIND/NAME,…",
            "What to scale: deployment, replicaset, statefulset, replicationcontroller, or KIND.VERSION.GROUP."),
        .init("configmap", "NAME", "ConfigMap with the parameters, under the key linear or ladder."),
        .init("namespace", "NAME", "Namespace of targets and ConfigMap. Default: $MY_POD_NAMESPACE."),
        .init(
            "default-params", "JSON", "Parameters to create a missing ConfigMap with, as {\"linear\":{…}}."
        ),
        .init(
            "poll-period-seconds", "N",
            "Seconds between two looks at the targets, and between two changes of them. Default: 10."),
        .init("nodelabels", "SELECTOR", "Counts only nodes that this label selector selects."),
        .init("max-sync-failures", "N", "Ends with code 1 after so many failed polls in a row. Default: 0, never."),
        .init("version", "", "Prints the version and ends."),
    ]

    /// What cluster-proportional-autoscaler does not have.
    package static let own: [FlagParser.Flag] = [
        .init("kubeconfig", "FILE", "How to reach the API server. Default: as a pod of the cluster."),
        .init("context", "NAME", "Context of the kubeconfig. Default: its current one."),
        .init("leader-elect", "", "Acts only while holding a Lease, so that many may run."),
        .init("leader-elect-resource-name", "NAME", "The Lease. Default: the ConfigMap's name."),
        .init("leader-elect-resource-namespace", "NAME", "The Lease's namespace. Default: --namespace."),
        .init("leader-elect-identity", "TEXT", "Who holds the Lease. Default: host name and a random number."),
        .init("leader-elect-lease-duration", "TIME", "How long others wait for a leader that is silent. Default: 15s."),
        .init("leader-elect-renew-deadline", "TIME", "How long a leader acts without renewing. Default: 10s."),
        .init("leader-elect-retry-period", "TIME", "Between two tries to take or renew the Lease. Default: 2s."),
        .init(
            "scale-down-delay", "TIME",
            "At most one step down in this time, to the most that was wanted during it. Default: 0s."),
        .init("at-least-zones", "", "Never fewer replicas than zones that have nodes."),
        .init("load", "", "Raises the replicas by what the targets' pods measure."),
        .init("load-queries-per-core", "N", "Queries a second that one core of a pod serves. Default: 20000."),
        .init("load-cores-per-pod", "N", "Cores of one pod. Default: 1."),
        .init(
            "load-queue-delay", "TIME", "Half as many replicas more while queries wait longer. Default: 5ms."),
        .init("load-window", "TIME", "How long a load counts after it was measured. Default: 5m."),
        .init("load-metrics-port", "N", "The pods' metrics port. Default: 9153."),
        .init("dry-run", "", "Changes nothing; prints what it would do and why."),
        .init(
            "http-address", "[ADDRESS]:PORT",
            "Serves /healthz, /readyz, /last-poll and /metrics; empty for none. Default: :8080."),
    ]

    /// `--explain` and `--simulate`, which need no cluster.
    package static let offline: [FlagParser.Flag] = [
        .init("explain", "", "Prints the arithmetic for --params and the numbers below, and ends."),
        .init("params", "JSON", "The parameters to explain, as {\"linear\":{…}}."),
        .init("nodes", "N", "Nodes of the cluster to explain."),
        .init("cores", "N", "Its cores."),
        .init("schedulable-nodes", "N", "Nodes that are ready and not cordoned. Default: --nodes."),
        .init("schedulable-cores", "N", "Their cores. Default: --cores."),
        .init("zones", "N", "Zones that have nodes. Default: 0."),
        .init("simulate", "FILE", "Draws how replicas follow a growing cluster, as SVG, and ends."),
        .init("help", "", "Prints this and ends."),
    ]

    /// glog's: `--v` chooses how much is logged, the others are accepted and do nothing.
    package static let logging: [FlagParser.Flag] = [
        .init("v", "N", "Logs more from 2 on, each poll from 4 on. Default: 0."),
        .init("logtostderr", "", "Accepted: the log goes to standard output in any case."),
        .init("alsologtostderr", "", "Accepted."),
        .init("stderrthreshold", "LEVEL", "Accepted."),
        .init("vmodule", "LIST", "Accepted."),
        .init("log-dir", "FOLDER", "Accepted: no log files are written."),
        .init("log-link", "FOLDER", "Accepted."),
        .init("log-backtrace-at", "PLACE", "Accepted."),
        .init("logbuflevel", "N", "Accepted."),
    ]

    package static var all: [FlagParser.Flag] { reference + own + offline + logging }

    package static var help: String {
        func list(_ title: String, _ flags: [FlagParser.Flag]) -> String {
            FlagParser.list(title, flags, dashes: "--", column: 44)
        }
        return """
            Scales DNS servers with the nodes and cores of their cluster, in place of cluster-proportional-autoscaler.

            Usage: cluster-dns autoscale --target=KIND/NAME --configmap=NAME --namespace=NAME [FLAG…]


            """ + list("As in cluster-proportional-autoscaler", reference) + "\n" + list("Beyond it", own) + "\n"
                + list("Without a cluster", offline) + "\n" + list("Logging", logging)
    }
}
