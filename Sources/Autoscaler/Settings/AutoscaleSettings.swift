package import Flags
package import KubernetesAPI

/// What the command line of a running autoscaler says.
package struct AutoscaleSettings: Sendable {
    /// Where and as whom the lease is held.
    package struct Election: Sendable, Equatable {
        package var lease: String
        package var namespace: String
        /// nil: the program makes one.
        package var identity: String?
        package var timing = LeaseMachine.Timing()
    }

    package var targets: [ScaleTarget]
    package var configMap: String
    package var namespace: String
    package var pollPeriod: Duration
    /// nil: a missing ConfigMap is not created.
    package var defaultParameters: DefaultParameters?
    package var nodeLabels: String
    /// 0: never ends for failures.
    package var maxSyncFailures: Int
    package var kubeconfig: String?
    package var context: String?
    package var election: Election?
    package var scaleDownDelay: Duration
    package var atLeastZones: Bool
    package var load: LoadSettings?
    package var isDryRun: Bool
    /// Empty address for all; nil serves nothing.
    package var http: (address: String, port: UInt16)?
    package var verbosity: Int

    /// - Parameters:
    ///   - flags: of the command line.
    ///   - podNamespace: environment variable MY_POD_NAMESPACE.
    package init(_ flags: FlagParser, podNamespace: String?) throws(ParameterError) {
        func required(_ name: String, _ value: String?, _ expected: String) throws(ParameterError) -> String {
            guard let value, !value.isEmpty else {
                throw ParameterError(at: "--\(name)", found: "nothing", expected: expected)
            }
            return value
        }
        targets = try ScaleTarget.list(
            try required("target", flags.text("target"), "what to scale, such as deployment/coredns"))
        configMap = try required("configmap", flags.text("configmap"), "the name of the ConfigMap with the parameters")
        namespace = try required(
            "namespace", flags.text("namespace") ?? podNamespace, "a namespace, or MY_POD_NAMESPACE in the environment")
        defaultParameters = try flags.text("default-params").map { text throws(ParameterError) in
            try DefaultParameters(json: text)
        }
        if defaultParameters?.data.isEmpty == true { defaultParameters = nil }
        pollPeriod = .seconds(try flags.integer("poll-period-seconds", else: 10, in: 1...86400) ?? 10)
        nodeLabels = flags.text("nodelabels") ?? ""
        maxSyncFailures = try flags.integer("max-sync-failures", else: 0, in: 0...Int(Int32.max)) ?? 0
        kubeconfig = flags.text("kubeconfig")
        context = flags.text("context")
        scaleDownDelay = try flags.duration("scale-down-delay", else: .zero)
        atLeastZones = try flags.flag("at-least-zones")
        isDryRun = try flags.flag("dry-run")
        verbosity = try flags.integer("v", else: 0, in: -100...100) ?? 0
        load = try flags.flag("load") ? try LoadSettings(flags) : nil
        http = try Self.address(flags.values["http-address"] ?? ":8080")
        election =
            try flags.flag("leader-elect") ? try Self.election(flags, configMap: configMap, namespace: namespace) : nil
    }

    private static func election(
        _ flags: FlagParser, configMap: String, namespace: String
    ) throws(ParameterError) -> Election {
        var election = Election(
            lease: flags.text("leader-elect-resource-name") ?? configMap,
            namespace: flags.text("leader-elect-resource-namespace") ?? namespace,
            identity: flags.text("leader-elect-identity"))
        election.timing.lease = try flags.duration("leader-elect-lease-duration", else: election.timing.lease)
        election.timing.renewDeadline = try flags.duration(
            "leader-elect-renew-deadline", else: election.timing.renewDeadline)
        election.timing.retryPeriod = try flags.duration("leader-elect-retry-period", else: election.timing.retryPeriod)
        if let fault = election.timing.fault {
            throw ParameterError(at: "--leader-elect-…", found: "times that do not fit together", expected: fault)
        }
        return election
    }

    private static func address(_ text: String) throws(ParameterError) -> (address: String, port: UInt16)? {
        guard !text.isEmpty else { return nil }
        guard let colon = text.lastIndex(of: ":"), let port = UInt16(text[text.index(after: colon)...]) else {
            throw ParameterError(
                at: "--http-address", found: "\"\(text)\"", expected: "an address and port such as :8080")
        }
        let host = text[..<colon]
        return (host.hasPrefix("[") ? String(host.dropFirst().dropLast()) : String(host), port)
    }
}
