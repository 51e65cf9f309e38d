import Corefile
import DNSServer
import KubernetesAPI

/// The `trace` line.
struct TraceSettings: Sendable {
    /// How a collector is spoken to, over HTTP with JSON.
    enum Form: String, CaseIterable, Sendable {
        case zipkin
        case otlp

        /// Where collectors of this kind listen by default.
        fileprivate var url: String { self == .zipkin ? "http://localhost:9411" : "http://localhost:4318" }
        fileprivate var path: String { self == .zipkin ? "/api/v2/spans" : "/v1/traces" }
    }

    private(set) var form = Form.zipkin
    private(set) var endpoint: APIEndpoint?
    /// As messages call the collector.
    private(set) var url = ""
    private(set) var path = ""
    /// One in so many queries is traced; 0 for none.
    var every = 1
    var service = "coredns"
    /// Spans that may wait for the collector.
    var backlog = 1000
    /// Spans that are sent at once.
    var batch = 100
    /// How long a span waits at most.
    var interval = Duration.seconds(1)

    private static var options: OptionTable<Self> {
        [
            .integer("every", 0...Int(Int32.max), \.every),
            .line("service", \.service, 1...1) { $0.words.first ?? "" },
            .custom("client_server") { line, _, _ throws(ConfigurationError) in
                try line.expectCount(0...1)
                if let word = line.arguments.first { _ = try line.oneOf(word, truths) }
            },
            .custom("datadog_analytics_rate", isListed: false) { line, _, _ throws(ConfigurationError) in
                throw line.error(found: line.name, expected: "zipkin or otlp: Datadog's agent takes OTLP")
            },
            .integer("zipkin_max_backlog_size", 1...1_000_000, \.backlog),
            .integer("zipkin_max_batch_size", 1...10_000, \.batch),
            .duration("zipkin_max_batch_interval", \.interval),
        ]
    }

    /// What Go takes for true and false.
    private static let truths = ["true", "false", "1", "0", "t", "f", "T", "F", "TRUE", "FALSE", "True", "False"]

    init(_ directive: Directive, _ check: inout SettingsCheck) {
        check.attempt(try readCollector(directive))
        Self.options.read(directive.block, into: &self, &check)
        interval = max(interval, .milliseconds(10))
    }

    private mutating func readCollector(_ line: Directive) throws(ConfigurationError) {
        try line.expectCount(0...2)
        if line.arguments.count == 2 {
            let word = line.arguments[0]
            guard let form = Form(rawValue: word.text.lowercased()) else {
                throw line.error(word, expected: "zipkin or otlp: Datadog's agent takes OTLP")
            }
            self.form = form
        }
        var text = line.words.last ?? form.url
        if !text.contains("://") { text = "http://\(text)" }
        // What stands behind the host is where spans go; by default where collectors of the kind expect them.
        let host = text.firstRange(of: "://").map { text[$0.upperBound...] } ?? text[...]
        let slash = host.firstIndex(of: "/") ?? host.endIndex
        path = host[slash...].count > 1 ? String(host[slash...]) : form.path
        url = String(text[..<slash])
        do throws(CredentialsError) {
            endpoint = try APIEndpoint(url: url, in: "Corefile", key: "trace")
        } catch {
            throw line.error(
                found: "the collector \(line.words.last ?? "")", expected: "HOST:PORT or http://HOST:PORT/PATH")
        }
    }
}

extension TraceSettings: Equatable {
    /// The endpoint says no more than the address that it is made of.
    static func == (one: Self, other: Self) -> Bool {
        (one.form, one.url, one.path, one.every, one.service) == (
            other.form, other.url, other.path, other.every, other.service
        )
            && (one.backlog, one.batch, one.interval) == (other.backlog, other.batch, other.interval)
    }
}
