import Corefile

/// What may stand in a plugin's block: each option once, with its syntax, its limits and where its value goes.
struct OptionTable<Settings>: ExpressibleByArrayLiteral {
    private let options: [Option<Settings>]

    init(_ options: [Option<Settings>]) { self.options = options }

    /// In the order in which errors list them.
    init(arrayLiteral options: Option<Settings>...) { self.options = options }

    /// Reads the lines of a block, in their order; what is wrong with them goes to `check`.
    func read(_ lines: [Directive], into settings: inout Settings, _ check: inout SettingsCheck) {
        for line in lines {
            do throws(ConfigurationError) {
                guard let option = options.first(where: { $0.takes(line.name) }) else {
                    throw line.unknownProperty(known: options.filter(\.isListed).map(\.name))
                }
                try option.read(line, &settings, &check)
            } catch {
                check.report(error)
            }
        }
    }
}

extension OptionTable<Void> {
    /// Reads the lines of a block that change nothing.
    func read(_ lines: [Directive], _ check: inout SettingsCheck) {
        var nothing: Void = ()
        read(lines, into: &nothing, &check)
    }
}
