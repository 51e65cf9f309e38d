import Corefile
import DNSServer
import Foundation
import Plugins
import Testing

/// Nobody finds out what an option does from a list of tests; from a question, a Corefile and an answer on one page
/// they do.
@Suite("every option has its answers") struct OptionsInScripts {
    private static let pages = AnswerScript.folder.deletingLastPathComponent().deletingLastPathComponent()
        .appending(path: "docs/plugins")

    /// Plugins, and words of their syntax, that no answer shows, and where they are tested.
    private static let exceptions = [
        "bind: except": "which addresses are listened on: DNSServerTests/PlanBuilding.swift",
        "cache: follow": "what upstreams tell without being asked: Live/follow.py",
        "debug": "lines of the log: Live/small_plugins.py",
        "dnssec: cache_capacity": "how many signatures are kept: Fixtures/corefile/mistakes.txt",
        "dnstap": "copies for a collector: Live/dnstap.py",
        "errors": "lines of the log: PluginsTests/Errors, Live/observed.py",
        "etcd": "records are those of a store: PluginsTests/Etcd, Live/etcd.py",
        "forward: doh_method": "encrypted upstreams: PluginsTests/Forward, Live/upstreams_encrypted.py",
        "forward: expire": "when connections are closed: PluginsTests/Forward",
        "forward: max_age": "when connections are closed: PluginsTests/Forward",
        "forward: max_concurrent": "scripts ask one question at a time: PluginsTests/Forward",
        "forward: max_idle_conns": "when connections are closed: PluginsTests/Forward",
        "forward: no_rec": "a bit of probes: PluginsTests/Forward",
        "forward: random": "by chance: PluginsTests/Forward",
        "forward: tls": "encrypted upstreams: Live/upstreams_encrypted.py",
        "forward: tls_servername": "encrypted upstreams: Live/upstreams_encrypted.py",
        "grpc": "upstreams that speak gRPC: PluginsTests/GRPC, Live/upstreams_encrypted.py",
        "grpc_server": "limits of clients: Fixtures/corefile/mistakes.txt",
        "health": "a page: Live/observed.py",
        "https": "limits of clients: Live/encrypted.py",
        "k8s_gateway": "objects of other kinds: PluginsTests/Gateway, Live/gateway.py",
        "kubernetes: apiserver_burst": "how the API server is asked: Live/api_faults.py",
        "kubernetes: apiserver_max_inflight": "how the API server is asked: Live/api_faults.py",
        "kubernetes: apiserver_qps": "how the API server is asked: Live/api_faults.py",
        "kubernetes: endpoint": "how the API server is found: KubernetesAPITests/CredentialsTests.swift",
        "kubernetes: snapshot": "what is known after a start: Live/warm_start.py",
        "kubernetes: stale_after": "while the API server is away: PluginsTests/Kubernetes",
        "kubernetes: startup_timeout": "a line of the log: PluginsTests/Kubernetes",
        "kubernetes: tls": "how the API server is found: KubernetesAPITests/CredentialsTests.swift",
        "loadbalance: reload": "files are looked at by the clock of the machine: PluginsTests/LoadBalance",
        "loadbalance: round_robin": "begins by chance: PluginsTests/LoadBalance",
        "loadbalance: weighted": "by chance: PluginsTests/LoadBalance",
        "log": "lines of the log: PluginsTests/Log, Live/observed.py",
        "loop": "how a server finds itself: PluginsTests/Loop",
        "multisocket": "changes nothing: Fixtures/corefile/mistakes.txt",
        "pprof": "a line of the log: Fixtures/corefile/mistakes.txt",
        "prometheus": "a page: Live/observed.py",
        "ready": "a page: Live/observed.py",
        "push": "what clients are told without asking: Live/push.py",
        "reload": "what becomes of a Corefile: Live/reload.py",
        "timeouts": "limits of clients: Live/tcp.py",
        "tls": "encrypted clients: Live/encrypted.py",
        "trace": "spans for a collector: PluginsTests/Trace, Live/trace.py",
        "transfer: source": "where notices come from: PluginsTests/Transfer",
    ]

    @Test("a word of a plugin's syntax stands in the Corefile of a script, or here with the reason") func words() throws
    {
        let used = try used()
        var missing: Set<String> = []
        for directive in pluginOrder.map({ $0.directive }) {
            let words = try Self.syntax(of: directive).subtracting(used[directive] ?? [])
            if !words.isEmpty, Self.exceptions[directive] != nil {
                missing.insert(directive)
            } else {
                missing.formUnion(words.map { "\(directive): \($0)" })
            }
        }
        #expect(missing.subtracting(Self.exceptions.keys).sorted() == [], "no script shows what these do")
        #expect(Set(Self.exceptions.keys).subtracting(missing).sorted() == [], "exceptions that nothing needs")
    }

    @Test("where else they are tested they are spoken of", arguments: exceptions.keys.sorted())
    func places(_ exception: String) throws {
        let word = try #require(exception.components(separatedBy: ": ").last)
        let places = try #require(Self.exceptions[exception]?.components(separatedBy: ": ").last)
        for place in places.components(separatedBy: ", ") {
            let path = AnswerScript.folder.deletingLastPathComponent().appending(path: place).path
            let inside = (try? FileManager.default.contentsOfDirectory(atPath: path)) ?? []
            let files = inside.isEmpty ? [path] : inside.map { "\(path)/\($0)" }
            #expect(
                try files.contains { try String(contentsOfFile: $0, encoding: .utf8).contains(word) },
                "\(place): \(word)")
        }
    }

    /// The words in small letters below `## Syntax` of a plugin's page.
    private static func syntax(of directive: String) throws -> Set<String> {
        let page = try String(contentsOf: pages.appending(path: "\(directive).md"), encoding: .utf8)
        let text = try #require(page.firstMatch(of: /## Syntax\n+```\n([^`]+)```/)).1
        return Set(
            text.split { !($0.isLetter || $0.isNumber || "_-".contains($0)) }.map(String.init)
                .filter { $0.first?.isLetter == true && $0 == $0.lowercased() })
    }

    /// The words of each directive in Corefiles of the scripts.
    private func used() throws -> [String: Set<String>] {
        let sources = CorefileSyntax.Sources(read: { _ in "" }, glob: { _ in [] }, environment: { _ in nil })
        var used: [String: Set<String>] = [:]
        for script in AnswerScript.all {
            let text = try String(contentsOf: script.file, encoding: .utf8)
            for corefile in text.matches(of: /(?m)^corefile\n((?: .*\n|\n)+)/) {
                let blocks = try CorefileSyntax.parse(
                    text: String(corefile.1).replacing("@PORT@", with: "53").replacing("@PORT2@", with: "54"),
                    file: script.testDescription,
                    sources: sources)
                for directive in blocks.flatMap(\.directives) {
                    used[directive.name, default: []].formUnion(directive.allWords)
                }
            }
        }
        return used
    }
}

extension Directive {
    /// Its own, and those of its block.
    fileprivate var allWords: [String] {
        [name] + arguments.map { $0.text.replacing("@", with: "") } + block.flatMap(\.allWords)
    }
}
