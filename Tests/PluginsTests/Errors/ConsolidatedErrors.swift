import TestKit
import Testing

@Suite("errors: those that are alike are said together") struct ConsolidatedErrors {
    init() { RecordedLog.begin() }

    /// Lines of the log after some queries that no upstream answers, and after a minute more.
    private func lines(_ mark: String, _ options: String) throws -> (first: [String], later: [String]) {
        let dns = try MemoryServer(
            "errors {\n\(options)\n}\nacl refused.\(mark) {\nblock\n}\nforward . @UPSTREAM@", upstreams: [{ _ in [] }])
        for number in 0..<3 { _ = dns.begin("n\(number).\(mark). A") }
        dns.advance(.seconds(20))
        let first = RecordedLog.lines(with: mark)
        dns.advance(.seconds(60))
        return (first, Array(RecordedLog.lines(with: mark).dropFirst(first.count)))
    }

    @Test("counted, and said once, at the level asked for") func counted() throws {
        let (first, later) = try lines(
            "one.consolidated.test", "consolidate 1m \"(?:timeout|one.consolidated.test)\" warning")
        #expect(first == [])
        #expect(
            later == [
                "[WARNING] plugin/errors: 3 errors like '(?:timeout|one.consolidated.test)' occurred in last 1m"
            ])
    }

    @Test("with show_first the first is logged, too") func showFirst() throws {
        let (first, later) = try lines(
            "two.consolidated.test", "consolidate 1m \"timeout|two.consolidated.test\" show_first")
        #expect(
            first.count == 1
                && first.allSatisfy { $0.hasPrefix("[ERROR] plugin/errors: 2 n0.two.consolidated.test. A: ") })
        #expect(later == ["[ERROR] plugin/errors: 3 errors like 'timeout|two.consolidated.test' occurred in last 1m"])
    }

    @Test("others are logged as ever") func others() throws {
        let (first, later) = try lines("three.consolidated.test", "consolidate 1m \"^nothing like it\"")
        #expect(!first.isEmpty && later.isEmpty)
    }
}
