import Foundation

/// One file of Swift as text: what the rules of this suite read.
struct SourceFile {
    /// The repository's folder.
    static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()

    /// Where it is, from the root on.
    let path: String
    let lines: [String]

    /// Its name without folders and ending.
    var name: String { String(path.split(separator: "/").last?.dropLast(".swift".count) ?? "") }

    init(_ path: String) throws {
        self.path = path
        lines = try String(contentsOf: Self.root.appending(path: path), encoding: .utf8)
            .split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
    }

    /// Those that people wrote under a folder.
    static func all(under folder: String) throws -> [SourceFile] {
        try FileManager.default.subpathsOfDirectory(atPath: root.appending(path: folder).path).sorted()
            .filter { $0.hasSuffix(".swift") && !$0.hasSuffix(".pb.swift") }.map { try SourceFile("\(folder)/\($0)") }
    }

    /// The lines without comments and without what stands in quotes.
    var code: [String] {
        var isQuoted = false
        return lines.map { line in
            let parts = line.components(separatedBy: #"""""#)
            defer { if parts.count % 2 == 0 { isQuoted.toggle() } }
            return isQuoted ? "" : Self.withoutText(parts[0])
        }
    }

    private static func withoutText(_ line: String) -> String {
        var code: [UInt8] = []
        var rest = Array(line.utf8)[...]
        var isQuoted = false
        while let octet = rest.popFirst() {
            switch (octet, isQuoted) {
            case (UInt8(ascii: "\\"), true): rest = rest.dropFirst()
            case (UInt8(ascii: "\""), _): isQuoted.toggle()
            case (UInt8(ascii: "/"), false) where rest.first == octet: rest = []
            case (_, true): break
            default: code.append(octet)
            }
        }
        return String(decoding: code, as: UTF8.self)
    }
}
