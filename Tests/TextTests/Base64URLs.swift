import Testing
import Text

@Suite("octets as text in a path") struct PathText {
    @Test(
        "as RFC 4648 §10 has them, without padding",
        arguments: [
            ("Zg", "f"), ("Zm8", "fo"), ("Zm9v", "foo"), ("Zm9vYg", "foob"), ("Zm9vYmE", "fooba"),
            ("Zm9vYmFy", "foobar"),
        ])
    func vectors(_ text: String, _ octets: String) {
        #expect(Base64URL.octets(of: text) == Array(octets.utf8))
        #expect(Base64URL.text(of: Array(octets.utf8)) == text)
    }

    @Test("the two characters of its own") func alphabet() {
        #expect(Base64URL.octets(of: "-_-_") == [0xFB, 0xFF, 0xBF])
        #expect(Base64URL.text(of: [0xFB, 0xFF, 0xBF]) == "-_-_")
    }

    @Test("a length for each count of octets") func lengths() {
        #expect((0...6).map(Base64URL.length(ofOctets:)) == [0, 2, 3, 4, 6, 7, 8])
    }

    @Test("no octets", arguments: ["", "A", "AA=", "Zm9vY", "+A", "/A", "A A", "Ä", "AA\n"])
    func refused(_ text: String) { #expect(Base64URL.octets(of: text) == nil) }
}
