/// What an embedded cluster is started with.
package struct LabConfiguration: Sendable {
    /// Files or directories.
    package var manifests: [String] = []
    /// Objects are complete; change nothing.
    package var asStored = false
    package var generate: GenerateOptions? = nil
    /// Endpoint changes a second.
    package var churn: Int = 0
    package var listenHost = "127.0.0.1"
    /// 0 is any free port.
    package var listenPort = 0
    /// Where the kubeconfig goes; without a wish a new file in the temporary directory.
    package var kubeconfigPath: String? = nil
    /// Where the objects are kept between runs, written soon after every change.
    package var stateFile: String? = nil
    /// What goes wrong from the start.
    package var faults: [LabFault] = []
    /// Seconds a deleted pod takes to stop, unless its grace period or an annotation says otherwise.
    package var podShutdownSeconds = 0.0
    /// Events kept per kind before watches answer 410.
    package var historyLimit = 4096

    package init() {}
}
