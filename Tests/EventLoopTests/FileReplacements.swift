import EventLoop
import Foundation
import Testing

@Suite("files that are replaced whole") struct FileReplacements {
    private let folder = FileManager.default.temporaryDirectory.appending(path: "replacements.\(UUID())").path()

    private func names() throws -> [String] { try FileManager.default.contentsOfDirectory(atPath: folder).sorted() }

    @Test("a draft begins with a dot, so that nobody takes it for the file") func draft() throws {
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let replacement = try FileReplacement(of: "\(folder)/db.a.test.signed")
        try replacement.append([1, 2])
        #expect(try names() == [".db.a.test.signed.new"])
        try replacement.finish()
        #expect(try names() == ["db.a.test.signed"])
    }

    @Test("a file is read up to the limit that is said") func limit() throws {
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let taken = try (9...11).map { count in
            try Data(repeating: 1, count: count).write(to: URL(filePath: "\(folder)/file"))
            return try? FileOctets.read("\(folder)/file", limit: 10)?.count
        }
        #expect(taken == [9, 10, nil])
    }

    @Test("a draft that cannot become the file goes") func failure() throws {
        // A folder is in the place of the file.
        try FileManager.default.createDirectory(atPath: "\(folder)/file/inside", withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let replacement = try FileReplacement(of: "\(folder)/file")
        #expect(throws: SystemError.self) { try replacement.finish() }
        #expect(try names() == ["file"])
    }
}
