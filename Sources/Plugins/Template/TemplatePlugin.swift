package import Corefile
package import DNSServer
import DNSWire
import EventLoop
import Synchronization
import Telemetry

/// Answers names that match an expression with records whose text is filled in for each question.
package final class TemplatePlugin: Plugin {
    package static let directive = "template"
    private let rules: [TemplateRule]
    private let block: BlockSettings
    private let collector = Mutex<(any MetadataCollector)?>(nil)

    package init(_ directives: [Directive], in block: BlockSettings) throws(ConfigurationErrors) {
        rules = try SettingsCheck.gather { check in directives.map { TemplateRule($0, zones: block.zones, &check) } }
        self.block = block
    }

    package func join(_ block: [any Plugin]) {
        let found = block.lazy.compactMap { $0 as? any MetadataCollector }.first
        collector.withLock { $0 = found }
    }

    package func makeHandler(on server: LoopServer) -> (any Handler)? {
        TemplateHandler(rules, TemplateCounters(block), collector.withLock { $0 }?.makeMetadataReader(on: server))
    }
}

/// Counts on one loop what templates answered and could not answer.
final class TemplateCounters {
    private let block: BlockSettings
    private var matches: [Labels: Counter] = [:]
    private var failures: [FailureLabels: Counter] = [:]

    struct Labels: Hashable {
        let zone: String
        let `class`: String
        /// Empty for types without a name: clients choose them, and labels are not to be as many.
        let type: String
    }

    private struct FailureLabels: Hashable {
        let metric: String
        let labels: Labels
        let section: String
        let template: String
    }

    init(_ block: BlockSettings) { self.block = block }

    private func list(_ labels: Labels) -> [(String, String)] {
        [
            ("server", block.serverLabel), ("zone", labels.zone), ("view", block.view), ("class", labels.class),
            ("type", labels.type),
        ]
    }

    func matched(_ labels: Labels) {
        let counter =
            matches[labels]
            ?? block.metrics.counter(
                "coredns_template_matches_total", "Counter of template regex matches.", list(labels))
        matches[labels] = counter
        counter.bump()
    }

    /// A template that could not be filled in.
    func failed(_ labels: Labels, _ section: String, _ template: String) {
        count("coredns_template_template_failures_total", "Counter of go template failures.", labels, section, template)
    }

    /// A template whose text is no record.
    func failedRecord(_ labels: Labels, _ section: String, _ template: String) {
        count(
            "coredns_template_rr_failures_total", "Counter of mis-templated RRs.", labels, section, template)
    }

    private func count(_ metric: String, _ help: String, _ labels: Labels, _ section: String, _ template: String) {
        let key = FailureLabels(metric: metric, labels: labels, section: section, template: template)
        let counter =
            failures[key]
            ?? block.metrics.counter(
                metric, help, list(labels) + [("section", section), ("template", template)])
        failures[key] = counter
        counter.bump()
    }
}
