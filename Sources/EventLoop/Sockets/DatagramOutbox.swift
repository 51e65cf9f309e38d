import CLinux
import Glibc

/// Up to 32 datagrams that one socket sends with one system call.
@safe package final class DatagramOutbox {
    private let batch: OpaquePointer
    package private(set) var count = 0

    package init() throws(SystemError) {
        guard let memory = unsafe cl_batch_new() else { throw .last("calloc") }
        unsafe batch = memory
    }

    deinit { unsafe cl_batch_free(batch) }

    package var isFull: Bool { count == DatagramServerSocket.batchSize }

    /// Copies a datagram; false when it is longer than a place for one.
    ///
    /// - Parameter path: where it goes; nil for the peer that the socket is connected with.
    package func add(_ octets: UnsafeBufferPointer<UInt8>, along path: ReplyPath? = nil) -> Bool {
        guard octets.count <= DatagramServerSocket.responseCapacity, let start = octets.baseAddress else {
            return false
        }
        let slot = Int32(count)
        unsafe memcpy(cl_response(batch, slot), start, octets.count)
        if let path {
            var raw = path.raw
            unsafe cl_set_path(batch, slot, &raw)
        } else {
            unsafe cl_set_path(batch, slot, nil)
        }
        unsafe cl_queue(batch, slot, slot, octets.count)
        count += 1
        return true
    }

    /// Sends what was added, in order, and forgets it.
    ///
    /// - Returns: what the kernel did not take, by position.
    @discardableResult
    package func flush(through number: Int32) -> [(position: Int, error: SystemError)] {
        defer { clear() }
        return unsafe Self.send(batch, Int32(count), through: number)
    }

    /// Sends the first `count` of a batch; one that cannot be sent does not cost the others their way.
    static func send(_ batch: OpaquePointer, _ count: Int32, through number: Int32) -> [(
        position: Int, error: SystemError
    )] {
        var failed: [(position: Int, error: SystemError)] = []
        var sent: Int32 = 0
        while sent < count {
            let taken = unsafe cl_send(number, batch, sent, count)
            if taken > 0 {
                sent += taken
                continue
            }
            let error = SystemError.last("sendmmsg")
            if error.code == EINTR { continue }
            failed.append((Int(sent), error))
            sent += 1
        }
        return failed
    }

    /// Forgets what was added.
    package func clear() { count = 0 }
}
