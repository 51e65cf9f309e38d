import Corefile
import DNSServer
import DNSWire
import EventLoop
import Telemetry
import Testing

@testable import Plugins

@Suite("tls: what a Corefile may say") struct EncryptedKeys {
    /// The plan of a Corefile; files named `bad` are found unusable.
    private static func plan(_ text: String, defaultPort: UInt16 = 53) throws -> ServingPlan {
        let sources = CorefileSyntax.Sources(read: { _ in "" }, glob: { _ in [] }, environment: { _ in nil })
        let blocks = try CorefileSyntax.parse(text: text, file: "Corefile", sources: sources)
        return try PlanBuilder(
            order: [
                RootPlugin.self, BindPlugin.self, TLSPlugin.self, HealthPlugin.self, PrometheusPlugin.self,
                WhoamiPlugin.self,
            ],
            metrics: MetricRegistry(),
            defaultPort: defaultPort, files: FileAccess { _ in "" },
            examineCredentials: { (files) throws(CredentialsFailure) in
                guard files.certificateFile != "bad" else {
                    throw CredentialsFailure(file: "bad", found: "no certificate", expected: "certificates as PEM")
                }
            }
        ).build(blocks, hash: "")
    }

    /// Where a Corefile is listened on: what is encrypted, then what is plain.
    private static func places(_ text: String, defaultPort: UInt16 = 53) throws -> [String] {
        let plan = try plan(text, defaultPort: defaultPort)
        return plan.secureEndpoints.map { endpoint in
            let shown = endpoint.credentials.map { " \($0.certificateFile) \($0.keyFile)" } ?? ""
            return endpoint.place.label + shown
        } + plan.addresses.map { "udp and tcp port \($0.port)" }
    }

    private static func errors(_ text: String) -> String {
        do {
            _ = try plan(text)
            return "no errors"
        } catch {
            return "\(error)"
        }
    }

    @Test("each transport has its own port, which -dns.port does not change") func ports() throws {
        let text = "tls://. https://. . {\n tls c k\n whoami\n}\ngrpc://.:4443 {\n whoami\n}"
        let wanted = ["tls://:853 c k", "https://:443 c k", "grpc://:4443", "udp and tcp port 1053"]
        #expect(try Self.places(text, defaultPort: 1053) == wanted)
    }

    @Test("pages at one address share its certificate, and its files are looked at") func pages() {
        func block(_ zone: String, _ files: String) -> String {
            "\(zone) {\n prometheus :9153 {\n tls \(files)\n }\n whoami\n}\n"
        }
        #expect(Self.errors(block("a.test", "c k") + block("b.test", "c k")) == "no errors")
        #expect(
            Self.errors(block("a.test", "c k") + block("b.test", "c other"))
                == "Corefile:8: prometheus: found [::]:9153 with other settings of tls than at Corefile:2, "
                + "expected the same ones, or another address: one address has one certificate")
        #expect(
            Self.errors(block("a.test", "bad k"))
                == "Corefile:2: prometheus: found bad: no certificate, expected certificates as PEM")
        // Who probes it would have to speak HTTPS, this server itself among them.
        #expect(
            Self.errors(block("a.test", "c k") + "b.test {\n health :9153\n whoami\n}\n")
                == "Corefile:8: health: found [::]:9153 with other settings of tls than at Corefile:2, "
                + "expected the same ones, or another address: one address has one certificate")
    }

    @Test("paths that are relative begin at root") func root() throws {
        #expect(
            try Self.places("tls://. {\n root /etc/dns\n tls c /k\n whoami\n}\n") == ["tls://:853 /etc/dns/c /k"])
    }

    @Test("blocks at one place share its certificate") func shared() throws {
        let text = """
            tls://a.test {
                tls c k
                whoami
            }
            tls://b.test {
                whoami
            }
            tls://c.test {
                tls c k
                whoami
            }
            """
        #expect(try Self.places(text) == ["tls://:853 c k"])
    }

    @Test("every address of a block is a place") func bound() throws {
        let text = "tls://. {\n bind 127.0.0.1 ::1\n whoami\n}"
        #expect(try Self.places(text) == ["tls://127.0.0.1:853", "tls://[::1]:853"])
    }

    @Test("a zone may be served plainly and encrypted, even by two blocks") func twice() {
        #expect(Self.errors("a.test {\n whoami\n}\ntls://a.test {\n tls c k\n whoami\n}") == "no errors")
        #expect(Self.errors("tls://a.test {\n whoami\n}\ntls://a.test {\n whoami\n}").contains("already served"))
    }

    @Test("the label of a block is that of its first key")
    func labels() {
        let address = SocketAddress(IPAddress(v4: 0), port: 853)
        func label(_ schemes: [ServerScheme]) -> String {
            BlockSettings(
                zones: [], addresses: [address], schemes: schemes, directives: [], metrics: MetricRegistry(),
                files: FileAccess { _ in "" }
            ).serverLabel
        }
        #expect(label([.tls, .dns]) == "tls://:853")
        #expect(label([.dns]) == "dns://:853")
        #expect(label([]) == "dns://:853")
    }

    @Test("what clients have to show", arguments: ClientAuthentication.allCases)
    func clients(_ wanted: ClientAuthentication) throws {
        let plan = try Self.plan("tls://. {\n tls c k ca {\n client_auth \(wanted.rawValue)\n }\n whoami\n}")
        let credentials = plan.secureEndpoints.first?.credentials
        #expect(credentials?.clientAuthentication == wanted)
        #expect(credentials?.authorityFile == "ca")
    }

    @Test(
        "errors",
        arguments: [
            ("tls", "found no arguments, expected a certificate file, its key file, and at most an authority's file"),
            ("tls c", "tls: found 1 argument, expected a certificate file"),
            ("tls c k a x", "tls: found 4 arguments, expected a certificate file"),
            ("tls c k\ntls c k", "tls: found a second tls in this server block, expected one"),
            ("tls c k {\nclient_auth maybe\n}", "tls: found client_auth maybe, expected nocert, request, require"),
            ("tls c k {\nclient_auth\n}", "tls: found client_auth with no arguments, expected 1 argument"),
            ("tls c k {\nkeylog /tmp/keys\n}", "tls: found keylog, expected client_auth"),
            ("tls c k {\nciphers all\n}", "tls: found ciphers, expected client_auth"),
            ("tls {\nacme dns.test\nemail a@dns.test\n}", "tls: found acme, expected a certificate file"),
            ("tls bad k", "Corefile:2: tls: found bad: no certificate, expected certificates as PEM"),
        ])
    func errors(_ line: String, _ wanted: String) {
        let found = Self.errors("tls://. {\n\(line)\n whoami\n}")
        #expect(found.contains(wanted), "\(found)")
        #expect(!found.contains("\n"), "\(found)")
    }

    @Test(
        "keys that cannot be served",
        arguments: [
            ("quic://. {\n whoami\n}", "the transport of \"quic://.\", expected dns://, tls://, https:// or grpc://"),
            ("https3://. {\n whoami\n}", "does not speak QUIC"),
            ("https://. grpc://. {\n whoami\n}", "where https:// is served, expected another port"),
            (".:853 {\n whoami\n}\ntls://. {\n whoami\n}", "where dns:// is served, expected another port"),
            (
                "tls://a.test {\n tls c k\n whoami\n}\ntls://b.test {\n tls c2 k2\n whoami\n}",
                "Corefile:6: tls: found other settings for tls://:853 than at Corefile:2, expected the same ones"
            ),
        ])
    func keys(_ text: String, _ wanted: String) {
        let found = Self.errors(text)
        #expect(found.contains(wanted), "\(found)")
    }
}
