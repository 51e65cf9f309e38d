import Testing
import ZoneData

@Suite("keys that sign zones") struct SigningKeys {
    private static let secret = """
        Private-key-format: v1.2
        Algorithm: 13 (ECDSAP256SHA256)
        PrivateKey: 5W4l4PZtwwdCLnw4QEFthbelkRT9bsRduttQnhDyfRQ=

        """

    @Test(
        "a public key that is shorter than its fields is refused (RFC 3597 §5, RFC 4034 §2.1)",
        arguments: ["a.test. IN DNSKEY \\# 0", "a.test. IN TYPE48 \\# 0", "a.test. IN DNSKEY \\# 1 00"])
    func short(_ text: String) {
        let error = #expect(throws: ZoneContentError.self) { try SigningKey(text, Self.secret) }
        #expect(error?.description == "a file of a public key that holds no DNSKEY record")
    }
}
