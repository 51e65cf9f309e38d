import Corefile
import DNSWire

/// One `acl` line: for which zones, and what is done to whom.
struct AccessRule: Sendable {
    /// What happens to a query (CoreDNS' words).
    enum Action: String, Sendable, CaseIterable {
        case allow
        case block
        case filter
        case drop
    }

    struct Policy: Sendable {
        let action: Action
        /// Empty for every type.
        let types: Set<RecordType>
        /// Empty for every client.
        let networks: [Network]

        func matches(_ type: RecordType, from client: IPAddress) -> Bool {
            (types.isEmpty || types.contains(type)) && (networks.isEmpty || networks.contains { $0.contains(client) })
        }
    }

    let zones: [Name]
    private(set) var policies: [Policy] = []

    private static var options: OptionTable<[Policy]> {
        OptionTable(
            Action.allCases.map { action in
                .custom(action.rawValue) { line, policies, _ throws(ConfigurationError) in
                    policies.append(try policy(action, line))
                }
            })
    }

    init(_ directive: Directive, in block: [Name], _ check: inout SettingsCheck) {
        zones = check.zones(of: directive, else: block)
        // CoreDNS takes the words of a policy in any letter case.
        let lines = directive.block.map { line in
            Directive(
                name: line.name.lowercased(), at: line.at, arguments: line.arguments, block: line.block,
                hasBlock: line.hasBlock, outermost: line.outermost)
        }
        Self.options.read(lines, into: &policies, &check)
    }

    /// Reads `[type QTYPE…|*] [net CIDR…|*]`, in any order and number.
    private static func policy(_ action: Action, _ line: Directive) throws(ConfigurationError) -> Policy {
        var types: Set<RecordType> = []
        var networks: [Network] = []
        var everyType = false
        var everyClient = false
        var section = ""
        var isEmptySection = false
        for token in line.arguments {
            let word = token.text.lowercased()
            switch (section, word) {
            case (_, "type"), (_, "net"):
                guard !isEmptySection else { throw line.error(token, expected: "values of \(section), or *") }
                section = word
                isEmptySection = true
                continue
            case ("type", "*"): everyType = true
            case ("type", _):
                guard let type = RecordType(token.text) else {
                    throw line.error(token, expected: "a record type such as AAAA, or *")
                }
                types.insert(type)
            case ("net", "*"): everyClient = true
            case ("net", _):
                networks.append(try line.network(token, else: ", or *"))
            default: throw line.error(token, expected: "type or net")
            }
            isEmptySection = false
        }
        if isEmptySection { throw line.error(found: "nothing after \(section)", expected: "values, or *") }
        return Policy(action: action, types: everyType ? [] : types, networks: everyClient ? [] : networks)
    }
}
