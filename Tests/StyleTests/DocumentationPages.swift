import Foundation
import Testing

/// What the pages say about places in the repository.
@Suite("documentation pages") struct DocumentationPages {
    static let root = SourceFile.root

    static let pages: [String] = {
        let docs =
            FileManager.default.enumerator(atPath: root.appending(path: "docs").path)?
            .compactMap { $0 as? String }.filter { $0.hasSuffix(".md") }.map { "docs/" + $0 } ?? []
        return docs.sorted() + [
            "README.md", "CHANGELOG.md", "Benchmarks/README.md", "Tests/Answers/README.md",
            "Tests/ProtocolCases/README.md",
        ]
    }()

    static func text(_ page: String) throws -> String {
        try String(contentsOf: root.appending(path: page), encoding: .utf8)
    }

    static func exists(_ path: String) -> Bool {
        FileManager.default.fileExists(atPath: root.appending(path: path).standardizedFileURL.path)
    }

    @Test("every link leads to something that is there", arguments: pages)
    func links(_ page: String) throws {
        let folder = page.split(separator: "/").dropLast().map { $0 + "/" }.joined()
        for link in try Self.text(page).matches(of: /\]\(([^)#:]+)(#[^)]*)?\)/) {
            #expect(Self.exists(folder + link.1), "\(page): \(link.1)")
        }
    }

    @Test("every source file that is named is there", arguments: pages)
    func sources(_ page: String) throws {
        for named in try Self.text(page).matches(of: /`(?:Sources\/)?([A-Za-z0-9-]+\/[A-Za-z0-9\/+_-]+\.swift)`/) {
            let path = String(named.1)
            #expect(Self.exists("Sources/" + path) || Self.exists(path), "\(page): \(path)")
        }
    }

    @Test("every file of tests that is named is there", arguments: pages)
    func tests(_ page: String) throws {
        for named in try Self.text(page).matches(of: /`([A-Za-z]+Tests\/[A-Za-z0-9\/+]+)`/) {
            #expect(Self.exists("Tests/\(named.1).swift"), "\(page): \(named.1)")
        }
    }

    @Test("every folder of Sources has its line in the architecture")
    func targets() throws {
        let page = try Self.text("docs/architecture.md")
        for target in try FileManager.default.contentsOfDirectory(
            atPath: SourceFile.root.appending(path: "Sources").path)
        {
            #expect(page.contains("`\(target)`"), "\(target)")
        }
    }

    @Test("the README is read in a few minutes")
    func length() throws {
        #expect(try Self.text("README.md").split(separator: "\n", omittingEmptySubsequences: false).count <= 121)
    }
}
