import Corefile
import DNSServer
import Synchronization
import Telemetry
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

@Suite("trace: spans that wait are sent") struct SpansSent {
    private let span = TraceSpan(trace: (1, 2), id: 3, start: 4, taken: 5, tags: [], isFailure: false)

    private func settings(_ collector: String) throws -> TraceSettings {
        let at = SourcePosition(file: "Corefile", line: 1)
        // Longer than any test waits: only the end may send.
        let pause = Directive(
            name: "zipkin_max_batch_interval", at: at, arguments: [Token(text: "1h", at: at)], outermost: "trace")
        let line = Directive(
            name: "trace", at: at, arguments: [Token(text: collector, at: at)], block: [pause], hasBlock: true)
        return try SettingsCheck.gather { check in TraceSettings(line, &check) }
    }

    private final class Seen: Sendable {
        let state = Mutex((count: 0, isCancelled: false))
    }

    private func dropped() -> Counter { MetricRegistry().counter("dropped", "") }

    @Test("at the end, by a task that nobody has cancelled") func end() async throws {
        let seen = Seen()
        let sender = TraceSender(try settings("end.test"), dropped(), lastPatience: .seconds(3600)) { spans in
            seen.state.withLock { $0 = ($0.count + spans.count, Task.isCancelled) }
        }
        sender.begin()
        for _ in 0..<250 { sender.add(span) }
        sender.end()
        await sender.ended()
        #expect(seen.state.withLock { $0.count } == 250)
        #expect(!seen.state.withLock { $0.isCancelled })
    }

    @Test("a collector that takes nothing at the end has its time, and is told from one that is broken") func late()
        async throws
    {
        RecordedLog.begin()
        let dropped = dropped()
        let sender = TraceSender(try settings("late.test"), dropped, lastPatience: .zero) { _ in
            try await Task.sleep(for: .seconds(3600))
        }
        sender.begin()
        for _ in 0..<250 { sender.add(span) }
        sender.end()
        await sender.ended()
        #expect(dropped.value == 250)
        let lines = RecordedLog.lines(with: "late.test")
        #expect(lines.count == 1)
        #expect(lines.first?.contains("did not take the last 250 spans") == true)
    }

    @Test("by the next configuration, when its settings are the same") func reload() throws {
        func plugin(_ directives: String) throws -> TracePlugin? {
            try MemoryServer(directives).plan.plugins.compactMap { $0 as? TracePlugin }.first
        }
        let old = try #require(try plugin("trace c.test"))
        let same = try #require(try plugin("trace http://c.test"))
        let other = try #require(try plugin("trace d.test"))
        same.adopt(old)
        other.adopt(old)
        #expect(same.sending.work === old.sending.work)
        #expect(other.sending.work !== old.sending.work)
    }
}
