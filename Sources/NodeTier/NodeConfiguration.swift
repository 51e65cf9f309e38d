package import Corefile
package import Plugins
import Text

/// What a node serves while its files change: what is right is taken over, and what is wrong leaves what was right.
package struct NodeConfiguration: Sendable {
    /// What the files say at one moment.
    package struct Files: Sendable, Equatable {
        /// The template and where it was read.
        package var template: String
        package var templateFile: String
        /// kube-dns' ConfigMap.
        package var keys: KubeDNSConfiguration

        package init(template: String, templateFile: String, keys: KubeDNSConfiguration) {
            self.template = template
            self.templateFile = templateFile
            self.keys = keys
        }
    }

    /// A Corefile to serve.
    package struct Outcome: Sendable {
        package let blocks: [ServerBlockSyntax]
        /// For people.
        package let text: String
        /// In a few words.
        package let summary: String
        /// What is wrong with the ConfigMap, which is served as it was before.
        package var fault: ConfigurationErrors?
        /// What nobody may have meant.
        package let remarks: [String]
    }

    /// How a text becomes blocks, and how it is known whether they can be served together.
    package struct Reader: Sendable {
        package var parse: @Sendable (_ text: String, _ file: String) throws(ConfigurationErrors) -> [ServerBlockSyntax]
        package var judge: @Sendable ([ServerBlockSyntax]) throws(ConfigurationErrors) -> Void

        package init(
            parse:
                @escaping @Sendable (_ text: String, _ file: String) throws(ConfigurationErrors) -> [ServerBlockSyntax],
            judge: @escaping @Sendable ([ServerBlockSyntax]) throws(ConfigurationErrors) -> Void
        ) {
            self.parse = parse
            self.judge = judge
        }
    }

    /// Of the ConfigMap, what is served.
    private struct Keys: Sendable, Equatable {
        struct Stub: Sendable, Equatable {
            var domain: String
            var servers: [String]
        }

        var stubs: [Stub] = []
        var upstreams: [String]?
    }

    private let settings: NodeSettings
    private let clusterDNS: String?
    /// The last ones without a fault.
    private var good = Keys()

    /// - Parameter clusterDNS: what the environment has under `settings.upstreamVariable`.
    package init(_ settings: NodeSettings, clusterDNS: String?) {
        self.settings = settings
        self.clusterDNS = clusterDNS.flatMap { IPLiteral($0) == nil ? nil : $0 }
    }

    /// What is to be served now; throws what is wrong with the template.
    package mutating func read(_ files: Files, by reader: Reader) throws(ConfigurationErrors) -> Outcome {
        var usual = try outcome(files, good, reader)
        do throws(ConfigurationErrors) {
            let keys = try keys(of: files)
            guard keys != good else { return usual }
            let wanted = try outcome(files, keys, reader)
            // Sound by themselves, and wrong beside the template: a domain that it serves, more servers than can be asked.
            try reader.judge(wanted.blocks)
            good = keys
            return wanted
        } catch {
            usual.fault = error
            return usual
        }
    }

    private func keys(of files: Files) throws(ConfigurationErrors) -> Keys {
        do throws(KubeDNSConfiguration.Fault) {
            let stubs = try files.keys.stubs().map { Keys.Stub(domain: $0.domain, servers: $0.servers) }
            return Keys(stubs: stubs, upstreams: try files.keys.upstreams())
        } catch {
            throw ConfigurationErrors([
                ConfigurationError(
                    at: SourcePosition(file: "\(settings.folder)/\(error.key)", line: 1), directive: error.key,
                    found: error.found, expected: error.expected)
            ])
        }
    }

    private func outcome(_ files: Files, _ keys: Keys, _ reader: Reader) throws(ConfigurationErrors) -> Outcome {
        let template = CorefileTemplate(files.template, file: files.templateFile)
        let base = try template.filled(.init(settings, clusterDNS: clusterDNS, upstreams: keys.upstreams))
        let stubs = keys.stubs.map(block).joined()
        let own = try reader.parse(base, files.templateFile)
        guard !own.isEmpty else {
            throw ConfigurationErrors([
                ConfigurationError(
                    at: SourcePosition(file: files.templateFile, line: 1), directive: "file", found: "nothing",
                    expected: "at least one server block")
            ])
        }
        return Outcome(
            blocks: own.map(\.following) + (try reader.parse(stubs, "\(settings.folder)/stubDomains")),
            text: base + stubs,
            summary:
                "\(files.templateFile) with \(keys.stubs.count) stub domain\(keys.stubs.count == 1 ? "" : "s"), upstreams "
                + (keys.upstreams?.joined(separator: " ") ?? "of /etc/resolv.conf"),
            fault: nil, remarks: template.remarks)
    }

    /// As node-cache writes it.
    private func block(_ stub: Keys.Stub) -> String {
        """

        \(stub.domain):\(settings.port) {
            errors
            cache 30
            bind \(settings.addresses.joined(separator: " "))
            forward . \(stub.servers.joined(separator: " "))
        }

        """
    }
}
