package import Corefile
package import DNSServer
import DNSWire
import Expressions
import Synchronization

/// Lets its server block answer only questions for which every one of its expressions is true.
package final class ViewPlugin: Plugin, BlockCondition, MetadataProvider {
    package static let directive = "view"
    private let name: String
    private let conditions: [Expression]
    private let collector = Mutex<(any MetadataCollector)?>(nil)

    package init(_ directives: [Directive], in block: BlockSettings) throws(ConfigurationErrors) {
        var check = SettingsCheck()
        name = block.view
        var conditions: [Expression] = []
        if let directive = check.only(directives) {
            if check.attempt(try directive.argument(0, "the name of the view")) != nil {
                check.attempt(try directive.expectCount(1))
            }
            Self.options.read(directive.block, into: &conditions, &check)
        }
        self.conditions = conditions
        try check.finish()
    }

    private static var options: OptionTable<[Expression]> {
        [
            .custom("expr") { line, conditions, _ throws(ConfigurationError) in
                let names = ExpressionNames(functions: QuestionFunctions.functions)
                conditions.append(try line.expression(from: 0, names, wants: .boolean))
            }
        ]
    }

    package func join(_ block: [any Plugin]) {
        let found = block.lazy.compactMap { $0 as? any MetadataCollector }.first
        collector.withLock { $0 = found }
    }

    package func makeQuestionFilter(on server: LoopServer) -> any QuestionFilter {
        ViewFilter(conditions, collector.withLock { $0 }?.makeMetadataReader(on: server))
    }

    package func makeMetadataReader(on server: LoopServer) -> (any MetadataReader)? { ViewName(name) }
}

/// Evaluates a view's expressions on one loop.
private final class ViewFilter: QuestionFilter {
    private let conditions: [Expression]
    private let functions: QuestionFunctions

    init(_ conditions: [Expression], _ metadata: (any MetadataReader)?) {
        self.conditions = conditions
        functions = QuestionFunctions(metadata: metadata)
    }

    func takes(_ exchange: borrowing Exchange) -> Bool {
        for condition in conditions where !functions.holds(condition, exchange) { return false }
        return true
    }
}

/// Tells others which view a question is in, as `view/name`.
private final class ViewName: MetadataReader {
    private let name: String

    init(_ name: String) { self.name = name }

    func value(_ label: String, of exchange: borrowing Exchange) -> String? { label == "view/name" ? name : nil }
}
