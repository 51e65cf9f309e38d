import Corefile
import DNSServer
import NIOSSL

/// What the files of a `tls` line about upstreams hold, ready for handshakes.
struct UpstreamContexts {
    /// Empty for clear text.
    let byScheme: [ServerScheme: NIOSSLContext]
    /// The octets of the files, by which a change is noticed.
    private let octets: [[UInt8]]

    init(_ settings: UpstreamSessionSettings) throws(CredentialsFailure) {
        try self.init(settings, octets: try Self.read(settings.credentials))
    }

    /// Made anew of the files, where they have changed.
    func renewed(_ settings: UpstreamSessionSettings) throws(CredentialsFailure) -> UpstreamContexts? {
        let now = try Self.read(settings.credentials)
        return now == octets ? nil : try UpstreamContexts(settings, octets: now)
    }

    private init(_ settings: UpstreamSessionSettings, octets: [[UInt8]]) throws(CredentialsFailure) {
        self.octets = octets
        var byScheme: [ServerScheme: NIOSSLContext] = [:]
        if let files = settings.credentials {
            for scheme in settings.schemes {
                // "dot" is what IANA registered for RFC 7858.
                let protocols = !settings.speaksDNS ? [] : [scheme == .tls ? "dot" : "h2"]
                byScheme[scheme] = try Self.context(files, octets, protocols)
            }
        }
        self.byScheme = byScheme
    }

    /// Certificate and key, where there are some, and the authority's certificates, where they are given.
    private static func read(_ files: UpstreamCredentials?) throws(CredentialsFailure) -> [[UInt8]] {
        var octets: [[UInt8]] = []
        for file in [files?.certificateFile, files?.keyFile, files?.authorityFile] {
            if let file { octets.append(try PEMFile.octets(file)) }
        }
        return octets
    }

    private static func context(
        _ files: UpstreamCredentials, _ octets: [[UInt8]], _ protocols: [String]
    ) throws(CredentialsFailure) -> NIOSSLContext {
        var configuration = TLSConfiguration.makeClientConfiguration()
        configuration.keepToRecommended()
        configuration.applicationProtocols = protocols
        if !files.verifies { configuration.certificateVerification = .none }
        if let file = files.authorityFile, let last = octets.last {
            configuration.trustRoots = .certificates(try PEMFile.certificates(last, file))
        }
        if let certificateFile = files.certificateFile, let keyFile = files.keyFile, octets.count >= 2 {
            configuration.certificateChain = try PEMFile.certificates(octets[0], certificateFile)
                .map { .certificate($0) }
            configuration.privateKey = .privateKey(try PEMFile.key(octets[1], keyFile))
        }
        do {
            return try NIOSSLContext(configuration: configuration)
        } catch {
            if let certificateFile = files.certificateFile, let keyFile = files.keyFile {
                throw TLSConfiguration.misfit(keyFile, certificateFile)
            }
            throw CredentialsFailure(
                file: files.authorityFile ?? "the system's authorities", found: "\(error)",
                expected: "certificates of authorities")
        }
    }
}
