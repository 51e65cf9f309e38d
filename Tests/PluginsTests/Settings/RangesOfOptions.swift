import TestKit
import Testing

/// What numbers a Corefile may say: the least and the greatest are taken, one below and one above are refused.
@Suite("numbers in a Corefile") struct RangesOfOptions {
    private static let most32 = 2_147_483_647

    @Test(
        "each has its range",
        arguments: [
            ("bufsize #", 512...4096),
            ("multisocket #", 1...1024),
            ("cache #", 1...most32),
            ("cache {\nsuccess #\n}", 0...10_000_000),
            ("cache {\ndenial #\n}", 0...10_000_000),
            ("cache {\nsuccess 10 #\n}", 1...most32),
            ("cache {\nsuccess 10 10 #\n}", 0...most32),
            ("cache {\nprefetch #\n}", 0...1_000_000),
            ("cache {\nprefetch 1 1m #%\n}", 10...90),
            ("cache {\nservfail #s\n}", 0...300),
            ("cache {\nserve_stale #h\n}", 0...8760),
            ("cache {\nserve_stale 1h verify 1s #s\n}", 0...31_536_000),
            ("cache {\nserve_stale 1h verify 1s 1s #s\n}", 0...300),
            ("dnssec {\ncache_capacity #\n}", 0...10_000_000),
            ("erratic {\ndrop #\n}", 0...most32),
            ("erratic {\ntruncate #\n}", 0...most32),
            ("forward . 1.1.1.1 {\nmax_fails #\n}", 0...1_000_000),
            ("forward . 1.1.1.1 {\nmax_idle_conns #\n}", 0...65_535),
            ("forward . 1.1.1.1 {\nmax_connect_attempts #\n}", 0...1_000_000),
            ("forward . 1.1.1.1 {\nmax_concurrent #\n}", 0...most32),
            ("hosts {\nttl #\n}", 1...65_535),
            ("kubernetes cluster.local {\nttl #\n}", 0...3600),
            ("kubernetes cluster.local {\napiserver_qps #\n}", 0...1_000_000),
            ("kubernetes cluster.local {\napiserver_burst #\n}", 0...1_000_000),
            ("kubernetes cluster.local {\napiserver_max_inflight #\n}", 0...1_000_000),
            ("kubernetes cluster.local\nk8s_external example.org {\nttl #\n}", 0...3600),
            ("k8s_gateway example.org {\nttl #\n}", 0...3600),
            ("template ANY ANY {\nrcode REFUSED\nederror #\n}", 0...65_535),
            ("cache {\nfollow #\n}", 1...16_384),
            ("push {\nsubscriptions #\n}", 1...65_535),
            ("push {\ntotal #\n}", 1...10_000_000),
            ("timeouts {\nread #s\n}", 1...86_400),
            ("timeouts {\nwrite #\n}", 1...86_400),
            ("timeouts {\nidle #\n}", 1...86_400),
            ("timeouts {\nmaxtcpqueries #\n}", 1...most32),
            ("trace {\nevery #\n}", 0...most32),
            ("trace {\nzipkin_max_backlog_size #\n}", 1...1_000_000),
            ("trace {\nzipkin_max_batch_size #\n}", 1...10_000),
        ] as [(String, ClosedRange<Int>)])
    func range(_ line: String, _ range: ClosedRange<Int>) {
        func said(_ number: Int) -> String {
            TestPlan.errors(line.replacing("#", with: "\(number)"), files: TestKeys.files)
        }
        #expect(said(range.lowerBound) == "no errors")
        #expect(said(range.upperBound) == "no errors")
        #expect(said(range.lowerBound - 1).contains(", expected "))
        #expect(said(range.upperBound + 1).contains(", expected "))
    }

    @Test(
        "words are up to so long",
        arguments: [
            ("nsid ", "n", 128), ("chaos ", "v", 255),
            ("template IN TXT test {\nanswer \"{{ .Name }} 60 IN TXT #\"\n}", "t", 9978),
            ("dnstap /", "p", 106),
        ])
    func length(_ line: String, _ piece: String, _ most: Int) {
        let taken = (most - 1...most + 1).map { count in
            let words = String(repeating: piece, count: count)
            return TestPlan.errors(line.contains("#") ? line.replacing("#", with: words) : line + words) == "no errors"
        }
        #expect(taken == [true, true, false])
    }

    @Test("a forward line has up to 15 upstreams") func upstreams() {
        let taken = (14...16).map { count in
            TestPlan.errors("forward ." + (1...count).map { " 10.0.0.\($0)" }.joined()) == "no errors"
        }
        #expect(taken == [true, true, false])
    }

    @Test("a search path of autopath has up to 16 names") func searchPath() {
        let taken = (15...17).map { count in
            let names = (1...count).map { " n\($0).test" }.joined()
            return TestPlan.errors("autopath /path", files: ["/path": "search\(names)\n"]) == "no errors"
        }
        #expect(taken == [true, true, false])
    }

    @Test("data of an option that rewrite sends has up to 252 octets") func optionData() {
        let taken = (251...253).map { count in
            TestPlan.errors("rewrite edns0 local set 0xffee " + String(repeating: "d", count: count)) == "no errors"
        }
        #expect(taken == [true, true, false])
    }
}
