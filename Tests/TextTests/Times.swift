import Testing
import Text

@Suite("RFC 3339") struct Times {
    @Test("times survive", arguments: ["2026-11-20T22:27:04Z", "1970-01-01T00:00:00Z", "2000-02-29T23:59:59Z"])
    func times(_ text: String) {
        #expect(Timestamp(text)?.text() == text)
        #expect(
            Timestamp("2026-01-01T01:00:00.123456789+01:00")?.text(fractionDigits: 9)
                == "2026-01-01T00:00:00.123456789Z")
        #expect(Timestamp("yesterday") == nil)
    }
}
