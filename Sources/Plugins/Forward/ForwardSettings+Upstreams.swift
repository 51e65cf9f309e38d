import Corefile
import DNSServer

extension ForwardSettings {
    /// `tls [CERT KEY] [CA]` and `tls_servername NAME`.
    static var encryption: [Option<Self>] {
        [
            .custom("tls") { line, settings, _ throws(ConfigurationError) in
                try line.expectCount(0...3)
                let files = line.words
                let (shown, authority) = files.count < 2 ? ([], files.first) : (files, files.dropFirst(2).first)
                settings.credentials = UpstreamCredentials(
                    certificateFile: shown.first, keyFile: shown.dropFirst().first, authorityFile: authority)
                settings.credentialsAt = line.at
            },
            .optional("tls_servername", \.serverName, "the name in the certificates of upstreams", rest: .refusedLast) {
                TargetReader.isServerName($0) ? $0 : nil
            },
        ]
    }

    /// Reads the upstreams of a line behind its first argument.
    mutating func readTargets(_ directive: Directive, _ reader: TargetReader, _ check: inout SettingsCheck) {
        var seen: Set<UpstreamTarget> = []
        for token in directive.arguments.dropFirst() {
            for target in reader.targets(token, &check) where seen.insert(target).inserted { targets.append(target) }
        }
        if targets.count > Self.mostTargets {
            check.report(
                directive.error(found: "\(targets.count) upstreams", expected: "at most \(Self.mostTargets)"))
        }
    }

    /// True when something is said about certificates, and no upstream has one.
    var encryptsNothing: Bool {
        (credentialsAt != nil || serverName != nil) && !targets.contains { $0.hasConnectionsOnly }
    }
}

extension UpstreamCredentials {
    /// With the paths that the system knows.
    fileprivate func `in`(_ files: FileAccess) -> Self {
        Self(
            certificateFile: certificateFile.map(files.path), keyFile: keyFile.map(files.path),
            authorityFile: authorityFile.map(files.path))
    }
}

extension SettingsCheck {
    /// How to speak with the upstreams of a line, where that is not plain DNS.
    mutating func sessions(
        for settings: ForwardSettings, _ directive: Directive, _ block: BlockSettings
    ) -> (any UpstreamSessions)? {
        let schemes = Set(settings.targets.map(\.scheme)).subtracting([.dns])
        guard !schemes.isEmpty else { return nil }
        do throws(CredentialsFailure) {
            return try block.upstreamSessions(
                UpstreamSessionSettings(
                    schemes: schemes, credentials: settings.credentials?.in(block.files), asksByGET: settings.asksByGET)
            )
        } catch {
            report(
                directive.error(
                    found: "tls \(error.file): \(error.found)", expected: error.expected, at: settings.credentialsAt))
            return nil
        }
    }
}
