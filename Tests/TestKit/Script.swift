import Corefile
package import DNSServer
import DNSWire

/// What a plugin of a test does each time its handler is called; what is left out, handlers do by default.
package struct Script {
    package var answer: (inout Exchange) -> Verdict
    package var answered: (InnerResponse, inout Exchange, AnyObject?) -> Verdict = { _, _, _ in .failed(.serverFailure)
    }
    package var received: (UpstreamResponse, inout Exchange) -> Void = { _, _ in }
    package var recover: (inout Exchange) -> Bool = { _ in false }
    package var finish: (inout Exchange) -> Void = { _ in }
    package var offersRecursion = false

    /// - Parameter answer: passes every question on where it is left out.
    package init(_ answer: @escaping (inout Exchange) -> Verdict = { _ in .next }) { self.answer = answer }

    /// Answers one question, such as `a.test. A`, and passes others on.
    package init(_ question: String, _ answer: @escaping (inout Exchange) -> Verdict) {
        self.init { exchange in exchange.asks == question ? answer(&exchange) : .next }
    }

    /// Asks the handlers behind it `inner` where it is asked `question`; passes others on.
    package init(
        _ question: String, asks inner: String, note: AnyObject? = nil,
        _ answered: @escaping (InnerResponse, inout Exchange) -> Verdict
    ) {
        let words = inner.split(separator: " ").map(String.init)
        let name = ByteBlock(Name.wireKeepingCase(words[0]) ?? [0])
        let type = RecordType(words[1]) ?? .a
        self.init(question) { _ in .ask(Subquery(name.view, type, class: RecordClass.internet, note: note)) }
        self.answered = { response, exchange, _ in answered(response, &exchange) }
    }

    /// As this script, and tells of the way out.
    package func finishing(_ finish: @escaping (inout Exchange) -> Void) -> Script {
        var script = self
        script.finish = finish
        return script
    }

    /// As this script, and takes the answers to what it asks.
    package func answering(
        _ answered: @escaping (InnerResponse, inout Exchange, AnyObject?) -> Verdict
    ) -> Script {
        var script = self
        script.answered = answered
        return script
    }

    /// As this script, and tells of responses from the network.
    package func receiving(_ received: @escaping (UpstreamResponse, inout Exchange) -> Void) -> Script {
        var script = self
        script.received = received
        return script
    }

    /// As this script, and may stand in for a failure of the network.
    package func recovering(_ recover: @escaping (inout Exchange) -> Bool) -> Script {
        var script = self
        script.recover = recover
        return script
    }
}

/// Server blocks of scripts instead of plugins.
package struct ScriptedBlock {
    private let zones: [String]
    private let scripts: [Script]
    private let takes: ((borrowing Exchange) -> Bool)?

    /// - Parameter takes: decides which questions are for this block; nil for all of its zones.
    package init(_ zones: String..., takes: ((borrowing Exchange) -> Bool)? = nil, scripts: [Script]) {
        self.zones = zones
        self.scripts = scripts
        self.takes = takes
    }

    /// The plugins are called `one`, `two`, `three`, `four` and `five`, in their order.
    var block: ServerBlock {
        let kinds = [ScriptedPlugin.self, SecondPlugin.self, ThirdPlugin.self, FourthPlugin.self, FifthPlugin.self]
        let conditions: [any Plugin] = takes.map { [ScriptedCondition($0)] } ?? []
        return ServerBlock(
            listens: zones.compactMap { Name($0) }.map { ServerBlock.Listen(zone: $0, address: MemoryServer.address) },
            plugins: conditions + zip(kinds, scripts).map { $0.init($1) })
    }
}

extension ServingPlan {
    package convenience init(_ blocks: [ScriptedBlock]) { self.init(blocks: blocks.map(\.block)) }
}

/// A plugin that follows a script.
private class ScriptedPlugin: Plugin, @unchecked Sendable {
    // Invariant: what the script holds is used on the thread of the test alone.
    class var directive: String { "one" }
    private let script: Script

    required init(_ script: Script) { self.script = script }

    required init(_ directives: [Directive], in block: BlockSettings) throws(ConfigurationErrors) { script = Script() }

    func makeHandler(on server: LoopServer) -> (any Handler)? { ScriptedHandler(script) }
    var offersRecursion: Bool { script.offersRecursion }
}

private final class SecondPlugin: ScriptedPlugin, @unchecked Sendable {
    override class var directive: String { "two" }
}

private final class ThirdPlugin: ScriptedPlugin, @unchecked Sendable {
    override class var directive: String { "three" }
}

private final class FourthPlugin: ScriptedPlugin, @unchecked Sendable {
    override class var directive: String { "four" }
}

private final class FifthPlugin: ScriptedPlugin, @unchecked Sendable {
    override class var directive: String { "five" }
}

private final class ScriptedHandler: Handler {
    private let script: Script

    init(_ script: Script) { self.script = script }

    func answer(_ exchange: inout Exchange) -> Verdict { script.answer(&exchange) }
    func received(_ response: UpstreamResponse, _ exchange: inout Exchange) { script.received(response, &exchange) }
    func recover(_ exchange: inout Exchange) -> Bool { script.recover(&exchange) }
    func finish(_ exchange: inout Exchange) { script.finish(&exchange) }

    func answered(_ response: InnerResponse, _ exchange: inout Exchange, note: AnyObject?) -> Verdict {
        script.answered(response, &exchange, note)
    }
}

/// Decides which questions a block takes.
private final class ScriptedCondition: BlockCondition, QuestionFilter, @unchecked Sendable {
    // Invariant: as for scripts.
    static let directive = "condition"
    private let decide: (borrowing Exchange) -> Bool

    init(_ decide: @escaping (borrowing Exchange) -> Bool) { self.decide = decide }

    init(_ directives: [Directive], in block: BlockSettings) throws(ConfigurationErrors) { decide = { _ in true } }

    func makeQuestionFilter(on server: LoopServer) -> any QuestionFilter { self }
    func takes(_ exchange: borrowing Exchange) -> Bool { decide(exchange) }
}
