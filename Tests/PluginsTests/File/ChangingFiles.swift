import Corefile
import DNSServer
import Synchronization
import TestKit

/// Files that tests write and remove; folders are what their paths begin with.
final class ChangingFiles: Sendable {
    private let files: Mutex<[String: [UInt8]]>
    private let isMounted = Mutex(true)

    init(_ files: [String: String]) { self.files = Mutex(files.mapValues { Array($0.utf8) }) }

    subscript(path: String) -> String? {
        get { files.withLock { $0[path] }.map { String(decoding: $0, as: UTF8.self) } }
        set { files.withLock { $0[path] = newValue.map { Array($0.utf8) } } }
    }

    func write(_ octets: [UInt8], to path: String) { files.withLock { $0[path] = octets } }

    /// Whether anything can be read.
    func mount(_ isThere: Bool) { isMounted.withLock { $0 = isThere } }

    var access: FileAccess {
        FileAccess(
            read: { [self] in String(decoding: try octets($0), as: UTF8.self) }, octets: { [self] in try octets($0) },
            list: { [self] folder in
                guard isMounted.withLock({ $0 }) else { return nil }
                return files.withLock { $0.keys.filter { $0.hasPrefix("\(folder)/") } }
            })
    }

    private func octets(_ path: String) throws -> [UInt8] {
        guard isMounted.withLock({ $0 }), let octets = files.withLock({ $0[path] }) else { throw TestPlan.NoSuchFile() }
        return octets
    }
}
