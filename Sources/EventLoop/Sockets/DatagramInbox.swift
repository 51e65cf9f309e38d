import CLinux
import Glibc

/// Up to 32 datagrams that one system call took from a connected socket.
@safe package final class DatagramInbox {
    private let batch: OpaquePointer

    package init() throws(SystemError) {
        guard let memory = unsafe cl_batch_new() else { throw .last("calloc") }
        unsafe batch = memory
    }

    deinit { unsafe cl_batch_free(batch) }

    /// Fills places 0 ..< result; nil when the peer said that nobody listens (ICMP), 0 when nothing waits.
    package func receive(from number: Int32) -> Int? {
        let count = unsafe cl_receive(number, batch, 0)
        if count >= 0 { return Int(count) }
        return cl_errno() == EAGAIN || cl_errno() == EINTR ? 0 : nil
    }

    /// The octets of a place, valid until the next `receive`; what is longer than 4,096 octets was cut by the kernel.
    package func datagram(_ slot: Int) -> UnsafeBufferPointer<UInt8> {
        unsafe UnsafeBufferPointer(start: cl_query(batch, Int32(slot)), count: Int(cl_query_length(batch, Int32(slot))))
    }
}
