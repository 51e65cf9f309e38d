/// Reads a zone file and those that it includes (RFC 1035 §5.1), and keeps in mind what they held.
final class FileTrail {
    /// What files held: a hash of each by its path; nil of one that could not be read.
    struct Contents: Equatable, Sendable {
        fileprivate var hashes: [String: Int?] = [:]

        /// Whether the files hold the same now.
        func hold(_ readFile: (String) throws -> [UInt8]) -> Bool {
            hashes.allSatisfy { path, hash in (try? readFile(path))?.hashValue == hash }
        }

        /// True of a file that could not be read.
        func isMissing(_ path: String) -> Bool { hashes[path] == .some(nil) }
    }

    private let readFile: (String) throws -> [UInt8]
    private(set) var contents = Contents()

    init(_ readFile: @escaping (String) throws -> [UInt8]) { self.readFile = readFile }

    func read(_ path: String) throws -> [UInt8] {
        let reading = Result { try readFile(path) }
        // Of a file that changes while it is read twice, what was seen first: the next look finds the change.
        if contents.hashes[path] == nil { contents.hashes[path] = .some(try? reading.get().hashValue) }
        return try reading.get()
    }
}
