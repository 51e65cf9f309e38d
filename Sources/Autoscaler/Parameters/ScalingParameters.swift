package import Flags
import Text

/// The parameters that a ConfigMap holds: one mode with its numbers.
package enum ScalingParameters: Equatable, Sendable {
    case linear(LinearParameters)
    case ladder(LadderParameters)

    /// - Parameter data: of the ConfigMap; exactly one key, `linear` or `ladder`, whose value is a JSON object.
    package init(data: [String: String]) throws(ParameterError) {
        guard let (mode, text) = data.first, data.count == 1 else {
            throw ParameterError(
                at: "data",
                found: data.isEmpty ? "no key" : "the keys \(data.keys.sorted().prefix(8).joined(separator: ", "))",
                expected: "exactly one key, linear or ladder")
        }
        switch mode {
        case "linear": self = .linear(try LinearParameters(json: text))
        case "ladder": self = .ladder(try LadderParameters(json: text))
        default: throw ParameterError(at: "data", found: "the key \(mode)", expected: "the key linear or ladder")
        }
    }

    package var mode: String {
        switch self {
        case .linear: "linear"
        case .ladder: "ladder"
        }
    }

    package var includesUnschedulableNodes: Bool {
        switch self {
        case .linear(let parameters): parameters.includeUnschedulableNodes
        case .ladder(let parameters): parameters.includeUnschedulableNodes
        }
    }
}

/// The ConfigMap's data that flag `--default-params` or `--params` gives: each member becomes a key with its JSON text.
package struct DefaultParameters: Equatable, Sendable {
    package let data: [String: String]

    package init(json text: String, flag: String = "--default-params") throws(ParameterError) {
        let value = try JSONValue(parameters: text, at: flag)
        guard case .object(let members) = value else {
            throw ParameterError(at: flag, found: value.meaning, expected: "a JSON object such as {\"linear\":{…}}")
        }
        data = Dictionary(members.map { ($0.name, $0.value.goText) }, uniquingKeysWith: { $1 })
    }
}
