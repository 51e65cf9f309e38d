import Glibc

/// Files in which the kernel says something: short, and read whole at once.
package enum KernelFile {
    /// Nil for what is not there, is not text or has more than 64 KiB.
    package static func text(_ path: String) -> String? {
        guard let file = unsafe fopen(path, "re") else { return nil }
        defer { unsafe fclose(file) }
        var octets: [UInt8] = []
        var part = [UInt8](repeating: 0, count: 4096)
        while octets.count <= 65536 {
            let count = unsafe fread(&part, 1, part.count, file)
            guard count > 0 else { return String(validating: octets, as: UTF8.self) }
            octets += part[..<count]
        }
        return nil
    }
}
