import Glibc

/// A file written beside the one it will replace: readers see the old one or the new one, whole, whatever happens.
package final class FileReplacement: Sendable {
    private let path: String
    private let draft: String
    private let descriptor: Int32

    /// Begins `FOLDER/NAME` anew as `FOLDER/.NAME.new`; only this user may read it.
    ///
    /// Names that begin with a dot are left out by who takes all files of a folder, such as `auto`.
    package init(of path: String) throws(SystemError) {
        self.path = path
        let start = path.lastIndex(of: "/").map(path.index(after:)) ?? path.startIndex
        draft = "\(path[..<start]).\(path[start...]).new"
        descriptor = unsafe open(draft, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw SystemError.last("open \(draft)") }
    }

    deinit { close(descriptor) }

    package func append(_ octets: [UInt8]) throws(SystemError) {
        var place = 0
        while place < octets.count {
            let written = unsafe octets[place...].withUnsafeBytes { unsafe write(descriptor, $0.baseAddress, $0.count) }
            guard written > 0 else {
                if written < 0, errno == EINTR { continue }
                throw failure("write")
            }
            place += written
        }
    }

    /// Overwrites what was written at the start of the file.
    package func replaceStart(with octets: [UInt8]) throws(SystemError) {
        let written = unsafe octets.withUnsafeBytes { unsafe pwrite(descriptor, $0.baseAddress, $0.count, 0) }
        guard written == octets.count else { throw failure("write") }
    }

    /// Waits until the octets are on the disk and puts the file in place of the old one.
    package func finish() throws(SystemError) {
        guard fsync(descriptor) == 0 else { throw failure("fsync") }
        guard unsafe rename(draft, path) == 0 else { throw failure("rename") }
    }

    /// What went wrong; half a file is of no use to anybody, and goes.
    private func failure(_ call: String) -> SystemError {
        let error = SystemError.last("\(call) \(draft)")
        _ = unsafe unlink(draft)
        return error
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
