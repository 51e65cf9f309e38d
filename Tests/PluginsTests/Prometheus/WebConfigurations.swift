import DNSServer
import KubernetesAPI
import Testing

@testable import Plugins

@Suite("the web configuration file of Prometheus") struct WebConfigurations {
    private static func read(_ text: String) -> String {
        do throws(CredentialsError) {
            let read = try WebConfiguration.credentials(text, of: "/etc/dns/web.yaml")
            let files = [read.certificateFile, read.keyFile] + (read.authorityFile.map { [$0] } ?? [])
            return (files + [read.clientAuthentication.rawValue]).joined(separator: " ")
        } catch {
            return "\(error)"
        }
    }

    @Test("files are beside it, unless their paths are absolute") func paths() {
        #expect(
            Self.read("tls_server_config:\n  cert_file: a.crt\n  key_file: /keys/a.key\n")
                == "/etc/dns/a.crt /keys/a.key nocert")
    }

    @Test("clients are judged where there is an authority") func authority() {
        let files = "tls_server_config: {cert_file: /a, key_file: /b, client_ca_file: /c"
        #expect(Self.read(files + "}") == "/a /b /c require_and_verify")
        #expect(Self.read(files + ", client_auth_type: VerifyClientCertIfGiven}") == "/a /b /c verify_if_given")
        #expect(
            Self.read("tls_server_config: {cert_file: /a, key_file: /b, client_auth_type: RequireAnyClientCert}")
                == "/a /b require")
    }

    @Test(
        "a setting that would be without effect is an error",
        arguments: [
            ("basic_auth_users: {alice: x}", "basic_auth_users.alice"),
            ("http_server_config: {http2: false}", "http_server_config.http2"),
            ("tls_server_config: {cert_file: a, key_file: b, min_version: TLS13}", "tls_server_config.min_version"),
        ])
    func others(_ text: String, _ key: String) {
        #expect(
            Self.read(text)
                == "/etc/dns/web.yaml: \(key): found a setting that this server does not have, "
                + "expected cert_file, key_file, client_ca_file and client_auth_type in tls_server_config")
    }

    @Test("what is no such file is said") func broken() {
        let expected = "expected tls_server_config with cert_file and key_file"
        #expect(Self.read("") == "/etc/dns/web.yaml: found no keys, \(expected)")
        #expect(Self.read("a: [") == "/etc/dns/web.yaml: found text that is not YAML (line 2), \(expected)")
        #expect(
            Self.read("tls_server_config: {cert_file: a}")
                == "/etc/dns/web.yaml: found no cert_file and key_file, \(expected)")
    }
}
