internal import FoundationEssentials

/// Reads certificates, tokens and configuration: files that are small or wrong.
enum SmallFile {
    /// Octets; a bundle of public certificate authorities has about 250,000.
    static let limit = 1 << 20

    static func read(_ path: String, expecting expected: String) throws(CredentialsError) -> [UInt8] {
        let files = FileManager.default
        var isFolder = false
        guard files.fileExists(atPath: path, isDirectory: &isFolder) else {
            throw CredentialsError(in: path, found: "no such file", expected: expected)
        }
        guard !isFolder else { throw CredentialsError(in: path, found: "a folder", expected: expected) }
        // Size first: a file of gigabytes would be read whole.
        if let size = try? files.attributesOfItem(atPath: path)[.size] as? UInt64, size > UInt64(limit) {
            // A symbolic link reports its own size, which is small; the check after reading covers what it names.
            throw CredentialsError(in: path, found: "a file of \(size) octets", expected: "\(expected) up to \(limit)")
        }
        guard let content = files.contents(atPath: path) else {
            throw CredentialsError(in: path, found: "an unreadable file", expected: expected)
        }
        guard content.count <= limit else {
            throw CredentialsError(
                in: path, found: "a file of \(content.count) octets", expected: "\(expected) up to \(limit)")
        }
        return Array(content)
    }
}
