import DNSServer
import Foundation
import Plugins
import Testing

/// An operator finds each plugin by its directive, and the order in which queries meet them.
@Suite("manual pages") struct ManualPages {
    private static let folder = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().appending(path: "docs/plugins")

    private let directives = pluginOrder.map { $0.directive }

    @Test("every plugin has a page, and every page a plugin") func pages() throws {
        let files = try FileManager.default.contentsOfDirectory(atPath: Self.folder.path).sorted()
        #expect(files == (directives.map { "\($0).md" } + ["README.md"]).sorted())
        for directive in directives {
            let page = try String(contentsOf: Self.folder.appending(path: "\(directive).md"), encoding: .utf8)
            #expect(page.hasPrefix("# \(directive)\n"))
        }
    }

    @Test("the index has a line for each, in the order of queries") func index() throws {
        let text = try String(contentsOf: Self.folder.appending(path: "README.md"), encoding: .utf8)
        let lines = text.split(separator: "\n").filter { $0.hasPrefix("| [") }
        #expect(lines.map { $0.prefix { $0 != ")" } } == directives.map { "| [`\($0)`](\($0).md" })
    }
}
