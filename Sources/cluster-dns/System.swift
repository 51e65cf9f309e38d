import DNSWire
import Glibc

/// What the program asks of the operating system outside of the loops.
enum System {
    struct FileFailure: Error, CustomStringConvertible {
        let path: String
        let reason: String
        var description: String { "\(path): \(reason)" }
    }

    /// The most octets of a Corefile.
    static let longestConfiguration = 16 << 20
    /// The most octets of a file that a Corefile names: a zone of a million signed records has some 500 MiB.
    static let longestNamed = 1 << 30

    /// The whole of a file, up to `limit` octets.
    ///
    /// - Parameter waits: also reads what others write meanwhile, a pipe; only for what is named on the command line,
    ///   since a pipe in a folder of files would hold up the process for ever.
    static func read(_ path: String, limit: Int, waits: Bool = false) throws(FileFailure) -> [UInt8] {
        let number = path == "stdin" ? dup(0) : unsafe open(path, O_RDONLY | O_CLOEXEC | (waits ? 0 : O_NONBLOCK))
        guard number >= 0 else { throw failure(path) }
        defer { close(number) }
        if !waits {
            var status = stat()
            guard unsafe fstat(number, &status) == 0 else { throw failure(path) }
            guard status.st_mode & S_IFMT != S_IFIFO else {
                throw FileFailure(path: path, reason: "a named pipe, expected a file")
            }
        }
        var octets: [UInt8] = []
        var part = [UInt8](repeating: 0, count: 65536)
        while true {
            let count = unsafe Glibc.read(number, &part, part.count)
            if count == 0 { return octets }
            if count < 0 {
                if errno == EINTR { continue }
                throw failure(path)
            }
            octets += part[..<count]
            guard octets.count <= limit else {
                throw FileFailure(path: path, reason: "longer than \(limit >> 20) MiB")
            }
        }
    }

    static func readText(
        _ path: String, limit: Int = longestConfiguration, waits: Bool = false
    ) throws(FileFailure) -> String {
        let octets = try read(path, limit: limit, waits: waits)
        guard let text = String(validating: octets, as: UTF8.self) else {
            throw FileFailure(path: path, reason: "not UTF-8 text")
        }
        return text
    }

    private static func failure(_ path: String) -> FileFailure {
        unsafe FileFailure(path: path, reason: String(cString: strerror(errno)))
    }

    static func exists(_ path: String) -> Bool { unsafe access(path, F_OK) == 0 }

    /// Paths that match a shell pattern, sorted.
    static func glob(_ pattern: String) -> [String] {
        var result = unsafe glob_t()
        defer { unsafe globfree(&result) }
        guard unsafe Glibc.glob(pattern, 0, nil, &result) == 0 else { return [] }
        return unsafe (0..<Int(result.gl_pathc)).compactMap { index in
            unsafe result.gl_pathv[index].map { unsafe String(cString: $0) }
        }
    }

    /// Paths of all files under a folder, of folders in it too; nil when there is no such folder.
    ///
    /// Folders whose names begin with two dots are those that mounted ConfigMaps are exchanged by, and are left out: what
    /// is in them is linked to from outside.
    static func files(under folder: String) -> [String]? {
        guard let stream = unsafe opendir(folder) else { return nil }
        defer { unsafe closedir(stream) }
        var files: [String] = []
        while let entry = unsafe readdir(stream) {
            let name = unsafe withUnsafePointer(to: &entry.pointee.d_name) { tuple in
                unsafe tuple.withMemoryRebound(to: CChar.self, capacity: 256) { unsafe String(cString: $0) }
            }
            guard name != ".", !name.hasPrefix("..") else { continue }
            let path = "\(folder)/\(name)"
            var status = stat()
            guard unsafe lstat(path, &status) == 0 else { continue }
            if status.st_mode & S_IFMT == S_IFDIR {
                files += Self.files(under: path) ?? []
            } else {
                files.append(path)
            }
        }
        return files
    }

    static func environment(_ name: String) -> String? {
        unsafe getenv(name).map { unsafe String(cString: $0) }
    }

    /// Addresses of the interface `name`, or of all but loopback when nil.
    static func addresses(ofInterface name: String?) -> [IPAddress] {
        var first: UnsafeMutablePointer<ifaddrs>?
        guard unsafe getifaddrs(&first) == 0 else { return [] }
        defer { unsafe freeifaddrs(first) }
        var addresses: [IPAddress] = []
        var next = unsafe first
        while let entry = unsafe next {
            unsafe next = entry.pointee.ifa_next
            let isLoopback = unsafe entry.pointee.ifa_flags & UInt32(IFF_LOOPBACK) != 0
            guard let socketAddress = unsafe entry.pointee.ifa_addr else { continue }
            guard name.map({ unsafe $0 == String(cString: entry.pointee.ifa_name) }) ?? !isLoopback else { continue }
            switch unsafe Int32(socketAddress.pointee.sa_family) {
            case AF_INET:
                unsafe socketAddress.withMemoryRebound(to: sockaddr_in.self, capacity: 1) { v4 in
                    unsafe addresses.append(IPAddress(v4: UInt32(bigEndian: v4.pointee.sin_addr.s_addr)))
                }
            case AF_INET6:
                let octets = unsafe socketAddress.withMemoryRebound(to: sockaddr_in6.self, capacity: 1) { v6 in
                    unsafe withUnsafeBytes(of: &v6.pointee.sin6_addr) { unsafe Array($0) }
                }
                // Link-local addresses mean nothing to a client on another link.
                if let address = IPAddress(octets: octets), octets[0] != 0xFE || octets[1] & 0xC0 != 0x80 {
                    addresses.append(address)
                }
            default: break
            }
        }
        return addresses
    }

    /// True when sockets of both families can be had.
    static var supportsIPv6: Bool {
        let number = socket(AF_INET6, Int32(SOCK_DGRAM.rawValue), 0)
        guard number >= 0 else { return false }
        close(number)
        return true
    }

    /// True for regular files, and for what is not there; pipes and devices give what they have once.
    static func canBeReadAgain(_ path: String) -> Bool {
        var status = stat()
        return unsafe stat(path, &status) != 0 || status.st_mode & S_IFMT == S_IFREG
    }

    /// Ends the process once its log is written.
    ///
    /// Without the handlers of exit(3): they would take OpenSSL's memory away from under the threads that work with it.
    static func end(_ code: Int32, _ log: LogWriter) -> Never {
        log.flush()
        _exit(code)
    }

    static func writeFile(_ path: String, _ text: String) throws(FileFailure) {
        let number = unsafe open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
        guard number >= 0 else { throw failure(path) }
        defer { close(number) }
        let octets = Array(text.utf8)
        guard unsafe write(number, octets, octets.count) == octets.count else { throw failure(path) }
    }

    /// A dead peer is an error of `write`, not the end of the process; a hang-up means nothing to a server.
    static func ignoreDeadlySignals() {
        _ = signal(SIGPIPE, SIG_IGN)
        _ = signal(SIGHUP, SIG_IGN)
    }
}
