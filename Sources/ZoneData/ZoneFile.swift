package import DNSWire

/// Reads the whole of a zone from text.
package enum ZoneFile {
    /// - Parameters:
    ///   - file: what errors call it, and what `$INCLUDE` is relative to.
    ///   - readFile: gives the text of included files.
    package static func table(
        _ text: String, named file: String, origin: Name, readFile: @escaping (String) throws -> String
    ) throws(ZoneFileError) -> ZoneTable {
        var builder = ZoneBuilder(origin: origin)
        try ZoneFileReader(readFile: readFile).read(text, named: file, origin: origin.wire) { builder.add($0) }
        do throws(ZoneContentError) {
            return try builder.finish()
        } catch {
            throw ZoneFileError(file: file, found: error.description)
        }
    }
}
