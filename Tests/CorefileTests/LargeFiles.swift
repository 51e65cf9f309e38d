import Corefile
import Testing

/// Files of the greatest size allowed are read in time and memory in proportion to it.
@Suite("Large files") struct LargeFiles {
    struct File: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let text: String
        init(_ name: String, _ piece: String, before: String = "", after: String = "") {
            testDescription = name
            let count = (1_048_576 - before.utf8.count - after.utf8.count) / piece.utf8.count
            text = before + String(repeating: piece, count: count) + after
        }
    }

    @Test(
        .timeLimit(.minutes(1)),
        arguments: [
            File("opening braces", "{ "),
            File("closing braces", "} "),
            File("one long line", "a ", before: ".\nlog "),
            File("short lines", "a\n", before: ".\n"),
            File("blocks", "a {\n}\n"),
            File("open blocks", "a {\n"),
            File("keys", "a,"),
            File("references without end", "{$", before: ".\nlog "),
            File("references with one end", "{%", before: ".\nlog ", after: "}"),
            File("empty words", "\"\" "),
            File("backslashes", "\\"),
        ])
    func isRead(_ file: File) {
        _ = CorefileText(file.text).errors
    }

    @Test("a file has up to 1 MiB, the first one and those it imports") func size() {
        func file(_ size: Int) -> String { String(repeating: "\n", count: size - 1) + "." }
        let taken = [true, true, false]
        let sizes = 1_048_575...1_048_577
        #expect(sizes.map { CorefileText(file($0)).errors == "no errors" } == taken)
        #expect(sizes.map { CorefileText("import x", files: ["x": file($0)]).errors == "no errors" } == taken)
    }

    @Test("keys that stand for many zones") func zones() {
        // 781 networks of 128 zones each, and names.
        func keys(_ names: Int) -> String {
            String(repeating: "10.0.0.0/9 ", count: 781) + String(repeating: "a ", count: names) + "{\n}"
        }
        #expect((31...33).map { CorefileText(keys($0)).errors == "no errors" } == [true, true, false])
        #expect(
            CorefileText(String(repeating: "10.0.0.0/9 ", count: 90_000) + "{\n}").errors == """
                Corefile:1: server block: found more than 100000 zones, expected a smaller configuration
                """)
    }
}
