/// The path of an imported file.
enum ImportPath {
    /// Relative paths start at the importing file. `.` and `..` are resolved so that one file has one path.
    static func resolve(_ path: String, importedBy file: String) -> String {
        guard path.utf8.first != UInt8(ascii: "/") else { return clean(path) }
        guard let slash = file.utf8.lastIndex(of: UInt8(ascii: "/")) else { return clean(path) }
        return clean(String(file[...slash]) + path)
    }

    static func isPattern(_ path: String) -> Bool {
        path.utf8.contains { "*?[]".utf8.contains($0) }
    }

    /// One wildcard at most: a pattern with many can keep a file system busy for long.
    static func isAllowedPattern(_ path: String) -> Bool {
        path.utf8.count { $0 == UInt8(ascii: "*") } <= 1 && path.utf8.count { $0 == UInt8(ascii: "?") } <= 1
            && !path.utf8.contains { "[]".utf8.contains($0) }
    }

    private static func clean(_ path: String) -> String {
        let isAbsolute = path.utf8.first == UInt8(ascii: "/")
        var parts: [Substring.UTF8View] = []
        for part in path.utf8.split(separator: UInt8(ascii: "/")) {
            if part.elementsEqual(".".utf8) { continue }
            if part.elementsEqual("..".utf8), let last = parts.last, !last.elementsEqual("..".utf8) {
                parts.removeLast()
            } else if !(isAbsolute && part.elementsEqual("..".utf8)) {
                parts.append(part)
            }
        }
        return (isAbsolute ? "/" : "") + parts.map { String(Substring($0)) }.joined(separator: "/")
    }
}
