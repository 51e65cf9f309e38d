package import DNSWire

/// Reads the whole of a zone from a file.
package enum ZoneFile {
    /// - Parameters:
    ///   - file: what errors call it, and what `$INCLUDE` is relative to.
    ///   - readFile: gives the octets of included files.
    package static func table(
        _ octets: [UInt8], named file: String, origin: Name, readFile: @escaping (String) throws -> [UInt8]
    ) throws(ZoneFileError) -> ZoneTable {
        var builder = ZoneBuilder(origin: origin)
        try ZoneFileReader(readFile: readFile).read(octets, named: file, origin: origin.wire) { builder.add($0) }
        do throws(ZoneContentError) {
            return try builder.finish()
        } catch {
            throw ZoneFileError(file: file, found: error.description)
        }
    }

    /// Reads a zone file for the sake of what it includes: every such file is asked of `readFile`.
    package static func visit(
        _ octets: [UInt8], named file: String, origin: Name, readFile: @escaping (String) throws -> [UInt8]
    ) throws(ZoneFileError) {
        try ZoneFileReader(readFile: readFile).read(octets, named: file, origin: origin.wire) { _ in nil }
    }
}
