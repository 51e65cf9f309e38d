package import Corefile
package import DNSServer

/// Says by which certificate clients of `tls://`, `https://` and `grpc://` recognise this server.
package final class TLSPlugin: CredentialsProvider {
    package static let directive = "tls"
    package let credentials: TransportCredentials

    private static let files = "a certificate file, its key file, and at most an authority's file"

    private static var options: OptionTable<ClientAuthentication> {
        [
            .choice("client_auth", \.self),
            .custom("keylog", isListed: false) { line, _, _ throws(ConfigurationError) in
                throw line.error(
                    found: "keylog", expected: "client_auth: this version writes no session keys to a file")
            },
        ]
    }

    package init(_ directives: [Directive], in block: BlockSettings) throws(ConfigurationErrors) {
        var check = SettingsCheck()
        var authentication = ClientAuthentication.nothing
        var files: [String] = []
        if let directive = check.only(directives) {
            let hasACME = directive.block.contains { $0.name == "acme" }
            if hasACME {
                check.report(
                    directive.error(
                        found: "acme",
                        expected: "\(Self.files): this version obtains no certificates, cert-manager does"))
            } else if !(2...3).contains(directive.arguments.count) {
                check.report(directive.error(found: Self.count(directive.arguments.count), expected: Self.files))
            }
            files = directive.words.map(block.files.path)
            if !hasACME { Self.options.read(directive.block, into: &authentication, &check) }
        }
        try check.finish()
        credentials = TransportCredentials(
            certificateFile: files.first ?? "", keyFile: files.dropFirst().first ?? "",
            authorityFile: files.dropFirst(2).first, clientAuthentication: authentication)
    }

    private static func count(_ count: Int) -> String {
        count == 0 ? "no arguments" : count == 1 ? "1 argument" : "\(count) arguments"
    }
}
