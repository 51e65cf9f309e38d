import Testing

import ZoneData

@Suite("digests") struct MessageDigests {
    private func hexadecimal(_ octets: [UInt8]?) -> String? {
        octets?.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    }

    @Test(
        "of no octets",
        arguments: [
            (MessageDigest.md5, "d41d8cd98f00b204e9800998ecf8427e"),
            (.sha1, "da39a3ee5e6b4b0d3255bfef95601890afd80709"),
            (.sha256, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
        ])
    func empty(_ digest: MessageDigest, _ wanted: String) {
        #expect(hexadecimal(digest.digest(of: [])) == wanted)
        #expect(digest.length * 2 == wanted.count)
    }

    @Test(
        "HMAC's second test case (RFC 2202, RFC 4231): key Jefe",
        arguments: [
            (MessageDigest.md5, "750c783e6ab0b503eaa86e310a5db738"),
            (.sha1, "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79"),
            (.sha256, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"),
            (
                .sha384,
                "af45d2e376484031617f78d2b58a6b1b9c7ef464f5a01b47e42ec3736322445e8e2240ca5e69e2c78b3239ecfab21649"
            ),
            (
                .sha512,
                "164b7a7bfcf819e2e395fbe73b56e0a387bd64222e831fd610270cd7ea2505549758bf75c05a994a6d034f65f8f0e6fd"
                    + "caeab1a34d4a6b4b636e070a38bce737"
            ),
        ])
    func codes(_ digest: MessageDigest, _ wanted: String) {
        let code = digest.code(of: Array("what do ya want for nothing?".utf8), key: Array("Jefe".utf8))
        #expect(hexadecimal(code) == wanted)
    }
}
