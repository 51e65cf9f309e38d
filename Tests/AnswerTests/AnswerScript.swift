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
    private var server: MemoryServer?
    private var origin = "."
    private var question: (words: [String], line: Int)?
    private var wanted = WantedAnswer()
    /// Questions asked so far.
    private(set) var count = 0

    private static let namesInData = ["CNAME": 4, "PTR": 4, "NS": 4, "SRV": 7]

    init(_ script: AnswerScript) throws {
        self.script = script
        cluster = try ScriptCluster(manifest: AnswerScript.folder.appending(path: "cluster.yaml"))
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
            switch first {
            case "$ORIGIN": origin = words[1]
            case "ask": question = (words, number)
            case "want": wanted.head = words.dropFirst().joined(separator: " ")
            case "corefile":
                let block = lines.prefix { $0.1.isEmpty || $0.1.hasPrefix(" ") }
                lines = lines.dropFirst(block.count)
                try start(block.map(\.1).joined(separator: "\n"))
            case "patch", "delete": try change(line, words)
            default: throw Unknown(line: line)
            }
        }
        try ask()
    }

    private struct Unknown: Error {
        let line: String
    }

    /// Begins a server of its own; it follows nothing, so that any path of a kubeconfig will do.
    private mutating func start(_ corefile: String) throws {
        let text = corefile.replacing("@PORT@", with: "53").replacing("@KUBECONFIG@", with: "/kubeconfig")
        let words = text.split(whereSeparator: \.isWhitespace).map(String.init)
        cluster.namespaceLabel = words.firstIndex(of: "namespace_labels").map { words[$0 + 1] } ?? ""
        server = try MemoryServer(corefile: text, try cluster.objects(), hostAddresses: [], upstream: scriptUpstream)
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
        case "and": wanted.records.append("and " + record(words.dropFirst()))
        case "answers": wanted.answers = try limits()
        case "size": wanted.size = try limits()
        default:
            guard words.contains("IN") else { throw Unknown(line: "\(number): \(words.joined(separator: " "))") }
            wanted.records.append(record(words))
        }
    }

    // MARK: Asking

    /// Asks what stands before, now that all is known that its answer must hold.
    private mutating func ask() throws {
        guard let (words, line) = question else { return }
        let wanted = wanted
        (question, self.wanted) = (nil, WantedAnswer())
        count += 1
        let options = words.dropFirst(3)
        func value(_ name: String) -> String? {
            options.first { $0.hasPrefix("\(name)=") }.map { String($0.dropFirst(name.count + 1)) }
        }
        let query = WireText.query(
            "\(absolute(words[1])) \(words[2])", id: UInt16(line), dnssecOK: options.contains("noedns") ? nil : false,
            payloadSize: value("edns").flatMap { UInt16($0) } ?? 1232, class: value("class") == "CH" ? 3 : 1)
        let asked = try #require(server).begin(query, over: options.contains("tcp") ? .tcp : .udp)
        let difference = try asked.octets.map(wanted.difference) ?? "silence"
        guard let difference else { return }
        let place = SourceLocation(
            fileID: "AnswerTests/\(script.file.lastPathComponent)", filePath: script.file.path, line: line, column: 1)
        Issue.record(
            "\(script.testDescription):\(line): \(words.dropFirst().joined(separator: " ")): \(difference)",
            sourceLocation: place)
    }
}

@Suite("answers as the specifications want them") struct AnswerScripts {
    @Test(arguments: AnswerScript.all) func answers(_ script: AnswerScript) throws {
        var run = try ScriptRun(script)
        try run.run()
        #expect(run.count > 0)
    }
}
