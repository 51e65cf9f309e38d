import Text

/// How large a generated cluster is; equal options give equal clusters.
package struct GenerateOptions: Sendable, Equatable {
    package var nodes = 3
    package var services = 20
    package var endpoints = 100
    package var seed: UInt64 = 1

    package init() {}

    /// Reads `nodes=5000,services=8200,endpoints=150000,seed=1`; what is not named keeps its default.
    package init(_ text: String) throws {
        for part in text.split(separator: ",", omittingEmptySubsequences: false) {
            let words = part.split(separator: "=", omittingEmptySubsequences: false)
            guard words.count == 2 else {
                throw LabError.badOption("--generate", found: "\"\(part)\"", expected: "NAME=NUMBER")
            }
            let (name, value) = (words[0], words[1])
            if name == "seed" {
                guard let seed = UInt64(value) else {
                    throw LabError.badOption("--generate seed", found: "\"\(value)\"", expected: "a number from 0")
                }
                self.seed = seed
                continue
            }
            let limits = ["nodes": 1...65_000, "services": 1...1_000_000, "endpoints": 0...8_000_000]
            guard let limit = limits[String(name)] else {
                throw LabError.badOption(
                    "--generate", found: "\"\(name)\"", expected: "one of nodes, services, endpoints, seed")
            }
            guard let number = Int(value), limit.contains(number) else {
                throw LabError.badOption(
                    "--generate \(name)", found: "\"\(value)\"",
                    expected: "a number from \(limit.lowerBound) to \(limit.upperBound)")
            }
            switch name {
            case "nodes": nodes = number
            case "services": services = number
            default: endpoints = number
            }
        }
    }
}

extension SeededRandom {
    mutating func uid() -> String {
        func hexadecimal(_ value: UInt64, _ digits: Int) -> String {
            let text = String(value, radix: 16)
            return String(repeating: "0", count: max(0, digits - text.count)) + text
        }
        let (high, low) = (next(), next())
        return "\(hexadecimal(high >> 32, 8))-\(hexadecimal(high >> 16 & 0xFFFF, 4))-4\(hexadecimal(high & 0xFFF, 3))"
            + "-\(hexadecimal(0x8000 | low >> 48 & 0x3FFF, 4))-\(hexadecimal(low & 0xFFFF_FFFF_FFFF, 12))"
    }
}
