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
        if directive.block.isEmpty {
            check.report(directive.error(found: "no policy", expected: "at least one of allow, block, filter, drop"))
        }
        Self.options.read(directive.block, into: &policies, &check)
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
            switch (section, token.text) {
            case (_, "type"), (_, "net"):
                guard !isEmptySection else { throw line.error(token, expected: "values of \(section), or *") }
                section = token.text
                isEmptySection = true
                continue
            case ("type", "*"): everyType = true
            case ("type", let text):
                guard let type = RecordType(text) else {
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
