import Corefile
import DNSServer
import KubernetesAPI

/// The TLS of a page, as Prometheus' own programs keep it in a file (prometheus.io/docs/prometheus/latest/configuration/https).
enum WebConfiguration {
    private static let prefix = "tls_server_config."
    private static let expected = "tls_server_config with cert_file and key_file"

    /// Go's names of what clients have to show.
    private static let authentications: [String: ClientAuthentication] = [
        "NoClientCert": .nothing, "RequestClientCert": .request, "RequireClientCert": .require,
        "RequireAnyClientCert": .require, "VerifyClientCertIfGiven": .verifyIfGiven,
        "RequireAndVerifyClientCert": .requireAndVerify,
    ]

    /// - Parameters:
    ///   - text: of the file.
    ///   - path: of the file, beside which relative paths in it begin.
    /// - Throws: what is wrong with it; a setting that would be without effect is.
    static func credentials(_ text: String, of path: String) throws(CredentialsError) -> TransportCredentials {
        var files: [String: String] = [:]
        var authentication: ClientAuthentication?
        for entry in try YAMLSettings(text, of: path, expecting: expected).entries {
            let key = entry.key.hasPrefix(prefix) ? String(entry.key.dropFirst(prefix.count)) : ""
            switch (key, entry.text) {
            case ("cert_file", let file?), ("key_file", let file?), ("client_ca_file", let file?): files[key] = file
            case ("client_auth_type", let word?):
                guard let known = authentications[word] else {
                    throw CredentialsError(
                        in: path, key: entry.key, found: word,
                        expected: authentications.keys.sorted().joined(separator: ", "))
                }
                authentication = known
            // What is kept to anyway.
            case ("min_version", "TLS12"), ("prefer_server_cipher_suites", _), (_, nil): break
            default:
                throw CredentialsError(
                    in: path, key: entry.key, found: "a setting that this server does not have",
                    expected: "cert_file, key_file, client_ca_file and client_auth_type in tls_server_config")
            }
        }
        guard let certificate = files["cert_file"], let key = files["key_file"] else {
            throw CredentialsError(in: path, found: "no cert_file and key_file", expected: expected)
        }
        let folder = path.lastIndex(of: "/").map { String(path[...$0]) } ?? ""
        func absolute(_ file: String) -> String { file.hasPrefix("/") ? file : folder + file }
        return TransportCredentials(
            certificateFile: absolute(certificate), keyFile: absolute(key),
            authorityFile: files["client_ca_file"].map(absolute),
            clientAuthentication: authentication ?? (files["client_ca_file"] == nil ? .nothing : .requireAndVerify))
    }
}
