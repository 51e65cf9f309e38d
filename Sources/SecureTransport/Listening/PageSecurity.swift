package import DNSServer
package import NIOCore

/// The TLS of an address where pages are served over HTTP/1.1, for a server of pages that knows nothing of it.
package final class PageSecurity: Sendable {
    private let credentials: CurrentCredentials

    /// - Parameter label: as log lines name the address.
    package init(_ label: String) {
        credentials = CurrentCredentials(label, agreeingOn: ["http/1.1"])
    }

    /// Shows what these files hold to clients that come from now on; nil for clear text.
    ///
    /// - Throws: what is wrong with the files; what was shown before is shown on.
    package func show(_ files: TransportCredentials?) throws(CredentialsFailure) {
        credentials.replace(
            try files.map { (files) throws(CredentialsFailure) in
                try LoadedCredentials(files, agreeingOn: ["http/1.1"])
            })
    }

    /// Puts the handshake before everything else of a new connection; on its event loop.
    package func protect(_ channel: any Channel) throws {
        guard let shown = credentials.current else { return }
        try channel.pipeline.syncOperations.addHandler(shown.makeHandler())
    }

    /// Reads the files again and again, until its task is cancelled.
    package func followFiles() async {
        while (try? await Task.sleep(for: CurrentCredentials.renewalInterval)) != nil { credentials.renew() }
    }
}
