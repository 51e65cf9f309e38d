/// What is wrong with a zone file, and where.
package struct ZoneFileError: Error, Equatable, CustomStringConvertible {
    package let file: String
    /// From 1 on; 0 for what is said of the whole file.
    package let line: Int
    package let found: String

    package init(file: String, line: Int = 0, found: String) {
        self.file = file
        self.line = line
        self.found = found
    }

    package var description: String { line > 0 ? "\(file):\(line): \(found)" : "\(file): \(found)" }
}
