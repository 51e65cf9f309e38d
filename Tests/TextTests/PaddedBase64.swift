import Testing
import Text

@Suite("padded Base64 (RFC 4648 §10)") struct PaddedBase64 {
    @Test(arguments: [
        ("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg=="), ("fooba", "Zm9vYmE="),
        ("foobar", "Zm9vYmFy"),
    ])
    func vectors(_ plain: String, _ encoded: String) {
        #expect(Base64.text(of: Array(plain.utf8)) == encoded)
        #expect(Base64.octets(of: encoded) == Array(plain.utf8))
    }

    @Test("the two characters that differ from those of paths") func alphabet() {
        #expect(Base64.text(of: [0xFB, 0xFF]) == "+/8=")
        #expect(Base64.octets(of: "+/8=") == [0xFB, 0xFF])
        #expect(Base64.octets(of: "-_8=") == nil)
        #expect(Base64.octets(of: "====") == nil)
        #expect(Base64.octets(of: "a b") == nil)
    }
}
