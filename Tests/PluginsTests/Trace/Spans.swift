import Corefile
import DNSServer
import TestKit
import Testing
import Text

@testable import Plugins

@Suite("trace: what collectors are told") struct Spans {
    private let span = TraceSpan(
        trace: (0x1, 0xabc), id: 0xdef, start: 1_800_000_000_123_456_789, taken: 1_500_000,
        tags: [("coredns.io/name", "a.test.")], isFailure: true)

    @Test("Zipkin's form: microseconds, ids of 16 and 8 octets") func zipkin() {
        #expect(
            String(decoding: TraceSpan.body([span], .zipkin, service: "dns"), as: UTF8.self)
                == #"[{"traceId":"00000000000000010000000000000abc","id":"0000000000000def","name":"servedns","#
                + #""kind":"SERVER","timestamp":1800000000123456,"duration":1500,"localEndpoint":{"serviceName":"dns"},"#
                + #""tags":{"coredns.io/name":"a.test."}}]"#)
    }

    @Test("OTLP: nanoseconds as text, an error as its status") func otlp() throws {
        let document = try JSONReader.read(TraceSpan.body([span], .otlp, service: "dns"))
        let told = document["resourceSpans"].elements[0]["scopeSpans"].elements[0]["spans"].elements[0]
        #expect(told["startTimeUnixNano"].text == "1800000000123456789")
        #expect(told["endTimeUnixNano"].text == "1800000000124956789")
        #expect(told["status"]["code"].number == 2)
    }

    @Test(
        "where spans go",
        arguments: [
            ([], "http://localhost:9411", "/api/v2/spans"), (["c.test:9411"], "http://c.test:9411", "/api/v2/spans"),
            (["zipkin", "https://c.test/spans"], "https://c.test", "/spans"),
            (["otlp", "c.test:4318"], "http://c.test:4318", "/v1/traces"),
            (["OTLP", "http://[2001:db8::1]:4318/"], "http://[2001:db8::1]:4318", "/v1/traces"),
        ]) func collectors(_ words: [String], _ url: String, _ path: String) throws
    {
        let at = SourcePosition(file: "Corefile", line: 1)
        let line = Directive(name: "trace", at: at, arguments: words.map { Token(text: $0, at: at) })
        let settings = try SettingsCheck.gather { check in TraceSettings(line, &check) }
        #expect(settings.url == url)
        #expect(settings.path == path)
    }
}
