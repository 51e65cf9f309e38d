/// A key of a.test, as ldns-keygen has written it.
package enum TestKeys {
    package static let files = [
        "/keys/Ka.test.key": """
        a.test. IN DNSKEY 257 3 13 \
        7TriyPHnRT5o4TOmuGYyZgT1eASqmuDu0zOgvUkqU5M11N0EQuxOciqih4zDH0sb4DxjNrDp3SidLdMyNmUiGw== ;{ksk}

        """,
        "/keys/Ka.test.private": secret("5W4l4PZtwwdCLnw4QEFthbelkRT9bsRduttQnhDyfRQ="),
        "/keys/Kother.key": """
        a.test. IN DNSKEY 257 3 13 \
        7TriyPHnRT5o4TOmuGYyZgT1eASqmuDu0zOgvUkqU5M11N0EQuxOciqih4zDH0sb4DxjNrDp3SidLdMyNmUiGw==

        """,
        "/keys/Kother.private": secret("5W4l4PZtwwdCLnw4QEFthbelkRT9bsRduttQnhDyfRU="),
    ]

    private static func secret(_ text: String) -> String {
        "Private-key-format: v1.2\nAlgorithm: 13 (ECDSAP256SHA256)\nPrivateKey: \(text)\n"
    }
}
