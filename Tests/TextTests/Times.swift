import Testing
import Text

@Suite("RFC 3339") struct Times {
    @Test("times survive", arguments: ["2026-11-20T22:27:04Z", "1970-01-01T00:00:00Z", "2000-02-29T23:59:59Z"])
    func survive(_ text: String) {
        #expect(Timestamp(text)?.text() == text)
        #expect(
            Timestamp("2026-01-01T01:00:00.123456789+01:00")?.text(fractionDigits: 9)
                == "2026-01-01T00:00:00.123456789Z")
        #expect(Timestamp("yesterday") == nil)
    }

    @Test(
        "times",
        arguments: [
            ("1970-01-01T00:00:00Z", 0.0), ("2000-02-29T12:34:56Z", 951_827_696),
            ("2026-11-21T06:00:00.25Z", 1_795_240_800.25),
            ("1970-01-01T01:00:00+01:00", 0), ("1969-12-31T23:00:00-01:00", 0), ("2100-03-01T00:00:00z", 4_107_542_400),
        ])
    func times(_ text: String, _ seconds: Double) {
        #expect(Timestamp(text)?.secondsSince1970 == seconds)
    }

    @Test(
        "no times",
        arguments: [
            "", "2026", "2026-13-01T00:00:00Z", "2026-01-01T00:00:00", "2026-01-01T00:00:00.Z", "2026-01-01T00:00:00Zx",
            "2026-01-01T24:00:00Z",
        ])
    func noTimes(_ text: String) { #expect(Timestamp(text) == nil) }

    @Test(
        "times as the API writes them",
        arguments: [
            (0, "1970-01-01T00:00:00"), (951_782_400, "2000-02-29T00:00:00"), (1_709_208_000, "2024-02-29T12:00:00"),
            (1_735_689_599, "2024-12-31T23:59:59"), (4_107_542_400, "2100-03-01T00:00:00"),
            (253_402_300_799, "9999-12-31T23:59:59"),
        ])
    func written(_ seconds: Int, _ wanted: String) {
        #expect(Timestamp(secondsSince1970: Double(seconds)).text() == wanted + "Z")
        #expect(Timestamp(secondsSince1970: Double(seconds)).text(fractionDigits: 6) == wanted + ".000000Z")
        #expect(Timestamp(wanted + ".000000Z")?.secondsSince1970 == Double(seconds))
    }

    @Test("times that no calendar has are the nearest that one has")
    func absurdTimes() {
        #expect(Timestamp(secondsSince1970: -5).text() == "1970-01-01T00:00:00Z")
        #expect(Timestamp(secondsSince1970: .infinity).text() == "9999-12-31T23:59:59Z")
        #expect(Timestamp(secondsSince1970: .nan).text().hasSuffix("Z"))
    }
}
