import Glibc

/// A file written beside the one it will replace: readers see the old one or the new one, whole, whatever happens.
package final class FileReplacement: Sendable {
    private let path: String
    private let descriptor: Int32

    /// Begins `path` anew as `path.new`; only this user may read it.
    package init(of path: String) throws(SystemError) {
        self.path = path
        descriptor = unsafe open(path + ".new", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw SystemError.last("open \(path).new") }
    }

    deinit { close(descriptor) }

    package func append(_ octets: [UInt8]) throws(SystemError) {
        var place = 0
        while place < octets.count {
            let written = unsafe octets[place...].withUnsafeBytes { unsafe write(descriptor, $0.baseAddress, $0.count) }
            guard written > 0 else {
                if written < 0, errno == EINTR { continue }
                throw SystemError.last("write \(path).new")
            }
            place += written
        }
    }

    /// Overwrites what was written at the start of the file.
    package func replaceStart(with octets: [UInt8]) throws(SystemError) {
        let written = unsafe octets.withUnsafeBytes { unsafe pwrite(descriptor, $0.baseAddress, $0.count, 0) }
        guard written == octets.count else { throw SystemError.last("write \(path).new") }
    }

    /// Waits until the octets are on the disk and puts the file in place of the old one.
    package func finish() throws(SystemError) {
        guard fsync(descriptor) == 0 else { throw SystemError.last("fsync \(path).new") }
        guard unsafe rename(path + ".new", path) == 0 else { throw SystemError.last("rename \(path).new") }
    }
}

/// Reads files whole.
package enum FileOctets {
    /// Nil when there is no such file.
    ///
    /// - Parameter limit: the most octets taken; a longer file is an error.
    package static func read(_ path: String, limit: Int) throws(SystemError) -> [UInt8]? {
        let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else {
            if errno == ENOENT { return nil }
            throw SystemError.last("open \(path)")
        }
        defer { close(descriptor) }
        let size = lseek(descriptor, 0, SEEK_END)
        guard size >= 0, size <= limit else { throw SystemError(call: "read \(path)", code: EFBIG) }
        var octets = [UInt8](repeating: 0, count: size)
        var place = 0
        while place < size {
            let taken = unsafe octets[place...].withUnsafeMutableBytes {
                unsafe pread(descriptor, $0.baseAddress, $0.count, off_t(place))
            }
            guard taken > 0 else {
                if taken < 0, errno == EINTR { continue }
                throw SystemError(call: "read \(path)", code: taken < 0 ? errno : EIO)
            }
            place += taken
        }
        return octets
    }
}
