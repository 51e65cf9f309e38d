import DNSServer
import DNSWire
import Text

/// What is told of one query.
struct TraceSpan: Sendable {
    /// 128 and 64 random bits.
    var trace: (UInt64, UInt64)
    var id: UInt64
    /// Nanoseconds since 1970, UTC.
    var start: UInt64
    /// Nanoseconds.
    var taken: UInt64
    var tags: [(name: String, value: String)]
    /// The query could not be answered.
    var isFailure: Bool

    /// The name CoreDNS gives to it.
    static let name = "servedns"

    /// As log fields and span ids show it.
    static func text(_ trace: (UInt64, UInt64)) -> String { hex(trace.0) + hex(trace.1) }

    private static func hex(_ number: UInt64) -> String {
        let text = String(number, radix: 16)
        return String(repeating: "0", count: 16 - text.count) + text
    }

    /// The body of one request with `spans`.
    static func body(_ spans: [TraceSpan], _ form: TraceSettings.Form, service: String) -> [UInt8] {
        switch form {
        case .zipkin: JSONValue.array(spans.map { $0.zipkin(service) }).bytes
        case .otlp: otlp(spans, service).bytes
        }
    }

    /// Zipkin's form, version 2: times in microseconds.
    private func zipkin(_ service: String) -> JSONValue {
        [
            "traceId": .string(Self.text(trace)), "id": .string(Self.hex(id)), "name": .string(Self.name),
            "kind": "SERVER", "timestamp": .int(Int64(clamping: start / 1000)),
            // Zero is no duration there.
            "duration": .int(max(1, Int64(clamping: taken / 1000))),
            "localEndpoint": ["serviceName": .string(service)],
            "tags": .object(tags.map { JSONValue.Member($0.name, .string($0.value)) }),
        ]
    }

    /// OTLP as JSON (OpenTelemetry Protocol 1.x): times in nanoseconds, as text.
    private static func otlp(_ spans: [TraceSpan], _ service: String) -> JSONValue {
        func attribute(_ name: String, _ value: String) -> JSONValue {
            ["key": .string(name), "value": ["stringValue": .string(value)]]
        }
        let values: [JSONValue] = spans.map { span in
            [
                "traceId": .string(text(span.trace)), "spanId": .string(hex(span.id)), "name": .string(name),
                // A server's span (SPAN_KIND_SERVER), and an error (STATUS_CODE_ERROR).
                "kind": 2, "status": span.isFailure ? ["code": 2] : [:],
                "startTimeUnixNano": .string("\(span.start)"),
                "endTimeUnixNano": .string("\(span.start &+ span.taken)"),
                "attributes": .array(span.tags.map { attribute($0.name, $0.value) }),
            ]
        }
        return [
            "resourceSpans": [
                [
                    "resource": ["attributes": [attribute("service.name", service)]],
                    "scopeSpans": [["scope": ["name": "cluster-dns"], "spans": .array(values)]],
                ]
            ]
        ]
    }
}
