import DNSServer
import Foundation
import TestKit
import Testing

/// A file of Tests/Answers, whose form Tests/Live/answer_scripts.py describes: questions and the answers they want.
struct AnswerScript: CustomTestStringConvertible, Sendable {
    static let folder = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .appending(path: "Answers")

    let file: URL
    var testDescription: String { file.path.replacing(Self.folder.path + "/", with: "") }

    /// True for one that is not for servers in memory.
    var isLive: Bool { (try? String(contentsOf: file, encoding: .utf8))?.hasPrefix("live\n") ?? false }

    /// Every script, in the order of their names.
    static var all: [AnswerScript] {
        let files = FileManager.default.enumerator(at: folder, includingPropertiesForKeys: nil)
        return (files?.allObjects ?? []).compactMap { $0 as? URL }.filter { $0.pathExtension == "answers" }
            .sorted { $0.path < $1.path }.map(AnswerScript.init)
    }
}

/// Runs one script against servers in memory.
struct ScriptRun {
    private let script: AnswerScript
    private var cluster: ScriptCluster
    private let upstreams = [ScriptUpstream(), ScriptUpstream()]
    /// By their absolute paths.
    private var files: [String: String] = [:]
    private var server: MemoryServer?
    private var origin = "."
    private var question: ScriptQuestion?
    private var wanted = WantedAnswer()
    /// Questions asked so far.
    private(set) var count = 0

    private static let namesInData = ["CNAME": 4, "PTR": 4, "NS": 4, "SRV": 7]
    /// Longer than any answer may take.
    private static let patience: UInt64 = 8_000_000_000

    init(_ script: AnswerScript) throws {
        self.script = script
        cluster = try ScriptCluster(manifest: AnswerScript.folder.appending(path: "cluster.yaml"))
        let known = try String(contentsOf: AnswerScript.folder.appending(path: "upstream.zone"), encoding: .utf8)
        try upstreams[0].say(known.split(separator: "\n").map(String.init))
    }

    mutating func run() throws {
        var lines = try String(contentsOf: script.file, encoding: .utf8)
            .split(separator: "\n", omittingEmptySubsequences: false).enumerated().map { ($0 + 1, String($1)) }[...]
        while let (number, line) = lines.popFirst() {
            let words = line.split(separator: " ").map(String.init)
            guard let first = words.first, !line.hasPrefix("#") else { continue }
            if line.hasPrefix(" ") {
                try expect(words, number)
                continue
            }
            if first != "want" { try ask() }
            let block = ["corefile", "file", "upstream", "upstream2"].contains(first) ? Self.block(&lines) : []
            switch first {
            case "$ORIGIN": origin = words[1]
            case "ask": question = ScriptQuestion(words: words, line: number)
            case "want": wanted.head = words.dropFirst().joined(separator: " ")
            case "corefile": try start(block.joined(separator: "\n"))
            case "file": files["/files/\(words[1])"] = block.map { "\($0)\n" }.joined()
            case "upstream": try upstreams[0].say(block)
            case "upstream2": try upstreams[1].say(block)
            case "wait": try #require(server).advance(.seconds(try #require(Int(words[1]))))
            case "patch", "delete": try change(line, words)
            default: throw Unknown(line: line)
            }
        }
        try ask()
    }

    private struct Unknown: Error {
        let line: String
    }

    /// The indented lines that come next, without their first two spaces.
    private static func block(_ lines: inout ArraySlice<(Int, String)>) -> [String] {
        let block = lines.prefix { $0.1.isEmpty || $0.1.hasPrefix(" ") }
        lines = lines.dropFirst(block.count)
        return block.map { String($0.1.dropFirst(2)) }
    }

    /// Begins a server of its own; it follows nothing, so that any path of a kubeconfig will do.
    private mutating func start(_ corefile: String) throws {
        let text = corefile.replacing("@PORT@", with: "53").replacing("@KUBECONFIG@", with: "/kubeconfig")
            .replacing("@FILES@", with: "/files")
        let words = text.split(whereSeparator: \.isWhitespace).map(String.init)
        func value(_ option: String) -> String { words.firstIndex(of: option).map { words[$0 + 1] } ?? "" }
        (cluster.namespaceLabel, cluster.label) = (value("namespace_labels"), value("labels"))
        server = try MemoryServer(
            corefile: text, try cluster.objects(), files: files, hostAddresses: [], upstreams: upstreams.map(\.script))
    }

    private mutating func change(_ line: String, _ words: [String]) throws {
        if words[0] == "patch" {
            let body = line.drop { $0 != "'" }.dropFirst().prefix { $0 != "'" }
            try cluster.patch(words[1], words[2], String(body))
        } else {
            try cluster.delete(words[1], words[2])
        }
        server?.cluster?.list(try cluster.objects())
    }

    // MARK: What is wanted

    private func absolute(_ name: String) -> String {
        name == "@" ? origin : name.hasSuffix(".") ? name : "\(name).\(origin)"
    }

    private func record(_ words: some Collection<String>) -> String {
        var words = Array(words)
        for index in [0, Self.namesInData[words[3]]].compactMap(\.self) { words[index] = absolute(words[index]) }
        return WantedAnswer.record(words)
    }

    private mutating func expect(_ words: [String], _ number: Int) throws {
        func limits() throws -> ClosedRange<Int> {
            let ends = words[1].components(separatedBy: "..").compactMap { Int($0) }
            return try #require(ends.first)...#require(ends.last)
        }
        switch words[0] {
        case "soa": wanted.records.append(WantedAnswer.soa(absolute(words[1]), words[2]))
        case "spelled": wanted.spelled.append(words.dropFirst().joined(separator: " "))
        case "ede": wanted.extendedErrors = Array(words.dropFirst())
        case "flags": wanted.flags = Array(words.dropFirst())
        case "option": wanted.options = (wanted.options ?? []) + (words.count > 1 ? [words.joined(separator: " ")] : [])
        case "and", "authority": wanted.records.append(words[0] + " " + record(words.dropFirst()))
        case "first": wanted.first = record(words.dropFirst())
        case "answers": wanted.answers = try limits()
        case "size": wanted.size = try limits()
        case "after": wanted.after = try #require(Double(words[1]))
        default:
            guard words.count > 4, ["IN", "CH"].contains(words[2]) else {
                throw Unknown(line: "\(number): \(words.joined(separator: " "))")
            }
            wanted.records.append(record(words))
        }
    }

    // MARK: Asking

    /// Asks what stands before, now that all is known that its answer must hold.
    private mutating func ask() throws {
        guard let question else { return }
        let wanted = wanted
        (self.question, self.wanted) = (nil, WantedAnswer())
        count += 1
        let server = try #require(server)
        let begun = server.now
        let asked = server.begin(
            try question.octets(absolute(question.words[1])), over: question.transport, from: question.client.address,
            port: question.client.port, takesStreams: question.transport == .tcp)
        while asked.answer == nil, server.now < begun + Self.patience { server.advance(.milliseconds(50)) }
        let seconds = Double(server.now - begun) / 1e9
        guard let difference = try wanted.difference(asked.octets, after: seconds) else { return }
        let place = SourceLocation(
            fileID: "AnswerTests/\(script.file.lastPathComponent)", filePath: script.file.path, line: question.line,
            column: 1)
        Issue.record(
            "\(script.testDescription):\(question.line): \(question.words.dropFirst().joined(separator: " ")): \(difference)",
            sourceLocation: place)
    }
}

@Suite("answers as the specifications want them") struct AnswerScripts {
    @Test(arguments: AnswerScript.all.filter { !$0.isLive }) func answers(_ script: AnswerScript) throws {
        var run = try ScriptRun(script)
        try run.run()
        #expect(run.count > 0)
    }
}
