import CLinux
import Glibc

/// Where a datagram came from and by which local address: enough to answer it later.
package struct ReplyPath: BitwiseCopyable {
    var raw: cl_reply_path

    package var peer: SocketAddress {
        var storage = raw.peer
        return SocketAddress(&storage)
    }
}

/// A bound UDP socket that receives and sends up to 32 datagrams with one system call each.
@safe package final class DatagramServerSocket {
    package static let batchSize = Int(CL_BATCH)
    /// Octets a response slot holds.
    package static let responseCapacity = Int(CL_RESPONSE_CAPACITY)

    private static let queryCapacity = Int(CL_QUERY_CAPACITY)
    private static let headerLength = 12

    private let descriptor: Descriptor
    private let batch: OpaquePointer
    private let takesControl: Bool
    private var queued: Int32 = 0

    package init(boundTo address: SocketAddress) throws(SystemError) {
        let number = try SocketSetup.bound(to: address, type: SocketSetup.datagram)
        descriptor = Descriptor(number)
        // A wildcard socket must answer from the address that was asked.
        takesControl = address.isWildcard
        if takesControl {
            if address.isIPv4 {
                _ = cl_set(number, Int32(IPPROTO_IP), IP_PKTINFO, 1)
            } else {
                // IPv4 is named in it, too, as a mapped address (RFC 4291 §2.5.5.2); a second message is refused in replies.
                _ = cl_set(number, Int32(IPPROTO_IPV6), IPV6_RECVPKTINFO, 1)
            }
        }
        // A burst while one batch is answered must wait in the kernel, not fall on the floor.
        _ = cl_set(number, SOL_SOCKET, SO_RCVBUF, 4 << 20)
        _ = cl_set(number, SOL_SOCKET, SO_SNDBUF, 4 << 20)
        guard let memory = unsafe cl_batch_new() else { throw .last("calloc") }
        unsafe batch = memory
    }

    deinit { unsafe cl_batch_free(batch) }

    package var number: Int32 { descriptor.number }

    /// What the kernel holds for this socket.
    package struct Queue {
        /// How much of the room for datagrams is taken, 0 to 1 and a little more.
        package let fill: Double
        /// Octets of kernel memory that waiting datagrams take, some 800 for a short one.
        package let waiting: Int
        /// Datagrams dropped so far, because the queue was full or by a `SourceFilter`; begins again after 2^32.
        package let dropped: UInt32
    }

    /// Nil where the kernel does not say.
    package var queue: Queue? {
        var (waiting, capacity, dropped): (UInt32, UInt32, UInt32) = (0, 0, 0)
        guard unsafe cl_receive_queue(number, &waiting, &capacity, &dropped) == 0, capacity > 0 else { return nil }
        return Queue(fill: Double(waiting) / Double(capacity), waiting: Int(waiting), dropped: dropped)
    }

    /// Has the kernel drop a part of what some addresses send; the filter before is gone.
    ///
    /// - Returns: false where the kernel does not take filters.
    @discardableResult package func restrict(_ filter: SourceFilter) -> Bool {
        var program = filter.program
        let count = UInt16(program.count)
        guard count > 0 else {
            var none = sock_filter()
            return unsafe cl_filter(number, &none, 0) == 0
        }
        return unsafe program.withUnsafeMutableBufferPointer { buffer in
            guard let start = buffer.baseAddress else { return false }
            return unsafe cl_filter(number, start, count) == 0
        }
    }
    package var localAddress: SocketAddress { SocketSetup.localAddress(number) }

    /// Fills slots 0 ..< result from the socket; 0 when nothing waits.
    package func receive() -> Int {
        queued = 0
        return unsafe max(0, Int(cl_receive(number, batch, takesControl ? 1 : 0)))
    }

    /// The octets received into `slot`, valid until the next `receive`.
    ///
    /// What fills its room may have been cut, and could pass for the message that it begins with: of such there is the
    /// header alone.
    package func query(_ slot: Int) -> UnsafeBufferPointer<UInt8> {
        let length = unsafe Int(cl_query_length(batch, Int32(slot)))
        return unsafe UnsafeBufferPointer(
            start: cl_query(batch, Int32(slot)), count: length < Self.queryCapacity ? length : Self.headerLength)
    }

    /// Room for the response to `slot`.
    package func response(_ slot: Int) -> UnsafeMutableBufferPointer<UInt8> {
        unsafe UnsafeMutableBufferPointer(start: cl_response(batch, Int32(slot)), count: Self.responseCapacity)
    }

    package func replyPath(_ slot: Int) -> ReplyPath { unsafe ReplyPath(raw: cl_path(batch, Int32(slot)).pointee) }

    package func peer(_ slot: Int) -> SocketAddress {
        var storage = unsafe cl_path(batch, Int32(slot)).pointee.peer
        return SocketAddress(&storage)
    }

    /// Marks the response slot as filled with `length` octets; `flush` sends it.
    package func queue(_ slot: Int, length: Int) {
        unsafe cl_queue(batch, queued, Int32(slot), length)
        queued += 1
    }

    /// Sends all queued responses; what the kernel does not take is lost, as datagrams are.
    package func flush() {
        _ = unsafe DatagramOutbox.send(batch, queued, through: number)
        queued = 0
    }
}
