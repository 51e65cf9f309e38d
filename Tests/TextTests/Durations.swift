import Testing
import Text

@Suite("durations as Go writes them") struct Durations {
    @Test(arguments: [
        ("0", Duration.zero), ("5s", .seconds(5)), ("500ms", .milliseconds(500)), ("1h30m", .seconds(5400)),
        ("1.5h", .seconds(5400)), (".5s", .milliseconds(500)), ("1.s", .seconds(1)), ("+2us", .microseconds(2)),
        ("3µs", .microseconds(3)), ("3μs", .microseconds(3)), ("7ns", .nanoseconds(7)), ("-1s", .seconds(-1)),
        ("0.000000001s", .nanoseconds(1)), ("1m0.25s", .milliseconds(60250)), ("2562047h", .seconds(9_223_369_200)),
    ])
    func goDurations(_ text: String, _ expected: Duration) {
        #expect(DurationText.parse(text) == expected)
    }

    @Test(arguments: [
        "", "5", "s", ".s", "5 s", "5x", "5S", "--5s", "1h30", "9223372037s", "99999999999999999999s", "1e3s", "∞",
    ])
    func noDurations(_ text: String) {
        #expect(DurationText.parse(text) == nil)
    }

    @Test("the shortest text of a duration") func shortest() {
        #expect(DurationText.describe(.milliseconds(5_400_500)) == "1h30m500ms")
        #expect(DurationText.describe(.seconds(-61)) == "-1m1s")
        #expect(DurationText.describe(.zero) == "0s")
    }
}
