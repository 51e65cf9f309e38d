import Corefile
import DNSWire
import Expressions
import FuzzDriver
import Patterns
import Telemetry
import TestKit
import Text

@testable import KubernetesAPI
@testable import Plugins

extension FuzzTarget {
    /// What people write (F10, F11, F13, F14, F15).
    static let texts = [
        FuzzTarget(name: "corefile", about: "a Corefile as a tree; what is wrong has a line, in one printable line") {
            { checkCorefile(text($0)) }
        },
        FuzzTarget(name: "plan", about: "a Corefile as a server with all plugins; what is wrong has a line") {
            { checkPlan(text($0)) }
        },
        FuzzTarget(name: "record-text", about: "a record as text; its generic form (RFC 3597) is the same record") {
            { checkRecordText($0) }
        },
        FuzzTarget(name: "hosts", about: "a hosts file; every name is found with its addresses") {
            { checkHosts($0) }
        },
        FuzzTarget(name: "pattern", about: "an expression, and a line to search; matches lie within it") {
            { checkPattern($0) }
        },
        FuzzTarget(name: "expression", about: "a condition as of view, read and evaluated") {
            { checkExpression(text($0)) }
        },
        FuzzTarget(name: "template", about: "a template of the template plugin, read") {
            {
                _ = try? RecordTemplate(
                    text($0), names: RecordTemplate.Names(groups: ["name"], variables: ["one", "two"]))
            }
        },
        FuzzTarget(name: "json", about: "a JSON document; what is written of it can be read, and is written alike") {
            { checkJSON($0) }
        },
        FuzzTarget(name: "kubeconfig", about: "a kubeconfig as an endpoint and its credentials") {
            { _ = try? Kubeconfig(text: text($0), path: "/nowhere/config").endpoint() }
        },
        FuzzTarget(name: "words", about: "times, durations, Base64, labels; what is written of them reads alike") {
            { checkWords($0) }
        },
    ]

    private static func text(_ octets: [UInt8]) -> String { String(decoding: octets, as: UTF8.self) }

    private static func check(_ errors: ConfigurationErrors) {
        hold(!errors.errors.isEmpty, "refused without an error")
        for error in errors.errors {
            hold(error.at.line >= 1, "an error without a line: \(error)")
            hold(
                error.description.unicodeScalars.allSatisfy { $0.value >= 0x20 && $0.value != 0x7F },
                "an error that is not one printable line: \(error)")
        }
    }

    private static func checkCorefile(_ text: String) {
        let sources = CorefileSyntax.Sources(
            read: { _ in "(imported) {\n errors\n}\nlog\n" }, glob: { _ in ["/a", "/b"] },
            environment: { $0.isEmpty ? nil : "value of \($0)" })
        do throws(ConfigurationErrors) {
            let blocks = try CorefileSyntax.parse(text: text, file: "Corefile", sources: sources)
            _ = CorefileSyntax.tokens(of: blocks)
        } catch {
            check(error)
        }
    }

    private static func checkPlan(_ text: String) {
        do {
            _ = try TestPlan.plan(text, MetricRegistry(), ["/etc/resolv.conf": "nameserver 192.0.2.1\n"])
        } catch let error as ConfigurationErrors {
            check(error)
        } catch {
            hold(false, "\(error)")
        }
    }

    private static func checkRecordText(_ octets: [UInt8]) {
        guard let record = try? RecordText.first(in: octets) else { return }
        hold(RecordField.isWellFormed(record.data, record.type), "data that is not of its type: \(record)")
        let owner = withBytes(record.owner) { $0.nameText }
        let digits = record.data.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
        let ttl = record.ttl.map { "\($0) " } ?? ""
        let generic =
            "\(owner) \(ttl)CLASS\(record.class) TYPE\(record.type.rawValue) \\# \(record.data.count) \(digits)"
        do throws(RecordTextError) {
            hold(try RecordText(generic) == record, "another record: \(generic)")
        } catch {
            hold(generic.utf8.count > RecordText.longest, "\(error): \(generic)")
        }
    }

    private static func checkHosts(_ octets: [UInt8]) {
        let pairs = HostsText.pairs(in: HostsText.text(of: octets))
        let table = HostsTable(pairs, zones: [.root], answersReverse: true)
        for (address, name) in pairs where !name.wire.starts(with: [1, UInt8(ascii: "*")]) {
            let entry = withBytes(name.wire) { table.find($0) }
            let known = address.isIPv4 ? entry?.v4 : entry?.v6
            let size = address.octets.count
            hold(
                stride(from: 0, to: known?.count ?? 0, by: size).contains {
                    known.map(Array.init)?[$0..<($0 + size)].elementsEqual(address.octets) == true
                }, "\(name) has not got \(address)")
        }
    }

    private static func checkPattern(_ octets: [UInt8]) {
        let parts = octets.split(separator: 0x0A, maxSplits: 1, omittingEmptySubsequences: false)
        guard let pattern = try? Pattern(text(Array(parts[0]))) else { return }
        let searched = parts.count > 1 ? Array(parts[1]) : []
        guard let match = pattern.firstMatch(in: searched) else { return }
        hold(match.groups.count == pattern.groupCount + 1, "\(match.groups.count) groups")
        guard let whole = match.groups[0] else { return hold(false, "a match without a place") }
        hold(whole.upperBound <= searched.count, "a match behind the text")
        for case let group? in match.groups {
            hold(group.lowerBound >= whole.lowerBound && group.upperBound <= whole.upperBound, "a group outside")
        }
    }

    private static func checkExpression(_ text: String) {
        var names = ExpressionNames(functions: QuestionFunctions.functions)
        names.add(variable: "one", .string)
        guard let expression = try? Expression(text, names: names) else { return }
        _ = try? expression.value(of: 0, variables: [.string("a.test.")]) {
            (function: Int, arguments: [ExpressionValue], _: borrowing Int) throws(EvaluationError) -> ExpressionValue
            in
            switch QuestionFunctions.functions[function].result {
            case .integer: .integer(Int.max)
            case .boolean: .boolean(true)
            default: arguments.first ?? .string("value")
            }
        }
    }

    private static func checkJSON(_ octets: [UInt8]) {
        guard let value = try? JSONReader.read(octets) else { return }
        // Go's forms of numbers: 0.0 is written as 0, which is a whole number from then on.
        func written(_ value: JSONValue) -> [UInt8] {
            var octets: [UInt8] = []
            value.append(to: &octets)
            return octets
        }
        let once = written(value)
        guard let again = try? JSONReader.read(once) else { return hold(false, "not to be read: \(text(once))") }
        hold(written(again) == once, "\(text(once)) is written as something else")
    }

    private static func checkWords(_ octets: [UInt8]) {
        let word = text(octets)
        if let duration = DurationText.parse(word) {
            hold(DurationText.parse(DurationText.describe(duration)) == duration, "another duration: \(duration)")
        }
        if let time = Timestamp(word) {
            let written = time.text(fractionDigits: 9)
            // Beyond the years that four digits can say it is the nearest that they can.
            hold(Timestamp(written).map { $0.text(fractionDigits: 9) } == written, "another time: \(written)")
        }
        if let decoded = Base64URL.octets(of: word) {
            hold(Base64URL.octets(of: Base64URL.text(of: decoded)) == decoded, "other octets: \(word)")
        }
        if let decoded = Base64.octets(of: word) {
            hold(Base64.octets(of: Base64.text(of: decoded)) == decoded, "other octets: \(word)")
        }
        hold(Base64.octets(of: Base64.text(of: octets)) == octets, "octets that Base64 does not give back")
        let path = Base64URL.octets(of: Base64URL.text(of: octets))
        hold(octets.isEmpty ? path == nil : path == octets, "octets that Base64 does not give back")
        if let endpoint = EndpointText(word), let port = endpoint.port { hold(port <= 65_535, "port \(port)") }
        _ = PercentEncoding.encoded(word)
        let registry = MetricRegistry()
        registry.counter("fuzz_total", "A counter.", [("label", word)]).bump()
        let lines = registry.text.split(separator: "\n", omittingEmptySubsequences: false)
        hold(lines.count == 4, "a label that is \(lines.count) lines")
    }
}
