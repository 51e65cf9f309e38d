import Corefile
import DNSWire
import Patterns

/// One `auto` line: which files of a folder are zones, and what each is called.
struct AutoSettings: Sendable {
    var folder = ""
    /// Found in the names of zone files; nil for `db.` and the zone's name.
    private var pattern: Pattern?
    private var template = NameText("{1}")
    /// Where its zones may be.
    let zones: [Name]
    /// Between two looks at the folder; zero for one look at start.
    var reload = Duration.seconds(60)

    private static var options: OptionTable<Self> {
        [
            .custom("directory", readDirectory),
            .duration("reload", \.reload),
            .ignored("upstream", isListed: false),
        ]
    }

    init(_ directive: Directive, zones: [Name], _ check: inout SettingsCheck) {
        self.zones = check.zones(of: directive, else: zones)
        let count = check.errors.count
        Self.options.read(directive.block, into: &self, &check)
        if folder.isEmpty, check.errors.count == count {
            check.report(directive.error(found: "no directory", expected: "directory and a folder of zone files"))
        }
    }

    private static func readDirectory(
        _ line: Directive, _ settings: inout Self, _: inout SettingsCheck
    ) throws(ConfigurationError) {
        settings.folder = try line.argument(0, "a folder of zone files").text
        while settings.folder.count > 1, settings.folder.hasSuffix("/") { settings.folder.removeLast() }
        guard line.arguments.count > 1 else { return }
        let expression = line.arguments[1]
        let pattern: Pattern
        do throws(PatternError) {
            pattern = try Pattern(expression.text)
        } catch {
            throw line.error(
                found: "\(error.found) at character \(error.position) of \(expression.text)", expected: error.expected,
                at: expression.at)
        }
        guard pattern.groupCount > 0 else {
            throw line.error(expression, expected: "an expression with a group, such as db\\.(.*)")
        }
        let template = NameText(try line.argument(2, "the zone's name, such as {1}").text)
        try line.expectCount(1...3)
        guard template.lastGroup <= pattern.groupCount else {
            throw line.error(line.arguments[2], expected: "groups that are there: the last is {\(pattern.groupCount)}")
        }
        settings.pattern = pattern
        settings.template = template
    }

    /// The zone whose file is called `fileName`; nil for other files, and for zones outside of the line's.
    func zone(of fileName: Substring) -> Name? {
        let text: [UInt8]
        if let pattern {
            guard let match = pattern.firstMatch(in: Array(fileName.utf8)) else { return nil }
            text = template.filled(match)
        } else {
            guard let range = fileName.firstRange(of: "db.") else { return nil }
            text = Array(fileName[range.upperBound...].utf8)
        }
        guard let name = String(validating: text, as: UTF8.self).flatMap({ Name($0) }) else { return nil }
        return zones.contains { name.isSubdomain(of: $0) } ? name : nil
    }
}
