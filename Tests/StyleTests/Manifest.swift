import Foundation

/// Package.swift as far as the rules of this suite ask for it.
struct Manifest {
    struct Target {
        let name: String
        /// Where its sources are.
        let folder: String
        /// Targets and products that it declares to need.
        let dependencies: Set<String>

        /// Modules that its sources import.
        func imports() throws -> Set<String> {
            // `@testable import X`, `package import X`, `import struct X.Y`.
            let imports = /^(?:[@\w]+ )?import (?:[a-z]+ )?(\w+)/
            return Set(
                try SourceFile.all(under: folder).flatMap(\.lines).filter { $0.contains("import ") }
                    .compactMap { $0.firstMatch(of: imports).map { String($0.output.1) } })
        }
    }

    let text: String
    let targets: [Target]

    init() throws {
        text = try SourceFile("Package.swift").lines.joined(separator: "\n")
        let products = Dictionary(
            uniqueKeysWithValues: text.matches(of: /let (\w+) = Target.Dependency.product\(name: "(\w+)"/)
                .map { (String($0.output.1), String($0.output.2)) })
        let blocks = text.split(separator: /\n        \.(?=(?:target|executableTarget|testTarget)\()/).dropFirst()
        targets = blocks.compactMap { block in
            guard let name = block.firstMatch(of: /name: "([\w-]+)"/)?.output.1 else { return nil }
            let kept = block.firstMatch(of: /path: "([^"]+)"/)?.output.1
            let words = block.firstMatch(of: /dependencies: \[([^\]]*)\]/)?.output.1 ?? ""
            return Target(
                name: String(name),
                folder: kept.map(String.init) ?? (block.hasPrefix("testTarget") ? "Tests/\(name)" : "Sources/\(name)"),
                dependencies: Set(
                    words.matches(of: /"(\w+)"|(\w+)/).map { match in
                        match.output.1.map(String.init) ?? match.output.2.map { products[String($0)] ?? String($0) }
                            ?? ""
                    }))
        }
    }
}
