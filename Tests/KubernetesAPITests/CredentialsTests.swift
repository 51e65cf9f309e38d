import Testing

@testable import KubernetesAPI

@Suite("credentials") struct CredentialsTests {
    private let kubeconfig = """
        apiVersion: v1
        kind: Config
        current-context: prod
        clusters:
        - name: one
          cluster:
            server: https://api.example:6443/k8s/
            certificate-authority: pki/ca.crt
            tls-server-name: kubernetes
        - {name: open, cluster: {server: "http://127.0.0.1:8001"}}
        - {name: blind, cluster: {server: "https://[fd00::1]", insecure-skip-tls-verify: true}}
        users:
        - {name: token, user: {token: s3cr3t}}
        - {name: file, user: {tokenFile: /run/token, token: old}}
        - {name: pair, user: {client-certificate-data: QUJD, client-key: key.pem}}
        - {name: half, user: {client-certificate-data: QUJD}}
        - {name: plugin, user: {exec: {command: aws}}}
        contexts:
        - {name: prod, context: {cluster: one, user: token}}
        - {name: open, context: {cluster: open, user: token}}
        - {name: file, context: {cluster: blind, user: file}}
        - {name: pair, context: {cluster: one, user: pair}}
        - {name: half, context: {cluster: one, user: half}}
        - {name: plugin, context: {cluster: one, user: plugin}}
        - {name: lost, context: {cluster: two, user: token}}
        - {name: nobody, context: {cluster: one, user: somebody}}
        - {name: alone, context: {user: token}}
        """

    private func endpoint(_ context: String? = nil) throws -> APIEndpoint {
        try Kubeconfig(text: kubeconfig, path: "/etc/dns/config").endpoint(context: context)
    }

    @Test("a cluster and a token") func currentContext() throws {
        let endpoint = try endpoint()
        #expect(endpoint.url == "https://api.example:6443/k8s")
        #expect(endpoint.tlsServerName == "kubernetes")
        #expect(endpoint.trust == .authorities(.file("/etc/dns/pki/ca.crt")))
        #expect(endpoint.token == .fixed(Secret("s3cr3t")))
    }

    @Test("other ways to log in") func others() throws {
        #expect(try endpoint("file").token == .file("/run/token"))
        #expect(try endpoint("file").trust == .anyone)
        #expect(try endpoint("file").url == "https://[fd00::1]:443")
        #expect(
            try endpoint("pair").clientCertificate
                == .init(chain: .given(Array("ABC".utf8)), key: .file("/etc/dns/key.pem")))
        // Never a token without encryption.
        #expect(try endpoint("open").token == .none)
    }

    @Test(
        "errors name file, key, what is there and what should be",
        arguments: [
            ("half", "users[half].client-key", "nothing"), ("plugin", "users[plugin].exec", "not supported"),
            ("lost", "contexts[lost].cluster", "\"two\""),
            ("lost", "contexts[lost].cluster", "one of clusters: one, open, blind"),
            ("nobody", "contexts[nobody].user", "\"somebody\""), ("alone", "contexts[alone].cluster", "nothing"),
            ("absent", "context", "one of contexts: prod, open"),
        ])
    func errors(_ context: String, _ key: String, _ words: String) throws {
        let error = try #require(throws: CredentialsError.self) { try endpoint(context) }
        #expect(error.description.hasPrefix("/etc/dns/config: \(key): found "))
        #expect(error.description.contains(words))
    }

    @Test(
        "broken files",
        arguments: [
            ("", "no keys"), ("[]", "no keys"), ("a: [", "not YAML"), ("{}", "current-context: found nothing"),
            ("current-context: a", "entries under contexts"),
            (
                "{current-context: a, contexts: [{name: a, context: {cluster: b}}], clusters: [{name: b, cluster: {server: 'ftp://x'}}]}",
                "clusters[b].server: found \"ftp://x\""
            ),
            (
                "{current-context: a, contexts: [{name: a, context: {cluster: b}}], clusters: [{name: b, cluster: {server: 'https://x', insecure-skip-tls-verify: 7}}]}",
                "true or false"
            ),
            (
                "{current-context: a, contexts: [{name: a, context: {cluster: b}}], clusters: [{name: b, cluster: {server: 'https://x', certificate-authority-data: '!'}}]}",
                "base64"
            ),
            (
                "{current-context: a, contexts: [{name: a, context: {cluster: b}}], clusters: [{name: b, cluster: {server: [1]}}]}",
                "a list or keys"
            ),
        ])
    func broken(_ text: String, _ words: String) throws {
        let error = try #require(throws: CredentialsError.self) {
            try Kubeconfig(text: text, path: "/k").endpoint()
        }
        #expect(error.description.contains(words), "\(error)")
    }

    @Test("a file that is not there") func missing() throws {
        let error = try #require(throws: CredentialsError.self) { try Kubeconfig.endpoint(path: "/nowhere/config") }
        #expect(error.description == "/nowhere/config: found no such file, expected a kubeconfig file")
    }

    @Test(
        "addresses of servers",
        arguments: [
            ("https://a", "https://a:443"), ("HTTPS://a:1/", "https://a:1"), ("http://a", "http://a:80"),
            ("https://[::1]:6443/x/y//", "https://[::1]:6443/x/y"), ("https://10.0.0.1:443", "https://10.0.0.1:443"),
        ])
    func urls(_ text: String, _ expected: String) throws { #expect(try APIEndpoint(url: text).url == expected) }

    @Test(
        "no addresses of servers",
        arguments: [
            "", "a", "https://", "https://a:0", "https://a:65536", "https://a:x", "https://u:p@a", "https://a?b",
            "https://[::1",
            "https://[::1]x", "https://a b",
        ])
    func noURLs(_ text: String) { #expect(throws: CredentialsError.self) { try APIEndpoint(url: text) } }

    @Test("in a pod") func inCluster() throws {
        let folder = try TemporaryFolder()
        var environment = ["KUBERNETES_SERVICE_HOST": "fd00::1", "KUBERNETES_SERVICE_PORT": "443"]
        try folder.write("x", to: "ca.crt")
        let endpoint = try InCluster.endpoint(environment: environment, folder: folder.path)
        #expect(endpoint.url == "https://[fd00::1]:443")
        #expect(endpoint.token == .file(folder.path + "/token"))
        #expect(endpoint.trust == .authorities(.file(folder.path + "/ca.crt")))
        environment["KUBERNETES_SERVICE_PORT"] = nil
        let error = try #require(throws: CredentialsError.self) { try InCluster.endpoint(environment: environment) }
        #expect(error.key == "KUBERNETES_SERVICE_PORT")
    }

    @Test("the token is read again each minute and when it was refused") func tokenFile() throws {
        let folder = try TemporaryFolder()
        let reader = TokenReader(.file(folder.path + "/token"))
        var now = ContinuousClock.now
        #expect(reader.current(at: now).problem?.source == folder.path + "/token")
        try folder.write(" first\n", to: "token")
        #expect(reader.current(at: now).token == Secret("first"))
        try folder.write("second", to: "token")
        now += .seconds(59)
        #expect(reader.current(at: now).token == Secret("first"))
        now += .seconds(1)
        #expect(reader.current(at: now).token == Secret("second"))
        try folder.write("third", to: "token")
        reader.refused(Secret("first"))  // of an old request: says nothing about the second
        #expect(reader.current(at: now).token == Secret("second"))
        reader.refused(Secret("second"))
        #expect(reader.current(at: now).token == Secret("third"))
    }

    @Test("an unusable token file keeps the old token", arguments: ["", " \n", "two words", "a\u{1}b", "ü"])
    func unusableToken(_ text: String) throws {
        let folder = try TemporaryFolder()
        try folder.write("good", to: "token")
        let reader = TokenReader(.file(folder.path + "/token"))
        var now = ContinuousClock.now
        #expect(reader.current(at: now).problem == nil)
        try folder.write(text, to: "token")
        now += .seconds(61)
        let reading = reader.current(at: now)
        #expect(reading.token == Secret("good"))
        #expect(reading.problem?.source == folder.path + "/token")
        try folder.remove("token")
        #expect(reader.current(at: now).token == Secret("good"))
        try folder.write("better", to: "token")
        #expect(reader.current(at: now).token == Secret("better"))
    }

    @Test("a token file of ten megabytes is refused") func hugeToken() throws {
        let folder = try TemporaryFolder()
        try folder.write(String(repeating: "a", count: 10 << 20), to: "token")
        #expect(throws: CredentialsError.self) { try TokenReader.read(folder.path + "/token") }
    }

    @Test("a secret does not show") func secret() throws {
        var shown = ""
        dump(try endpoint(), to: &shown)
        dump(TokenReader.Reading(token: Secret("s3cr3t")), to: &shown)
        shown += "\(try endpoint()) \(Secret("s3cr3t")) \(String(reflecting: Secret("s3cr3t")))"
        #expect(!shown.contains("s3cr3t"))
    }

    @Test("certificates that are none") func certificates() throws {
        var endpoint = try APIEndpoint(url: "https://a")
        endpoint.trust = .authorities(.given(Array("x".utf8)))
        #expect(throws: CredentialsError.self) { try APIConnection(endpoint) }
        endpoint.trust = .authorities(.file("/nowhere/ca.crt"))
        let error = try #require(throws: CredentialsError.self) { try APIConnection(endpoint) }
        #expect(error.source == "/nowhere/ca.crt")
    }
}
