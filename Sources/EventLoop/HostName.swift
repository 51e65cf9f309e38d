import Glibc

/// The name of this host, which in a pod is the pod's.
package enum HostName {
    /// Empty when it has none.
    package static var current: String {
        var name = [CChar](repeating: 0, count: 256)
        guard unsafe gethostname(&name, name.count - 1) == 0 else { return "" }
        return String(decoding: name.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    /// The addresses of a host as this system finds them, on a thread of its own: it may take seconds.
    package static func addresses(of name: String, port: UInt16) async -> [SocketAddress] {
        await withCheckedContinuation { continuation in
            do throws(SystemError) {
                try LoopThread.run { continuation.resume(returning: addressesAtOnce(of: name, port: port)) }
            } catch {
                continuation.resume(returning: [])
            }
        }
    }

    /// The same, for those who can wait: not on a loop.
    package static func addressesAtOnce(of name: String, port: UInt16) -> [SocketAddress] {
        var hints = addrinfo()
        hints.ai_socktype = SocketSetup.stream
        var list: UnsafeMutablePointer<addrinfo>?
        guard unsafe getaddrinfo(name, "\(port)", &hints, &list) == 0 else { return [] }
        defer { unsafe freeaddrinfo(list) }
        var addresses: [SocketAddress] = []
        var next = unsafe list
        while let entry = unsafe next {
            unsafe next = entry.pointee.ai_next
            var storage = sockaddr_storage()
            let length = unsafe min(Int(entry.pointee.ai_addrlen), MemoryLayout<sockaddr_storage>.size)
            guard let address = unsafe entry.pointee.ai_addr else { continue }
            unsafe withUnsafeMutableBytes(of: &storage) {
                unsafe $0.copyMemory(from: UnsafeRawBufferPointer(start: address, count: length))
            }
            addresses.append(SocketAddress(&storage))
        }
        return addresses
    }
}
